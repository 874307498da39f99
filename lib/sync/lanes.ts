// The sessions with one server, and whose turn it is to use them: many mailboxes are worked on at once, what they ask is
// sent in as few flights as may be, and those that have to wait for a selection are spread over several connections,
// which are opened when that is worth their while (design A13, A18). Decides the order; what is asked others know.

import type { Clock } from "../base/clock.ts";
import type { MailboxSession, SelectedMailbox, Session } from "../client/mod.ts";
import type { Logger } from "../log/types.ts";
import { type Job, Lane } from "./lane.ts";
import type { LanesWanted } from "./lanes_wanted.ts";
import type { Seat } from "./seat.ts";
import { Waiting } from "./waiting.ts";

/** So long a session that is being opened is waited for by the mailbox that is selected in it. */
const [PATIENCE_ROUND_TRIPS, PATIENCE_MS] = [2, 100];

/** For a look behind changes: both to be called in the turn in which they are lent. */
export type Again = Pick<MailboxSession, "select" | "search">;

export interface LanesOptions {
  readonly first: Session;
  /** Opens one more session, and tells of it as soon as commands may be sent in it; null: there is but one. */
  readonly more: ((usable: (session: Session) => void) => Promise<Session>) | null;
  /** Connections at most, the first included. */
  readonly limit: number;
  readonly wanted: LanesWanted;
  readonly log: Logger;
  readonly clock: Clock;
}

export class Lanes {
  readonly first: Session;
  readonly #options: LanesOptions;
  readonly #lanes: Lane[];
  readonly #waiting = new Waiting<Seat, Job>();
  /** Jobs that have waited for a turn of the event loop. */
  readonly #ripe = new WeakSet<Job>();
  readonly #ripening: Job[] = [];
  readonly #opening = new Set<Promise<void>>();
  /** Of sessions that may still turn out to be refused. */
  readonly #prepared = new Map<Session, Lane>();
  /** Those of them whose mailbox need not be selected elsewhere, for they will be there in a moment. */
  readonly #awaited = new Set<Lane>();
  /** Mailboxes that are being looked at. */
  readonly #looking = new Set<Seat>();
  /** Mailboxes that stay selected until they are changed. */
  readonly #kept = new Set<Seat>();
  #limit: number;
  #isClosed = false;

  constructor(options: LanesOptions) {
    this.#options = options;
    this.first = options.first;
    this.#lanes = [new Lane(options.first)];
    this.#limit = options.more === null ? 1 : options.limit;
  }

  /** Selects a mailbox to look at it. What is asked in the same turn about the same seat is sent right behind. */
  look(...parameters: Parameters<Lane["look"]>): Promise<SelectedMailbox> {
    const [seat] = parameters;
    const looking = this.#ask(seat, "look", (lane) => lane.look(...parameters));
    if (seat.isKnown) return looking;
    this.#looking.add(seat);
    const over = () => {
      // What the look brought to light is asked for by then.
      this.#options.clock.after(0, () => {
        this.#looking.delete(seat);
        this.#dispatch();
      });
    };
    looking.then(over, over);
    return looking;
  }

  /** `work` sends its commands at once; the answer counts only if they were about the mailbox that was looked at. */
  read<T>(seat: Seat, work: (session: Session, fits: () => boolean) => Promise<T>): Promise<T> {
    return this.readBodies(seat, 0, work);
  }

  /** The same for `bodies` messages with their bodies, each of which is `received`. */
  readBodies<T>(
    seat: Seat,
    bodies: number,
    work: (session: Session, fits: () => boolean, received: () => void) => Promise<T>,
  ): Promise<T> {
    return this.#ask(seat, "read", async (lane) => {
      const { session, reading: { fits, check } } = lane;
      let left = bodies;
      const take = (number: number): void => {
        const wasFull = lane.isFull;
        left -= number;
        lane.bodies -= number;
        if (wasFull && !lane.isFull) this.#dispatch();
      };
      lane.bodies += bodies;
      try {
        const answer = await work(session, fits, () => left > 0 && take(1));
        check();
        return answer;
      } finally {
        take(left);
      }
    }, { bodies });
  }

  /** The same for commands that change messages: they are sent to no other mailbox. */
  change<T>(seat: Seat, work: (session: Session) => Promise<T>): Promise<T> {
    return this.#ask(seat, "change", ({ session }) => work(session));
  }

  /** A look in the selection in which the mailbox was changed, when the changes that were asked for are sent. */
  behindChanges<T>(seat: Seat, isTime: () => boolean, look: (again: Again) => Promise<T>): Promise<T | null> {
    return this.#ask<T | null>(seat, "change", async (lane) => {
      if (!isTime()) return null;
      return await look(againOn(lane, seat));
    }, { late: true });
  }

  /** A look over the connection by which messages were appended, behind them. */
  behindCopies<T>(seat: Seat, on: Lane, look: (again: Again) => Promise<T>): Promise<T> {
    return this.#ask(seat, "look", (lane) => look(againOn(lane, seat)), { on });
  }

  /** A session that is being opened; a failure means that there are no more. */
  expect(session: Promise<Session>): void {
    const opening: Promise<void> = session.then(
      (opened) => this.#opened(opened),
      (error: Error) => {
        // The run goes on with those that there are.
        this.#limit = this.#lanes.length;
        this.#awaited.clear();
        this.#options.log.debug(`No more connections: ${error.message}`);
        this.#dispatch();
      },
    ).finally(() => this.#opening.delete(opening));
    this.#opening.add(opening);
  }

  /** Commands may be sent in a session that is being opened: its first SELECT need not wait for the answer to the login. */
  prepare(session: Session): void {
    const lane = new Lane(session);
    this.#prepared.set(session, lane);
    this.#awaited.add(lane);
    this.#foresee(lane);
    const { clock } = this.#options;
    clock.after(PATIENCE_ROUND_TRIPS * this.first.connection.fastestMs + PATIENCE_MS, () => {
      this.#awaited.delete(lane);
      this.#dispatch();
    });
  }

  /** For what needs no selection: that which has least to do. */
  get leastBusy(): Lane {
    return this.#leastBusy(this.#lanes);
  }

  /** Selects a mailbox over the connection by which it gets messages, unless that is held or kept for another one. */
  selectForCopies(seat: Seat, lane: Lane): void {
    if (lane.seat !== seat && !lane.held && !this.#isReserved(lane)) lane.foresee(seat);
  }

  /** Says good-bye to all connections but the first. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#lanes.splice(1).map(({ session }) => session.logout()));
  }

  // ---- whose turn it is

  #ask<T>(
    seat: Seat,
    kind: Job["kind"],
    work: (lane: Lane) => Promise<T>,
    { bodies = 0, on = null, late = false }: Partial<Pick<Job, "bodies" | "on" | "late">> = {},
  ): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const job: Job = { seat, kind, bodies, on, late, reject, start: (lane) => void work(lane).then(resolve, reject) };
    this.#waiting.add(job);
    if (kind !== "look") this.#ripen(job);
    this.#dispatch();
    return promise;
  }

  /** All that is asked in one turn of the event loop has its own at once. */
  #ripen(job: Job): void {
    this.#ripening.push(job);
    if (this.#ripening.length > 1) return;
    this.#options.clock.after(0, () => {
      for (const ripe of this.#ripening.splice(0)) this.#ripe.add(ripe);
      this.#dispatch();
    });
  }

  #dispatch(): void {
    for (let next = this.#next(); next !== null; next = this.#next()) this.#begin(next);
    this.#openMore();
  }

  /**
   * The next job that a lane is free for, the oldest of its sort: first what needs no other selection, then what reads,
   * then what changes, for that holds a lane for a round trip.
   */
  #next(): Turn | null {
    const ready = this.#ready();
    if (ready !== null || this.#lanes.every(({ held }) => held)) return ready;
    return this.#waiting.pickReading(this.#take) ?? this.#waiting.pickChanging(this.#take);
  }

  #ready(): Turn | null {
    for (const lane of this.#lanes) {
      if (lane.seat === null) continue;
      const ready = (job: Job) => lane.isReadyFor(job) && !(job.late && !this.#ripe.has(job));
      const turn = this.#waiting.pickOf(lane.seat, (job) => ready(job) ? { lane, job } : null);
      if (turn !== null) return turn;
    }
    return null;
  }

  /** Many looks may be answered at once: no selection is left before all that wants to be done in it was asked for. */
  readonly #take = (job: Job): Turn | null => {
    const lane = job.kind === "look" || this.#ripe.has(job) ? this.#laneFor(job) : null;
    return lane === null ? null : { lane, job };
  };

  #laneFor({ seat, kind, bodies, on }: Job): Lane | null {
    const home = on ?? this.#lanes.find((lane) => lane.seat === seat);
    if (home !== undefined && !(bodies > 0 && home.isFull)) return home.held ? null : home;
    for (const lane of this.#awaited) if (lane.seat === seat && kind !== "look") return null;
    const free = this.#lanes.filter(({ held, isFull }) => !held && !(bodies > 0 && isFull));
    const open = kind === "look" ? free : free.filter((lane) => !this.#isReserved(lane));
    return open.length === 0 ? null : this.#leastBusy(open);
  }

  /** Whether its mailbox is kept, and will be changed as far as can be seen. */
  #isReserved({ seat }: Lane): boolean {
    return seat !== null && this.#kept.has(seat) && (this.#looking.has(seat) || this.#waiting.willChange(seat));
  }

  #leastBusy(lanes: readonly Lane[]): Lane {
    return lanes.reduce((least, lane) => lane.load < least.load ? lane : least);
  }

  #begin({ lane, job }: Turn): void {
    this.#waiting.remove(job);
    const prepared = lane.prepare(job);
    if (prepared === null) return job.start(lane);
    lane.held = true;
    prepared.then(() => job.start(lane), job.reject).finally(() => {
      lane.held = false;
      this.#dispatch();
    });
  }

  // ---- more connections

  #openMore(): void {
    const { more, wanted } = this.#options;
    const open = this.#lanes.length + this.#opening.size;
    if (more === null || this.#isClosed || this.#waiting.seats === 0 || open >= this.#limit) return;
    const number = wanted({ waiting: this.#held(), open, roundTripMs: this.first.connection.fastestMs });
    for (let i = Math.min(number, this.#limit - open); i > 0; i--) {
      this.expect(more((session) => this.prepare(session)));
    }
  }

  /** Mailboxes that wait for a connection. Those whose bodies wait for others' have enough of them. */
  #held(): number {
    return this.#waiting.count(({ bodies }) => bodies === 0);
  }

  async #opened(session: Session): Promise<void> {
    if (this.#isClosed) return await session.logout();
    const lane = this.#prepared.get(session) ?? new Lane(session);
    this.#prepared.delete(session);
    this.#awaited.delete(lane);
    this.#lanes.push(lane);
    this.#dispatch();
    this.#foresee(lane);
  }

  /**
   * A connection is opened because many mailboxes wait for a selection in which they can be changed. Of those that are
   * being looked at now, one for each connection need not.
   */
  #foresee(lane: Lane): void {
    const selected = [...this.#lanes, ...this.#prepared.values()].map(({ seat }) => seat);
    const next = [...this.#looking].find((seat) => !selected.includes(seat));
    if (lane.seat === null && next !== undefined) lane.foresee(next);
    for (const { seat } of [lane, ...this.#lanes]) if (seat !== null && this.#looking.has(seat)) this.#kept.add(seat);
  }
}

/** A job, and the lane that is free for it. */
interface Turn {
  readonly lane: Lane;
  readonly job: Job;
}

function againOn(lane: Lane, seat: Seat): Again {
  return {
    select: (_mailbox, ...parameters) => lane.lookAgain(seat, ...parameters),
    search: (uids, options) => lane.session.search(uids, options),
  };
}
