// Whether a run did what it had to: reads a whole store by the independent client, and compares it with the model.
// Two habits of mbsync are not held against it: the header `X-TUID` that it puts into every message, and that it knows
// no keywords. Nothing else is forgiven.

import type { MailStore } from "../../tests/support/live_dovecot.ts";
import { toText } from "../../tests/support/live/imap_values.ts";
import { digestOf } from "../../tests/support/live/witness.ts";
import type { Model } from "./stores.ts";

/** What a tool is known not to do. */
export interface Habits {
  readonly losesKeywords: boolean;
}

export interface StoredMessage {
  readonly uid: number;
  readonly digest: string;
  readonly flags: readonly string[];
}

/** Messages by mailbox, as the server spells it. */
export type Contents = ReadonlyMap<string, readonly StoredMessage[]>;

const MESSAGES_AT_ONCE = 200;

/** The message without the header `X-TUID` of mbsync. */
export function withoutTuid(body: Uint8Array): Uint8Array {
  const head = toText(body.subarray(0, Math.min(body.length, 65536)));
  const found = /^X-TUID: .*\r\n/m.exec(head.slice(0, head.indexOf("\r\n\r\n") + 2));
  if (found === null) return body;
  const rest = new Uint8Array(body.length - found[0].length);
  rest.set(body.subarray(0, found.index));
  rest.set(body.subarray(found.index + found[0].length), found.index);
  return rest;
}

/** Reads everything in a store. */
export function readContents(store: MailStore): Promise<Contents> {
  return store.with(async (probe) => {
    const contents = new Map<string, StoredMessage[]>();
    for (const { name, attributes } of await probe.list()) {
      if (attributes.includes("\\noselect")) continue;
      const messages: StoredMessage[] = [];
      const { exists } = await probe.examine(name);
      for (let first = 1; first <= exists; first += MESSAGES_AT_ONCE) {
        const last = Math.min(exists, first + MESSAGES_AT_ONCE - 1);
        for (const { uid, flags, body } of await probe.messages(`${first}:${last}`)) {
          messages.push({ uid, flags, digest: digestOf(withoutTuid(body)) });
        }
      }
      contents.set(name, messages);
    }
    return contents;
  });
}

function sameFlags(one: readonly string[], other: readonly string[], habits: Habits): boolean {
  const kept = (flags: readonly string[]) =>
    flags.filter((flag) => !habits.losesKeywords || flag.startsWith("\\")).sort().join(" ");
  return kept(one) === kept(other);
}

/** What is wrong with a mailbox: how many messages are missing, too many, there twice, or have other flags. */
function faultsOf(rows: ReadonlyMap<string, readonly string[]>, stored: readonly StoredMessage[], habits: Habits) {
  const seen = new Set<string>();
  const faults = { missing: 0, unexpected: 0, duplicate: 0, "with wrong flags": 0 };
  for (const { digest, flags } of stored) {
    const wanted = rows.get(digest);
    if (wanted === undefined) faults.unexpected++;
    else if (seen.has(digest)) faults.duplicate++;
    else if (!sameFlags(wanted, flags, habits)) faults["with wrong flags"]++;
    seen.add(digest);
  }
  for (const digest of rows.keys()) if (!seen.has(digest)) faults.missing++;
  return faults;
}

/** What one side lacks of the model, or has beyond it; empty: nothing. */
export function compare(model: Model, contents: Contents, habits: Habits): readonly string[] {
  const wrong: string[] = [];
  for (const mailbox of new Set([...model.keys(), ...contents.keys()])) {
    const stored = contents.get(mailbox);
    // A server has its INBOX whether anybody wants it or not.
    if (stored === undefined) wrong.push(`${mailbox}: no such mailbox`);
    else if (!model.has(mailbox) && mailbox !== "INBOX") wrong.push(`${mailbox}: nobody created it`);
    for (const [fault, count] of Object.entries(faultsOf(model.get(mailbox) ?? new Map(), stored ?? [], habits))) {
      if (count > 0) wrong.push(`${mailbox}: ${count} ${fault}`);
    }
  }
  return wrong;
}
