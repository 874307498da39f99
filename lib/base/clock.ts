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

/** The system's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};

/** Fulfilled after `ms`. */
export function wait(ms: number, clock: Clock): Promise<void> {
  return new Promise((resolve) => void clock.after(ms, () => resolve()));
}
