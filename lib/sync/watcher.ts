// Looks and waits on one pair of sessions, until one of them ends: NOTIFY or IDLE where wanted and possible, and a look at
// everything at intervals in any case (design A19). Decides how to wait; what is looked at next is watch.ts's decision,
// and what comes after a lost session somebody else's.

import { Alarm } from "../base/alarm.ts";
import type { Clock } from "../base/clock.ts";
import { type Coverage, IdleWait, probe, restartNotify, startNotify } from "../client/mod.ts";
import { MailboxError } from "../errors.ts";
import { type Data, status } from "../protocol/mod.ts";
import type { Cursors } from "../state/types.ts";
import { type BothSides, onBothSides, SIDES } from "./both_sides.ts";
import { type Round, type RunContext, runRound, runSome } from "./engine.ts";
import type { Side } from "./model.ts";
import { internalName, serverName } from "./namespace.ts";
import type { Patience } from "./patience.ts";
import { Agenda } from "./watch.ts";

/** Where a server does not tell everything unasked, everything is looked at this often. */
const POLL_MS = 60_000;
/** A server is not left without a word for longer: it may log us out after 30 minutes (RFC 9051 5.4). */
const PROBE_MS = 15 * 60_000;
/** After a longer silence a server has to answer a NOOP at once. */
const SILENCE_MS = 5 * 60_000;
/** So many mailboxes are asked for one by one; for more of them everything is listed. */
const MAX_STATUS = 20;
const STATUS_ITEMS = ["UIDVALIDITY", "UIDNEXT", "HIGHESTMODSEQ"];

export interface WatchContext extends Omit<RunContext, "repair" | "attempts"> {
  readonly clock: Clock;
  readonly patience: Patience;
  /** Between two looks at everything. */
  readonly pollMs: number;
  /** Whether to be told of changes at once. */
  readonly notify: boolean;
  /** Called after each complete look at everything. */
  readonly looked: () => void;
}

export class Watcher {
  readonly #context: WatchContext;
  readonly #run: RunContext;
  readonly #alarm: Alarm;
  readonly #agenda = new Agenda();
  readonly #idle: BothSides<IdleWait>;
  readonly #coverage: Record<Side, Coverage> = { local: "none", remote: "none" };
  /** Mailboxes that were selected in this look. */
  readonly #worked = new Set<string>();
  readonly #overflown = new Set<Side>();
  #round: Round | null = null;
  /** There was news before the names of the mailboxes were known. */
  #early = false;
  /** Between looks at everything. */
  #interval = 0;
  #nextLook = 0;
  #lastTalk = 0;

  constructor(context: WatchContext) {
    const { sessions, clock, patience } = context;
    this.#context = context;
    this.#alarm = new Alarm(clock);
    this.#idle = { local: new IdleWait(sessions.local, clock), remote: new IdleWait(sessions.remote, clock) };
    this.#run = {
      ...context,
      attempts: {
        mayTry: (mailbox, statuses) => patience.mayTry(mailbox, statuses),
        ended: (mailbox, complete) => {
          this.#worked.add(mailbox);
          patience.ended(mailbox, complete);
        },
      },
    };
  }

  /** Look at everything as soon as possible. */
  lookNow(): void {
    this.#context.patience.forgive();
    this.#agenda.note({ kind: "everything" });
    this.#alarm.ring();
  }

  /** Never resolves. @throws what ended it: that a session is over, an error of scope program */
  async run(): Promise<never> {
    const { sessions, notify, clock } = this.#context;
    for (const side of SIDES) {
      sessions[side].listener = {
        news: (data) => this.#news(side, data),
        code: (name) => this.#code(side, name),
        ended: () => this.#alarm.ring(),
      };
    }
    if (notify) {
      await onBothSides(async (side) => {
        const [coverage] = await Promise.all([startNotify(sessions[side]), sessions[side].enableQresync()]);
        this.#coverage[side] = coverage;
      });
    }
    this.#agenda.note({ kind: "everything" });
    for (;;) {
      const plan = this.#agenda.plan((mailbox) => this.#cursorsOf(mailbox));
      if (plan.kind === "nothing") await this.#wait();
      else {
        const now = clock.now();
        if (now - this.#lastTalk > SILENCE_MS && this.#round !== null) this.#probe();
        await this.#look(plan.kind === "everything" ? null : plan.mailboxes);
        this.#lastTalk = clock.now();
      }
      this.#checkSessions();
    }
  }

  // ---- looking

  /** `mailboxes`: null for all. */
  async #look(mailboxes: ReadonlySet<string> | null): Promise<void> {
    const { sessions } = this.#context;
    this.#worked.clear();
    for (const side of SIDES) this.#idle[side].stop();
    for (const side of this.#overflown) {
      this.#overflown.delete(side);
      this.#coverage[side] = await restartNotify(sessions[side]);
    }
    if (mailboxes === null || this.#round === null) await this.#lookAtAll();
    else {
      const failed = await runSome(this.#run, this.#round, mailboxes);
      // Why, only the lists may tell: a mailbox that is gone, for one.
      if (failed.length > 0) this.#agenda.note({ kind: "everything" });
    }
    await this.#leave();
  }

  async #lookAtAll(): Promise<void> {
    const { log, clock, pollMs, looked } = this.#context;
    try {
      this.#round = await runRound(this.#run);
    } catch (error) {
      // None of the mailboxes that were asked for is there any more; they may come again.
      if (!(error instanceof MailboxError) || this.#round === null) throw error;
      log.error(error.message);
    }
    this.#interval = this.#needsPolling() ? Math.min(pollMs, POLL_MS) : pollMs;
    this.#nextLook = clock.now() + this.#interval;
    if (this.#early) this.#agenda.note({ kind: "everything" });
    this.#early = false;
    looked();
  }

  #needsPolling(): boolean {
    return this.#context.notify && SIDES.some((side) => this.#coverage[side] !== "all");
  }

  /**
   * Waiting is done without a selected mailbox: NOTIFY tells nothing of one that is selected. What happened there just
   * before it was left is asked for.
   */
  async #leave(): Promise<void> {
    const { sessions } = this.#context;
    const round = this.#round;
    if (round === null || this.#worked.size === 0) return;
    const isMuch = this.#worked.size > MAX_STATUS;
    await onBothSides(async (side) => {
      const asking = [sessions[side].unselect()];
      if (this.#coverage[side] !== "none" && !isMuch) {
        for (const mailbox of this.#worked) asking.push(this.#askStatus(side, mailbox, round));
      }
      await Promise.all(asking);
    });
    if (isMuch && SIDES.some((side) => this.#coverage[side] !== "none")) this.#agenda.note({ kind: "everything" });
  }

  /** The answer comes as news. */
  async #askStatus(side: Side, mailbox: string, { listing }: Round): Promise<void> {
    const { connection } = this.#context.sessions[side];
    await connection.submit({ command: status(serverName(mailbox, listing.naming[side]), STATUS_ITEMS) }).done;
  }

  // ---- waiting

  async #wait(): Promise<void> {
    const { clock } = this.#context;
    this.#startIdle();
    // The clock may have been put back.
    this.#nextLook = Math.min(this.#nextLook, clock.now() + this.#interval);
    this.#lastTalk = Math.min(this.#lastTalk, clock.now());
    const due = Math.min(this.#nextLook, this.#lastTalk + PROBE_MS);
    const woken = await this.#alarm.wait(due - clock.now());
    if (woken === "jump" || clock.now() >= this.#nextLook) this.#agenda.note({ kind: "everything" });
    if (woken === "jump" || clock.now() >= this.#lastTalk + PROBE_MS) this.#probe();
  }

  #startIdle(): void {
    const round = this.#round;
    if (!this.#context.notify || round === null) return;
    for (const side of SIDES) {
      const idle = this.#idle[side];
      if (this.#coverage[side] !== "none" || idle.mailbox !== null || !idle.possible) continue;
      const mailbox = this.#agenda.busiest(side, round.ready.keys());
      if (mailbox !== null) void this.#idleIn(side, mailbox, round);
    }
  }

  async #idleIn(side: Side, mailbox: string, { listing }: Round): Promise<void> {
    try {
      const opened = await this.#idle[side].start(serverName(mailbox, listing.naming[side]));
      if (opened === null) return;
      const { uidValidity, uidNext, highestModSeq } = opened;
      this.#agenda.note({ kind: "picture", side, mailbox, picture: { uidValidity, uidNext, highestModSeq } });
      this.#alarm.ring();
    } catch {
      // the session is over, which its listener was told
    }
  }

  /** Finds out whether both servers are there. What follows need not wait for it. */
  #probe(): void {
    const { sessions, clock } = this.#context;
    this.#lastTalk = clock.now();
    for (const side of SIDES) {
      this.#idle[side].stop();
      probe(sessions[side], clock).catch(() => {});
    }
  }

  #checkSessions(): void {
    for (const side of SIDES) {
      const { closed } = this.#context.sessions[side];
      if (closed !== null) throw closed;
    }
  }

  // ---- what the servers say unasked

  #news(side: Side, data: Data): void {
    const idling = this.#idle[side].mailbox;
    switch (data.kind) {
      case "list":
        this.#agenda.note({ kind: "everything" });
        break;
      case "mailbox-status": {
        const mailbox = this.#nameOf(side, data.mailbox);
        this.#early ||= this.#round === null;
        if (mailbox === null) return;
        this.#agenda.note({ kind: "picture", side, mailbox, picture: data.items });
        break;
      }
      case "exists":
      case "expunge":
      case "vanished":
      case "fetch": {
        const mailbox = idling === null ? null : this.#nameOf(side, idling);
        if (mailbox === null) return;
        this.#agenda.note({ kind: "change", side, mailbox });
        break;
      }
      default:
        return;
    }
    this.#alarm.ring();
  }

  #code(side: Side, name: string): void {
    if (name !== "NOTIFICATIONOVERFLOW") return;
    this.#overflown.add(side);
    this.#agenda.note({ kind: "everything" });
    this.#alarm.ring();
  }

  #nameOf(side: Side, name: string): string | null {
    return this.#round === null ? null : internalName(name, this.#round.listing.naming[side]);
  }

  #cursorsOf(mailbox: string): Cursors | null | undefined {
    const idx = this.#round?.ready.get(mailbox);
    return idx === undefined ? undefined : this.#round?.store.cursors(idx);
  }
}
