// What the options SSL_* do to a handshake: against OpenSSL's server, and by what is seen on the wire.

import assert from "node:assert/strict";
import { systemClock } from "../../lib/base/clock.ts";
import { PinMismatchError, TlsError, TransportError } from "../../lib/errors.ts";
import { connectTcp } from "../../lib/transport/tcp.ts";
import { tlsStream } from "../../lib/transport/tls.ts";
import type { ByteStream } from "../../lib/transport/types.ts";
import { CertificateWorkshop, opensslPin } from "../support/certificates.ts";
import { OpenSslServer } from "../support/openssl_server.ts";
import { clientHello, Wiretap } from "../support/wiretap.ts";
import { readTlsOptions, recordingLogger } from "./helpers.ts";

const workshop = new CertificateWorkshop();
Deno.test.afterAll(() => workshop.remove());
const authority = await workshop.authority(null, "Authority");
const certificate = await workshop.leaf(authority, "good", { names: "DNS:localhost,IP:127.0.0.1" });
const pin = await opensslPin(certificate, "sha256");

/** A handshake as the lines of a configuration want it. */
async function open(port: number, lines: string, host = "localhost", said: string[] = []): Promise<ByteStream> {
  const { signal } = new AbortController();
  const tcp = await connectTcp({ component: "remote", host: "127.0.0.1", port, keepAlive: false, signal });
  return await tlsStream(tcp, {
    component: "remote",
    host,
    peer: "the server",
    tls: readTlsOptions(lines),
    anchors: [authority.cert],
    clock: systemClock,
    log: recordingLogger(said),
    signal,
  });
}

/** The error of a handshake, after which the server has decrypted nothing. */
async function failure(lines: string, flags: readonly string[] = [], said: string[] = []): Promise<Error> {
  const server = await OpenSslServer.start(certificate, { flags });
  const outcome = await open(server.port, lines, "localhost", said).then(
    (stream) => (stream.close(), null),
    (error) => error,
  );
  assert.ok(outcome instanceof Error, "it was accepted");
  assert.equal(await server.stop(), "");
  return outcome;
}

Deno.test("`tlsStream()` throws PinMismatchError when no pin is the server's, verified or not", async () => {
  for (const verify of ["YES", "NO"]) {
    const said: string[] = [];
    const error = await failure(`SSL_verify = ${verify}\nSSL_fingerprint = ${"00".repeat(32)}`, [], said);
    assert.ok(error instanceof PinMismatchError && error instanceof TlsError, `${error}`);
    assert.equal(error.scope, "program");
    assert.ok(said.includes("warn Fingerprint doesn't match! MiTM in action?"));
    assert.ok(said.some((line) => line.endsWith(pin)));
  }
});

Deno.test("`tlsStream()` goes on when one of several pins is the server's", async () => {
  await using server = await OpenSslServer.start(certificate);
  const said: string[] = [];
  const pins = `${"00".repeat(32)} ${await opensslPin(certificate, "sha512")} ${pin}`;
  (await open(server.port, `SSL_fingerprint = ${pins}`, "localhost", said)).close();
  assert.ok(said.some((line) => /^debug Peer certificate matches pinned SPKI digest sha512\$/.test(line)));
});

Deno.test("`tlsStream()` verifies name and chain in addition to the pin", async () => {
  await using server = await OpenSslServer.start(certificate);
  await assert.rejects(() => open(server.port, `SSL_fingerprint = ${pin}`, "other.example"), TlsError);
  (await open(server.port, `SSL_fingerprint = ${pin}\nSSL_verify = NO`, "other.example")).close();
});

Deno.test("`tlsStream()` sends the name of SNI that is asked for, and verifies the host all the same", async () => {
  await using server = await OpenSslServer.start(certificate);
  const names: readonly (readonly [lines: string, host: string, sent: string | null, good: boolean])[] = [
    ["", "localhost", "localhost", true],
    ["", "localhost.", "localhost", true],
    ["", "127.0.0.1", null, true],
    ["", "::1", null, false],
    ["", "[::1]", null, false],
    ["SSL_hostname =", "localhost", null, true],
    ["SSL_hostname =", "other.example", null, false],
    ["SSL_hostname = other.example", "localhost", "other.example", true],
    ["SSL_hostname = localhost", "other.example", "localhost", false],
    ["SSL_hostname = localhost", "127.0.0.1", "localhost", true],
  ];
  for (const [lines, host, sent, good] of names) {
    await using tap = Wiretap.start(server.port);
    const outcome = await open(tap.port, lines, host).then((stream) => (stream.close(), true), () => false);
    assert.equal(outcome, good, `${lines}, ${host}`);
    assert.equal(clientHello(tap.connections()[0]?.client ?? new Uint8Array()).serverName, sent, `${lines}, ${host}`);
  }
});

Deno.test("`tlsStream()` offers the versions of TLS that are asked for, and no other", async () => {
  await using server = await OpenSslServer.start(certificate);
  const [v12, v13] = [0x0303, 0x0304];
  const offers: readonly (readonly [lines: string, versions: readonly number[]])[] = [
    ["", [v12, v13]],
    ["SSL_protocol_min = TLSv1.3", [v13]],
    ["SSL_protocol_max = TLSv1.2", [v12]],
    ["SSL_protocols = !TLSv1.3", [v12]],
    ["SSL_ciphersuites =", [v12]],
  ];
  for (const [lines, versions] of offers) {
    await using tap = Wiretap.start(server.port);
    (await open(tap.port, lines)).close();
    const hello = clientHello(tap.connections()[0]?.client ?? new Uint8Array());
    // The version that RFC 8446 4.1.2 calls legacy is all there is without the extension.
    assert.deepEqual(hello.versions.length === 0 ? [v12] : hello.versions.toSorted(), versions, lines);
  }
});

Deno.test("`tlsStream()` does not talk to a server that has none of the versions asked for", async () => {
  const errors = [
    await failure("SSL_protocol_min = TLSv1.3", ["-tls1_2"]),
    await failure("SSL_protocol_max = TLSv1.2", ["-tls1_3"]),
  ];
  for (const error of errors) {
    assert.ok(error instanceof TransportError && error.phase === "tls", `${error}`);
    assert.match(error.message, /: the server refuses it: no version of TLS in common$/);
  }
});

Deno.test("`tlsStream()` ends when the server has chosen a suite that the lists leave out", async () => {
  const old = await failure("SSL_cipherlist = CHACHA20", ["-tls1_2", "-cipher", "AES256+ECDHE"]);
  assert.match(old.message, /: the server chose ECDHE-ECDSA-AES256-GCM-SHA384, which SSL_cipherlist leaves out$/);
  const current = await failure("SSL_ciphersuites = TLS_AES_128_GCM_SHA256", [
    "-ciphersuites",
    "TLS_AES_256_GCM_SHA384",
  ]);
  assert.match(current.message, /: the server chose TLS_AES_256_GCM_SHA384, which SSL_ciphersuites leaves out$/);
  for (const error of [old, current]) assert.ok(error instanceof TlsError);
  await using server = await OpenSslServer.start(certificate, { flags: ["-tls1_2", "-cipher", "CHACHA20"] });
  (await open(server.port, "SSL_cipherlist = CHACHA20+ECDSA:AES")).close();
});
