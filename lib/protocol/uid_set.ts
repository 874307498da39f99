// Sets of UIDs as sorted, disjoint ranges (sequence-set of RFC 9051 section 9, without "*").
// Never expanded: 1:4294967295 costs as much as 7. Knows nothing of mailboxes.

export const MAX_UID = 4294967295;

/** An immutable set of UIDs (1 to 2^32-1). */
export class UidSet {
  static readonly empty: UidSet = new UidSet([]);

  /** First and last UID of each range in turn: ascending, disjoint, not adjacent. */
  readonly bounds: readonly number[];

  private constructor(bounds: readonly number[]) {
    this.bounds = bounds;
  }

  /** The range from..to; empty when from > to. */
  static range(from: number, to: number): UidSet {
    return from > to ? UidSet.empty : new UidSet([from, to]);
  }

  /** Of UIDs in any order, doubles allowed. */
  static of(uids: Iterable<number>): UidSet {
    const builder = new UidSetBuilder();
    for (const uid of uids) builder.add(uid, uid);
    return builder.build();
  }

  /** Number of UIDs. */
  get size(): number {
    let size = 0;
    for (let i = 0; i < this.bounds.length; i += 2) size += this.#last(i) - this.#first(i) + 1;
    return size;
  }

  get isEmpty(): boolean {
    return this.bounds.length === 0;
  }

  /** Lowest UID, 0 when empty. */
  get first(): number {
    return this.bounds[0] ?? 0;
  }

  /** Highest UID, 0 when empty. */
  get last(): number {
    return this.bounds[this.bounds.length - 1] ?? 0;
  }

  has(uid: number): boolean {
    let low = 0;
    let high = this.bounds.length / 2 - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      if (uid < this.#first(2 * middle)) high = middle - 1;
      else if (uid > this.#last(2 * middle)) low = middle + 1;
      else return true;
    }
    return false;
  }

  equals(other: UidSet): boolean {
    return this.bounds.length === other.bounds.length && this.bounds.every((bound, i) => bound === other.bounds[i]);
  }

  union(other: UidSet): UidSet {
    if (other.isEmpty) return this;
    if (this.isEmpty) return other;
    const builder = new UidSetBuilder();
    let i = 0;
    let j = 0;
    while (i < this.bounds.length || j < other.bounds.length) {
      const mine = j >= other.bounds.length || (i < this.bounds.length && this.#first(i) <= other.#first(j));
      if (mine) builder.add(this.#first(i), this.#last(i));
      else builder.add(other.#first(j), other.#last(j));
      if (mine) i += 2;
      else j += 2;
    }
    return builder.build();
  }

  intersect(other: UidSet): UidSet {
    const bounds: number[] = [];
    let i = 0;
    let j = 0;
    while (i < this.bounds.length && j < other.bounds.length) {
      const from = Math.max(this.#first(i), other.#first(j));
      const to = Math.min(this.#last(i), other.#last(j));
      if (from <= to) bounds.push(from, to);
      if (this.#last(i) < other.#last(j)) i += 2;
      else j += 2;
    }
    return new UidSet(bounds);
  }

  /** This set without the UIDs of `other`. */
  subtract(other: UidSet): UidSet {
    if (other.isEmpty) return this;
    const bounds: number[] = [];
    let j = 0;
    for (let i = 0; i < this.bounds.length; i += 2) {
      let from = this.#first(i);
      const to = this.#last(i);
      while (j < other.bounds.length && other.#last(j) < from) j += 2;
      for (let k = j; k < other.bounds.length && other.#first(k) <= to; k += 2) {
        if (other.#first(k) > from) bounds.push(from, other.#first(k) - 1);
        from = other.#last(k) + 1;
      }
      if (from <= to) bounds.push(from, to);
    }
    return new UidSet(bounds);
  }

  /** UIDs in ascending order. Only for sets known to be of real messages: ranges are walked one by one. */
  *[Symbol.iterator](): Generator<number> {
    for (let i = 0; i < this.bounds.length; i += 2) {
      const last = this.#last(i);
      for (let uid = this.#first(i); uid <= last; uid++) yield uid;
    }
  }

  /** First and last UID of each range, ascending. */
  *ranges(): Generator<readonly [first: number, last: number]> {
    for (let i = 0; i < this.bounds.length; i += 2) yield [this.#first(i), this.#last(i)];
  }

  /** Consecutive parts of at most `count` UIDs each, ascending. */
  *slices(count: number): Generator<UidSet> {
    let bounds: number[] = [];
    let room = count;
    for (let i = 0; i < this.bounds.length; i += 2) {
      const last = this.#last(i);
      let from = this.#first(i);
      while (from <= last) {
        const to = Math.min(last, from + room - 1);
        bounds.push(from, to);
        room -= to - from + 1;
        from = to + 1;
        if (room === 0) {
          yield new UidSet(bounds);
          bounds = [];
          room = count;
        }
      }
    }
    if (bounds.length > 0) yield new UidSet(bounds);
  }

  /** As on the wire: "1:3,7". Empty string when empty. */
  toString(): string {
    const words: string[] = [];
    for (let i = 0; i < this.bounds.length; i += 2) {
      const first = this.#first(i);
      const last = this.#last(i);
      words.push(first === last ? `${first}` : `${first}:${last}`);
    }
    return words.join(",");
  }

  /** Consecutive parts whose text is at most `octets` long, ascending. `octets` is at least 21. */
  *chunks(octets: number): Generator<UidSet> {
    let bounds: number[] = [];
    let length = 0;
    for (let i = 0; i < this.bounds.length; i += 2) {
      const first = this.#first(i);
      const last = this.#last(i);
      const word = `${first}`.length + (first === last ? 0 : `${last}`.length + 1);
      if (bounds.length > 0 && length + 1 + word > octets) {
        yield new UidSet(bounds);
        bounds = [];
        length = 0;
      }
      length += word + (bounds.length > 0 ? 1 : 0);
      bounds.push(first, last);
    }
    if (bounds.length > 0) yield new UidSet(bounds);
  }

  /** For UidSetBuilder: `bounds` must be ascending, disjoint and not adjacent. */
  static fromBounds(bounds: readonly number[]): UidSet {
    return bounds.length === 0 ? UidSet.empty : new UidSet(bounds);
  }

  #first(i: number): number {
    return this.bounds[i] ?? 0;
  }

  #last(i: number): number {
    return this.bounds[i + 1] ?? 0;
  }
}

/** Collects ranges in any order; cheap when they come ascending. */
export class UidSetBuilder {
  #bounds: number[] = [];
  #sorted = true;

  /** Adds from..to (from <= to, both 1 to 2^32-1). */
  add(from: number, to: number = from): void {
    const bounds = this.#bounds;
    const last = bounds[bounds.length - 1];
    if (last !== undefined && from <= last + 1) {
      const first = bounds[bounds.length - 2] ?? 0;
      if (from >= first) {
        if (to > last) bounds[bounds.length - 1] = to;
        return;
      }
      this.#sorted = false;
    }
    bounds.push(from, to);
  }

  addAll({ bounds }: UidSet): void {
    for (let i = 0; i < bounds.length; i += 2) this.add(bounds[i] ?? 0, bounds[i + 1] ?? 0);
  }

  /** Ranges collected; those that came in no order may overlap. */
  get ranges(): number {
    return this.#bounds.length / 2;
  }

  build(): UidSet {
    if (!this.#sorted) this.#sort();
    return UidSet.fromBounds(this.#bounds.slice());
  }

  /** Sorted as one 64-bit number each: a hostile line of a million ranges must not become a million objects. */
  #sort(): void {
    const keys = new BigUint64Array(this.#bounds.length / 2);
    for (let i = 0; i < keys.length; i++) {
      keys[i] = (BigInt(this.#bounds[2 * i] ?? 0) << 32n) | BigInt(this.#bounds[2 * i + 1] ?? 0);
    }
    keys.sort();
    this.#bounds = [];
    this.#sorted = true;
    for (const key of keys) this.add(Number(key >> 32n), Number(key & 0xffffffffn));
  }
}
