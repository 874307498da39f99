// The delete brake: how many messages of one mailbox a run may delete on each side, and which deletions of a plan have to
// wait because they would be more. An emptied mailbox is either a wish or an accident, and no server can tell which.
// Pure; knows nothing of who confirms deletions, which mailboxes are exempt, or how a plan is made and carried out.

import { UidSet } from "../protocol/uid_set.ts";
import { otherSide, type Pair, type Plan, type Side, type SidePlan, uidOf } from "./model.ts";

/** How many messages of one mailbox a run may delete on one side: at most `count`, and at most `percent` of its pairs. */
export interface DeleteLimit {
  /** null: any number. */
  readonly count: number | null;
  /** null: any share. Holds for mailboxes of more than SMALL_MAILBOX messages only. */
  readonly percent: number | null;
}

/** When nothing is configured. */
export const DEFAULT_LIMIT: DeleteLimit = { count: 1000, percent: 50 };

export const NO_LIMIT: DeleteLimit = { count: null, percent: null };

/** In mailboxes of up to so many messages a share says nothing: two of three are soon deleted. */
const SMALL_MAILBOX = 20;

/** UIDs are named in messages up to this many octets. */
const SHOWN_OCTETS = 60;

/** How many of `pairs` messages may be deleted on one side; Infinity: all. Exactly so many still go. */
export function allowedDeletes({ count, percent }: DeleteLimit, pairs: number): number {
  const share = percent === null || pairs <= SMALL_MAILBOX ? Infinity : Math.floor(pairs * percent / 100);
  return Math.min(count ?? Infinity, share);
}

/** What the brake asks about a mailbox, and what has to be remembered beyond the run. */
export interface BrakeMemory {
  /** Number of pairs; asked once, before anything is deleted. */
  countPairs(): number;
  /**
   * An earlier run held deletions on this side. They go on waiting for the user, although new mail or deletions by
   * somebody else may have made them a smaller share meanwhile.
   */
  isHeld(side: Side): boolean;
  /** To be known at once: what the same run copies makes the share smaller. */
  hold(side: Side): void;
}

/** The brake of one mailbox in one run, over all of its passes. */
export class MailboxBrake {
  readonly #limit: DeleteLimit;
  readonly #memory: BrakeMemory;
  #pairs: number | null = null;
  /** Messages of each side whose deletion was let through, and those whose deletion waits. */
  readonly #released: Record<Side, UidSet> = { local: UidSet.empty, remote: UidSet.empty };
  readonly #held: Record<Side, UidSet> = { local: UidSet.empty, remote: UidSet.empty };

  constructor(limit: DeleteLimit, memory: BrakeMemory) {
    this.#limit = limit;
    this.#memory = memory;
  }

  /** The number of pairs before the first deletion; 0 when none was planned. */
  get pairs(): number {
    return this.#pairs ?? 0;
  }

  /** UIDs of the messages on `side` that would have been deleted there, and wait. */
  held(side: Side): UidSet {
    return this.#held[side];
  }

  /** What `side` reported as gone is not on the other side yet: its cursor must not move past it. */
  holdsNewsOf(side: Side): boolean {
    return !this.#held[otherSide(side)].isEmpty;
  }

  /** The plan without the deletions that have to wait. Everything else of it stays. */
  apply(plan: Plan): Plan {
    if (plan.local.expunge.length === 0 && plan.remote.expunge.length === 0) return plan;
    this.#pairs ??= this.#memory.countPairs();
    const allowed = allowedDeletes(this.#limit, this.#pairs);
    return {
      ...plan,
      local: this.#applySide(plan.local, "local", allowed),
      remote: this.#applySide(plan.remote, "remote", allowed),
    };
  }

  /** All or nothing: a part of what may be an accident is as bad as the whole. */
  #applySide(plan: SidePlan, side: Side, allowed: number): SidePlan {
    if (plan.expunge.length === 0 || allowed === Infinity) return plan;
    const released = this.#released[side].union(uidsOf(plan.expunge, side));
    const wasHeld = !this.#held[side].isEmpty || this.#memory.isHeld(side);
    if (!wasHeld && released.size <= allowed) {
      this.#released[side] = released;
      return plan;
    }
    if (!wasHeld) this.#memory.hold(side);
    // What an earlier pass let through and could not finish is counted already.
    const expunge = plan.expunge.filter((pair) => this.#released[side].has(uidOf(pair, side)));
    const waiting = uidsOf(plan.expunge, side).subtract(this.#released[side]);
    this.#held[side] = this.#held[side].union(waiting);
    return { ...plan, expunge };
  }
}

function uidsOf(pairs: readonly Pair[], side: Side): UidSet {
  return UidSet.of(pairs.map((pair) => uidOf(pair, side)));
}

/**
 * What the user is told of the deletions on `side` that wait, without prefix. `mailbox`: the name that commands take;
 * `pairs`: how many messages the mailbox had.
 */
export function heldText(held: UidSet, side: Side, pairs: number, mailbox: string): string {
  const source = otherSide(side);
  const name = shellWord(mailbox);
  return `Delete brake: ${held.size} of ${pairs} messages are gone from ${source} and would be deleted here ` +
    `(UID ${brief(held)}). These deletions wait. To carry them out run \`interimap --confirm-deletes=${name}\`; to ` +
    `copy the messages back to ${source} run \`interimap --target=database --delete ${name}\`, then \`interimap\`.`;
}

function brief(uids: UidSet): string {
  const text = uids.toString();
  return text.length <= SHOWN_OCTETS ? text : `${text.slice(0, text.lastIndexOf(",", SHOWN_OCTETS))},...`;
}

function shellWord(text: string): string {
  return /^[\w.,:/+=@^-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
