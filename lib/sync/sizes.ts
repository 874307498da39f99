// Which messages of two mailboxes can be the same by their sizes alone, so that the headers of the others need not be
// read. Columns of numbers: eight octets a message. Knows neither how sizes are read nor what else tells messages apart.

import { UidSet, UidSetBuilder } from "../protocol/uid_set.ts";
import type { Evidence } from "./match.ts";
import { MBSYNC_LINE_OCTETS } from "./mbsync_header.ts";
import type { BothSides } from "./model.ts";

const FIRST_CAPACITY = 64;

/** RFC822.SIZE of messages of one side, modulo 2^32. */
export class Sizes {
  /** Of the same messages; null: they were not read. */
  readonly messageIds: Evidence | null;
  readonly #limit: number;
  #uids = new Uint32Array(FIRST_CAPACITY);
  #sizes = new Uint32Array(FIRST_CAPACITY);
  #count = 0;

  /** `limit`: what is told beyond so many messages is passed over. */
  constructor(limit: number, messageIds: Evidence | null = null) {
    this.#limit = limit;
    this.messageIds = messageIds;
  }

  set(uid: number, size: number): void {
    if (this.#count === this.#limit) return;
    if (this.#count === this.#uids.length) this.#grow();
    this.#uids[this.#count] = uid;
    this.#sizes[this.#count++] = size;
  }

  /** The messages whose size is known. */
  get uids(): UidSet {
    return UidSet.of(this.#uids.subarray(0, this.#count));
  }

  /** The messages whose size `isWanted`. */
  select(isWanted: (size: number) => boolean): UidSet {
    const wanted = new UidSetBuilder();
    for (let i = 0; i < this.#count; i++) if (isWanted(this.#sizes[i] ?? 0)) wanted.add(this.#uids[i] ?? 1);
    return wanted.build();
  }

  /** Ascending. */
  sorted(): Uint32Array {
    return this.#sizes.slice(0, this.#count).sort();
  }

  #grow(): void {
    const [uids, sizes] = [this.#uids, this.#sizes];
    this.#uids = new Uint32Array(2 * uids.length);
    this.#sizes = new Uint32Array(2 * sizes.length);
    this.#uids.set(uids);
    this.#sizes.set(sizes);
  }
}

/** By their sizes, messages of each side that can be on the other. */
export interface Alike {
  /** Equally large, but for the line that mbsync adds. */
  readonly all: BothSides<UidSet>;
  /** The same without those to which only longer ones are alike. When none of these has that line, there are no others. */
  readonly likely: BothSides<UidSet>;
}

/** Of `uids` those that can be the same by the sizes that are known. */
export function alike(uids: BothSides<UidSet>, sizes: BothSides<Sizes>): Alike {
  const unknown = {
    local: uids.local.subtract(sizes.local.uids),
    remote: uids.remote.subtract(sizes.remote.uids),
  };
  // With a message of unknown size everything may be the same.
  if (!unknown.local.isEmpty || !unknown.remote.isEmpty) return { all: uids, likely: uids };
  const sorted = { local: sizes.local.sorted(), remote: sizes.remote.sorted() };
  const select = (...differences: readonly number[]): BothSides<UidSet> => {
    const among = (theirs: Uint32Array) => (size: number) =>
      differences.some((difference) => contains(theirs, size + difference));
    return {
      local: sizes.local.select(among(sorted.remote)).intersect(uids.local),
      remote: sizes.remote.select(among(sorted.local)).intersect(uids.remote),
    };
  };
  return {
    all: select(0, MBSYNC_LINE_OCTETS, -MBSYNC_LINE_OCTETS),
    likely: select(0, -MBSYNC_LINE_OCTETS),
  };
}

function contains(sorted: Uint32Array, value: number): boolean {
  let low = 0;
  let high = sorted.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const found = sorted[middle] ?? 0;
    if (found === value) return true;
    if (found < value) low = middle + 1;
    else high = middle - 1;
  }
  return false;
}
