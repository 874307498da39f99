// Looks that are sent before both lists are there: what one server lists as changed has to be looked at on both, and the
// other one is asked in the flight of its list, a round trip earlier. Both are asked at the same time, so that mail that
// comes to both meanwhile is seen on both. Decides which mailboxes, and for how long what was seen may be used; a look
// changes nothing, and one that was for nothing is forgotten. In a first run, which knows no mailbox, it is INBOX.

import type { Clock } from "../base/clock.ts";
import type { ListEntry } from "../client/mod.ts";
import { MAX_UID, toInternal, UidSet } from "../protocol/mod.ts";
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
  /** Whose sizes are read. */
  readonly sizes: BothSides<UidSet>;
}

/** Of a mailbox that no run has seen. */
const UNKNOWN: Known = { cursor: null, highest: 0, unmapped: UidSet.empty, since: 1, all: true };

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
    // In case that something came to the other side as well.
    const newOn = (one: Side) => hasNews(row, side, statuses) ? UidSet.range(known[one].since, MAX_UID) : UidSet.empty;
    return { mailbox: row.mailbox, names, known, resync, sizes: { local: newOn("local"), remote: newOn("remote") } };
  });
}

/** The same when there is no state: INBOX is on every server. Whether anything is in it one server has told. Pure. */
export function planFirstLook(side: Side, entries: readonly ListEntry[], view: MailboxView): readonly PlannedLook[] {
  const { references, ignored } = view;
  if (references.local !== "" || references.remote !== "" || ignored?.test("INBOX") === true) return [];
  const status = entries.find(({ mailbox }) => toInternal(mailbox, null) === "INBOX")?.status ?? null;
  if (status === null) return [];
  const { messages, uidNext } = status;
  const isSome = messages !== null && uidNext !== null && messages > 0 && messages <= MAX_SIZES && uidNext > 1;
  const there = isSome ? UidSet.range(1, uidNext - 1) : UidSet.empty;
  const opposite = isSome ? UidSet.range(1, MAX_SIZES) : UidSet.empty;
  return [{
    mailbox: "INBOX",
    names: { local: "INBOX", remote: "INBOX" },
    known: { local: UNKNOWN, remote: UNKNOWN },
    resync: { local: null, remote: null },
    sizes: side === "local" ? { local: there, remote: opposite } : { local: opposite, remote: there },
  }];
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
    const looks = new ForeseenLooks(sessions, planned, clock);
    foreseen.set(mailbox, { names, sessions, looks: { local: looks.of("local"), remote: looks.of("remote") } });
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

/** What one side was asked, and what it has shown, and when; null: it has refused. */
interface Asked {
  readonly known: Known;
  /** The lowest UID that was asked for. */
  readonly from: number;
  readonly seen: Promise<{ readonly sight: Sight; readonly at: number } | null>;
}

/** Two looks that are used both or not at all: what came to both servers since must be seen on both. */
class ForeseenLooks {
  readonly #clock: Clock;
  readonly #asked: BothSides<Asked>;
  #areFresh: Promise<boolean> | null = null;

  constructor(sessions: BothSides<SharedSession>, planned: PlannedLook, clock: Clock) {
    this.#clock = clock;
    const ask = (side: Side) => this.#ask(side, sessions[side], planned);
    this.#asked = { local: ask("local"), remote: ask("remote") };
  }

  of(side: Side): LookBefore {
    return { take: (cursor, all) => this.#take(this.#asked[side], cursor, all) };
  }

  #ask(side: Side, session: SharedSession, { names, known, resync, sizes }: PlannedLook): Asked {
    const { all, since } = known[side];
    // Behind a first login it is not known yet what the server can.
    const from = all && session.capabilities.has("ESEARCH") ? 1 : since;
    const seeing = see(session, names[side], { resync: resync[side], from, isNews: () => true });
    const reading = sizes[side].isEmpty ? Promise.resolve(null) : readSizes(session, sizes[side], MAX_SIZES);
    const seen = bothOver(seeing, reading).then(([sight, sizes]) => ({
      sight: { ...sight, sizes },
      at: this.#clock.now(),
    }));
    // What went wrong will go wrong again when it is asked for.
    return { known: known[side], from, seen: seen.catch(() => null) };
  }

  async #take({ known, from, seen }: Asked, cursor: Cursor | null, all: boolean): Promise<Sight | null> {
    const before = known.cursor;
    const isSame = before?.uidValidity === cursor?.uidValidity && before?.uidNext === cursor?.uidNext &&
      before?.highestModSeq === cursor?.highestModSeq && from === (all ? 1 : known.since);
    const areFresh = await (this.#areFresh ??= this.#bothFresh());
    return isSame && areFresh ? (await seen)?.sight ?? null : null;
  }

  async #bothFresh(): Promise<boolean> {
    const { local, remote } = this.#asked;
    const both = await bothOver(local.seen, remote.seen);
    return both.every((one) => one !== null && this.#clock.now() - one.at <= MAX_AGE_MS);
  }
}
