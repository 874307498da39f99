// Waiting for a call or for time to pass, whichever is first; and noticing that the machine was asleep meanwhile, when
// timers stand still and the clock on the wall does not.

import type { Clock } from "./clock.ts";

/** Time is looked at this often while waiting. */
const TICK_MS = 15_000;
/** A tick that is late by more is a jump of the clock. */
const LATE_MS = 30_000;

/** Why a wait ended. "jump": much more time has passed than was waited for. */
export type Waking = "rung" | "time" | "jump";

/** One waiter, any number of callers. */
export class Alarm {
  readonly #clock: Clock;
  #rung = false;
  #wake: (() => void) | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Ends the wait, or the next one if there is none. */
  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  /** Waits for `ring()`, at most `ms`. */
  async wait(ms: number): Promise<Waking> {
    for (let left = ms; !this.#rung;) {
      if (left <= 0) return "time";
      const nap = Math.min(TICK_MS, left);
      const before = this.#clock.now();
      await this.#nap(nap);
      const passed = this.#clock.now() - before;
      if (passed > nap + LATE_MS) return "jump";
      // A clock that was put back has to cost no more than the nap.
      left -= passed < 0 ? nap : Math.max(passed, this.#rung ? 0 : nap);
    }
    this.#rung = false;
    return "rung";
  }

  async #nap(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#clock.after(ms, resolve);
    this.#wake = resolve;
    await promise;
    cancel();
    this.#wake = null;
  }
}
