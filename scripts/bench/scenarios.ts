// What is measured: the mail stores to begin with, and what somebody does to them before the tool runs. Data only.

import { type Change, deliverOne, markSeen, mix, nothing, toggleFlags } from "./changes.ts";
import type { Base } from "./stores.ts";
import type { Deliveries } from "./watch.ts";

export interface Scenario {
  readonly name: string;
  readonly about: string;
  readonly base: Base;
  /** After a first synchronization by the tool itself; null: the first synchronization is what is measured. */
  readonly change: Change | null;
  /** The tool stays, and how soon it brings what is delivered is measured; null: it ends when all is done. */
  readonly deliveries: Deliveries | null;
}

const M200: Base = { messages: 200, mailboxes: 5 };
const M2K: Base = { messages: 2000, mailboxes: 10 };
const M10K: Base = { messages: 10_000, mailboxes: 10 };
const M10K_TENFOLD: Base = { ...M10K, messages: 100_000 };
const M10K_UNSEEN: Base = { ...M10K, seen: 0 };
const LOCAL_2K: Base = { ...M2K, sides: ["local"] };
const BOTH_2K: Base = { ...M2K, sides: ["local", "remote"] };
const BOTH_10K: Base = { ...M10K, sides: ["local", "remote"] };
const BIG: Base = { messages: 10, mailboxes: 3, kind: "big" };
const EVEN_10: Base = { messages: 2000, mailboxes: 10, even: true };
const EVEN_100: Base = { ...EVEN_10, mailboxes: 100 };
const EVEN_500: Base = { ...EVEN_10, mailboxes: 500 };
const M100K: Base = { messages: 100_000, mailboxes: 1, kind: "small", localFormat: "mdbox" };
const TWENTY: Base = { messages: 4000, mailboxes: 20 };

/** In the order of the tables. */
export const SCENARIOS: readonly Scenario[] = [
  scenario("initial-2k", "2,000 messages in 10 mailboxes are copied to an empty local store", M2K, null),
  scenario("initial-10k", "10,000 messages in 10 mailboxes are copied to an empty local store", M10K, null),
  scenario("push-2k", "2,000 messages are copied from the local store to an empty remote one", LOCAL_2K, null),
  scenario("both-2k", "first synchronization, 2,000 distinct messages on each side", BOTH_2K, null),
  scenario("both-10k", "first synchronization, 10,000 distinct messages on each side", BOTH_10K, null),
  scenario("big", "10 messages of 10 to 26 MB are copied to an empty local store", BIG, null),
  scenario("idle-10", "nothing changed in 2,000 messages in 10 mailboxes", EVEN_10, nothing),
  scenario("idle-100", "nothing changed in 2,000 messages in 100 mailboxes", EVEN_100, nothing),
  scenario("idle-500", "nothing changed in 2,000 messages in 500 mailboxes", EVEN_500, nothing),
  scenario("idle-100k", "nothing changed in one mailbox of 100,000 messages", M100K, nothing),
  scenario("flags-1k", "1,000 of 10,000 messages got or lost a flag remotely", M10K, toggleFlags("remote")),
  scenario("flags-1k-up", "1,000 of 10,000 messages got or lost a flag locally", M10K, toggleFlags("local")),
  scenario("flags-bulk", "10,000 messages were marked \\Seen remotely", M10K_UNSEEN, markSeen),
  scenario(
    "mixed-20",
    "100 new, 200 deleted, 300 messages with other flags, in 20 mailboxes, half on each side",
    TWENTY,
    mix({ added: 100, deleted: 200, flagged: 300 }),
  ),
  scenario("one-new", "one new remote message, 4,000 others in 20 mailboxes", TWENTY, deliverOne),
];

/** Not measured unless asked for: they take long. */
export const LONG_SCENARIOS: readonly Scenario[] = [
  scenario("initial-100k", "100,000 messages in 10 mailboxes are copied to an empty local store", M10K_TENFOLD, null),
  { ...watch("watch", "single"), about: "seconds until a message is there that was delivered to the remote INBOX" },
  { ...watch("watch-burst", "burst"), about: "the same, 20 messages right after one another" },
  { ...watch("watch-spread", "spread"), about: "the same, each into another of 20 mailboxes" },
];

/** Not measured unless asked for: small enough for a test. */
export const SMOKE_SCENARIOS: readonly Scenario[] = [
  scenario("smoke-initial", "200 messages are copied", M200, null),
  scenario("smoke-mixed", "changes of all kinds in 200 messages", M200, mix({ added: 12, deleted: 20, flagged: 30 })),
];

function scenario(name: string, about: string, base: Base, change: Change | null): Scenario {
  return { name, about, base, change, deliveries: null };
}

function watch(name: string, deliveries: Deliveries): Scenario {
  return { ...scenario(name, "", TWENTY, nothing), deliveries };
}
