// Buffers for the bodies of batches, shared by all copies of a run: while one batch is being written the next one fills,
// whichever mailboxes they are of. Bounds what copies hold; knows nothing of what is in them.

import { MAX_BATCH_OCTETS } from "./batch.ts";

/** Batches that are written at a time: copies over several connections do not wait for each other. */
const MAX_WRITING = 2;

export class Slabs {
  readonly #free: Uint8Array[] = [];
  /** Those that are being written. */
  #writing: readonly Promise<void>[] = [];

  /** Room for one batch. */
  take(): Uint8Array {
    return this.#free.pop() ?? new Uint8Array(MAX_BATCH_OCTETS);
  }

  /** A slab is being written, and free when that is over, well or not. Resolves when another one may be filled. */
  async turn(slab: Uint8Array, written: Promise<void>): Promise<void> {
    const release = () => {
      this.#free.push(slab);
      this.#writing = this.#writing.filter((one) => one !== releasing);
    };
    const releasing: Promise<void> = written.then(release, release);
    this.#writing = [...this.#writing, releasing];
    while (this.#writing.length > MAX_WRITING) await Promise.race(this.#writing);
  }
}
