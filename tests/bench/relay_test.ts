// The relay of the benchmark: that it delays, passes every octet on, and counts.

import assert from "node:assert/strict";
import { RelayProcess } from "../../scripts/bench/relay_process.ts";

const RTT_MS = 40;

/** A server that sends back what it is sent. */
async function echo(listener: Deno.TcpListener): Promise<void> {
  for await (const connection of listener) await connection.readable.pipeTo(connection.writable);
}

async function readExactly(connection: Deno.TcpConn, octets: number): Promise<Uint8Array> {
  const whole = new Uint8Array(octets);
  let at = 0;
  while (at < octets) at += await connection.read(whole.subarray(at)) ?? Infinity;
  return whole;
}

Deno.test("the relay delays every turn by a round trip, loses nothing, and counts turns and octets", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const served = echo(listener);
  const relay = await RelayProcess.start(listener.addr.port, RTT_MS);
  const large = crypto.getRandomValues(new Uint8Array(65536));
  {
    using client = await Deno.connect({ hostname: "127.0.0.1", port: relay.port });
    for (let turn = 0; turn < 2; turn++) {
      const sent = performance.now();
      await client.write(Uint8Array.of(turn));
      assert.deepEqual(await readExactly(client, 1), Uint8Array.of(turn));
      // A timer may fire a fraction of a millisecond early.
      assert.ok(performance.now() - sent > RTT_MS - 2);
    }
    const writing = client.write(large);
    assert.deepEqual(await readExactly(client, large.length), large);
    assert.equal(await writing, large.length);
  }
  const [traffic, ...more] = await relay.stop();
  listener.close();
  await served;
  assert.deepEqual(more, []);
  assert.equal(traffic?.down, large.length + 2);
  assert.equal(traffic?.up, large.length + 2);
  // The large one may have taken several.
  assert.ok((traffic?.turns ?? 0) >= 3);
});
