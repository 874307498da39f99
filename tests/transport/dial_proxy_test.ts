// A section with a proxy, dialled: TLS and compression on top of it, and one deadline over all of it.

import assert from "node:assert/strict";
import type { ServerConfig } from "../../lib/config/types.ts";
import { TransportError } from "../../lib/errors.ts";
import { connect, connectDeadline, type ConnectOptions, peerName } from "../../lib/transport/mod.ts";
import { deflateStream } from "../../lib/transport/deflate.ts";
import { TcpStream } from "../../lib/transport/tcp.ts";
import { CertificateWorkshop } from "../support/certificates.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { collect, expectPattern, sendPattern } from "../support/stream_conformance.ts";
import { connectOptions, listen, serverConfig, tlsOptions } from "./helpers.ts";

const workshop = new CertificateWorkshop();
Deno.test.afterAll(() => workshop.remove());
const authority = await workshop.selfSigned("Test Authority");
const leaf = await workshop.leaf(authority, "leaf", { names: "DNS:imap.example.net" });

function config(proxyPort: number, changes: Partial<ServerConfig> = {}): ServerConfig {
  return serverConfig({
    host: "imap.example.net",
    port: 143,
    tls: tlsOptions({ caFile: authority.certFile }),
    proxy: { resolve: "there", host: "127.0.0.1", port: proxyPort, credentials: { user: "joe", password: "hunter2" } },
    ...changes,
  });
}

function dial(server: ServerConfig, changes: Partial<ConnectOptions> = {}) {
  return connect(server, connectOptions({ keepAlive: true, ...changes }));
}

/** Grants the first client's request, and joins it to the server on `port`. */
async function grant(listener: Deno.TcpListener, port: number): Promise<() => Promise<unknown>> {
  const [client, server] = await Promise.all([
    listener.accept(),
    Deno.connect({ hostname: "127.0.0.1", port }),
  ]);
  const buffer = new Uint8Array(1024);
  for (const answer of [[5, 0], [5, 0, 0, 1, 0, 0, 0, 0, 0, 0]]) {
    await client.read(buffer);
    await client.write(Uint8Array.from(answer));
  }
  const relayed = Promise.all([
    client.readable.pipeTo(server.writable).catch(() => {}),
    server.readable.pipeTo(client.writable).catch(() => {}),
  ]);
  return () => relayed;
}

Deno.test("`connect()` with type=imaps speaks TLS with the server, not with the proxy, and compresses on top", async () => {
  const [proxy, server] = [
    listen(),
    Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert: leaf.cert, key: leaf.key }),
  ];
  const [connection, relayed, conn] = await Promise.all([
    dial(config(proxy.addr.port, { type: "imaps", port: 993 })),
    grant(proxy, server.addr.port),
    server.accept(),
  ]);
  proxy.close();
  server.close();
  assert.equal(connection.confidential, true);
  const rest = new Uint8Array();
  const [stream, peer] = await Promise.all([
    connection.startDeflate(rest),
    deflateStream(new TcpStream(conn, "client", "local"), { component: "local", rest }),
  ]);
  await Promise.all([sendPattern(stream, 1 << 20), expectPattern(peer, 1 << 20)]);
  await Promise.all([sendPattern(peer, 1 << 20), expectPattern(stream, 1 << 20)]);
  assert.deepEqual([connection.traffic().sent, connection.traffic().received], [1 << 20, 1 << 20]);
  connection.close();
  assert.equal(await peer.read().catch(() => null), null);
  peer.close();
  await relayed();
});

Deno.test("`startTls()` goes on through the proxy, and refuses another server than the one that was asked for", async () => {
  for (const host of ["imap.example.net", "imap.example.org"]) {
    const [proxy, server] = [listen(), listen()];
    const [connection, relayed, plain] = await Promise.all([
      dial(config(proxy.addr.port, { host, startTls: true })),
      grant(proxy, server.addr.port),
      server.accept(),
    ]);
    proxy.close();
    server.close();
    await plain.write(new TextEncoder().encode("* OK hi\r\n"));
    await collect(connection.stream, 9);
    const tls = Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert: leaf.cert, key: leaf.key });
    const raw = await Deno.connect({ hostname: "127.0.0.1", port: tls.addr.port });
    const taken = Promise.all([
      plain.readable.pipeTo(raw.writable).catch(() => {}),
      raw.readable.pipeTo(plain.writable).catch(() => {}),
    ]);
    const conn = await tls.accept();
    tls.close();
    const handshake = conn.handshake().catch(() => null);
    if (host === "imap.example.net") {
      await connection.startTls();
      assert.equal(connection.confidential, true);
    } else {
      await assert.rejects(() => connection.startTls(), /imap\.example\.org:143 \(proxy 127\.0\.0\.1:\d+\)/);
    }
    connection.close();
    await handshake;
    conn.close();
    await Promise.all([taken, relayed()]);
  }
});

Deno.test("`connect()` through a proxy that says nothing ends at the deadline, which names it", async () => {
  const proxy = listen();
  const server = config(proxy.addr.port);
  const clock = new FakeClock();
  const parent = new AbortController().signal;
  const { signal } = connectDeadline({ clock, parent, component: "remote", peer: peerName(server) });
  const pending = dial(server, { clock, signal });
  const conn = await proxy.accept();
  const buffer = new Uint8Array(100);
  assert.equal(await conn.read(buffer), 4);
  clock.advance(30_000);
  await assert.rejects(pending, (error) => {
    assert.ok(error instanceof TransportError && error.phase === "timeout");
    const expected = `No answer from imap.example.net:143 (proxy 127.0.0.1:${proxy.addr.port}) within 30 s`;
    assert.equal(error.message, expected);
    return true;
  });
  assert.equal(await conn.read(buffer).catch(() => null), null, "it was left open");
  conn.close();
  proxy.close();
});
