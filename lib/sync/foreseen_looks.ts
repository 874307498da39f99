// Looks that are sent before both lists are there: what one server lists as changed has to be looked at on both, and the
// other one is asked in the flight of its list, a round trip earlier. Both are asked at the same time, so that mail that
// comes to both meanwhile is seen on both. Decides which mailboxes, and for how long what was seen may be used; a look
// changes nothing, and one that was for nothing is forgotten.

import type { Clock } from "../base/clock.ts";
import type { ListEntry } from "../client/mod.ts";
import { MAX_UID, UidSet } from "../protocol/mod.ts";
import type { Cursor, MailboxOverview, Store } from "../state/types.ts";
import { bothOver, type BothSides } from "./both_sides.ts";
import { inOrder, isBehind, type Statuses, statusOf } from "./dirty.ts";
import { readSizes } from "./evidence.ts";
import { type Known, knownOf, resyncParameters } from "./known.ts";
import type { Lanes } from "./lanes.ts";
import type { MailboxView } from "./listing.ts";
import { SharedSession } from "./mailbox_session.ts";
import type { Side } from "./model.ts";
import { internalName, type Naming, serverName } from "./namespace.ts";
import { type LookBefore, see, type Sight, type SightQuestion } from "./sight.ts";

/** More are left to the run: it has enough to do. */
const MAX_MAILBOXES = 64;
/** What both servers were asked at the same time they must have answered at much the same time. */
const MAX_AGE_MS = 1000;
/** When no more new messages are known, their sizes are read, in case that something came to the other side as well. */
const FEW_MESSAGES = 64;
/** Sizes of so many messages of the other side: how many have come there is not known. */
const MAX_SIZES = 20_000;

/** What is known before a server is asked. */
export interface Remembered {
  readonly store: Store;
  /** Those of the last run. */
  readonly delimiters: BothSides<string | null>;
}

/** A mailbox that is being looked at on both sides. */
export interface ForeseenMailbox {
  readonly names: BothSides<string>;
  readonly sessions: BothSides<SharedSession>;
  readonly looks: BothSides<LookBefore>;
}

/** What a run finds begun. */
export interface Foreseen {
  /** The sessions with one server; null: there is none yet. */
  lanes(side: Side): Lanes | null;
  /** A mailbox that was looked at under these names; null: it was not. */
  mailbox(internal: string, names: BothSides<string>): ForeseenMailbox | null;
}

/** What will be asked about a mailbox, when both sessions can be used. */
export interface PlannedLook {
  readonly mailbox: string;
  readonly names: BothSides<string>;
  readonly known: BothSides<Known>;
  readonly resync: BothSides<SightQuestion["resync"]>;
  readonly hasNews: boolean;
}

/** Which mailboxes are to be looked at because of what a server lists, and how. Reads the state, and asks nothing. */
export function planLooks(
  side: Side,
  entries: readonly ListEntry[],
  { store, delimiters }: Remembered,
  view: MailboxView,
): readonly PlannedLook[] {
  const naming = {
    local: { reference: view.references.local, delimiter: delimiters.local },
    remote: { reference: view.references.remote, delimiter: delimiters.remote },
  };
  const statuses = statusesOf(side, entries, naming[side], view);
  return changedOn(side, store.overview(), statuses).map((row) => {
    const names = {
      local: serverName(row.mailbox, naming.local),
      remote: serverName(row.mailbox, naming.remote),
    };
    const knownOn = (one: Side) => knownOf(store, { idx: row.idx, side: one, hasEsearch: true, whole: false });
    const known = { local: knownOn("local"), remote: knownOn("remote") };
    const resyncOn = (one: Side) => resyncParameters(store, row.idx, one, known[one]);
    const resync = { local: resyncOn("local"), remote: resyncOn("remote") };
    return { mailbox: row.mailbox, names, known, resync, hasNews: hasNews(row, side, statuses) };
  });
}

/** Sends the looks at once; by internal name. */
export function sendLooks(
  plan: readonly PlannedLook[],
  lanes: BothSides<Lanes>,
  clock: Clock,
): ReadonlyMap<string, ForeseenMailbox> {
  const foreseen = new Map<string, ForeseenMailbox>();
  for (const planned of plan) {
    const { mailbox, names } = planned;
    const sessions = {
      local: new SharedSession(lanes.local, names.local),
      remote: new SharedSession(lanes.remote, names.remote),
    };
    const look = (one: Side) => new ForeseenLook(sessions[one], one, planned, clock);
    foreseen.set(mailbox, { names, sessions, looks: { local: look("local"), remote: look("remote") } });
  }
  return foreseen;
}

/** The mailboxes that have something new on this side, and nothing that has to be put in order first. Pure. */
export function changedOn(
  side: Side,
  rows: readonly MailboxOverview[],
  statuses: Statuses,
): readonly MailboxOverview[] {
  const changed = rows.filter((row) => {
    const status = statusOf(row, side, statuses);
    const cursor = row.cursors?.[side];
    if (cursor === undefined || status === null || row.interrupted) return false;
    return status.uidValidity === cursor.uidValidity && isBehind(cursor, status);
  });
  return inOrder(changed, statuses).slice(0, MAX_MAILBOXES);
}

function statusesOf(side: Side, entries: readonly ListEntry[], naming: Naming, view: MailboxView): Statuses {
  const mailboxes = { local: new Map(), remote: new Map() };
  for (const { mailbox, status, delimiter } of entries) {
    const name = internalName(mailbox, naming);
    if (name === null || (name !== "INBOX" && delimiter !== naming.delimiter)) continue;
    if (view.ignored?.test(name) === true) continue;
    mailboxes[side].set(name, { status });
  }
  return { mailboxes };
}

/** Whether something new has come to this side, and not too much of it. */
function hasNews(row: MailboxOverview, side: Side, statuses: Statuses): boolean {
  const news = (statusOf(row, side, statuses)?.uidNext ?? 0) - (row.cursors?.[side].uidNext ?? 0);
  return news > 0 && news <= FEW_MESSAGES;
}

class ForeseenLook implements LookBefore {
  readonly #cursor: Cursor | null;
  readonly #all: boolean;
  readonly #clock: Clock;
  readonly #seen: Promise<Sight | null>;
  #seenAt = 0;

  constructor(session: SharedSession, side: Side, planned: PlannedLook, clock: Clock) {
    const { names, known: { [side]: { cursor, since, all } }, resync: { [side]: resync }, hasNews } = planned;
    this.#cursor = cursor;
    this.#all = all && session.capabilities.has("ESEARCH");
    this.#clock = clock;
    const question = { resync, from: this.#all ? 1 : since, isNews: () => true };
    const seeing = see(session, names[side], question);
    const reading = hasNews ? readSizes(session, UidSet.range(since, MAX_UID), MAX_SIZES) : Promise.resolve(null);
    const answered = ([sight, sizes]: [Sight, Sight["sizes"]]): Sight => {
      this.#seenAt = clock.now();
      return { ...sight, sizes };
    };
    // What went wrong will go wrong again when it is asked for.
    this.#seen = bothOver(seeing, reading).then(answered).catch(() => null);
  }

  async take(cursor: Cursor, all: boolean): Promise<Sight | null> {
    const sight = await this.#seen;
    const from = this.#cursor;
    const isSame = from !== null && from.uidValidity === cursor.uidValidity && from.uidNext === cursor.uidNext &&
      from.highestModSeq === cursor.highestModSeq && this.#all === all;
    return isSame && this.#clock.now() - this.#seenAt <= MAX_AGE_MS ? sight : null;
  }
}
