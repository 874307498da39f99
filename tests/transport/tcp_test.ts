// TCP against loopback: the stream rules, and what each way of not getting a connection is called.

import assert from "node:assert/strict";
import { type InterimapError, TransportError } from "../../lib/errors.ts";
import { connectTcp, tcpPeer, TcpStream } from "../../lib/transport/tcp.ts";
import { isKeptAlive } from "../support/keep_alive.ts";
import { streamConformance } from "../support/stream_conformance.ts";

const signal = new AbortController().signal;
const component = "remote";

streamConformance("tcp", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const [stream, conn] = await Promise.all([
    connectTcp({ component, host: "127.0.0.1", port: listener.addr.port, keepAlive: false, signal }),
    listener.accept(),
  ]);
  listener.close();
  return { stream, peer: new TcpStream(conn, "client", "local"), cleanup() {} };
}, { maxBufferedOctets: 24 << 20, largeOctets: 32 << 20 });

/** A port on which nobody listens. */
function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return port;
}

async function failure(host: string, port: number, signal: AbortSignal): Promise<InterimapError> {
  try {
    (await connectTcp({ component, host, port, keepAlive: false, signal })).close();
  } catch (error) {
    assert.ok(error instanceof TransportError, `${error}`);
    assert.equal(error.component, component);
    return error;
  }
  assert.fail("it connected");
}

Deno.test("`connectTcp()` names host, port and reason when the connection is refused", async () => {
  const port = freePort();
  const error = await failure("127.0.0.1", port, signal);
  assert.ok(error instanceof TransportError && error.phase === "connect");
  assert.equal(error.message, `Can't connect to 127.0.0.1:${port}: connection refused`);
});

Deno.test("`connectTcp()` tries each address of a name", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 }); // localhost is often ::1 first
  const stream = await connectTcp({ component, host: "localhost", port: listener.addr.port, keepAlive: false, signal });
  (await listener.accept()).close();
  assert.equal(await stream.read(), null);
  stream.close();
  listener.close();
});

Deno.test("`connectTcp()` blames the name when it can't be resolved", async () => {
  const error = await failure("no-such-host.invalid", 143, signal);
  assert.ok(error instanceof TransportError && error.phase === "resolve");
  assert.match(error.message, /^getaddrinfo\(no-such-host\.invalid\): [^\n]+$/);
});

Deno.test("`connectTcp()` blames the name when it can't be a name", async () => {
  const error = await failure("two words", 143, signal);
  assert.ok(error instanceof TransportError && error.phase === "resolve");
  assert.match(error.message, /^getaddrinfo\(two words\): /);
});

Deno.test("`connectTcp()` connects to an IPv6 literal with and without brackets", async () => {
  const listener = Deno.listen({ hostname: "::1", port: 0 });
  for (const host of ["::1", "[::1]"]) {
    const stream = await connectTcp({ component, host, port: listener.addr.port, keepAlive: false, signal });
    (await listener.accept()).close();
    assert.equal(await stream.read(), null);
    stream.close();
  }
  listener.close();
});

Deno.test("`connectTcp()` throws the signal's reason when it is aborted before or while connecting", async () => {
  const reason = new TransportError("timeout", "time is up", { component });
  assert.equal(await failure("127.0.0.1", freePort(), AbortSignal.abort(reason)), reason);

  // A full backlog: the kernel drops what comes next, and connecting hangs.
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 1 });
  const filling = new AbortController();
  const fillers = Array.from(
    { length: 8 },
    () =>
      Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port, signal: filling.signal })
        .then((conn) => conn.close(), () => {}),
  );
  const controller = new AbortController();
  const pending = failure("127.0.0.1", listener.addr.port, controller.signal);
  setTimeout(() => controller.abort(reason), 300);
  const error = await pending;
  filling.abort();
  await Promise.all(fillers);
  listener.close();
  assert.equal(error, reason);
});

Deno.test("`connectTcp()` lets the kernel probe a silent connection when asked to, and only then", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  for (const keepAlive of [true, false]) {
    const stream = await connectTcp({ component, host: "127.0.0.1", port: listener.addr.port, keepAlive, signal });
    const conn = await listener.accept();
    assert.equal(await isKeptAlive(listener.addr.port), keepAlive);
    stream.close();
    conn.close();
  }
  listener.close();
});

Deno.test("`tcpPeer()` puts brackets around a bare IPv6 literal only", () => {
  assert.equal(tcpPeer("imap.example.net", 993), "imap.example.net:993");
  assert.equal(tcpPeer("::1", 143), "[::1]:143");
  assert.equal(tcpPeer("[::1]", 143), "[::1]:143");
});
