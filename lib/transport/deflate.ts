// Raw DEFLATE in both directions over another ByteStream (RFC 4978), by node:zlib.
// Pulled like every stream: nothing is inflated unless somebody reads, so a few kilobytes that would inflate to
// gigabytes cost one output buffer. It does not know when compression may begin; the client does.

import type { TransformOptions } from "node:stream";
import type { DeflateRaw, InflateRaw, ZlibOptions } from "node:zlib";
import { TransportError } from "../errors.ts";
import { plainView, releaseInOrder } from "./buffers.ts";
import { reasonOf } from "./reason.ts";
import type { ByteStream } from "./types.ts";

/** Also the most that is inflated ahead of the reader. */
const CHUNK_OCTETS = 64 * 1024;

/** What a compressed stream is about, for errors. */
export interface DeflateOptions {
  readonly component: string;
  /** Octets received before this layer existed that belong to the compressed stream. Copied. */
  readonly rest: Uint8Array;
}

/** Wraps `inner`, which from now on belongs to the returned stream. */
export async function deflateStream(inner: ByteStream, options: DeflateOptions): Promise<ByteStream> {
  const { constants, createDeflateRaw, createInflateRaw } = await import("node:zlib");
  // Every write is a flight of commands that the server must be able to read whole: Z_SYNC_FLUSH.
  const deflate = createDeflateRaw({ flush: constants.Z_SYNC_FLUSH, chunkSize: CHUNK_OCTETS, memLevel: 9 });
  const inflateOptions: ZlibOptions & TransformOptions = {
    finishFlush: constants.Z_SYNC_FLUSH, // a stream that is cut off is no error of zlib's
    chunkSize: CHUNK_OCTETS,
    readableHighWaterMark: 1, // one piece ahead of the reader, never several that read() would have to join
  };
  const inflate = createInflateRaw(inflateOptions);
  return new DeflateStream(inner, deflate, inflate, options);
}

class DeflateStream implements ByteStream {
  readonly #inner: ByteStream;
  readonly #component: string;
  readonly #deflate: DeflateRaw;
  readonly #inflate: InflateRaw;
  /** Compressed octets of the write under way. */
  #packed: Uint8Array[] = [];
  #rest: Uint8Array | null;
  #handedOut: Uint8Array | null = null;
  /** True while input given to the inflater is not used up: the buffer it came in must stay as it is. */
  #inflating = false;
  #corrupt: Error | null = null;
  #closed = false;
  #wake: () => void = () => {};

  constructor(inner: ByteStream, deflate: DeflateRaw, inflate: InflateRaw, options: DeflateOptions) {
    this.#inner = inner;
    this.#component = options.component;
    this.#rest = options.rest.length === 0 ? null : new Uint8Array(options.rest);
    this.#deflate = deflate;
    this.#inflate = inflate;
    deflate.on("data", (bytes: Uint8Array) => this.#packed.push(plainView(bytes)));
    deflate.on("error", () => {}); // reported by the callback of the write
    const wake = () => this.#wake();
    inflate.on("readable", wake);
    inflate.on("close", wake);
    inflate.on("error", (error: Error) => {
      this.#corrupt = error;
      this.#wake();
    });
  }

  async read(): Promise<Uint8Array | null> {
    if (this.#handedOut !== null) releaseInOrder(this.#handedOut);
    this.#handedOut = null;
    while (!this.#closed) {
      const bytes: Uint8Array | null = this.#inflate.read();
      if (bytes !== null) return this.#handedOut = plainView(bytes);
      if (this.#corrupt !== null) throw this.#corruption(this.#corrupt);
      if (this.#inflate.readableEnded) return null; // the server ended its compressed stream
      if (this.#inflating) {
        await new Promise<void>((resolve) => this.#wake = resolve);
      } else if (!(await this.#feed())) {
        return null;
      }
    }
    return null;
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0) return;
    await this.#pack(bytes);
    const packed = this.#packed;
    this.#packed = [];
    for (const piece of packed) {
      await this.#inner.write(piece);
      releaseInOrder(piece);
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#inner.close();
    this.#deflate.destroy();
    this.#inflate.destroy();
    this.#wake();
  }

  /** Gives the inflater the next compressed octets; false at the end of the stream. */
  async #feed(): Promise<boolean> {
    const input = this.#rest ?? await this.#inner.read();
    this.#rest = null;
    if (input === null || this.#closed) return false;
    this.#inflating = true;
    this.#inflate.write(input, () => {
      this.#inflating = false;
      this.#wake();
    });
    return true;
  }

  #pack(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (error: unknown) => {
        const reason = this.#closed ? "it was closed on our side" : reasonOf(error);
        const context = { component: this.#component, cause: error };
        reject(new TransportError("write", `Can't write to the compressed connection: ${reason}`, context));
      };
      if (this.#closed) return fail(undefined);
      this.#deflate.write(bytes, (error) => error ? fail(error) : resolve());
    });
  }

  #corruption(cause: Error): TransportError {
    return new TransportError("read", `The server's compressed data is corrupt: ${reasonOf(cause)}`, {
      component: this.#component,
      cause,
      hints: ["Set compress = NO for this server if it happens again"],
    });
  }
}
