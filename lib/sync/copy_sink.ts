// Takes the bodies of a FETCH in wire order and makes batches of them, or a stream of a large one, for the queue that
// appends them. Memory: two batches and one chunk, whatever the messages. Sends nothing itself.

import type { Digest } from "../base/digest.ts";
import { InterimapError, MailboxError } from "../errors.ts";
import type { Logger } from "../log/types.ts";
import { type FetchItems, type UidSet, UidSetBuilder } from "../protocol/mod.ts";
import type { AppendQueue } from "./append_queue.ts";
import { Batcher } from "./batch.ts";
import { FieldReader } from "./identity.ts";
import type { OutgoingMessage, StreamWriter } from "./outgoing.ts";
import type { Slabs } from "./slabs.ts";

/** Of a streamed message so much is held to identify it; longer headers are identified by their beginning. */
const HEAD_OCTETS = 256 * 1024;

export interface CopySinkContext {
  readonly sourceLog: Logger;
  readonly digest: Digest;
  /** Where bodies are held. */
  readonly slabs: Slabs;
}

type Incoming = Pick<OutgoingMessage, "uid" | "octets" | "flags" | "internalDate">;

/** What is being done with the octets that arrive. */
type Phase =
  | { readonly kind: "discard" }
  | { readonly kind: "hold"; readonly message: Incoming; readonly body: Uint8Array; filled: number }
  | { readonly kind: "head"; readonly message: Incoming; readonly head: Uint8Array; filled: number }
  | { readonly kind: "stream"; readonly writer: StreamWriter };

export class CopySink {
  readonly #queue: AppendQueue;
  readonly #context: CopySinkContext;
  readonly #delivered = new UidSetBuilder();
  readonly #batcher: Batcher;
  readonly #reader = new FieldReader();
  /** What is held lies in it, from its beginning; null: nothing is held. */
  #slab: Uint8Array | null = null;
  #used = 0;
  #held: OutgoingMessage[] = [];
  #sending: Promise<void> = Promise.resolve();
  #phase: Phase = { kind: "discard" };

  constructor(queue: AppendQueue, context: CopySinkContext, batch: number) {
    this.#queue = queue;
    this.#context = context;
    this.#batcher = new Batcher(batch);
  }

  get delivered(): UidSet {
    return this.#delivered.build();
  }

  begin(known: FetchItems, octets: number | null): void | Promise<void> {
    this.#phase = { kind: "discard" };
    if (this.#queue.failure !== null) return this.#stopped(this.#queue.failure);
    const { uid, flags, internalDate } = known;
    if (this.#queue.stopped) return;
    // NIL: the message is gone or unreadable. What stands behind the body comes too late for APPEND.
    if (octets === null || uid === null || flags === null || internalDate === null) return;
    if (octets === 0) return this.#ignoreEmpty(uid);
    if (this.#queue.leaving.isTooLarge(uid, octets)) return void this.#delivered.add(uid, uid);
    const message: Incoming = { uid, flags, internalDate, octets };
    switch (this.#batcher.next(octets)) {
      case "hold":
        return this.#hold(message);
      case "flush-then-hold":
        return this.flush().then(() => this.#hold(message));
      case "flush-then-stream":
        this.#phase = { kind: "head", message, head: new Uint8Array(Math.min(octets, HEAD_OCTETS)), filled: 0 };
        return this.flush();
    }
  }

  data(bytes: Uint8Array): void | Promise<void> {
    const phase = this.#phase;
    switch (phase.kind) {
      case "discard":
        return;
      case "hold":
        phase.body.set(bytes, phase.filled);
        phase.filled += bytes.length;
        return;
      case "head": {
        const taken = Math.min(bytes.length, phase.head.length - phase.filled);
        phase.head.set(bytes.subarray(0, taken), phase.filled);
        phase.filled += taken;
        if (phase.filled === phase.head.length) {
          return this.#openStream(phase.message, phase.head, bytes.subarray(taken));
        }
        return;
      }
      case "stream":
        return phase.writer.write(bytes);
    }
  }

  end(): void {
    const phase = this.#phase;
    this.#phase = { kind: "discard" };
    if (phase.kind === "stream") phase.writer.end();
    if (phase.kind !== "hold") return;
    const { message, body } = phase;
    const headerDigest = this.#context.digest(this.#reader.read(body));
    this.#held.push({ ...message, headerDigest, body });
    this.#delivered.add(message.uid, message.uid);
  }

  /** Sends what is held. Resolves when the batch before this one is written, so that one can fill meanwhile. */
  async flush(): Promise<void> {
    const [messages, slab] = [this.#held, this.#slab];
    this.#held = [];
    this.#slab = null;
    this.#used = 0;
    if (messages.length === 0 || slab === null) return;
    const sending = Promise.all([this.#sending, this.#queue.send(messages)]).then(() => {});
    this.#sending = sending;
    sending.catch(() => {});
    await this.#context.slabs.turn(slab, sending);
  }

  /** Waits until everything sent is written. */
  written(): Promise<void> {
    return this.#sending;
  }

  fail(error: Error): void {
    if (this.#phase.kind === "stream") this.#phase.writer.fail(error);
    this.#phase = { kind: "discard" };
  }

  #hold(message: Incoming): void {
    this.#slab ??= this.#context.slabs.take();
    const body = this.#slab.subarray(this.#used, this.#used + message.octets);
    this.#used += message.octets;
    this.#phase = { kind: "hold", message, body, filled: 0 };
  }

  async #openStream(message: Incoming, head: Uint8Array, rest: Uint8Array): Promise<void> {
    const headerDigest = this.#context.digest(this.#reader.read(head));
    this.#delivered.add(message.uid, message.uid);
    const writer = await this.#queue.stream({ ...message, headerDigest, body: message.octets });
    this.#phase = writer === null ? { kind: "discard" } : { kind: "stream", writer };
    if (writer === null) return;
    await writer.write(head);
    if (rest.length > 0) await writer.write(rest);
  }

  #ignoreEmpty(uid: number): void {
    this.#context.sourceLog.warn(`Ignoring new 0-length message (UID ${uid})`);
    this.#queue.leaving.empty(uid);
    this.#delivered.add(uid, uid);
  }

  /** A lost target ends the source's stream of bodies too; a mailbox that was given up only lets it pass. */
  #stopped(failure: Error): void {
    if (failure instanceof InterimapError && !(failure instanceof MailboxError)) throw failure;
  }
}
