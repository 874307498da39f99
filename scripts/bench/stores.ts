// The mail stores that scenarios begin with, and the model of what they hold. Talks to servers by the independent client
// only; knows no scenario.

import type { ImapProbe } from "../../tests/support/imap_probe.ts";
import type { MailFormat, MailStore } from "../../tests/support/live_dovecot.ts";
import { quoted } from "../../tests/support/live/imap_values.ts";
import { SeededRandom } from "../../tests/support/live/seeded.ts";
import { type BenchMessage, type MessageKind, MessageMaker } from "./messages.ts";

export type Side = "local" | "remote";

/** By mailbox, as the server spells it, and digest: the flags that the message must have. */
export type Model = Map<string, Map<string, readonly string[]>>;

/** Stores before the first synchronization. */
export interface Base {
  /** On each of `sides`. */
  readonly messages: number;
  readonly mailboxes: number;
  /** All mailboxes of one size; else the first ones are larger. */
  readonly even?: boolean;
  readonly kind?: MessageKind;
  readonly sides?: readonly Side[];
  readonly localFormat?: MailFormat;
  /** The share of messages with \Seen. */
  readonly seen?: number;
}

export interface Stores {
  readonly local: MailStore;
  readonly remote: MailStore;
}

/** Messages on the local side are others than those on the remote side. */
const LOCAL_NUMBERS = 10_000_000;
const APPENDED_AT_ONCE = 100;
const APPENDED_OCTETS = 8 * 1048576;
const EXPUNGED_AT_ONCE = 500;

const NAMES = [
  "INBOX",
  "Sent",
  "Drafts",
  "Archive/2019/Q1",
  "Archive/2019/Q2",
  "Lists/debian-devel",
  "Lists/imap",
  "&AMk-lan/&AOk-t&AOk-",
  "With Space/Sub folder",
  "Archive/2020",
];

function mailboxNames(count: number): readonly string[] {
  return Array.from({ length: count }, (_, at) => NAMES[at] ?? `Deep/${at % 7}/Team ${at % 13}/box-${at}`);
}

/** How many messages each mailbox holds. */
function mailboxSizes(base: Base): readonly number[] {
  const weights = Array.from({ length: base.mailboxes }, (_, at) => base.even === true ? 1 : (at + 1) ** -0.7);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const sizes = weights.map((weight) => Math.floor(base.messages * weight / total));
  const rest = base.messages - sizes.reduce((sum, size) => sum + size, 0);
  return sizes.map((size, at) => at === 0 ? size + rest : size);
}

/** Appends messages in few commands, and notes them in the model. */
export async function append(
  probe: ImapProbe,
  mailbox: string,
  messages: Iterable<BenchMessage>,
  model: Model,
): Promise<void> {
  const rows = model.get(mailbox) ?? new Map<string, readonly string[]>();
  model.set(mailbox, rows);
  let parts: (string | Uint8Array)[] = [];
  let octets = 0;
  const flush = async () => {
    if (parts.length > 0) await probe.command(`APPEND ${quoted(mailbox)}`, ...parts);
    parts = [];
    octets = 0;
  };
  for (const { body, digest, flags, internalDate } of messages) {
    parts.push(` (${flags.join(" ")}) ${quoted(internalDate)} `, body);
    octets += body.length;
    rows.set(digest, flags);
    if (parts.length >= 2 * APPENDED_AT_ONCE || octets > APPENDED_OCTETS) await flush();
  }
  await flush();
}

/** Fills one mailbox, with holes among the UIDs where others were deleted. */
async function fillMailbox(
  probe: ImapProbe,
  mailbox: string,
  messages: readonly BenchMessage[],
  random: SeededRandom,
  model: Model,
): Promise<void> {
  if (mailbox !== "INBOX") await probe.create(mailbox);
  const junk = new MessageMaker(random.seed, "small");
  const holes = Math.max(1, Math.floor(messages.length / 12));
  const uids: number[] = [];
  const plan: BenchMessage[] = [];
  for (const message of messages) {
    if (uids.length < holes && random.chance(0.1)) {
      plan.push(junk.make(plan.length));
      uids.push(plan.length);
    }
    plan.push(message);
  }
  const scratch: Model = new Map();
  await append(probe, mailbox, plan, scratch);
  await probe.select(mailbox);
  for (let at = 0; at < uids.length; at += EXPUNGED_AT_ONCE) await probe.expunge(uids.slice(at, at + EXPUNGED_AT_ONCE));
  await probe.command("UNSELECT");
  const rows = model.get(mailbox) ?? new Map<string, readonly string[]>();
  for (const { digest, flags } of messages) rows.set(digest, flags);
  model.set(mailbox, rows);
}

/** Fills the stores of a base. */
export async function fill(base: Base, stores: Stores, seed: number): Promise<Model> {
  const model: Model = new Map();
  for (const side of base.sides ?? ["remote"]) {
    const maker = new MessageMaker(seed, base.kind ?? "normal", base.seen);
    const random = new SeededRandom(seed);
    let number = side === "local" ? LOCAL_NUMBERS : 0;
    await stores[side].with(async (probe) => {
      const sizes = mailboxSizes(base);
      for (const [at, mailbox] of mailboxNames(base.mailboxes).entries()) {
        const messages = Array.from({ length: sizes[at] ?? 0 }, () => maker.make(number++));
        await fillMailbox(probe, mailbox, messages, random, model);
      }
    });
  }
  return model;
}
