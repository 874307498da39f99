// Layers stacked on real sockets: STARTTLS and COMPRESS on a connection under way, what is confidential, and the
// traffic that is counted at each stage.

import assert from "node:assert/strict";
import type { ServerConfig } from "../../lib/config/types.ts";
import { Interrupted, TlsError, TransportError } from "../../lib/errors.ts";
import { deflateStream } from "../../lib/transport/deflate.ts";
import { connect, peerName } from "../../lib/transport/mod.ts";
import { TcpStream } from "../../lib/transport/tcp.ts";
import type { ByteStream } from "../../lib/transport/types.ts";
import { CertificateWorkshop } from "../support/certificates.ts";
import { isKeptAlive } from "../support/keep_alive.ts";
import { collect } from "../support/stream_conformance.ts";
import { connectOptions, listen, messageOf, serverConfig, tlsOptions } from "./helpers.ts";

const workshop = new CertificateWorkshop();
Deno.test.afterAll(() => workshop.remove());
const authority = await workshop.selfSigned("Test Authority");
const leaf = await workshop.leaf(authority, "leaf", { names: "DNS:localhost" });

function config(changes: Partial<ServerConfig>): ServerConfig {
  return serverConfig({ tls: tlsOptions({ caFile: authority.certFile }), ...changes });
}

const encode = (text: string) => new TextEncoder().encode(text);
const take = async (stream: ByteStream, octets: number) => new TextDecoder().decode(await collect(stream, octets));

function listenTls(): Deno.TlsListener {
  return Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert: leaf.cert, key: leaf.key });
}

/** Lets a TLS server take over a plain connection that it did not accept itself. */
async function upgrade(plain: Deno.Conn): Promise<{ conn: Deno.TlsConn; relayed: Promise<unknown> }> {
  const listener = listenTls();
  const [raw, conn] = await Promise.all([
    Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port }),
    listener.accept(),
  ]);
  listener.close();
  const relayed = Promise.all([
    plain.readable.pipeTo(raw.writable).catch(() => {}),
    raw.readable.pipeTo(plain.writable).catch(() => {}),
  ]);
  return { conn, relayed };
}

Deno.test("`connect()` to type=imap is not confidential and counts octets", async () => {
  const listener = listen();
  const [connection, conn] = await Promise.all([
    connect(config({ port: listener.addr.port }), connectOptions()),
    listener.accept(),
  ]);
  assert.equal(connection.confidential, false);
  await conn.write(encode("* OK hi\r\n"));
  assert.equal(await take(connection.stream, 9), "* OK hi\r\n");
  await connection.stream.write(encode("a NOOP\r\n"));
  assert.deepEqual(connection.traffic(), { received: 9, sent: 8, wireReceived: null, wireSent: null });
  connection.close();
  connection.close();
  assert.equal(await connection.stream.read(), null);
  conn.close();
  listener.close();
});

Deno.test("`connect()` to type=imaps is confidential and counts octets above TLS", async () => {
  const listener = listenTls();
  const [connection, conn] = await Promise.all([
    connect(config({ type: "imaps", port: listener.addr.port }), connectOptions()),
    listener.accept(),
  ]);
  assert.equal(connection.confidential, true);
  await conn.write(encode("* OK hi\r\n"));
  assert.equal(await take(connection.stream, 9), "* OK hi\r\n");
  assert.deepEqual(connection.traffic(), { received: 9, sent: 0, wireReceived: null, wireSent: null });
  connection.close();
  conn.close();
  listener.close();
});

Deno.test("`startTls()` and `startDeflate()` go on with the connection, and count octets of IMAP once", async () => {
  const listener = listen();
  const [connection, plain] = await Promise.all([
    connect(config({ port: listener.addr.port, startTls: true }), connectOptions()),
    listener.accept(),
  ]);
  listener.close();
  await connection.stream.write(encode("a STARTTLS\r\n"));
  await collect(new TcpStream(plain, "client", "local"), 12);
  await plain.write(encode("a OK go\r\n"));
  await collect(connection.stream, 9);

  const [secured, { conn, relayed }] = await Promise.all([connection.startTls(), upgrade(plain)]);
  assert.equal(connection.confidential, true);
  assert.equal(connection.stream, secured);
  const server = new TcpStream(conn, "client", "local");
  await secured.write(encode("b COMPRESS DEFLATE\r\n"));
  await collect(server, 20);
  assert.deepEqual(connection.traffic(), { received: 9, sent: 32, wireReceived: null, wireSent: null });

  // The tagged OK and the first compressed octets come in one read.
  const packed = await deflateStream({ ...discard, write: (bytes) => server.write(bytes) }, {
    component: "local",
    rest: new Uint8Array(),
  });
  await server.write(encode("b OK on\r\n"));
  await packed.write(encode("* 1 EXISTS\r\n"));
  const got = await collectAtLeast(secured, 10);
  const compressed = await connection.startDeflate(got.subarray(9));
  assert.equal(await take(compressed, 12), "* 1 EXISTS\r\n");
  assert.equal(connection.stream, compressed);

  const text = encode("* LIST () NIL INBOX\r\n".repeat(100));
  const [reply] = await Promise.all([collect(compressed, text.length), packed.write(text)]);
  assert.deepEqual(reply, text);
  await compressed.write(encode("c NOOP\r\n".repeat(50)));
  const traffic = connection.traffic();
  assert.equal(traffic.received, 9 + 9 + 12 + text.length);
  assert.equal(traffic.sent, 12 + 20 + 400);
  assert.ok(traffic.wireReceived !== null && traffic.wireSent !== null);
  assert.ok(traffic.wireReceived > got.length + 9 && traffic.wireReceived < 200, `${traffic.wireReceived} received`);
  assert.ok(traffic.wireSent > 32 && traffic.wireSent < 100, `${traffic.wireSent} sent`);
  connection.close();
  packed.close();
  server.close();
  await relayed;
});

const discard: ByteStream = { read: () => Promise.resolve(null), write: () => Promise.resolve(), close() {} };

async function collectAtLeast(stream: ByteStream, octets: number): Promise<Uint8Array> {
  let all = new Uint8Array();
  while (all.length < octets) {
    const bytes = await stream.read();
    assert.ok(bytes !== null);
    all = new Uint8Array([...all, ...bytes]);
  }
  return all;
}

Deno.test("`startTls()` closes the connection when the server is not who it should be", async () => {
  const listener = listen();
  const stranger = await workshop.selfSigned("Strange Authority");
  const tls = tlsOptions({ caFile: stranger.certFile });
  const [connection, plain] = await Promise.all([
    connect(config({ port: listener.addr.port, startTls: true, tls }), connectOptions()),
    listener.accept(),
  ]);
  listener.close();
  const upgraded = upgrade(plain);
  await assert.rejects(() => connection.startTls(), TlsError);
  assert.equal(connection.confidential, false);
  assert.equal(await connection.stream.read(), null);
  await assert.rejects(() => connection.stream.write(encode("a LOGIN alice secret\r\n")), TransportError);
  const { conn, relayed } = await upgraded;
  conn.close();
  await relayed;
});

Deno.test("`connect()` finds an unusable SSL_CAfile before it connects", async () => {
  const tls = tlsOptions({ caFile: "/nonexistent/ca.pem" });
  for (const changes of [{ type: "imaps", tls }, { type: "imap", startTls: true, tls }] as const) {
    const message = await messageOf(connect(config({ port: 1, ...changes }), connectOptions()));
    assert.equal(message, "Can't load trusted certificates from SSL_CAfile /nonexistent/ca.pem: no such file");
  }
});

Deno.test("`connect()` with SSL_verify = NO does not read SSL_CAfile", async () => {
  const listener = listenTls();
  const tls = tlsOptions({ verify: false, caFile: "/nonexistent/ca.pem" });
  const [connection, conn] = await Promise.all([
    connect(config({ type: "imaps", port: listener.addr.port, tls }), connectOptions()),
    listener.accept().then(async (conn) => {
      await conn.handshake();
      return conn;
    }),
  ]);
  assert.equal(connection.confidential, true);
  connection.close();
  conn.close();
  listener.close();
});

Deno.test("`connect()` to a tunnel is confidential, and compresses too", async () => {
  const connection = await connect(config({ type: "tunnel", command: "cat" }), connectOptions());
  assert.equal(connection.confidential, true);
  await connection.stream.write(encode("a NOOP\r\n"));
  assert.equal(await take(connection.stream, 8), "a NOOP\r\n");
  const compressed = await connection.startDeflate(new Uint8Array());
  const text = "b NOOP\r\n".repeat(1000);
  await compressed.write(encode(text));
  assert.equal(await take(compressed, text.length), text);
  const { received, sent, wireReceived, wireSent } = connection.traffic();
  assert.deepEqual([received, sent], [8008, 8008]);
  assert.ok(wireSent !== null && wireSent === wireReceived && wireSent < 200);
  connection.close();
});

Deno.test("`connect()` has the kernel probe a silent connection below TLS too", async () => {
  for (const keepAlive of [true, false]) {
    const listener = listenTls();
    const [connection, conn] = await Promise.all([
      connect(config({ type: "imaps", port: listener.addr.port }), connectOptions({ keepAlive })),
      listener.accept().then(async (conn) => {
        await conn.handshake();
        return conn;
      }),
    ]);
    assert.equal(await isKeptAlive(listener.addr.port), keepAlive);
    connection.close();
    conn.close();
    listener.close();
  }
});

Deno.test("`connect()` to type=imap without STARTTLS loads nothing of TLS", async () => {
  const listener = listen();
  const serving = listener.accept();
  const program = new URL("./plain_probe.ts", import.meta.url).pathname;
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "--allow-net", program, `${listener.addr.port}`],
    stderr: "inherit",
  }).output();
  assert.ok(success);
  (await serving).close();
  listener.close();
  const { first, second } = JSON.parse(new TextDecoder().decode(stdout));
  // Loading takes some 20 ms; what is loaded already is had at once.
  assert.ok(first > 2 && first > 5 * second, `node:tls was loaded before: ${first} ms, then ${second} ms`);
});

Deno.test("`connect()` throws our own reasons as they are, and calls others a timeout", async () => {
  const interrupted = new Interrupted("SIGTERM");
  for (const type of ["imap", "imaps", "tunnel"] as const) {
    const server = config({ type, port: 1, command: "cat" });
    await assert.rejects(connect(server, connectOptions({ signal: AbortSignal.abort(interrupted) })), interrupted);
    await assert.rejects(connect(server, connectOptions({ signal: AbortSignal.abort() })), (error) => {
      assert.ok(error instanceof TransportError && error.phase === "timeout" && error.component === "remote");
      return true;
    });
  }
});

Deno.test("`peerName()` tells of a server what may be told", () => {
  assert.equal(peerName(config({ host: "imap.example.net", port: 143 })), "imap.example.net:143");
  assert.equal(peerName(config({ type: "tunnel", command: "ssh -l me host" })), "tunnel command 'ssh'");
});
