// Decrypted octets of a node:tls socket as a ByteStream, and the gated Duplex that the socket runs over.
// The gate is why this file exists: node:tls itself goes on reading and decrypting when nobody takes the result.
// It knows nothing of certificates.

import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { TransportError } from "../errors.ts";
import { plainView, releaseWhole } from "./buffers.ts";
import { reasonOf } from "./reason.ts";
import type { ByteStream } from "./types.ts";

/** Ciphertext is read only while less than this waits decrypted. What is held at most is this and one read more. */
const MAX_QUEUED_OCTETS = 256 * 1024;

/** Decrypted octets that nobody has read yet. */
export class ReadQueue {
  #chunks: Uint8Array[] = [];
  #octets = 0;
  #onRoom: () => void = () => {};

  /** True while more ciphertext may be read. */
  get hasRoom(): boolean {
    return this.#octets < MAX_QUEUED_OCTETS;
  }

  /** Sets what is called when there is room again. */
  onRoom(callback: () => void): void {
    this.#onRoom = callback;
  }

  push(bytes: Uint8Array): void {
    this.#chunks.push(bytes);
    this.#octets += bytes.length;
  }

  /** The oldest chunk, or null. */
  shift(): Uint8Array | null {
    const bytes = this.#chunks.shift();
    if (bytes === undefined) return null;
    const wasFull = !this.hasRoom;
    this.#octets -= bytes.length;
    if (wasFull && this.hasRoom) this.#onRoom();
    return bytes;
  }
}

/**
 * `inner` as a Duplex for `tls.connect({ socket })` that reads only while `queue` has room.
 * A failure of `inner` destroys it with the TransportError.
 */
export async function gatedDuplex(inner: ByteStream, queue: ReadQueue): Promise<Duplex> {
  const { Duplex } = await import("node:stream");
  let wanted = false;
  let pumping = false;
  const pump = async () => {
    if (pumping) return;
    pumping = true;
    try {
      while (wanted && queue.hasRoom) {
        const bytes = await inner.read();
        if (bytes === null) {
          duplex.push(null);
          return; // stays `pumping`: there is nothing to read any more
        }
        // A flowing Duplex hands the octets to the decrypter within push(), which takes them in; else it keeps them.
        const direct = duplex.readableFlowing === true && duplex.readableLength === 0;
        wanted = duplex.push(direct ? bytes : new Uint8Array(bytes));
        if (direct && duplex.readableLength > 0) throw new Error("bug: octets on loan were kept");
        await decrypted();
      }
    } catch (error) {
      duplex.destroy(asError(error));
    }
    pumping = false;
  };
  const duplex: Duplex = new Duplex({
    allowHalfOpen: true,
    read() {
      wanted = true;
      pump();
    },
    write(chunk: Uint8Array, _encoding, callback) {
      inner.write(plainView(chunk)).then(() => {
        releaseWhole(chunk);
        callback();
      }, (error) => callback(asError(error)));
    },
    destroy(error, callback) {
      inner.close();
      callback(error);
    },
  });
  queue.onRoom(pump);
  return duplex;
}

/** Lets the socket decrypt what it was given, so that the queue is up to date before it is asked for room. */
function decrypted(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** The stream above a TLS socket. Made before the handshake, because data may follow it at once. */
export class TlsStream implements ByteStream {
  readonly #socket: TLSSocket;
  readonly #inner: ByteStream;
  readonly #queue: ReadQueue;
  readonly #peer: string;
  readonly #component: string;
  #handedOut: Uint8Array | null = null;
  #failure: Error | null = null;
  #ended = false;
  #closed = false;
  #wake: () => void = () => {};

  constructor(socket: TLSSocket, inner: ByteStream, queue: ReadQueue, peer: string, component: string) {
    this.#socket = socket;
    this.#inner = inner;
    this.#queue = queue;
    this.#peer = peer;
    this.#component = component;
    socket.on("data", (bytes: Uint8Array) => {
      queue.push(plainView(bytes));
      this.#wake();
    });
    socket.on("error", (error: Error) => {
      this.#failure ??= error;
      this.#wake();
    });
    const end = () => {
      this.#ended = true;
      this.#wake();
    };
    socket.on("end", end);
    socket.on("close", end);
  }

  async read(): Promise<Uint8Array | null> {
    if (this.#handedOut !== null) releaseWhole(this.#handedOut);
    this.#handedOut = null;
    while (!this.#closed) {
      const bytes = this.#queue.shift();
      if (bytes !== null) return this.#handedOut = bytes;
      if (this.#failure !== null) throw this.#broken("read", this.#failure);
      if (this.#ended) return null;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    return null;
  }

  write(bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      if (this.#closed || this.#failure !== null) return reject(this.#broken("write", this.#failure));
      this.#socket.write(bytes, (error) => error ? reject(this.#broken("write", this.#failure ?? error)) : resolve());
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.destroy();
    this.#inner.close();
    this.#wake();
  }

  #broken(phase: "read" | "write", error: Error | null): TransportError {
    if (error instanceof TransportError) return error; // of the stream below: it says more
    const reason = this.#closed || error === null ? "it was closed on our side" : reasonOf(error);
    return new TransportError(phase, `Lost the connection to ${this.#peer}: ${reason}`, {
      component: this.#component,
      cause: error ?? undefined,
    });
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
