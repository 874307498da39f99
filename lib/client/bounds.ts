// How much a server may say before the session is given up: no answer, however long, takes more memory than this, and a
// server that talks without answering does not hold a run for ever. Generous: several times what the largest mailboxes
// that are known of need. The bounds of a single line or literal are the decoder's.

import { ProtocolError } from "../errors.ts";

/** Octets between two tagged answers, the bodies of messages not counted. */
export const MAX_ANSWER_OCTETS = 512 * 1024 * 1024;
/** Time in which nothing comes but untagged OK, NO and BAD although an answer is due; Dovecot says "Still here". */
export const MAX_EMPTY_TALK_MS = 60 * 60_000;
/** Mailboxes in the answer to one LIST. */
export const MAX_LISTED = 200_000;
/** Ranges of UIDs in one answer to SEARCH, or reported as VANISHED in one selection. */
export const MAX_UID_RANGES = 8_000_000;
/** Messages that are reported as changed in one selection. */
export const MAX_CHANGED = 4_000_000;
/** Alerts of one session that are shown. */
export const MAX_ALERTS = 100;
/** Octets of a server's text that are shown. */
export const MAX_SHOWN_TEXT = 1000;

/** @throws ProtocolError when `count` is past the bound */
export function bound(count: number, max: number, what: string, component: string): void {
  if (count > max) {
    throw new ProtocolError(`The server sent more than ${max} ${what}: that cannot be true`, { component });
  }
}

/** A server's text, short enough to be shown. */
export function shortText(text: string): string {
  return text.length <= MAX_SHOWN_TEXT ? text : `${text.slice(0, MAX_SHOWN_TEXT)}...`;
}
