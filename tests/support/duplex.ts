// Two ByteStreams joined in memory: what one end writes the other reads. Chunk sizes, room between the ends and the
// octet at which the connection breaks are chosen by the test. It knows nothing of what is spoken.

import { TransportError } from "../../lib/errors.ts";
import type { ByteStream } from "../../lib/transport/types.ts";

/** How a pair behaves. By default: reads hand out what one write gave, there is room without end, nothing breaks. */
export interface DuplexOptions {
  /** The most octets that one read hands out (at least 1), or a function asked before each read. */
  readonly chunk?: number | (() => number);
  /** Octets that may wait between writer and reader; a write waits until all its octets have found room. */
  readonly capacity?: number;
  /** Breaks the connection, both ways, when the first (second) end has written so many octets. */
  readonly cutAfter?: readonly [first: number | null, second: number | null];
  /** What the ends find at the cut, after what was delivered before it: an error (default) or the end of the stream. */
  readonly cutWith?: "error" | "end";
  /** Overwrites the octets handed out by a read at the next one, to catch who keeps them. Default true. */
  readonly poison?: boolean;
  /** For errors; default "local". */
  readonly component?: string;
}

/** One end of a pair. */
export interface DuplexEnd extends ByteStream {
  /** Octets of this end's writes that were taken over so far. */
  readonly written: number;
  /** Octets of this end's writes that the other end has not read yet. */
  readonly unread: number;
  readonly closed: boolean;
  /** Closes the writing direction alone: the other end reads what is there, then null. */
  end(): void;
  /** Breaks the connection now, both ways, as `cutWith` says. */
  cut(): void;
}

const POISON = 0xee;

/** Makes a joined pair; the first end is usually the client's, the second the server's. */
export function duplexPair(options: DuplexOptions = {}): [DuplexEnd, DuplexEnd] {
  const [firstLimit, secondLimit] = options.cutAfter ?? [null, null];
  const forth = new Pipe(options, firstLimit);
  const back = new Pipe(options, secondLimit);
  const cut = () => {
    forth.cut();
    back.cut();
  };
  return [new End(back, forth, options, cut), new End(forth, back, options, cut)];
}

/** One direction: octets on their way. */
class Pipe {
  written = 0;
  unread = 0;
  /** No more comes from the writer. */
  ended = false;
  /** The reader has gone. */
  deaf = false;
  broken = false;
  readonly #chunks: Uint8Array[] = [];
  readonly #capacity: number;
  readonly #limit: number;
  readonly #chunk: () => number;
  readonly #waiting: (() => void)[] = [];

  constructor(options: DuplexOptions, limit: number | null) {
    const { chunk = Infinity, capacity = Infinity } = options;
    this.#capacity = capacity;
    this.#limit = limit ?? Infinity;
    this.#chunk = typeof chunk === "number" ? () => chunk : chunk;
  }

  /** Octets that can be taken over now, before the cut. */
  get room(): number {
    return Math.min(this.#capacity - this.unread, this.#limit - this.written);
  }

  get atLimit(): boolean {
    return this.written >= this.#limit;
  }

  put(bytes: Uint8Array): void {
    this.#chunks.push(new Uint8Array(bytes)); // a copy even of a Buffer, whose slice() is none
    this.written += bytes.length;
    this.unread += bytes.length;
    this.wake();
  }

  take(): Uint8Array | null {
    const chunk = this.#chunks[0];
    if (chunk === undefined) return null;
    const octets = Math.max(1, Math.min(chunk.length, Math.floor(this.#chunk())));
    if (octets === chunk.length) this.#chunks.shift();
    else this.#chunks[0] = chunk.subarray(octets);
    this.unread -= octets;
    this.wake();
    return chunk.subarray(0, octets);
  }

  drop(): void {
    this.#chunks.length = 0;
    this.unread = 0;
  }

  cut(): void {
    this.broken = true;
    this.wake();
  }

  changed(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

class End implements DuplexEnd {
  readonly #in: Pipe;
  readonly #out: Pipe;
  readonly #options: DuplexOptions;
  readonly #cut: () => void;
  #handedOut: Uint8Array | null = null;
  #closed = false;

  constructor(incoming: Pipe, outgoing: Pipe, options: DuplexOptions, cut: () => void) {
    this.#in = incoming;
    this.#out = outgoing;
    this.#options = options;
    this.#cut = cut;
  }

  get written(): number {
    return this.#out.written;
  }

  get unread(): number {
    return this.#out.unread;
  }

  get closed(): boolean {
    return this.#closed;
  }

  async read(): Promise<Uint8Array | null> {
    if (this.#options.poison !== false) this.#handedOut?.fill(POISON);
    this.#handedOut = null;
    while (!this.#closed) {
      const bytes = this.#in.take();
      if (bytes !== null) return this.#handedOut = bytes;
      if (this.#in.broken && this.#options.cutWith !== "end") throw this.#error("read", "connection reset by peer");
      if (this.#in.ended || this.#in.broken) return null;
      await this.#in.changed();
    }
    return null;
  }

  async write(bytes: Uint8Array): Promise<void> {
    let rest = bytes;
    while (rest.length > 0) {
      if (this.#closed || this.#out.ended) throw this.#error("write", "it was closed on our side");
      if (this.#out.atLimit) this.#cut();
      if (this.#out.broken || this.#out.deaf) throw this.#error("write", "broken pipe");
      const octets = Math.min(rest.length, this.#out.room);
      if (octets > 0) {
        this.#out.put(rest.subarray(0, octets));
        rest = rest.subarray(octets);
      } else {
        await this.#out.changed();
      }
    }
    if (this.#out.atLimit) this.#cut();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#out.ended = true;
    this.#in.deaf = true;
    this.#in.drop();
    this.#out.wake();
    this.#in.wake();
  }

  end(): void {
    this.#out.ended = true;
    this.#out.wake();
  }

  cut(): void {
    this.#cut();
  }

  #error(phase: "read" | "write", reason: string): TransportError {
    const component = this.#options.component ?? "local";
    return new TransportError(phase, `Lost the connection to the other end: ${reason}`, { component });
  }
}
