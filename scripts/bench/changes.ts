// What somebody does to the mail between two synchronizations, on the servers and in the model at once. The same seed,
// the same changes, whatever UIDs the messages have.

import type { ImapProbe } from "../../tests/support/imap_probe.ts";
import { SeededRandom } from "../../tests/support/live/seeded.ts";
import { type Contents, readContents } from "./check.ts";
import { type BenchMessage, KEYWORDS, MessageMaker } from "./messages.ts";
import { append, type Model, type Side, type Stores } from "./stores.ts";

/** Changes prepared stores, and the model of what they must hold in the end. */
export type Change = (stores: Stores, model: Model, seed: number) => Promise<void>;

/** Numbers of messages that are not there in the beginning. */
const NEW_NUMBERS = 50_000_000;

/** Nothing happens. */
export const nothing: Change = () => Promise.resolve();

/** A message of the model. */
interface Picked {
  readonly mailbox: string;
  readonly digest: string;
}

/** So many of all messages, each once. */
function pickMessages(model: Model, random: SeededRandom, count: number): Picked[] {
  const all = [...model].flatMap(([mailbox, rows]) => [...rows.keys()].map((digest) => ({ mailbox, digest })));
  for (let at = 0; at < count; at++) {
    const other = random.between(at, all.length - 1);
    const [here, there] = [all[at], all[other]];
    if (here !== undefined && there !== undefined) [all[at], all[other]] = [there, here];
  }
  return all.slice(0, count);
}

function uidOf(contents: Contents, { mailbox, digest }: Picked): number {
  const found = contents.get(mailbox)?.find((message) => message.digest === digest);
  if (found === undefined) throw new Error(`A prepared store lacks a message in ${mailbox}`);
  return found.uid;
}

function inMailbox(picked: readonly Picked[], mailbox: string): readonly Picked[] {
  return picked.filter((one) => one.mailbox === mailbox);
}

/** Adds or takes one flag of each message, in a command of its own, so that each gets a mod-sequence of its own. */
async function toggle(
  probe: ImapProbe,
  contents: Contents,
  picked: readonly Picked[],
  model: Model,
  random: SeededRandom,
  keywords: boolean,
): Promise<void> {
  for (const one of picked) {
    const flags = model.get(one.mailbox)?.get(one.digest) ?? [];
    const flag = random.pick(
      keywords && random.chance(0.1) ? KEYWORDS : ["\\Seen", "\\Seen", "\\Flagged", "\\Answered"],
    );
    const remove = flags.includes(flag);
    await probe.store([uidOf(contents, one)], remove ? "-FLAGS.SILENT" : "+FLAGS.SILENT", [flag]);
    model.get(one.mailbox)?.set(one.digest, remove ? flags.filter((other) => other !== flag) : [...flags, flag]);
  }
}

/** 1,000 messages, scattered, get or lose a flag on one side. */
export function toggleFlags(side: Side): Change {
  return async (stores, model, seed) => {
    const random = new SeededRandom(seed);
    const picked = pickMessages(model, random, 1000);
    const contents = await readContents(stores[side]);
    await stores[side].with(async (probe) => {
      for (const mailbox of model.keys()) {
        await probe.select(mailbox);
        await toggle(probe, contents, inMailbox(picked, mailbox), model, random, false);
      }
    });
  };
}

/** All messages of the remote side are seen. */
export async function markSeen(stores: Stores, model: Model): Promise<void> {
  await stores.remote.with(async (probe) => {
    for (const [mailbox, rows] of model) {
      await probe.select(mailbox);
      await probe.command("STORE 1:* +FLAGS.SILENT (\\Seen)");
      for (const [digest, flags] of rows) rows.set(digest, [...flags, "\\Seen"]);
    }
  });
}

/** How many messages. */
interface Amounts {
  readonly added: number;
  readonly deleted: number;
  readonly flagged: number;
}

/** Changes of all kinds in all mailboxes, half on each side. */
export function mix(amounts: Amounts): Change {
  return async (stores, model, seed) => {
    const random = new SeededRandom(seed);
    const picked = pickMessages(model, random, amounts.deleted + amounts.flagged);
    const maker = new MessageMaker(seed, "normal");
    for (const [half, side] of (["local", "remote"] as const).entries()) {
      const isOurs = (_: unknown, at: number) => at % 2 === half;
      await mixOneSide(stores, side, model, random, {
        deleted: picked.slice(0, amounts.deleted).filter(isOurs),
        flagged: picked.slice(amounts.deleted).filter(isOurs),
        added: Array.from({ length: amounts.added }, (_, at) => NEW_NUMBERS + at).filter(isOurs)
          .map((number) => maker.make(number)),
      });
    }
  };
}

/** What is to be done on one side. */
interface Share {
  readonly deleted: readonly Picked[];
  readonly flagged: readonly Picked[];
  /** Spread over the mailboxes. */
  readonly added: readonly BenchMessage[];
}

async function mixOneSide(stores: Stores, side: Side, model: Model, random: SeededRandom, share: Share): Promise<void> {
  const mailboxes = [...model.keys()];
  const contents = await readContents(stores[side]);
  await stores[side].with(async (probe) => {
    for (const [at, mailbox] of mailboxes.entries()) {
      await probe.select(mailbox);
      await toggle(probe, contents, inMailbox(share.flagged, mailbox), model, random, true);
      const gone = inMailbox(share.deleted, mailbox);
      await probe.expunge(gone.map((one) => uidOf(contents, one)));
      for (const { digest } of gone) model.get(mailbox)?.delete(digest);
      await probe.command("UNSELECT");
      await append(probe, mailbox, share.added.filter((_, index) => index % mailboxes.length === at), model);
    }
  });
}

/** One new message in the remote INBOX. */
export const deliverOne: Change = (stores, model, seed) =>
  stores.remote.with((probe) => append(probe, "INBOX", [new MessageMaker(seed, "normal").make(NEW_NUMBERS)], model));
