// Puts small writes together, so that a flight of commands is one write. Knows octets only.

import { fromLatin1 } from "../base/bytes.ts";
import type { ByteStream } from "../transport/types.ts";

/** Small writes are put together up to this many octets. */
const GATHER_OCTETS = 64 * 1024;

export class GatheringWriter {
  /** One buffer for the connection's life: no garbage per message. */
  readonly #buffer = new Uint8Array(GATHER_OCTETS);
  readonly #progress: () => void;
  #stream: ByteStream;
  #used = 0;

  /** `progress` is called whenever the stream has taken something. */
  constructor(stream: ByteStream, progress: () => void) {
    this.#stream = stream;
    this.#progress = progress;
  }

  /** Another layer: what follows goes there. Nothing may be gathered. */
  replaceStream(stream: ByteStream): void {
    this.#stream = stream;
  }

  /** Takes octets; they may be reused when it returns nothing, or else when the promise is fulfilled. */
  put(bytes: Uint8Array): void | Promise<void> {
    if (this.#used + bytes.length > GATHER_OCTETS) return this.#putBehind(bytes);
    this.#buffer.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  /** The same for text, one character per octet. */
  putText(text: string): void | Promise<void> {
    if (this.#used + text.length > GATHER_OCTETS) return this.#putBehind(fromLatin1(text));
    const buffer = this.#buffer;
    let at = this.#used;
    for (let i = 0; i < text.length; i++) buffer[at++] = text.charCodeAt(i);
    this.#used = at;
  }

  async #putBehind(bytes: Uint8Array): Promise<void> {
    await this.flush();
    if (bytes.length > GATHER_OCTETS) await this.writeNow(bytes);
    else await this.put(bytes);
  }

  async flush(): Promise<void> {
    if (this.#used === 0) return;
    const bytes = this.#buffer.subarray(0, this.#used);
    this.#used = 0;
    await this.writeNow(bytes);
  }

  /** Writes past the buffer, which must be empty. */
  async writeNow(bytes: Uint8Array): Promise<void> {
    await this.#stream.write(bytes);
    this.#progress();
  }
}
