// The messages of one side of a mailbox that earlier runs left behind because the other side refused them: which of them
// are tried again, and in what order. Reads the state; what a refusal means is refusal.ts's.

import { UidSet } from "../protocol/mod.ts";
import type { Side, Store, UnmappedMessages } from "../state/types.ts";
import { concernsMailbox, isDue, parseRefusal, type Refusal, type RefusalKind, REFUSED } from "./refusal.ts";

/** Messages with one reason. */
interface Group {
  readonly uids: UidSet;
  readonly refusal: Refusal;
}

export class RefusedMessages {
  readonly #groups: readonly Group[];

  constructor(groups: readonly Group[]) {
    this.#groups = groups;
  }

  static readonly none: RefusedMessages = new RefusedMessages([]);

  /** Of `side`, as the state has them now. */
  static of(store: Store, idx: number, side: Side): RefusedMessages {
    return new RefusedMessages(
      store.unmappedBecause(REFUSED).filter((row) => row.idx === idx && row.side === side).flatMap(groupOf),
    );
  }

  /** Those that may be taken now. `limit`: the target's APPENDLIMIT. */
  due(limit: number | null): RefusedMessages {
    return new RefusedMessages(this.#groups.filter(({ refusal }) => isDue(refusal, limit)));
  }

  /** Those left because of the mailbox, and the others. */
  split(): { readonly mailbox: RefusedMessages; readonly others: RefusedMessages } {
    return {
      mailbox: new RefusedMessages(this.#groups.filter(({ refusal }) => concernsMailbox(refusal))),
      others: new RefusedMessages(this.#groups.filter(({ refusal }) => !concernsMailbox(refusal))),
    };
  }

  get uids(): UidSet {
    return this.#groups.reduce((all, { uids }) => all.union(uids), UidSet.empty);
  }

  /** The smallest: where it has no room, no other has. 0: there is none. */
  get smallest(): number {
    const known = this.#groups.filter(({ refusal }) => refusal.octets > 0);
    const [first] = known.toSorted((a, b) => a.refusal.octets - b.refusal.octets);
    return (first ?? this.#groups[0])?.uids.first ?? 0;
  }

  ofKind(kind: RefusalKind): UidSet {
    return new RefusedMessages(this.#groups.filter(({ refusal }) => refusal.kind === kind)).uids;
  }

  /** What is remembered of a message, or null. */
  find(uid: number): Refusal | null {
    return this.#groups.find(({ uids }) => uids.has(uid))?.refusal ?? null;
  }
}

function groupOf({ uids, reason }: UnmappedMessages): Group[] {
  const refusal = parseRefusal(reason);
  return refusal === null ? [] : [{ uids, refusal }];
}

/** Whether a mailbox has messages that are to be tried again although nothing happened in it. */
export function hasDue(rows: readonly UnmappedMessages[], idx: number, limits: Readonly<Record<Side, number | null>>) {
  return rows.some((row) => {
    if (row.idx !== idx) return false;
    const refusal = parseRefusal(row.reason);
    return refusal !== null && isDue(refusal, limits[row.side === "local" ? "remote" : "local"]);
  });
}

/** How many messages of each mailbox (by idx) were refused before, and still are for the same reason. */
export function stillRefused(
  before: readonly UnmappedMessages[],
  after: readonly UnmappedMessages[],
): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  const old = new Map<string, UidSet>();
  for (const row of before) {
    const key = keyOf(row);
    if (key !== null) old.set(key, row.uids.union(old.get(key) ?? UidSet.empty));
  }
  for (const row of after) {
    const key = keyOf(row);
    const same = key === null ? UidSet.empty : row.uids.intersect(old.get(key) ?? UidSet.empty);
    if (!same.isEmpty) counts.set(row.idx, (counts.get(row.idx) ?? 0) + same.size);
  }
  return counts;
}

function keyOf({ idx, side, reason }: UnmappedMessages): string | null {
  const refusal = parseRefusal(reason);
  return refusal === null ? null : `${idx} ${side} ${refusal.kind}`;
}
