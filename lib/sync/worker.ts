// What a run does to one mailbox, and many at once: gives each its view of the two servers, and turns what stops a
// mailbox into a line in the log. Which mailboxes have their turn, and what is done to one, others decide.

import type { Clock } from "../base/clock.ts";
import type { Session } from "../client/mod.ts";
import { MailboxError } from "../errors.ts";
import type { Logger } from "../log/types.ts";
import { toWire } from "../protocol/mod.ts";
import type { MailboxOverview, Side, Store } from "../state/types.ts";
import { type BothSides, onBothSides, SIDES } from "./both_sides.ts";
import { isDirty, isMiscounted, statusOf } from "./dirty.ts";
import type { Foreseen } from "./foreseen_looks.ts";
import type { FullChecks } from "./full_checks.ts";
import { Lanes } from "./lanes.ts";
import { type LanesWanted, usualWanted } from "./lanes_wanted.ts";
import type { Listing } from "./listing.ts";
import { synchronizeMailbox } from "./mailbox.ts";
import type { MailboxContext } from "./mailbox_context.ts";
import { SharedSession } from "./mailbox_session.ts";
import { serverName } from "./namespace.ts";
import { OneWay } from "./one_way.ts";
import { repairMailbox } from "./repair.ts";
import type { RunBrake } from "./run_brake.ts";
import { Slabs } from "./slabs.ts";

export interface MoreConnections {
  /** How many there may be at once to each server, the first included. */
  readonly limit: BothSides<number>;
  /**
   * Opens one more, ready for SELECT. Rejects when the server refuses. Whoever lends this closes what it opened. `usable` is
   * told of it earlier, when that is not certain yet but commands may be sent.
   */
  readonly open: (side: Side, usable?: (session: Session) => void) => Promise<Session>;
  /** When it is worth it; default: when it saves time. */
  readonly wanted?: LanesWanted;
}

export interface WorkerContext {
  readonly sessions: BothSides<Session>;
  /** Null: there are but these two. */
  readonly connections: MoreConnections | null;
  /** Connections that are being opened already. */
  readonly early: (side: Side) => readonly Promise<Session>[];
  /** What was begun before the run. */
  readonly foresight?: Foreseen | null;
  readonly listing: Listing;
  /** See `MailboxContext`. */
  readonly arrivedInAll: BothSides<number>;
  readonly store: Store;
  readonly brake: RunBrake;
  readonly log: Logger;
  readonly clock: Clock;
  readonly checks: FullChecks;
}

/** Owns the connections that it opens; to be closed. */
export class Worker {
  readonly #context: WorkerContext;
  readonly #lanes: BothSides<Lanes>;
  readonly #bodies = { oneWay: new OneWay(), slabs: new Slabs() };

  constructor(context: WorkerContext) {
    this.#context = context;
    const lanes = (side: Side) => context.foresight?.lanes(side) ?? lanesOf(side, context.sessions[side], context);
    this.#lanes = { local: lanes("local"), remote: lanes("remote") };
    for (const side of SIDES) for (const session of context.early(side)) this.#lanes[side].expect(session);
  }

  async close(): Promise<void> {
    await onBothSides((side) => this.#lanes[side].close());
  }

  /** False when something was left behind. */
  async synchronize(row: MailboxOverview): Promise<boolean> {
    const { checks, listing, store } = this.#context;
    const fullCheck = { due: checks.isNearlyDue(row), done: () => checks.done(row) };
    const complete = await this.#attempt(
      row,
      (context) => synchronizeMailbox(this.#foresee(row, { ...context, fullCheck })),
    );
    // The count itself may be wrong: the original may have been stopped in the middle.
    const onlyMiscounted = isMiscounted(row, listing) && !isDirty(row, listing);
    if (complete && onlyMiscounted) store.apply([{ kind: "recount", idx: row.idx }]);
    return complete;
  }

  /** As the original, leaves alone what was never synchronized. */
  async repair(row: MailboxOverview): Promise<boolean> {
    if (row.cursors === null && !row.interrupted) return true;
    return await this.#attempt(row, async (context) => {
      const repaired = await repairMailbox(context);
      if (repaired) this.#context.checks.done(row);
      return await synchronizeMailbox(context) && repaired;
    });
  }

  #foresee(row: MailboxOverview, context: MailboxContext): MailboxContext {
    const foreseen = this.#context.foresight?.mailbox(row.mailbox, context.names) ?? null;
    return foreseen === null ? context : { ...context, sessions: foreseen.sessions, foreseen: foreseen.looks };
  }

  async #attempt(row: MailboxOverview, work: (context: MailboxContext) => Promise<boolean>): Promise<boolean> {
    const { listing, arrivedInAll, store, log, clock, brake: runBrake } = this.#context;
    const { delimiters, naming } = listing;
    const names = { local: serverName(row.mailbox, naming.local), remote: serverName(row.mailbox, naming.remote) };
    const brake = runBrake.of(row, store);
    if (row.interrupted) log.notice(`Resuming interrupted sync for ${toWire(row.mailbox, delimiters.local)}`);
    try {
      const session = (side: Side) => new SharedSession(this.#lanes[side], names[side]);
      const sessions = { local: session("local"), remote: session("remote") };
      const complete = await work({
        sessions,
        bodies: this.#bodies,
        store,
        idx: row.idx,
        told: { local: statusOf(row, "local", listing), remote: statusOf(row, "remote", listing) },
        arrivedInAll,
        names,
        brake,
        log,
        clock,
      });
      runBrake.settle(row, brake, store);
      return complete;
    } catch (error) {
      if (!(error instanceof MailboxError)) throw error;
      const { component, mailbox } = error;
      log.with({ ...(component === null ? {} : { component }), ...(mailbox === null ? {} : { mailbox }) })
        .error([error.message, ...error.hints].join("; "));
      return false;
    } finally {
      runBrake.tell(row.mailbox, names, brake);
    }
  }
}

/** The first session with a server, and those that may come. */
export function lanesOf(
  side: Side,
  first: Session,
  { connections, log, clock }: Pick<WorkerContext, "connections" | "log" | "clock">,
): Lanes {
  return new Lanes({
    first,
    more: connections === null ? null : (usable) => connections.open(side, usable),
    limit: connections?.limit[side] ?? 1,
    wanted: connections?.wanted ?? usualWanted,
    log: log.with({ component: side }),
    clock,
  });
}
