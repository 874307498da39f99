// TLS on loopback: the stream rules against Deno's own TLS server, versions and keys against OpenSSL's, and every way
// in which a server can fail to be who it should be.

import assert from "node:assert/strict";
import { systemClock } from "../../lib/base/clock.ts";
import { TlsError, TransportError } from "../../lib/errors.ts";
import { connectTcp, TcpStream } from "../../lib/transport/tcp.ts";
import { type TlsLayerOptions, tlsStream } from "../../lib/transport/tls.ts";
import type { ByteStream } from "../../lib/transport/types.ts";
import { type Certificate, CertificateWorkshop, forgedKey, opensslPin } from "../support/certificates.ts";
import { duplexPair } from "../support/duplex.ts";
import { type OpenSslOptions, OpenSslServer } from "../support/openssl_server.ts";
import { collect, streamConformance } from "../support/stream_conformance.ts";
import { noLog, probeMemory, readTlsOptions, recordingLogger, tlsOptions } from "./helpers.ts";

const workshop = new CertificateWorkshop();
Deno.test.afterAll(() => workshop.remove());
const authority = await workshop.selfSigned("Test Authority");
const stranger = await workshop.selfSigned("Strange Authority");
const names = "DNS:localhost,IP:127.0.0.1,IP:::1";
const good = await workshop.leaf(authority, "good", { names });
const signal = new AbortController().signal;

const SPKI_LINE = "Peer public key (SPKI) digest, as SSL_fingerprint takes it: ";

/** A TLS client on loopback, as `dial.ts` makes it. */
async function open(port: number, options: Partial<TlsLayerOptions> = {}): Promise<ByteStream> {
  const host = options.host ?? "localhost";
  const tcp = await connectTcp({ component: "remote", host: "127.0.0.1", port, keepAlive: false, signal });
  return tlsStream(tcp, {
    component: "remote",
    host,
    peer: `${host}:${port}`,
    tls: tlsOptions(),
    anchors: [authority.cert],
    clock: systemClock,
    log: noLog,
    signal,
    ...options,
  });
}

function listen(certificate: Certificate): Deno.TlsListener {
  return Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert: certificate.cert, key: certificate.key });
}

streamConformance("tls", async () => {
  const listener = listen(good);
  const [stream, conn] = await Promise.all([open(listener.addr.port), listener.accept()]);
  listener.close();
  return { stream, peer: new TcpStream(conn, "client", "local"), cleanup() {} };
}, { maxBufferedOctets: 24 << 20, largeOctets: 32 << 20 });

/** Serves one connection with `certificate` and tells what application octets arrived before it ended. */
function serveOnce(certificate: Certificate): { port: number; received: Promise<number> } {
  const listener = listen(certificate);
  const serve = async () => {
    const conn = await listener.accept();
    listener.close();
    let octets = 0;
    try {
      const buffer = new Uint8Array(1000);
      for (let n = await conn.read(buffer); n !== null; n = await conn.read(buffer)) octets += n;
    } catch {
      // the client leaves without a close_notify
    }
    conn.close();
    return octets;
  };
  return { port: listener.addr.port, received: serve() };
}

/** What the client says about a server with `certificate`; checks that nothing was sent to it. */
async function refusal(certificate: Certificate, options: Partial<TlsLayerOptions> = {}): Promise<string> {
  const { port, received } = serveOnce(certificate);
  let message = "";
  await assert.rejects(async () => (await open(port, options)).close(), (error) => {
    assert.ok(error instanceof TlsError, `${error}`);
    assert.equal(error.component, "remote");
    message = error.message;
    return true;
  });
  assert.equal(await received, 0);
  const start = `Can't initiate TLS/SSL handshake with ${options.host ?? "localhost"}:${port}: `;
  assert.ok(message.startsWith(start), message);
  return message.slice(start.length);
}

async function accepted(certificate: Certificate, options: Partial<TlsLayerOptions> = {}): Promise<void> {
  const { port, received } = serveOnce(certificate);
  const stream = await open(port, options);
  await stream.write(new Uint8Array(5));
  stream.close();
  assert.equal(await received, 5);
}

Deno.test("`tlsStream()` accepts a server whose certificate is for the name or the address dialled", async () => {
  for (const host of ["localhost", "LOCALHOST", "localhost.", "127.0.0.1", "::1", "[::1]", "0:0:0:0:0:0:0:1"]) {
    await accepted(good, { host });
  }
  const wildcard = await workshop.leaf(authority, "wildcard", { names: "DNS:*.example.net" });
  await accepted(wildcard, { host: "imap.example.net" });
});

Deno.test("`tlsStream()` accepts an RSA certificate, and a self-signed one that is trusted itself", async () => {
  await accepted(await workshop.leaf(authority, "rsa", { names, key: "rsa" }));
  const own = await workshop.selfSigned("own", names);
  await accepted(own, { anchors: [own.cert] });
});

Deno.test("`tlsStream()` refuses an expired certificate and names the day", async () => {
  const expired = await workshop.leaf(authority, "expired", { names, to: "20210102030405Z" });
  assert.equal(await refusal(expired), "the certificate expired on 2021-01-02");
});

Deno.test("`tlsStream()` refuses a certificate that is not valid yet and names the day", async () => {
  const future = await workshop.leaf(authority, "future", { names, from: "20480102030405Z" });
  assert.equal(await refusal(future), "the certificate is not valid before 2048-01-02");
});

Deno.test("`tlsStream()` refuses a certificate for another name or address and lists its names", async () => {
  const other = await workshop.leaf(authority, "other", { names: "DNS:other.example,DNS:*.other.example" });
  assert.equal(await refusal(other), "the certificate is for other.example, *.other.example, not for localhost");
  assert.equal(
    await refusal(good, { host: "127.0.0.2" }),
    "the certificate is for localhost, 127.0.0.1, ::1, not for 127.0.0.2",
  );
  await refusal(other, { host: "a.b.other.example" });
});

Deno.test("`tlsStream()` refuses a self-signed certificate", async () => {
  assert.equal(
    await refusal(await workshop.selfSigned("own", names)),
    "the certificate is self-signed and not trusted",
  );
});

Deno.test("`tlsStream()` refuses an unknown issuer and names it", async () => {
  const foreign = await workshop.leaf(stranger, "foreign", { names });
  assert.equal(await refusal(foreign), "the certificate's issuer 'Strange Authority' is not known or not trusted");
});

Deno.test("`tlsStream()` refuses a server that no system certificate vouches for without anchors", async () => {
  await refusal(good, { anchors: null });
});

Deno.test("`tlsStream()` accepts anything with SSL_verify = NO", async () => {
  const tls = tlsOptions({ verify: false });
  await accepted(await workshop.leaf(authority, "expired", { names, to: "20210102030405Z" }), { tls });
  await accepted(await workshop.leaf(stranger, "foreign", { names: "DNS:other.example" }), { tls });
  await accepted(await workshop.selfSigned("own", "DNS:other.example"), { tls, anchors: null });
});

Deno.test("`tlsStream()` says what was negotiated, with --debug", async () => {
  const lines: string[] = [];
  await accepted(good, { log: recordingLogger(lines) });
  assert.ok(lines.includes("debug Using SNI with name localhost"), lines.join("\n"));
  assert.match(lines.join("\n"), /SSL protocol: TLSv1\.3, cipher: TLS_/);
  assert.match(lines.join("\n"), /Peer certificate: subject 'good', issuer 'Test Authority'/);
  const address: string[] = [];
  await accepted(good, { host: "127.0.0.1", log: recordingLogger(address) });
  assert.ok(address.includes("debug Not using SNI"));
});

for (const [flag, protocol] of [["-tls1_2", "TLSv1.2"], ["-tls1_3", "TLSv1.3"]] as const) {
  for (const key of ["rsa", "ecdsa", "ecdsa-384", "ed25519"] as const) {
    Deno.test(`\`tlsStream()\` talks ${protocol} with an OpenSSL server that has an ${key} key`, async () => {
      const certificate = await workshop.leaf(authority, "openssl", { names, key });
      await using server = await OpenSslServer.start(certificate, { flags: [flag] });
      const lines: string[] = [];
      const stream = await open(server.port, { log: recordingLogger(lines) });
      assert.match(lines.join("\n"), new RegExp(`SSL protocol: ${protocol}`));
      assert.ok(lines.includes(`debug ${SPKI_LINE}${await opensslPin(certificate, "sha256")}`), lines.join("\n"));
      await server.send("* OK ready\r\n");
      assert.equal(new TextDecoder().decode(await collect(stream, 12)), "* OK ready\r\n");
      await stream.write(new TextEncoder().encode("a NOOP\r\n"));
      await server.receives("a NOOP\r\n");
      stream.close();
    });
  }
}

/** What is said when a server of OpenSSL and `tlsStream()` do not come together; checks that nothing was sent to it. */
async function noHandshake(
  certificate: Certificate,
  server: OpenSslOptions,
  expected: new (...args: never[]) => Error,
): Promise<string> {
  const openssl = await OpenSslServer.start(certificate, server);
  let said = "";
  await assert.rejects(() => open(openssl.port), (error) => {
    assert.ok(error instanceof expected && error instanceof Error, `${error}`);
    said = error.message.replace(`Can't initiate TLS/SSL handshake with localhost:${openssl.port}: `, "");
    return true;
  });
  assert.equal(await openssl.stop(), "");
  return said;
}

Deno.test("`tlsStream()` does not talk to a server that has only TLS 1.1", async () => {
  const flags = ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"];
  const said = await noHandshake(good, { flags }, TransportError);
  assert.equal(said, "the server refuses it: no version of TLS in common");
});

Deno.test("`tlsStream()` does not talk to a server that has only suites of old, or only a key it can't check", async () => {
  const none = "the server refuses it: no cipher suite, or kind of key, in common";
  const cbc = { flags: ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"] };
  assert.equal(await noHandshake(good, cbc, TransportError), none);
  const p521 = await workshop.leaf(authority, "p521", { names, key: "ecdsa-521" });
  assert.equal(await noHandshake(p521, { flags: ["-tls1_2"] }, TransportError), none);
});

const NO_PROOF = "the server does not prove that it has the key of its certificate, " +
  "or with one that is too weak (RSA below 2048 bits)";

Deno.test("`tlsStream()` refuses an RSA key that is too short", async () => {
  const weak = await workshop.leaf(authority, "weak", { names, key: "rsa-1024" });
  for (const flag of ["-tls1_2", "-tls1_3"]) {
    const said = await noHandshake(weak, { flags: [flag, "-cipher", "ALL:@SECLEVEL=0"] }, TlsError);
    assert.equal(said, NO_PROOF);
  }
});

Deno.test("`tlsStream()` refuses a server that has the right certificate and not its key, without verification too", async () => {
  const keyFile = await forgedKey(good, await workshop.leaf(authority, "thief", { names }));
  const pin = readTlsOptions(`SSL_verify = NO\nSSL_fingerprint = ${await opensslPin(good, "sha256")}`);
  for (const flag of ["-tls1_2", "-tls1_3"]) {
    assert.equal(await noHandshake(good, { keyFile, flags: [flag] }, TlsError), NO_PROOF);
    for (const tls of [pin, tlsOptions({ verify: false })]) {
      const server = await OpenSslServer.start(good, { keyFile, flags: [flag] });
      await assert.rejects(() => open(server.port, { tls }), TlsError);
      assert.equal(await server.stop(), "");
    }
  }
});

Deno.test("`tlsStream()` follows a chain that the server sends, and says where it breaks", async () => {
  const middle = await workshop.authority(authority, "Middle");
  const leaf = await workshop.leaf(middle, "leaf", { names });
  await using whole = await OpenSslServer.start(leaf, { chain: [middle] });
  (await open(whole.port)).close();
  const unknown = "the certificate's issuer 'Middle' is not known or not trusted";
  assert.equal(await noHandshake(leaf, {}, TlsError), unknown);
  const old = await workshop.authority(authority, "Old Middle", { to: "20210102000000Z" });
  assert.equal(
    await noHandshake(await workshop.leaf(old, "leaf", { names }), { chain: [old] }, TlsError),
    "the certificate of its issuer 'Old Middle' expired on 2021-01-02",
  );
  const byLeaf = await workshop.leaf(leaf, "by a leaf", { names });
  const said = await noHandshake(byLeaf, { chain: [leaf, middle] }, TlsError);
  assert.equal(said, "the certificate is not for a server, or not what its authority 'Test Authority' has signed");
});

Deno.test("`tlsStream()` refuses what is not for servers, though its issuer is trusted", async () => {
  const unfit = "the certificate is not for a server, or not what its authority 'Test Authority' has signed";
  assert.equal(await refusal(await workshop.leaf(authority, "client", { names, usage: "clientAuth" })), unfit);
  const namesake = await workshop.authority(null, "Test Authority");
  assert.equal(await refusal(await workshop.leaf(namesake, "forged", { names })), unfit);
  assert.equal(
    await refusal(await workshop.authority(authority, "localhost")),
    "the certificate is that of an authority, not of a server",
  );
});

Deno.test("`tlsStream()` accepts a server by an intermediate authority that is trusted itself", async () => {
  const middle = await workshop.authority(authority, "Middle");
  await accepted(await workshop.leaf(middle, "leaf", { names }), { anchors: [middle.cert] });
});

Deno.test("`tlsStream()` takes the common name of a certificate that has no other names, and only then", async () => {
  await accepted(await workshop.leaf(authority, "localhost", { names: "" }));
  const other = await workshop.leaf(authority, "other.example", { names: "" });
  assert.equal(await refusal(other), "the certificate is for other.example, not for localhost");
  const misled = await workshop.leaf(authority, "localhost", { names: "DNS:other.example" });
  assert.equal(await refusal(misled), "the certificate is for other.example, not for localhost");
});

Deno.test("`tlsStream()` verifies anew each time, whatever an earlier connection to the server was allowed", async () => {
  await using server = await OpenSslServer.start(good);
  const talk = async (options: Partial<TlsLayerOptions>) => {
    const stream = await open(server.port, options);
    await server.send("x".repeat(10));
    await collect(stream, 10); // session tickets, if any, have come before
    stream.close();
  };
  await talk({});
  await talk({ tls: tlsOptions({ verify: false }) });
  await assert.rejects(() => talk({ anchors: [stranger.cert] }), TlsError);
  await assert.rejects(() => talk({ host: "other.example" }), TlsError);
  await talk({});
});

/** What the client says about a server that treats the connection as `serve` does. */
async function failureWith(serve: (conn: Deno.Conn) => Promise<void> | void): Promise<string> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const served = listener.accept().then(async (conn) => {
    await serve(conn);
    const buffer = new Uint8Array(10_000);
    while (await conn.read(buffer).catch(() => null) !== null);
    conn.close();
  });
  let message = "";
  await assert.rejects(() => open(listener.addr.port), (error) => {
    assert.ok(error instanceof TransportError && error.phase === "tls", `${error}`);
    message = error.message;
    return true;
  });
  await served;
  listener.close();
  return message.replace(/^.*: /, "");
}

Deno.test("`tlsStream()` says when the port speaks plain text", async () => {
  const message = await failureWith(async (conn) => {
    await conn.write(new TextEncoder().encode("* OK [CAPABILITY IMAP4rev1] ready\r\n"));
  });
  assert.equal(message, "the server does not speak TLS on this port");
});

Deno.test("`tlsStream()` says when the server closes the connection instead of answering", async () => {
  const message = await failureWith(async (conn) => {
    await conn.read(new Uint8Array(10_000));
    await conn.closeWrite();
  });
  assert.equal(message, "the server closed the connection");
});

Deno.test("`tlsStream()` throws the signal's reason when the server never answers", async () => {
  const [client, server] = duplexPair();
  const controller = new AbortController();
  const reason = new TransportError("timeout", "time is up");
  const options: TlsLayerOptions = {
    component: "remote",
    host: "localhost",
    peer: "localhost:993",
    tls: tlsOptions(),
    anchors: [authority.cert],
    clock: systemClock,
    log: noLog,
    signal: controller.signal,
  };
  const pending = tlsStream(client, options);
  assert.notEqual(await server.read(), null); // the ClientHello
  controller.abort(reason);
  await assert.rejects(pending, reason);
  assert.ok(client.closed);
  await assert.rejects(() => tlsStream(duplexPair()[0], options), reason);
});

Deno.test("`read()` gives null when the TLS stream is cut off, and what came before", async () => {
  const listener = listen(good);
  const relay = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const relayed = relay.accept().then(async (outer) => {
    const inner = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
    const forth = outer.readable.pipeTo(inner.writable).catch(() => {});
    const back = inner.readable.pipeTo(outer.writable, { preventClose: true }).catch(() => {});
    return { inner, outer, done: Promise.all([forth, back]) };
  });
  const [stream, conn, wires] = await Promise.all([open(relay.addr.port), listener.accept(), relayed]);
  await conn.write(new Uint8Array(100));
  await collect(stream, 100);
  wires.outer.close(); // no close_notify
  assert.equal(await stream.read(), null);
  stream.close();
  conn.close();
  await wires.done;
  relay.close();
  listener.close();
});

Deno.test("`read()` and `write()` fail with the error of the stream below TLS", async () => {
  const listener = listen(good);
  const tcp = await connectTcp({
    component: "remote",
    host: "127.0.0.1",
    port: listener.addr.port,
    keepAlive: false,
    signal,
  });
  const broken = new TransportError("read", "the cable is cut", { component: "remote" });
  const cut = Promise.withResolvers<never>();
  cut.promise.catch(() => {});
  const inner: ByteStream = {
    read: () => Promise.race([tcp.read(), cut.promise]),
    write: (bytes) => tcp.write(bytes),
    close: () => tcp.close(),
  };
  const options = { component: "remote", host: "localhost", peer: "localhost:993", anchors: [authority.cert], signal };
  const tls = tlsOptions();
  const [stream, conn] = await Promise.all([
    tlsStream(inner, { ...options, tls, clock: systemClock, log: noLog }),
    listener.accept().then(async (conn) => {
      await conn.write(new Uint8Array(10));
      return conn;
    }),
  ]);
  await collect(stream, 10);
  const pending = assert.rejects(() => stream.read(), broken);
  cut.reject(broken);
  await pending;
  await assert.rejects(() => stream.read(), broken);
  await assert.rejects(() => stream.write(Uint8Array.of(1)), broken);
  stream.close();
  conn.close();
  listener.close();
});

Deno.test("TLS holds little memory whether the reader waits or reads", async () => {
  const { unread = Infinity, read = Infinity } = await probeMemory("tls", good.certFile, good.keyFile);
  assert.ok(unread < 32 << 20, `RSS grew by ${unread >> 20} MiB while nobody read`);
  assert.ok(read < 40 << 20, `RSS grew by ${read >> 20} MiB`);
});
