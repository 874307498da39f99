// Lets the bodies of messages flow one way at a time: a server that sends one need not read what we send meanwhile, and
// two that wait for each other wait for ever (design B 2.7). Pure but for waiting; knows no session.

import type { Side } from "./model.ts";

export class OneWay {
  /** Where the bodies come from. */
  #source: Side | null = null;
  #inside = 0;
  #waiting: { readonly source: Side; readonly enter: () => void }[] = [];

  /** Runs `work` while bodies flow from `source`, together with all others that want the same. */
  async from<T>(source: Side, work: () => Promise<T>): Promise<T> {
    if (this.#source !== null && this.#source !== source) {
      await new Promise<void>((enter) => this.#waiting.push({ source, enter }));
    } else {
      this.#source = source;
      this.#inside++;
    }
    try {
      return await work();
    } finally {
      if (--this.#inside === 0) this.#turn();
    }
  }

  /** The last one has left: those who wait come in, and all of them want the same. */
  #turn(): void {
    const entering = this.#waiting;
    this.#waiting = [];
    this.#source = entering[0]?.source ?? null;
    this.#inside = entering.length;
    for (const { enter } of entering) enter();
  }
}
