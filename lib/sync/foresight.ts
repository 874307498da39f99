// What can be begun before both servers are there: the first of them is asked for its list at once, and when that shows
// that something has changed, both are looked at without waiting for the other list, and when it is much, connections to
// the other one are opened, where all of it has to be done. A guess: whether it was right is of no consequence but for
// time. Knows nothing of what will be done.

import type { Clock } from "../base/clock.ts";
import type { ListEntry, Session } from "../client/mod.ts";
import { InterimapError } from "../errors.ts";
import type { Logger } from "../log/types.ts";
import type { Cursors } from "../state/types.ts";
import { type BothSides, SIDES } from "./both_sides.ts";
import { isBehind } from "./dirty.ts";
import { FAR_MS, isFar } from "./distance.ts";
import {
  type Foreseen,
  type ForeseenMailbox,
  planFirstLook,
  planLooks,
  type PlannedLook,
  type Remembered,
  sendLooks,
} from "./foreseen_looks.ts";
import type { Lanes } from "./lanes.ts";
import { usualWanted } from "./lanes_wanted.ts";
import { listEverything, type MailboxView } from "./listing.ts";
import { otherSide, type Side } from "./model.ts";
import { internalName } from "./namespace.ts";
import { lanesOf, type MoreConnections } from "./worker.ts";

/** So many mailboxes are listed at once, in some 30 KB: their list can come as it is, and need not be waited for. */
const MAX_SHORT = 256;

export interface ForesightContext {
  readonly connections: MoreConnections | null;
  /** Sides where connections may be opened before the first one has logged in. */
  readonly trusted: BothSides<boolean>;
  /** What the state knows from earlier runs, by internal name. */
  readonly cursors: () => ReadonlyMap<string, Cursors>;
  /** The state file, when an earlier run has left it as it must be to know what to ask. */
  readonly remembered: () => Remembered | null;
  readonly view: MailboxView;
  readonly log: Logger;
  readonly clock: Clock;
}

export class Foresight implements Foreseen {
  readonly #context: ForesightContext;
  readonly #createdAt: number;
  readonly #lanes: Partial<Record<Side, Lanes>> = {};
  readonly #lists: Partial<Record<Side, Promise<readonly ListEntry[]>>> = {};
  readonly #opening: Record<Side, Promise<Session>[]> = { local: [], remote: [] };
  #remembered: Remembered | null | undefined = undefined;
  #cursors: ReadonlyMap<string, Cursors> | null = null;
  #mailboxes: ReadonlyMap<string, ForeseenMailbox> = new Map();
  /** What is to be looked at because of the list that came first; null: none has come. */
  #plan: readonly PlannedLook[] | null = null;
  #isOver = false;

  constructor(context: ForesightContext) {
    this.#context = context;
    this.#createdAt = context.clock.now();
    // The first connections come first.
    context.clock.after(0, () => this.#whileConnecting());
  }

  /** A session can be used, before what follows is compressed: for a list that is not long, that saves a round trip. */
  usable(side: Side, session: Session): void {
    if (this.#known().size <= MAX_SHORT) this.opened(side, session);
  }

  /** A session can be used. */
  opened(side: Side, session: Session): void {
    if (this.#lanes[side] !== undefined) return;
    this.#lanes[side] = lanesOf(side, session, this.#context);
    const { view } = this.#context;
    if (view.patterns !== null) return;
    const isInboxAlone = [...this.#known().keys()].every((name) => name === "INBOX");
    const listing = listEverything(session, view.references[side], view.selection, isInboxAlone);
    this.#lists[side] = listing;
    // Seen by who asks for it. Of two lists that come at once nothing is foreseen.
    listing.then((entries) => this.#listed(side, entries), () => {});
    this.#lookAhead();
  }

  /** What a server lists of what the view asks for; null: it was not asked. */
  list(side: Side): Promise<readonly ListEntry[]> | null {
    return this.#lists[side] ?? null;
  }

  lanes(side: Side): Lanes | null {
    return this.#lanes[side] ?? null;
  }

  mailbox(internal: string, names: BothSides<string>): ForeseenMailbox | null {
    const foreseen = this.#mailboxes.get(internal) ?? null;
    return foreseen !== null && SIDES.every((side) => foreseen.names[side] === names[side]) ? foreseen : null;
  }

  /** Hands over the connections that were opened; no more are. */
  take(side: Side): readonly Promise<Session>[] {
    this.#isOver = true;
    return this.#opening[side].splice(0);
  }

  #whileConnecting(): void {
    this.#openForFirstRun();
    if (this.#known().size > 0 && this.#known().size <= MAX_SHORT) this.#remember();
  }

  /** Much will be copied: both servers can work on two mailboxes at a time then. */
  #openForFirstRun(): void {
    const { connections } = this.#context;
    if (this.#isOver || connections === null || SIDES.some((side) => connections.limit[side] < 2)) return;
    if (this.#known().size > 0) return;
    for (const side of SIDES) this.#begin(side, connections);
  }

  #listed(side: Side, entries: readonly ListEntry[]): void {
    const { connections, trusted, clock } = this.#context;
    const other = otherSide(side);
    if (this.#plan === null) {
      this.#plan = this.#planned(side, entries);
      this.#lookAhead();
    }
    if (connections === null || connections.limit[other] < 2 || this.#isOver) return;
    const waiting = this.#changed(side, entries);
    if (this.#lanes[other] !== undefined) this.#open(other, waiting, connections);
    else if (trusted[other]) clock.after(FAR_MS, () => this.#open(other, waiting, connections));
  }

  /** What takes time is done while the other server is waited for. */
  #planned(side: Side, entries: readonly ListEntry[]): readonly PlannedLook[] {
    const { view } = this.#context;
    if (this.#isOver) return [];
    if (this.#known().size === 0) return planFirstLook(side, entries, view);
    if (this.#known().size > MAX_SHORT || this.#changed(side, entries) === 0) return [];
    const state = this.#remember();
    return state === null ? [] : this.#unless(() => planLooks(side, entries, state, view)) ?? [];
  }

  /** The state file, opened while the servers are waited for: that takes longer than to read all that is in it. */
  #remember(): Remembered | null {
    if (this.#remembered === undefined) this.#remembered = this.#unless(this.#context.remembered);
    return this.#remembered;
  }

  /** Whatever is wrong with the state file or a name, the run will find it, and can say more of it. */
  #unless<T>(foresee: () => T): T | null {
    try {
      return foresee();
    } catch (error) {
      if (!(error instanceof InterimapError)) throw error;
      this.#context.log.debug(`Nothing is foreseen: ${error.message}`);
      return null;
    }
  }

  /** As soon as the other session can be used. */
  #lookAhead(): void {
    const { local, remote } = this.#lanes;
    if (this.#isOver || this.#plan === null || local === undefined || remote === undefined) return;
    // Where nothing is known it is a guess, which is worth a look only when it saves time.
    if (this.#known().size === 0 && !isFar(local.first) && !isFar(remote.first)) return;
    this.#mailboxes = sendLooks(this.#plan, { local, remote }, this.#context.clock);
  }

  #open(side: Side, waiting: number, connections: MoreConnections): void {
    if (this.#isOver) return;
    const { wanted = usualWanted, limit } = connections;
    const roundTripMs = this.#lanes[side]?.first.connection.fastestMs ?? this.#context.clock.now() - this.#createdAt;
    const number = Math.min(wanted({ waiting, open: 1, roundTripMs }), limit[side] - 1);
    for (let i = this.#opening[side].length; i < number; i++) this.#begin(side, connections);
  }

  #begin(side: Side, { open }: MoreConnections): void {
    const opening = open(side, (session) => this.#lanes[side]?.prepare(session));
    // Seen by who takes it, if anybody does.
    opening.catch(() => {});
    this.#opening[side].push(opening);
  }

  #known(): ReadonlyMap<string, Cursors> {
    return this.#cursors ??= this.#context.cursors();
  }

  #changed(side: Side, entries: readonly ListEntry[]): number {
    const known = this.#known();
    const reference = this.#context.view.references[side];
    return entries.filter(({ mailbox, delimiter, status }) => {
      const cursors = known.get(internalName(mailbox, { reference, delimiter }) ?? "");
      return cursors !== undefined && status !== null && isBehind(cursors[side], status);
    }).length;
  }
}
