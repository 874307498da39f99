// One run: list and align the mailboxes, then synchronize those that changed, many at once. A mailbox that fails is
// reported and the others go on. Decides which mailboxes are looked at and when the run counts as complete; knows no file,
// no process and no exit status.

import type { Clock } from "../base/clock.ts";
import { inParallel } from "../base/in_parallel.ts";
import type { Session } from "../client/mod.ts";
import { MailboxError } from "../errors.ts";
import type { Logger } from "../log/types.ts";
import { type StatusItems, toWire } from "../protocol/mod.ts";
import type { MailboxOverview, Side, Store } from "../state/types.ts";
import { type BothSides, SIDES } from "./both_sides.ts";
import { arrivedIn, inOrder, isDirty, isMiscounted, messagesToCopy } from "./dirty.ts";
import type { Foresight } from "./foresight.ts";
import { type FullCheckOptions, FullChecks } from "./full_checks.ts";
import { completeListing, type Listing, listMailboxes, type MailboxView, WHOLE_VIEW } from "./listing.ts";
import { alignMailboxes } from "./mailboxes.ts";
import { REFUSED } from "./refusal.ts";
import { hasDue, stillRefused } from "./refused_messages.ts";
import { type BrakeOptions, RunBrake, unconfirmed } from "./run_brake.ts";
import { type MoreConnections, Worker, type WorkerContext } from "./worker.ts";

/** Mailboxes that are worked on at once: each is a few commands in flight, and little memory. */
const MAX_AT_ONCE = 64;

/** So many messages are worth a second connection. */
const MANY_COPIES = 1000;

export interface RunContext {
  readonly sessions: BothSides<Session>;
  /** More connections than these two; default none. */
  readonly connections?: MoreConnections;
  /** Mailboxes named by the user; empty: all. */
  readonly names: readonly string[];
  /** Which part of the servers the configuration asks for; default everything. */
  readonly view?: MailboxView;
  readonly log: Logger;
  readonly clock: Clock;
  /** Compare every message with its copy first, and put right what ordinary runs do not see; default false. */
  readonly repair?: boolean;
  /** How many messages may be deleted, and what the user has confirmed; default the default limit, and nothing. */
  readonly brake?: BrakeOptions;
  /** How often a mailbox is compared whole although nothing asks for it; null, and the default: never. */
  readonly fullCheck?: FullCheckOptions | null;
  /** Prepares the state file once the servers' delimiters are known. */
  readonly openStore: (delimiters: BothSides<string | null>) => Store;
  /** What was begun while the sessions were opened. */
  readonly foresight?: Foresight | null;
  readonly attempts?: Attempts;
}

/** For who runs again and again: decides when a mailbox that failed gets its turn, and learns how each turn ended. */
export interface Attempts {
  /** Of a mailbox that has something new, or was left behind. */
  mayTry(mailbox: string, statuses: BothSides<StatusItems | null>): boolean;
  ended(mailbox: string, complete: boolean): void;
}

/** A run, and what it found, for looking at single mailboxes later. */
export interface Round extends RunReport {
  readonly listing: Listing;
  readonly store: Store;
  /** Internal names of the mailboxes that are on both servers, with their rows. */
  readonly ready: ReadonlyMap<string, number>;
}

export interface RunReport {
  /** Mailboxes that were left behind, in whole or in part; each was reported in the log. */
  readonly problems: number;
  /** Messages whose deletion waits for the user; reported in the log. */
  readonly held: number;
}

/** Synchronizes once. @throws InterimapError of scope session or program when the run cannot go on */
export async function runOnce(context: RunContext): Promise<RunReport> {
  const { problems, held } = await runRound(context);
  return { problems, held };
}

/** As `runOnce()`. */
export async function runRound(context: RunContext): Promise<Round> {
  const { sessions, names, log } = context;
  const view = context.view ?? WHOLE_VIEW;
  const { foresight } = context;
  const begun = (side: Side) => names.length > 0 ? null : foresight?.list(side) ?? null;
  const listed = await listMailboxes(sessions, names, log, view, begun);
  const unknown = unknownNames(names, listed);
  const missing = `No such mailbox on either server${listed.selected === null ? "" : ", or not in list-select-opts"}`;
  if (names.length > 0 && unknown.length === names.length) throw new MailboxError(`${missing}: ${unknown.join(" ")}`);
  for (const name of unknown) log.error(`${missing}: ${name}`);
  const store = context.openStore(listed.delimiters);
  const listing = await completeListing(sessions, listed, store.overview(), log);
  const early = takeEarly(context, messagesToCopy(store.overview(), listing));
  const aligned = await alignMailboxes(sessions, listing, store, log);
  let problems = listing.problems + unknown.length + aligned.problems;
  const brake = new RunBrake(context.brake ?? unconfirmed(), listing, log);
  const refusedBefore = store.unmappedBecause(REFUSED);
  const limits = { local: sessions.local.capabilities.appendLimit, remote: sessions.remote.capabilities.appendLimit };
  const checks = new FullChecks(context.fullCheck ?? null, store);
  const rows = store.overview().filter(({ mailbox }) => aligned.ready.has(mailbox));
  const needing = rows.filter((row) => needsLook(row, listing) || hasDue(refusedBefore, row.idx, limits));
  const inTurn = new Set([...needing, ...checks.turns(rows, needing.length > 0)]);
  const turns = context.repair === true
    ? rows
    : inOrder([...inTurn], listing).filter((row) => mayTry(row, listing, context.attempts));
  const arrivedInAll = arrivedIn(turns, listing);
  const work = { ...context, early: (side: Side) => early[side], listing, arrivedInAll, store, brake, checks };
  await withWorker(work, async (worker) => {
    await inParallel(turns, context.repair === true ? 1 : MAX_AT_ONCE, async (row) => {
      const complete = context.repair === true ? await worker.repair(row) : await worker.synchronize(row);
      context.attempts?.ended(row.mailbox, complete && !hasDue(store.unmappedBecause(REFUSED), row.idx, limits));
      if (!complete) problems++;
    });
  });
  summarize(stillRefused(refusedBefore, store.unmappedBecause(REFUSED)), store, listing, log);
  brake.finish(names.length === 0);
  const ready = new Map(rows.map(({ mailbox, idx }) => [mailbox, idx]));
  return { problems, held: brake.held, listing, store, ready };
}

/** Connections that are being opened already, or are now, because much is to be copied. */
function takeEarly(context: RunContext, messages: number): BothSides<readonly Promise<Session>[]> {
  const { foresight } = context;
  const [local, remote] = [foresight?.take("local") ?? [], foresight?.take("remote") ?? []];
  if (local.length > 0 && remote.length > 0) return { local, remote };
  const more = openForCopies(context, messages);
  return { local: [...local, ...more.local], remote: [...remote, ...more.remote] };
}

/** One connection more on each side when there is much to be copied: both servers work on two mailboxes at a time then. */
function openForCopies({ connections }: RunContext, messages: number): BothSides<readonly Promise<Session>[]> {
  const open = (side: Side): readonly Promise<Session>[] => {
    if (connections === undefined || messages < MANY_COPIES) return [];
    if (SIDES.some((one) => connections.limit[one] < 2)) return [];
    const opening = connections.open(side);
    // Seen by who uses it, if anybody does.
    opening.catch(() => {});
    return [opening];
  };
  return { local: open("local"), remote: open("remote") };
}

/** Lends a worker, and closes the connections that it has opened. */
async function withWorker(
  context: Omit<WorkerContext, "connections"> & Pick<RunContext, "connections">,
  use: (worker: Worker) => Promise<void>,
): Promise<void> {
  const worker = new Worker({ ...context, connections: context.connections ?? null });
  try {
    await use(worker);
  } finally {
    await worker.close();
  }
}

/** Synchronizes some of the mailboxes that a round found ready, without listing. Resolves to those left behind. */
export async function runSome(
  context: RunContext,
  { listing, store, ready }: Round,
  mailboxes: ReadonlySet<string>,
): Promise<readonly string[]> {
  // What the user confirms is for rounds: they say when it was used.
  const unasked = { ...context.brake ?? unconfirmed(), consents: unconfirmed().consents };
  const brake = new RunBrake(unasked, listing, context.log);
  const checks = new FullChecks(context.fullCheck ?? null, store);
  const failed: string[] = [];
  const rows = store.overview().filter(({ mailbox }) => mailboxes.has(mailbox) && ready.has(mailbox));
  const arrivedInAll = arrivedIn(rows, listing);
  const work = { ...context, early: () => [], foresight: null, listing, arrivedInAll, store, brake, checks };
  await withWorker(work, async (worker) => {
    await inParallel(inOrder(rows, listing), MAX_AT_ONCE, async (row) => {
      const complete = await worker.synchronize(row);
      context.attempts?.ended(row.mailbox, complete);
      if (!complete) failed.push(row.mailbox);
    });
  });
  return failed;
}

/** One line for what earlier runs have reported message by message. */
function summarize(counts: ReadonlyMap<number, number>, store: Store, listing: Listing, log: Logger): void {
  if (counts.size === 0) return;
  const names = store.overview().flatMap(({ idx, mailbox }) => {
    const count = counts.get(idx);
    return count === undefined ? [] : [`${toWire(mailbox, listing.delimiters.local)}: ${count}`];
  });
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  log.notice(`${total} message(s) stay behind that a server refused (${names.join(", ")}); --repair tries all of them`);
}

/** Names without wildcards that neither server listed. */
function unknownNames(names: readonly string[], listing: Listing): readonly string[] {
  const known = new Set<string>();
  for (const side of SIDES) {
    for (const { mailbox, exists } of listing.mailboxes[side].values()) {
      if (exists) known.add(toWire(mailbox, listing.delimiters.local));
    }
  }
  return names.filter((name) => (/[*%]/.test(name) ? known.size === 0 : !known.has(name)));
}

/** Whether a mailbox has its turn in this run by what was listed. */
function needsLook(row: MailboxOverview, listing: Listing): boolean {
  return isDirty(row, listing) || isMiscounted(row, listing);
}

function mayTry({ mailbox }: MailboxOverview, { mailboxes }: Listing, attempts: Attempts | undefined): boolean {
  if (attempts === undefined) return true;
  const [local, remote] = SIDES.map((side) => mailboxes[side].get(mailbox)?.status ?? null);
  return attempts.mayTry(mailbox, { local: local ?? null, remote: remote ?? null });
}
