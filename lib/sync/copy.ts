// Copies messages of one mailbox in one direction: FETCH bodies from the source, in wire order, into APPENDs to the
// target. Memory: two batches and one chunk, whatever the messages. A server that sends a body need not read our
// APPEND, so bodies flow one way at a time on a pair of sessions (design B 2.7): the caller's duty.

import type { Digest } from "../base/digest.ts";
import type { Session } from "../client/mod.ts";
import { CommandError, InterimapError, MailboxError } from "../errors.ts";
import type { Logger } from "../log/types.ts";
import { type FetchItems, UidSet, UidSetBuilder } from "../protocol/mod.ts";
import type { Side } from "../state/types.ts";
import { AppendQueue, type AppendQueueContext, type OutgoingMessage, type StreamWriter } from "./append_queue.ts";
import { Batcher, MAX_BATCH_MESSAGES, MAX_BATCH_OCTETS } from "./batch.ts";
import { identifyingFields } from "./identity.ts";

const ITEMS = "(UID FLAGS INTERNALDATE BODY.PEEK[])";
/**
 * Messages asked for in one FETCH, and the longest text of their UIDs. One FETCH at a time: Dovecot 2.3.19 works on
 * several in turn, and the copies would not be in the order of the originals. What a mailbox that was given up still has
 * to be sent is bounded by this, too.
 */
const MAX_FETCH_MESSAGES = 2048;
const MAX_FETCH_OCTETS = 4096;
/** Of a streamed message so much is held to identify it; longer headers are identified by their beginning. */
const HEAD_OCTETS = 64 * 1024;

export interface CopyContext extends Omit<AppendQueueContext, "session"> {
  readonly from: Session;
  readonly to: Session;
  readonly source: Side;
  readonly sourceLog: Logger;
  readonly digest: Digest;
}

/** Source UIDs that were not copied although they exist: everything from the lowest of them on is looked at again. */
export async function copyMessages(uids: UidSet, context: CopyContext): Promise<UidSet> {
  const queue = new AppendQueue({ ...context, session: context.to });
  let missing = UidSet.empty;
  try {
    missing = await transfer(uids, MAX_BATCH_MESSAGES, queue, context);
    // MULTIAPPEND is all or nothing and does not say which message was at fault.
    await queue.finish();
    if (queue.retry.length > 0) {
      missing = missing.union(await transfer(UidSet.of(queue.retry.splice(0)), 1, queue, context));
    }
  } finally {
    await queue.finish();
  }
  const existing = missing.isEmpty ? missing : await context.from.search(missing);
  if (!existing.isEmpty) context.sourceLog.warn(`The server did not send UID ${existing}. It will be tried again.`);
  return existing.union(UidSet.of(queue.refused));
}

/** Fetches and sends; resolves to the UIDs that the server did not deliver. */
async function transfer(uids: UidSet, batch: number, queue: AppendQueue, context: CopyContext): Promise<UidSet> {
  const sink = new CopySink(queue, context, batch);
  try {
    for (const slice of fetchSlices(uids)) {
      if (queue.failure !== null) break;
      await fetchSlice(slice, sink, context);
    }
    await sink.flush();
    await sink.written();
  } catch (error) {
    sink.fail(error instanceof Error ? error : new Error(String(error)));
    throw error;
  }
  return queue.failure === null ? uids.subtract(sink.delivered) : UidSet.empty;
}

function* fetchSlices(uids: UidSet): Generator<UidSet> {
  for (const slice of uids.slices(MAX_FETCH_MESSAGES)) yield* slice.chunks(MAX_FETCH_OCTETS);
}

async function fetchSlice(slice: UidSet, sink: CopySink, context: CopyContext): Promise<void> {
  try {
    await context.from.fetch(slice, ITEMS, {
      bodies: {
        begin: (known, _section, octets) => sink.begin(known, octets),
        data: (bytes) => sink.data(bytes),
        end: () => sink.end(),
      },
    });
  } catch (error) {
    // Dovecot 2.3.19: some were expunged since SELECT; the others were sent.
    if (!(error instanceof CommandError && error.code === "EXPUNGEISSUED")) throw error;
  }
}

type Incoming = Pick<OutgoingMessage, "uid" | "flags" | "internalDate"> & { readonly octets: number };

/** What is being done with the octets that arrive. */
type Phase =
  | { readonly kind: "discard" }
  | { readonly kind: "hold"; readonly message: Incoming; readonly body: Uint8Array; filled: number }
  | { readonly kind: "head"; readonly message: Incoming; readonly head: Uint8Array; filled: number }
  | { readonly kind: "stream"; readonly writer: StreamWriter };

class CopySink {
  readonly #queue: AppendQueue;
  readonly #context: CopyContext;
  readonly #delivered = new UidSetBuilder();
  readonly #batcher: Batcher;
  readonly #slabs = new Slabs();
  #held: OutgoingMessage[] = [];
  #phase: Phase = { kind: "discard" };

  constructor(queue: AppendQueue, context: CopyContext, batch: number) {
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
    // NIL: the message is gone or unreadable. What stands behind the body comes too late for APPEND.
    if (octets === null || uid === null || flags === null || internalDate === null) return;
    if (octets === 0) return this.#ignoreEmpty(uid);
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
    const headerDigest = this.#context.digest(identifyingFields(body));
    this.#held.push({ ...message, headerDigest, body });
    this.#delivered.add(message.uid, message.uid);
  }

  /** Sends what is held. Resolves when the batch before this one is written, so that one can fill meanwhile. */
  async flush(): Promise<void> {
    const messages = this.#held;
    this.#held = [];
    if (messages.length > 0) await this.#slabs.turn(this.#queue.send(messages));
  }

  /** Waits until everything sent is written. */
  written(): Promise<void> {
    return this.#slabs.turn(Promise.resolve());
  }

  fail(error: Error): void {
    if (this.#phase.kind === "stream") this.#phase.writer.fail(error);
    this.#phase = { kind: "discard" };
  }

  #hold(message: Incoming): void {
    this.#phase = { kind: "hold", message, body: this.#slabs.take(message.octets), filled: 0 };
  }

  async #openStream(message: Incoming, head: Uint8Array, rest: Uint8Array): Promise<void> {
    const headerDigest = this.#context.digest(identifyingFields(head));
    this.#delivered.add(message.uid, message.uid);
    const { octets, ...outgoing } = message;
    const writer = await this.#queue.stream({ ...outgoing, headerDigest, body: octets });
    this.#phase = writer === null ? { kind: "discard" } : { kind: "stream", writer };
    if (writer === null) return;
    await writer.write(head);
    if (rest.length > 0) await writer.write(rest);
  }

  #ignoreEmpty(uid: number): void {
    this.#context.sourceLog.warn(`Ignoring new 0-length message (UID ${uid})`);
    const { idx, source } = this.#context;
    const uids = UidSet.range(uid, uid);
    this.#queue.record({ kind: "unmapped", idx, side: source, uids, reason: "zero-length" });
    this.#delivered.add(uid, uid);
  }

  /** A lost target ends the source's stream of bodies too; a mailbox that was given up only lets it pass. */
  #stopped(failure: Error): void {
    if (failure instanceof InterimapError && !(failure instanceof MailboxError)) throw failure;
  }
}

/** Buffers for held bodies: while one batch is being written, the next fills the other. */
class Slabs {
  #current: Uint8Array | null = null;
  #free: Uint8Array[] = [];
  #used = 0;
  #writing: Promise<void> = Promise.resolve();

  /** Room for `octets` (at most MAX_BATCH_OCTETS since the last turn). */
  take(octets: number): Uint8Array {
    this.#current ??= this.#free.pop() ?? new Uint8Array(MAX_BATCH_OCTETS);
    const room = this.#current.subarray(this.#used, this.#used + octets);
    this.#used += octets;
    return room;
  }

  /** The current slab is being written; waits for the one before. */
  async turn(written: Promise<void>): Promise<void> {
    const slab = this.#current;
    this.#current = null;
    this.#used = 0;
    const before = this.#writing;
    this.#writing = written.then(() => {
      if (slab !== null) this.#free.push(slab);
    });
    // Seen by the next turn; there is always one.
    this.#writing.catch(() => {});
    await before;
  }
}
