// Looks at one mailbox on both sides at the same time, and at what an interrupted run may have left there. Decides which
// sides have to be looked at, and has the source asked for what is said to be gone before it counts as gone. How one side
// is observed is observe.ts's, what is done about it others decide.

import { digest } from "../base/digest.ts";
import { UidSet } from "../protocol/mod.ts";
import type { AppendIntent } from "../state/types.ts";
import { bothOver, type BothSides, onBothSides, SIDES } from "./both_sides.ts";
import { areFew, readSizes, readSizesAndIds } from "./evidence.ts";
import type { MailboxRun } from "./mailbox_run.ts";
import { otherSide, type Side, uidOf } from "./model.ts";
import { observe, type Observed, type ObservedState, quiet } from "./observe.ts";
import { claimLateCopies, recoverIntents } from "./recovery.ts";
import type { Sizes } from "./sizes.ts";

/** UIDs of new mail whose sizes are read unasked. */
const MAX_EARLY_SIZES = 20_000;

/** What is to be looked at, and how. */
export interface LookOrder {
  readonly sides: readonly Side[];
  /** What is known of a side that is not looked at; null in the first pass, which looks at both. */
  readonly last: BothSides<Observed> | null;
  /** List every UID, whatever the servers say. */
  readonly whole: boolean;
  /** What the servers' answers are compared with. */
  readonly state: ObservedState;
}

/** Both sides, and those of them that were looked at now. */
export interface Seen {
  readonly looked: readonly Side[];
  readonly observed: BothSides<Observed>;
}

export class Looker {
  readonly #run: MailboxRun;
  /** What an interrupted run may have appended, and was not found. */
  #unfound: readonly AppendIntent[] = [];

  constructor(run: MailboxRun) {
    this.#run = run;
  }

  /** Finds out what became of the copies that an interrupted run had under way. To be called first. */
  async recover(): Promise<void> {
    const { context } = this.#run;
    if (context.store.intents(context.idx).length === 0) return;
    this.#unfound = await recoverIntents({ ...context, digest });
  }

  /** What came to one side since the last look may have come to the other, too: then both are looked at. */
  async look(order: LookOrder): Promise<Seen> {
    const observed = await this.#observe(order);
    const [side, ...more] = order.sides;
    if (side === undefined || more.length > 0 || observed[side].arrived.isEmpty) {
      return { looked: order.sides, observed };
    }
    const other = otherSide(side);
    const late = await this.#observe({ ...order, sides: [other], last: observed });
    return { looked: SIDES, observed: { ...observed, [other]: late[other] } };
  }

  async #observe(order: LookOrder): Promise<BothSides<Observed>> {
    const { context } = this.#run;
    const { store, idx } = context;
    const observed = await onBothSides((side) => this.#observeSide(side, order));
    if (store.cursors(idx) === null) {
      store.apply(SIDES.map((side) => ({
        kind: "cursor",
        idx,
        side,
        cursor: { uidValidity: observed[side].uidValidity, uidNext: 0, highestModSeq: 0n },
      })));
    }
    const proven = await this.#prove(observed);
    if (this.#unfound.length === 0) return proven;
    const recovery = { ...context, digest };
    return await claimLateCopies(this.#unfound, proven, recovery) ? await this.#observe(order) : proven;
  }

  async #observeSide(side: Side, { sides, last, whole, state }: LookOrder): Promise<Observed> {
    if (last !== null && !sides.includes(side)) return quiet(last[side]);
    const { context, logs, uncopied } = this.#run;
    const early = this.#run.early[side] ?? null;
    delete this.#run.early[side];
    const unasked = last === null && early === null && state === context.store;
    const expected = unasked ? this.#expected() : null;
    const observing = observe({
      session: context.sessions[side],
      side,
      store: state,
      idx: context.idx,
      mailbox: context.names[side],
      log: logs[side],
      news: (uid, flags) => this.#run.isNews(side, uid, flags),
      whole,
      early,
    });
    // Sent right behind the look: what would be asked next saves a round trip.
    const reading = expected === null ? Promise.resolve(null) : this.#readEarly(side, expected);
    const [observed, read] = await bothOver(observing, reading);
    const arrived = observed.arrived.subtract(uncopied[side]);
    const sizes = observed.sizes ?? read;
    const isSaid = arrived.subtract(sizes?.uids ?? UidSet.empty).isEmpty;
    return { ...observed, arrived, sizes: isSaid ? sizes : null };
  }

  /** What has arrived, as far as the lists told, when something came to both sides: it may be the same. */
  #expected(): BothSides<UidSet> | null {
    const { store, idx, told } = this.#run.context;
    const cursors = store.cursors(idx);
    const expected = (side: Side): UidSet => {
      const first = Math.max(cursors?.[side].uidNext ?? 0, 1);
      const next = told[side]?.messages === 0 ? first : told[side]?.uidNext ?? first;
      return next <= first || next - first > MAX_EARLY_SIZES ? UidSet.empty : UidSet.range(first, next - 1);
    };
    const both = { local: expected("local"), remote: expected("remote") };
    return SIDES.some((side) => both[side].isEmpty) ? null : both;
  }

  /** Of few messages also their Message-IDs, so that what the sizes leave open need not be asked. */
  #readEarly(side: Side, expected: BothSides<UidSet>): Promise<Sizes> {
    const { key, context: { sessions, told, arrivedInAll } } = this.#run;
    const number = (one: Side) => Math.min(expected[one].size, told[one]?.messages ?? Infinity);
    const messages = { local: number("local"), remote: number("remote") };
    return areFew(messages, "Message-IDs", sessions) && areFew(arrivedInAll, "Message-IDs of all", sessions)
      ? readSizesAndIds(sessions[side], expected[side], key)
      : readSizes(sessions[side], expected[side]);
  }

  /** Before anything is expunged, its source is asked for it in the selection in which it was missed (design A10). */
  async #prove(observed: BothSides<Observed>): Promise<BothSides<Observed>> {
    const { context, logs } = this.#run;
    const { store, idx, sessions } = context;
    return await onBothSides(async (side) => {
      const observation = observed[side];
      const other = observed[otherSide(side)];
      const doomed = store.pairsTouching(idx, side, observation.vanished)
        .filter((pair) => !other.vanished.has(uidOf(pair, otherSide(side))));
      if (doomed.length === 0) return observation;
      const uids = UidSet.of(doomed.map((pair) => uidOf(pair, side)));
      const present = observation.present?.intersect(uids) ?? await sessions[side].search(uids);
      if (present.isEmpty) return observation;
      logs[side].warn(`The server reported UID(s) ${present} as vanished that exist. Ignoring.`);
      return { ...observation, vanished: observation.vanished.subtract(present) };
    });
  }
}
