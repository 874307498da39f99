// FETCH of messages some of which may be gone since the mailbox was selected (RFC 5530 EXPUNGEISSUED). Nothing else.

import type { FetchHandler, MailboxSession } from "../client/mod.ts";
import { CommandError } from "../errors.ts";
import type { UidSet } from "../protocol/mod.ts";

/** Fulfilled when the messages that still exist were sent. */
export async function fetchExisting(
  session: MailboxSession,
  uids: UidSet,
  items: string,
  handler: FetchHandler,
): Promise<void> {
  try {
    await session.fetch(uids, items, handler);
  } catch (error) {
    // Dovecot 2.3.19: some were expunged since SELECT; the others were sent.
    if (!(error instanceof CommandError && error.code === "EXPUNGEISSUED")) throw error;
  }
}
