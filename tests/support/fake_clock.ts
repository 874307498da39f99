// A clock that stands still until the test moves it.

import { clearImmediate, setImmediate } from "node:timers";
import type { Clock } from "../../lib/base/clock.ts";

export class FakeClock implements Clock {
  #now = 0;
  readonly #timers = new Set<{ at: number; readonly callback: () => void }>();

  now(): number {
    return this.#now;
  }

  /** What is due at once happens in another turn of the event loop, without the test's help. */
  after(ms: number, callback: () => void): () => void {
    if (ms === 0) {
      const immediate = setImmediate(callback);
      return () => clearImmediate(immediate);
    }
    const timer = { at: this.#now + ms, callback };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** Timers that are set. */
  get pending(): number {
    return this.#timers.size;
  }

  /** The clock is put, as by an administrator or by a machine that was asleep: no timer notices. */
  jump(ms: number): void {
    this.#now += ms;
    for (const timer of this.#timers) timer.at += ms;
  }

  /** Moves on and fires what is due, in order. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const due = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#timers.delete(due);
      this.#now = due.at;
      due.callback();
    }
    this.#now = end;
  }
}

/** Milliseconds pass by themselves, seconds do not. */
export class BriskClock extends FakeClock {
  override after(ms: number, callback: () => void): () => void {
    return super.after(ms < 10 ? 0 : ms, callback);
  }
}

/** A clock on which every wait is over at once. */
export class HastyClock implements Clock {
  /** What was waited for, turns of the event loop aside. */
  readonly waits: number[] = [];
  #now: number;

  /** Milliseconds since the epoch; default a while after the messages of the tests. */
  constructor(now = 1_900_000_000_000) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, callback: () => void): () => void {
    let cancelled = false;
    if (ms > 0) this.waits.push(ms);
    queueMicrotask(() => {
      if (cancelled) return;
      this.#now += ms;
      callback();
    });
    return () => void (cancelled = true);
  }
}
