// The error of a mailbox that is another one than the state knows. Nothing else.

import { MailboxError } from "../errors.ts";

/** The mailbox of this name is not the one that the state knows: its UIDs mean other messages. */
export class RenumberedError extends MailboxError {}
