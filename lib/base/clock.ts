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

/** A run that finds little to do sets fewer timers. */
const FIRST_TIMERS = 64;

/**
 * The system's clock. The first call of setTimeout() costs Deno 2.9 some 5 ms, for it loads node:timers: a tenth of a run
 * that finds nothing to do. What AbortSignal.timeout() has begun stays in memory until its time is over, even when it is
 * cancelled: only the first timers are begun so, and those that are over at once.
 */
export function createSystemClock(): Clock {
  let begun = 0;
  return {
    now: () => Date.now(),
    after(ms, callback) {
      if (ms > 0 && ++begun > FIRST_TIMERS) {
        const timer = setTimeout(callback, ms);
        return () => clearTimeout(timer);
      }
      // It takes no fractions, and nothing below zero. Without a listener it does not keep the program from ending.
      const signal = AbortSignal.timeout(Math.max(0, Math.ceil(ms)));
      const call = () => callback();
      signal.addEventListener("abort", call, { once: true });
      return () => signal.removeEventListener("abort", call);
    },
  };
}

export const systemClock = createSystemClock();

/** Fulfilled after `ms`. */
export function wait(ms: number, clock: Clock): Promise<void> {
  return new Promise((resolve) => void clock.after(ms, () => resolve()));
}
