// Remembers which flags both copies of a message were last known to have, for as long as a run lasts, so that the echo
// of what was stored or appended is not taken for a change. Made for hundreds of thousands of copies: six octets each
// when UIDs ascend. Decides nothing (plan.ts does).

import type { FlagSet } from "../protocol/types.ts";
import type { Agreements } from "./model.ts";

/** Copies to local and copies to remote each ascend; more runs than a few mean that there is no order to use. */
const MAX_RUNS = 4;
/** What fits 16 bits, 0 excepted. */
const MAX_FLAG_SETS = 65_535;
const FIRST_CAPACITY = 64;
/** The number of a forgotten entry. */
const NONE = 0;

/**
 * Agreed flags by the UIDs of one side (for a plan: the local ones). Once every store planned for a pair is confirmed, its
 * entry is to be set anew: an older one would hide a change back to it. When a union was confirmed on one side only, the
 * entry is to be deleted: set to the union, it would let the other side's flags win over it, and lose some.
 */
export class AgreementLog implements Agreements {
  /** Each ascending in itself; a UID has a number in at most one of them, or is a stray. */
  readonly #runs: Run[] = [];
  /** UIDs in no order, or with flags that got no number. */
  readonly #strays = new Map<number, FlagSet>();
  readonly #numbers = new Map<string, number>();
  /** By number minus one. */
  readonly #flagSets: FlagSet[] = [];

  /** Records that both copies have these flags now. Cheapest for ascending UIDs. */
  set(uid: number, flags: FlagSet): void {
    this.delete(uid);
    const number = this.#numberOf(flags);
    const run = number === NONE ? null : this.#runFor(uid);
    if (run === null) this.#strays.set(uid, flags);
    else run.put(uid, number);
  }

  /** The flags both copies had; null when they are not known to have agreed. */
  get(uid: number): FlagSet | null {
    // Counted, here and below: an iterator for each message is garbage.
    for (let i = 0; i < this.#runs.length; i++) {
      const number = this.#runs[i]?.get(uid) ?? NONE;
      if (number !== NONE) return this.#flagSets[number - 1] ?? null;
    }
    return this.#strays.get(uid) ?? null;
  }

  /** Forgets one: its flags are not known any more, or its pair is gone. */
  delete(uid: number): void {
    for (let i = 0; i < this.#runs.length; i++) this.#runs[i]?.clear(uid);
    if (this.#strays.size > 0) this.#strays.delete(uid);
  }

  #numberOf(flags: FlagSet): number {
    const known = this.#numbers.get(flags.key);
    if (known !== undefined) return known;
    if (this.#flagSets.length === MAX_FLAG_SETS) return NONE;
    const number = this.#flagSets.push(flags);
    this.#numbers.set(flags.key, number);
    return number;
  }

  #runFor(uid: number): Run | null {
    for (let i = 0; i < this.#runs.length; i++) {
      const run = this.#runs[i];
      if (run?.takes(uid) === true) return run;
    }
    if (this.#runs.length === MAX_RUNS) return null;
    const run = new Run();
    this.#runs.push(run);
    return run;
  }
}

/** Numbers by ascending UID, in two columns. */
class Run {
  #uids = new Uint32Array(FIRST_CAPACITY);
  #numbers = new Uint16Array(FIRST_CAPACITY);
  #count = 0;

  /** Whether the UID is above all others here, or has a place here already. */
  takes(uid: number): boolean {
    return this.#isAboveAll(uid) || this.#find(uid) >= 0;
  }

  /** Only for a UID that this run takes. */
  put(uid: number, number: number): void {
    if (!this.#isAboveAll(uid)) {
      this.#numbers[this.#find(uid)] = number;
      return;
    }
    if (this.#count === this.#uids.length) this.#grow();
    this.#uids[this.#count] = uid;
    this.#numbers[this.#count] = number;
    this.#count++;
  }

  get(uid: number): number {
    const at = this.#find(uid);
    return at < 0 ? NONE : this.#numbers[at] ?? NONE;
  }

  clear(uid: number): void {
    const at = this.#find(uid);
    if (at >= 0) this.#numbers[at] = NONE;
  }

  #isAboveAll(uid: number): boolean {
    return this.#count === 0 || uid > (this.#uids[this.#count - 1] ?? 0);
  }

  /** Where the UID is, or -1. */
  #find(uid: number): number {
    if (this.#isAboveAll(uid)) return -1;
    let low = 0;
    let high = this.#count - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const found = this.#uids[middle] ?? 0;
      if (found === uid) return middle;
      if (found < uid) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  /** By half, not by doubling: the unused part stays below a third. */
  #grow(): void {
    const capacity = Math.ceil(this.#count * 1.5);
    const uids = new Uint32Array(capacity);
    const numbers = new Uint16Array(capacity);
    uids.set(this.#uids);
    numbers.set(this.#numbers);
    this.#uids = uids;
    this.#numbers = numbers;
  }
}
