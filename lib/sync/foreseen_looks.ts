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
import { type Known, knownOf, questionFor } from "./known.ts";
import type { Lanes } from "./lanes.ts";
import type { MailboxView } from "./listing.ts";
import { SharedSession } from "./mailbox_session.ts";
import type { Side } from "./model.ts";
import { internalName, serverName } from "./namespace.ts";
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

export interface ForeseenContext extends Remembered {
  readonly lanes: BothSides<Lanes>;
  readonly view: MailboxView;
  readonly clock: Clock;
}

/** Looks at what a server lists as changed; by internal name. Sends at once. */
export function lookAhead(
  side: Side,
  entries: readonly ListEntry[],
  context: ForeseenContext,
): ReadonlyMap<string, ForeseenMailbox> {
  const { store, delimiters, view, lanes, clock } = context;
  const naming = (one: Side) => ({ reference: view.references[one], delimiter: delimiters[one] });
  const statuses = statusesOf(side, entries, context);
  const foreseen = new Map<string, ForeseenMailbox>();
  for (const row of changedOn(side, store.overview(), statuses)) {
    const names = {
      local: serverName(row.mailbox, naming("local")),
      remote: serverName(row.mailbox, naming("remote")),
    };
    const sessions = {
      local: new SharedSession(lanes.local, names.local),
      remote: new SharedSession(lanes.remote, names.remote),
    };
    const hasArrived = hasNews(row, side, statuses);
    const look = (one: Side): LookBefore => {
      const session = sessions[one];
      const known = knownOf(store, { idx: row.idx, side: one, session, whole: false });
      const question = questionFor(store, row.idx, one, known);
      return new ForeseenLook(session, names[one], { known, question, hasArrived, clock });
    };
    foreseen.set(row.mailbox, { names, sessions, looks: { local: look("local"), remote: look("remote") } });
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

function statusesOf(side: Side, entries: readonly ListEntry[], { view, delimiters }: ForeseenContext): Statuses {
  const mailboxes = { local: new Map(), remote: new Map() };
  for (const { mailbox, status, delimiter } of entries) {
    const name = internalName(mailbox, { reference: view.references[side], delimiter: delimiters[side] });
    if (name === null || (name !== "INBOX" && delimiter !== delimiters[side])) continue;
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

interface ForeseenLookContext {
  readonly known: Known;
  readonly question: Pick<SightQuestion, "resync" | "from">;
  readonly hasArrived: boolean;
  readonly clock: Clock;
}

class ForeseenLook implements LookBefore {
  readonly #known: Known;
  readonly #clock: Clock;
  readonly #seen: Promise<Sight | null>;
  #seenAt = 0;

  constructor(session: SharedSession, mailbox: string, context: ForeseenLookContext) {
    const { known, question, hasArrived, clock } = context;
    this.#known = known;
    this.#clock = clock;
    const seeing = see(session, mailbox, { ...question, isNews: () => true });
    const reading = hasArrived
      ? readSizes(session, UidSet.range(known.since, MAX_UID), MAX_SIZES)
      : Promise.resolve(null);
    const answered = ([sight, sizes]: [Sight, Sight["sizes"]]): Sight => {
      this.#seenAt = clock.now();
      return { ...sight, sizes };
    };
    // What went wrong will go wrong again when it is asked for.
    this.#seen = bothOver(seeing, reading).then(answered).catch(() => null);
  }

  async take(cursor: Cursor, all: boolean): Promise<Sight | null> {
    const sight = await this.#seen;
    const { cursor: from, all: sawAll } = this.#known;
    const isSame = from !== null && from.uidValidity === cursor.uidValidity && from.uidNext === cursor.uidNext &&
      from.highestModSeq === cursor.highestModSeq && sawAll === all;
    return isSame && this.#clock.now() - this.#seenAt <= MAX_AGE_MS ? sight : null;
  }
}
