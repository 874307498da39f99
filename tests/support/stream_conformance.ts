// The suite that every ByteStream passes: order under any chunking, back-pressure, the end, closing, a peer that goes.
// An implementation is described by how to open a joined pair; what is at the other end is the caller's business.

import assert from "node:assert/strict";
import { TransportError } from "../../lib/errors.ts";
import type { ByteStream } from "../../lib/transport/types.ts";

/** A stream under test, and its peer. */
export interface StreamFixture {
  readonly stream: ByteStream;
  /** What it writes the stream reads. Closing it is what "the peer is gone" means. */
  readonly peer: ByteStream;
  /** Frees everything; both ends are closed already or may be closed here. */
  cleanup(): Promise<void> | void;
}

/** What can be expected of an implementation. */
export interface ConformanceOptions {
  /** The most octets that may be accepted, each way, while the other end does not read. */
  readonly maxBufferedOctets: number;
  /** Octets of the large transfers; default 8 MiB. */
  readonly largeOctets?: number;
}

const PIECE_SIZES = [1, 2, 3, 7, 64, 1000, 4096, 16383, 16384, 16385, 65536, 70000];

/** Registers the tests, named `NAME: ...`. */
export function streamConformance(
  name: string,
  open: () => Promise<StreamFixture>,
  options: ConformanceOptions,
): void {
  const largeOctets = options.largeOctets ?? 8 << 20;
  const test = (what: string, body: (fixture: StreamFixture) => Promise<void>) => {
    Deno.test(`${name}: ${what}`, async () => {
      const fixture = await open();
      try {
        await body(fixture);
      } finally {
        fixture.stream.close();
        fixture.peer.close();
        await fixture.cleanup();
      }
    });
  };

  test("`read()` gives the octets in order when the peer writes pieces of any size", async ({ stream, peer }) => {
    await Promise.all([sendPieces(peer), expectPattern(stream, totalOf(PIECE_SIZES))]);
  });

  test("`write()` delivers the octets in order in pieces of any size", async ({ stream, peer }) => {
    await Promise.all([sendPieces(stream), expectPattern(peer, totalOf(PIECE_SIZES))]);
  });

  test("`write()` leaves `bytes` to the caller once it resolves", async ({ stream, peer }) => {
    const bytes = new Uint8Array(5000);
    const received = collect(peer, 50_000);
    for (let i = 0; i < 10; i++) {
      bytes.fill(i);
      await stream.write(bytes);
      bytes.fill(0xff);
    }
    assert.deepEqual(await received, Uint8Array.from({ length: 50_000 }, (_, i) => Math.floor(i / 5000)));
  });

  test("`write()` of nothing sends nothing", async ({ stream, peer }) => {
    await stream.write(new Uint8Array(0));
    await stream.write(Uint8Array.of(42));
    assert.deepEqual(await collect(peer, 1), Uint8Array.of(42));
  });

  test("both directions work at the same time", async ({ stream, peer }) => {
    const octets = 1 << 20;
    await Promise.all([
      sendPattern(stream, octets),
      sendPattern(peer, octets),
      expectPattern(stream, octets),
      expectPattern(peer, octets),
    ]);
  });

  test("a question gets its answer a thousand times", async ({ stream, peer }) => {
    const question = new TextEncoder().encode("a1 NOOP\r\n");
    for (let i = 0; i < 1000; i++) {
      await stream.write(question);
      await peer.write(await collect(peer, question.length));
      assert.deepEqual(await collect(stream, question.length), question);
    }
  });

  test("`read()` holds the peer back when nobody reads, and loses nothing", async ({ stream, peer }) => {
    await expectStall(peer, stream, options.maxBufferedOctets);
  });

  test("`write()` waits when the peer does not read, and loses nothing", async ({ stream, peer }) => {
    await expectStall(stream, peer, options.maxBufferedOctets);
  });

  test("a large transfer arrives whole in both directions, one after the other", async ({ stream, peer }) => {
    await Promise.all([sendPattern(peer, largeOctets), expectPattern(stream, largeOctets)]);
    await Promise.all([sendPattern(stream, largeOctets), expectPattern(peer, largeOctets)]);
  });

  test("`read()` gives what the peer wrote before it closed, then null for ever", async ({ stream, peer }) => {
    await peer.write(new Uint8Array(1000).fill(7));
    peer.close();
    assert.deepEqual(await collect(stream, 1000), new Uint8Array(1000).fill(7));
    assert.equal(await stream.read(), null);
    assert.equal(await stream.read(), null);
  });

  test("`write()` fails with TransportError once the peer is gone", async ({ stream, peer }) => {
    peer.close();
    const bytes = new Uint8Array(16384);
    await assert.rejects(async () => {
      for (let i = 0; i < 10_000; i++) await stream.write(bytes);
    }, isTransportError);
    await assert.rejects(() => stream.write(bytes), isTransportError);
  });

  test("a `write()` that waits fails with TransportError when the peer goes", async ({ stream, peer }) => {
    const failed = assert.rejects(() => writeUntilStopped(stream, () => {}), isTransportError);
    await settled();
    peer.close();
    await failed;
  });

  test("`close()` ends a pending `read()`", async ({ stream }) => {
    const pending = stream.read();
    await settled();
    stream.close();
    assert.equal(await nullOrTransportError(pending), null);
  });

  test("`close()` ends a pending `write()`", async ({ stream }) => {
    const failed = assert.rejects(() => writeUntilStopped(stream, () => {}), isTransportError);
    await settled();
    stream.close();
    await failed;
  });

  test("`close()` may be called again, then `read()` gives null and `write()` fails", async ({ stream }) => {
    stream.close();
    stream.close();
    assert.equal(await stream.read(), null);
    await assert.rejects(() => stream.write(Uint8Array.of(1)), isTransportError);
    stream.close();
  });

  test("`close()` ends what the peer reads", async ({ stream, peer }) => {
    await stream.write(new Uint8Array(10));
    await collect(peer, 10);
    stream.close();
    assert.equal(await nullOrTransportError(peer.read()), null);
  });
}

/** Reads exactly `octets` and copies them. */
export async function collect(stream: ByteStream, octets: number): Promise<Uint8Array> {
  const all = new Uint8Array(octets);
  let got = 0;
  while (got < octets) {
    const bytes = await stream.read();
    if (bytes === null) throw new Error(`the stream ended after ${got} of ${octets} octets`);
    assert.ok(bytes.length > 0, "a read gave no octet");
    assert.equal(Object.getPrototypeOf(bytes), Uint8Array.prototype, "a Buffer: its slice() would be no copy");
    all.set(bytes, got); // throws when there is more than expected
    got += bytes.length;
  }
  return all;
}

/** Writes `octets` of a pattern that `expectPattern()` knows. */
export async function sendPattern(stream: ByteStream, octets: number, pieceOctets = 32768): Promise<void> {
  const piece = new Uint8Array(pieceOctets);
  for (let at = 0; at < octets; at += pieceOctets) {
    const length = Math.min(pieceOctets, octets - at);
    for (let i = 0; i < length; i++) piece[i] = patternAt(at + i);
    await stream.write(piece.subarray(0, length));
  }
}

/** Reads `octets` and checks each. */
export async function expectPattern(stream: ByteStream, octets: number): Promise<void> {
  let at = 0;
  while (at < octets) {
    const bytes = await stream.read();
    if (bytes === null) throw new Error(`the stream ended after ${at} of ${octets} octets`);
    for (let i = 0; i < bytes.length; i++) {
      if (bytes[i] !== patternAt(at + i)) assert.fail(`octet ${at + i} is ${bytes[i]}, not ${patternAt(at + i)}`);
    }
    at += bytes.length;
  }
  assert.equal(at, octets);
}

/** A hash of the offset: a lost or doubled buffer shows, and compression gains nothing. */
function patternAt(offset: number): number {
  let hash = Math.imul(offset ^ (offset >>> 15), 0x2c1b3c6d);
  hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39);
  return (hash ^ (hash >>> 15)) & 0xff;
}

async function sendPieces(stream: ByteStream): Promise<void> {
  let at = 0;
  for (const size of PIECE_SIZES) {
    const start = at;
    await stream.write(Uint8Array.from({ length: size }, (_, i) => patternAt(start + i)));
    at += size;
  }
}

function totalOf(sizes: readonly number[]): number {
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** Writes until the writer is held back, checks how much was accepted, then reads all of it. */
async function expectStall(writer: ByteStream, reader: ByteStream, maxBufferedOctets: number): Promise<void> {
  let accepted = 0;
  let stop = false;
  const pieceOctets = 16384;
  const writing = (async () => {
    const piece = new Uint8Array(pieceOctets);
    while (!stop && accepted <= 2 * maxBufferedOctets) {
      for (let i = 0; i < pieceOctets; i++) piece[i] = patternAt(accepted + i);
      await writer.write(piece);
      accepted += pieceOctets;
    }
  })();
  let before = -1;
  while (accepted !== before) { // held back: nothing was accepted for a while
    before = accepted;
    await settled();
  }
  assert.ok(accepted <= maxBufferedOctets, `${accepted} octets were accepted, not at most ${maxBufferedOctets}`);
  stop = true;
  await expectPattern(reader, accepted + pieceOctets);
  await writing;
}

async function writeUntilStopped(stream: ByteStream, onTaken: () => void): Promise<void> {
  const piece = new Uint8Array(65536);
  while (true) {
    await stream.write(piece);
    onTaken();
  }
}

/** Resolves after what was under way in this process and the kernel has had time to happen. */
function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 150));
}

async function nullOrTransportError(pending: Promise<Uint8Array | null>): Promise<Uint8Array | null> {
  try {
    return await pending;
  } catch (error) {
    assert.ok(isTransportError(error));
    return null;
  }
}

function isTransportError(error: unknown): boolean {
  assert.ok(error instanceof TransportError, `not a TransportError: ${error}`);
  assert.ok(error.component !== null, "the error does not say on which side");
  assert.ok(!/[\r\n]/.test(error.message), "the message is more than one line");
  return true;
}
