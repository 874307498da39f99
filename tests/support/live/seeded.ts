// Random choices that can be repeated: the same seed, the same choices.

/** mulberry32. */
export class SeededRandom {
  #state: number;

  constructor(readonly seed: number) {
    this.#state = seed >>> 0;
  }

  /** At least 0, less than 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    const first = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    const second = first ^ (first + Math.imul(first ^ (first >>> 7), first | 61));
    return ((second ^ (second >>> 14)) >>> 0) / 0x1_0000_0000;
  }

  /** At least 0, less than `limit`; both whole. */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  /** At least `low`, at most `high`; both whole. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<Item>(items: readonly Item[]): Item {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new Error("Nothing to pick from");
    return item;
  }

  /** Each item with the given probability. */
  some<Item>(items: readonly Item[], probability: number): Item[] {
    return items.filter(() => this.chance(probability));
  }
}
