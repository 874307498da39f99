// Time and chance as ports: nothing else in lib/ reads a clock, sets a timer, or is random.

/** The clock that is passed in wherever something waits. All times are milliseconds. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls `callback` once after `ms`; the returned function cancels it. */
  after(ms: number, callback: () => void): () => void;
}

/** A number from 0 to 1. */
export function systemRandom(): number {
  return Math.random();
}

/**
 * The system's clock. The first call of setTimeout() costs Deno 2.9 some 5 to 30 ms, for it loads node:timers: a tenth of a
 * run that finds nothing to do. AbortSignal.timeout() costs less, but it cannot be cancelled, and each takes some 10 KB until
 * its time is over: there is one for all that waits, and another only for what is due sooner.
 */
export function createSystemClock(): Clock {
  const nextTurn = createTurns();
  const alarms = new Alarms();
  return {
    now: () => Date.now(),
    after: (ms, callback) => ms <= 0 ? nextTurn(callback) : alarms.after(ms, callback),
  };
}

interface Alarm {
  /** By performance.now(), which nobody sets. */
  readonly at: number;
  readonly call: () => void;
}

class Alarms {
  /** In the order in which they are due. */
  readonly #waiting: Alarm[] = [];
  /** What wakes us. Without a listener it does not keep the program from ending. */
  #bell: { readonly at: number; readonly signal: AbortSignal } | null = null;
  readonly #ring = (): void => {
    this.#bell = null;
    const now = performance.now();
    try {
      // One by one, for who is called may cancel the next.
      for (let due = this.#waiting[0]; due !== undefined && due.at <= now; due = this.#waiting[0]) {
        this.#waiting.shift();
        due.call();
      }
    } finally {
      this.#listen();
    }
  };

  after(ms: number, callback: () => void): () => void {
    const alarm = { at: performance.now() + ms, call: () => callback() };
    const place = this.#waiting.findLastIndex(({ at }) => at <= alarm.at) + 1;
    this.#waiting.splice(place, 0, alarm);
    if (place === 0) this.#listen();
    return () => {
      const index = this.#waiting.indexOf(alarm);
      if (index < 0) return;
      this.#waiting.splice(index, 1);
      if (this.#waiting.length === 0) this.#bell?.signal.removeEventListener("abort", this.#ring);
    };
  }

  /** Has us woken for the first that is due; sooner does no harm. */
  #listen(): void {
    const first = this.#waiting[0];
    if (first === undefined) return;
    if (this.#bell === null || this.#bell.at > first.at || this.#bell.signal.aborted) {
      this.#bell?.signal.removeEventListener("abort", this.#ring);
      // It takes no fractions.
      const ms = Math.max(1, Math.ceil(first.at - performance.now()));
      this.#bell = { at: first.at, signal: AbortSignal.timeout(ms) };
    }
    this.#bell.signal.addEventListener("abort", this.#ring, { once: true });
  }
}

/** What is over at once has its turn together: one event for all, for each costs some 50 microseconds. */
function createTurns(): (callback: () => void) => () => void {
  let waiting = new Set<() => void>();
  const turn = (): void => {
    const calls = waiting;
    waiting = new Set();
    for (const call of calls) call();
  };
  return (callback) => {
    if (waiting.size === 0) AbortSignal.timeout(0).addEventListener("abort", turn, { once: true });
    const [calls, call] = [waiting, () => callback()];
    calls.add(call);
    return () => void calls.delete(call);
  };
}

export const systemClock = createSystemClock();

/** Fulfilled after `ms`. */
export function wait(ms: number, clock: Clock): Promise<void> {
  return new Promise((resolve) => void clock.after(ms, () => resolve()));
}
