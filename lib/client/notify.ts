// Asks a server to tell of changes in all mailboxes unasked (RFC 5465), with as many events as it knows. What the events
// mean, and what is done without them, others decide.

import { CommandError } from "../errors.ts";
import { notifyNone, notifySet } from "../protocol/mod.ts";
import type { Session } from "./session.ts";

/** What a server tells unasked: everything that matters, some of it, nothing. */
export type Coverage = "all" | "some" | "none";

const MESSAGES = ["MessageNew", "MessageExpunge"];
/** What is asked for, and after [BADEVENT] what is asked for instead. */
const REQUESTS: readonly (readonly string[])[] = [
  [...MESSAGES, "FlagChange", "MailboxName", "SubscriptionChange"],
  [...MESSAGES, "FlagChange", "MailboxName"],
  [...MESSAGES, "FlagChange"],
  MESSAGES,
];

/**
 * Sends NOTIFY SET, to be done once in a session: Dovecot 2.3.19 turns the events off at the second, and on again at the
 * third. A mailbox that is selected gives no events, so UNSELECT is needed as well.
 */
export async function startNotify(session: Session): Promise<Coverage> {
  const { capabilities } = session;
  if (!capabilities.has("NOTIFY") || !capabilities.has("UNSELECT")) return "none";
  for (const events of REQUESTS) {
    try {
      await session.run(notifySet(events));
      return events === REQUESTS[0] ? "all" : "some";
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      if (error.code !== "BADEVENT") return "none";
    }
  }
  return "none";
}

/** After [NOTIFICATIONOVERFLOW], which turned the events off (RFC 5465 5.8); NONE because of Dovecot's toggling. */
export async function restartNotify(session: Session): Promise<Coverage> {
  await session.run(notifyNone());
  return await startNotify(session);
}
