// The in-memory pair of tests/support: it must keep the rules of ByteStream, or tests built on it prove nothing.

import assert from "node:assert/strict";
import { TransportError } from "../../lib/errors.ts";
import { metered, newCounter } from "../../lib/transport/metered.ts";
import { type DuplexOptions, duplexPair } from "../support/duplex.ts";
import { collect, streamConformance } from "../support/stream_conformance.ts";
import { sizes } from "./helpers.ts";

const CAPACITY = 64 * 1024;

function pair(options: DuplexOptions) {
  return () => {
    const [stream, peer] = duplexPair(options);
    return Promise.resolve({ stream, peer, cleanup() {} });
  };
}

const conformance = { maxBufferedOctets: CAPACITY, largeOctets: 1 << 20 };
streamConformance("duplex", pair({ capacity: CAPACITY }), conformance);
streamConformance("duplex, odd chunks", pair({ capacity: CAPACITY, chunk: sizes(7919, 5003) }), conformance);

Deno.test("`duplexPair()` hands out one octet at a time when told so", async () => {
  const [a, b] = duplexPair({ chunk: 1 });
  await a.write(Uint8Array.of(1, 2, 3));
  assert.equal(a.unread, 3);
  for (const octet of [1, 2, 3]) assert.deepEqual(await b.read(), Uint8Array.of(octet));
  assert.equal(a.unread, 0);
  assert.equal(a.written, 3);
});

Deno.test("`duplexPair()` spoils what a read handed out at the next read", async () => {
  const [a, b] = duplexPair({ chunk: 2 });
  await a.write(Uint8Array.of(1, 2, 3, 4));
  const first = await b.read();
  await b.read();
  assert.deepEqual(first, Uint8Array.of(0xee, 0xee));
});

Deno.test("`duplexPair()` breaks both ways at the octet given, after delivering what came before", async () => {
  const [a, b] = duplexPair({ cutAfter: [5, null] });
  await b.write(Uint8Array.of(9));
  await assert.rejects(() => a.write(new Uint8Array(8)), TransportError);
  assert.deepEqual(await collect(b, 5), new Uint8Array(5));
  await assert.rejects(() => b.read(), TransportError);
  await assert.rejects(() => b.write(Uint8Array.of(1)), TransportError);
  assert.deepEqual(await a.read(), Uint8Array.of(9));
  await assert.rejects(() => a.read(), TransportError);
});

Deno.test("`duplexPair()` can break with the end of the stream instead of an error", async () => {
  const [a, b] = duplexPair({ cutAfter: [null, 3], cutWith: "end" });
  const pending = a.read();
  await b.write(Uint8Array.of(1, 2, 3));
  assert.deepEqual(await pending, Uint8Array.of(1, 2, 3));
  assert.equal(await a.read(), null);
  await assert.rejects(() => b.write(Uint8Array.of(4)), TransportError);
});

Deno.test("`end()` closes one direction only", async () => {
  const [a, b] = duplexPair();
  a.end();
  assert.equal(await b.read(), null);
  await b.write(Uint8Array.of(1));
  assert.deepEqual(await a.read(), Uint8Array.of(1));
});

Deno.test("`metered()` counts what was read and what was taken over, and nothing else", async () => {
  const [stream, peer] = duplexPair({ cutAfter: [10, null] });
  const counter = newCounter();
  const counted = metered(stream, counter);
  await peer.write(new Uint8Array(300));
  await counted.write(new Uint8Array(7));
  assert.deepEqual(counter, { received: 0, sent: 7 });
  await collect(counted, 300);
  await assert.rejects(() => counted.write(new Uint8Array(7)), TransportError);
  assert.deepEqual(counter, { received: 300, sent: 7 });
});
