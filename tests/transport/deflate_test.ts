// Compression over the in-memory pair, and what passes below it judged by zlib's one-shot functions.

import assert from "node:assert/strict";
import { constants, deflateRawSync, inflateRawSync } from "node:zlib";
import { TransportError } from "../../lib/errors.ts";
import { deflateStream } from "../../lib/transport/deflate.ts";
import type { ByteStream } from "../../lib/transport/types.ts";
import { type DuplexOptions, duplexPair } from "../support/duplex.ts";
import { collect, streamConformance } from "../support/stream_conformance.ts";
import { probeMemory, sizes } from "./helpers.ts";

const CAPACITY = 64 * 1024;
const NOTHING = new Uint8Array(0);

function compressed(inner: ByteStream, rest: Uint8Array = NOTHING): Promise<ByteStream> {
  return deflateStream(inner, { component: "remote", rest });
}

function pair(options: DuplexOptions) {
  return async () => {
    const [a, b] = duplexPair({ capacity: CAPACITY, ...options });
    return { stream: await compressed(a), peer: await compressed(b), cleanup() {} };
  };
}

streamConformance("deflate", pair({}), { maxBufferedOctets: 512 * 1024, largeOctets: 4 << 20 });
streamConformance("deflate, small pieces", pair({ chunk: sizes(31, 211) }), {
  maxBufferedOctets: 512 * 1024,
  largeOctets: 1 << 18,
});

Deno.test("`write()` puts raw DEFLATE on the wire that can be read up to the last octet written", async () => {
  const [a, wire] = duplexPair();
  const stream = await compressed(a);
  const text = new TextEncoder().encode("a1 UID FETCH 1:* (FLAGS)\r\n");
  let packed = NOTHING;
  for (let i = 1; i <= 50; i++) {
    await stream.write(text);
    packed = new Uint8Array([...packed, ...await collect(wire, a.unread)]);
    const plain = inflateRawSync(packed, { finishFlush: constants.Z_SYNC_FLUSH });
    assert.equal(plain.length, i * text.length);
    assert.deepEqual(new Uint8Array(plain.subarray(-text.length)), text);
  }
  assert.ok(packed.length < 25 * text.length, `${packed.length} octets is no compression`);
  stream.close();
});

Deno.test("`read()` begins with `rest`, and `rest` may be reused by the caller", async () => {
  const packed = new Uint8Array(deflateRawSync("* OK ready\r\n", { finishFlush: constants.Z_SYNC_FLUSH }));
  for (let cut = 0; cut <= packed.length; cut++) {
    const [a, wire] = duplexPair();
    const rest = packed.slice(0, cut);
    const stream = await compressed(a, rest);
    rest.fill(0xff);
    await wire.write(packed.subarray(cut));
    assert.equal(new TextDecoder().decode(await collect(stream, 12)), "* OK ready\r\n");
    stream.close();
  }
});

Deno.test("`read()` of corrupt data is a TransportError of phase read, again and again", async () => {
  const [a, wire] = duplexPair();
  const stream = await compressed(a);
  await wire.write(new TextEncoder().encode("* BYE this is plain text\r\n"));
  for (let i = 0; i < 2; i++) {
    await assert.rejects(() => stream.read(), (error) => {
      assert.ok(error instanceof TransportError && error.phase === "read" && error.component === "remote");
      assert.match(error.message, /^The server's compressed data is corrupt: /);
      return true;
    });
  }
  stream.close();
});

Deno.test("`read()` gives null when the stream ends in the middle, or the server finishes it", async () => {
  const whole = new Uint8Array(deflateRawSync("* BYE\r\n"));
  for (const input of [whole, whole.subarray(0, whole.length - 1)]) {
    const [a, wire] = duplexPair();
    const stream = await compressed(a);
    await wire.write(input);
    wire.end();
    let text = "";
    for (let bytes = await stream.read(); bytes !== null; bytes = await stream.read()) {
      text += new TextDecoder().decode(bytes);
    }
    assert.ok("* BYE\r\n".startsWith(text));
    assert.equal(await stream.read(), null);
    stream.close();
  }
});

Deno.test("`read()` inflates a bomb piece by piece, in little memory", async () => {
  const { sent = Infinity, total, largest = Infinity, read = Infinity } = await probeMemory("inflate");
  assert.ok(sent < 1 << 20);
  assert.equal(total, 256 << 20);
  assert.ok(largest <= 65536, `${largest} octets at once`);
  assert.ok(read < 32 << 20, `RSS grew by ${read >> 20} MiB`);
});

Deno.test("`write()` of what can't be compressed arrives whole", async () => {
  const [a, b] = duplexPair({ capacity: CAPACITY });
  const [stream, peer] = [await compressed(a), await compressed(b)];
  const noise = crypto.getRandomValues(new Uint8Array(65536));
  const received = collect(peer, 65536 * 8);
  for (let i = 0; i < 8; i++) await stream.write(noise);
  const all = await received;
  for (let i = 0; i < 8; i++) assert.deepEqual(all.subarray(i * 65536, (i + 1) * 65536), noise);
  stream.close();
  peer.close();
});
