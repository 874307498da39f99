// Opening a session: STARTTLS, login, COMPRESS and every way in which it must stop, against a scripted server.

import assert from "node:assert/strict";
import { chooseMechanism } from "../../lib/client/auth.ts";
import { type OpenOptions, openSession } from "../../lib/client/mod.ts";
import {
  AuthenticationError,
  CapabilityError,
  Interrupted,
  ProtocolError,
  TlsError,
  TransportError,
} from "../../lib/errors.ts";
import { Capabilities } from "../../lib/protocol/mod.ts";
import type { ByteStream, Connected } from "../../lib/transport/types.ts";
import { type DuplexEnd, duplexPair } from "../support/duplex.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { KeepingLog } from "../support/quiet_log.ts";
import { Script } from "../support/script.ts";

/** A connection whose layers are further duplex pairs: what the server says "inside" goes to `secure`. */
function rig(options: Partial<OpenOptions> = {}): {
  opening: ReturnType<typeof openSession>;
  server: Script;
  inside: Script;
  end: DuplexEnd;
  log: KeepingLog;
} {
  const [client, end] = duplexPair();
  const [innerClient, innerEnd] = duplexPair();
  const log = new KeepingLog(1);
  const connected: Connected = {
    stream: client,
    confidential: false,
    startTls: (): Promise<ByteStream> => Promise.resolve(innerClient),
    startDeflate: (): Promise<ByteStream> => Promise.resolve(innerClient),
    traffic: () => ({ received: 0, sent: 0, wireReceived: null, wireSent: null }),
    close: () => client.close(),
  };
  const opening = openSession({
    component: "remote",
    startTls: false,
    compress: false,
    auth: ["PLAIN", "LOGIN"],
    username: "joe",
    password: "s3cret",
    clock: new FakeClock(),
    log,
    signal: new AbortController().signal,
    deadline: { signal: new AbortController().signal, clear: () => {} },
    connect: () => Promise.resolve(connected),
    ...options,
  });
  opening.catch(() => {});
  return { opening, server: new Script(end), inside: new Script(innerEnd), end, log };
}

Deno.test("PLAIN goes out in one line with SASL-IR, and is hidden in the log", async () => {
  const { opening, server, log } = rig();
  await server.send("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi");
  await server.expect(`000000 AUTHENTICATE PLAIN ${btoa("\0joe\0s3cret")}`);
  await server.send("000000 OK [CAPABILITY IMAP4rev1 QRESYNC] in");
  const { session } = await opening;
  assert.ok(session.capabilities.has("QRESYNC"));
  assert.doesNotMatch(log.lines.join("\n"), new RegExp(`s3cret|${btoa("\0joe\0s3cret")}`));
  session.abort(new Error("end"));
});

Deno.test("PLAIN without SASL-IR waits for the continuation; capabilities are asked for again", async () => {
  const { opening, server, log } = rig();
  await server.send("* OK hi");
  await server.expect("000000 CAPABILITY");
  await server.send("* CAPABILITY IMAP4rev1 AUTH=PLAIN", "000000 OK");
  await server.expect("000001 AUTHENTICATE PLAIN");
  await server.send("+");
  await server.expect(btoa("\0joe\0s3cret"));
  await server.send("000001 OK in");
  await server.expect("000002 CAPABILITY");
  await server.send("* CAPABILITY IMAP4rev1 QRESYNC", "000002 OK");
  const { session } = await opening;
  assert.doesNotMatch(log.lines.join("\n"), new RegExp(`s3cret|${btoa("\0joe\0s3cret")}`));
  session.abort(new Error("end"));
});

Deno.test("LOGIN is used when PLAIN is not offered, quoted as needed", async () => {
  const { opening, server } = rig({ password: 'a "b" c' });
  await server.send("* OK [CAPABILITY IMAP4rev1 AUTH=CRAM-MD5] hi");
  await server.expect('000000 LOGIN joe "a \\"b\\" c"');
  await server.send("000000 OK [CAPABILITY IMAP4rev1] in");
  (await opening).session.abort(new Error("end"));
});

Deno.test("a refused login says so without the password", async () => {
  const { opening, server } = rig();
  await server.send("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi");
  await server.expect(/AUTHENTICATE/);
  await server.send("000000 NO [AUTHENTICATIONFAILED] Authentication failed.");
  await assert.rejects(
    opening,
    (error) =>
      error instanceof AuthenticationError && /Authentication failed/.test(error.message) &&
      !/s3cret/.test(error.message),
  );
});

Deno.test("`chooseMechanism()` follows the user's order and refuses disabled logins", () => {
  const offers = (text: string): Capabilities => new Capabilities(text.split(" "));
  assert.equal(chooseMechanism(["LOGIN", "PLAIN"], offers("AUTH=PLAIN")), "LOGIN");
  assert.equal(chooseMechanism(["CRAM-MD5", "PLAIN"], offers("AUTH=PLAIN")), "PLAIN");
  assert.throws(() => chooseMechanism(["PLAIN"], offers("AUTH=XOAUTH2")), AuthenticationError);
  assert.throws(() => chooseMechanism(["CRAM-MD5"], offers("AUTH=CRAM-MD5")), AuthenticationError);
  assert.throws(() => chooseMechanism(["PLAIN", "LOGIN"], offers("AUTH=PLAIN LOGINDISABLED")), AuthenticationError);
});

Deno.test("STARTTLS comes before anything else, and what was said in the clear is forgotten", async () => {
  const { opening, server, inside } = rig({ startTls: true });
  await server.send("* OK [CAPABILITY IMAP4rev1 STARTTLS SASL-IR AUTH=PLAIN] hi");
  await server.expect("000000 STARTTLS");
  await server.send("000000 OK go");
  await inside.expect("000001 CAPABILITY");
  await inside.send("* CAPABILITY IMAP4rev1 AUTH=PLAIN", "000001 OK");
  await inside.expect("000002 AUTHENTICATE PLAIN");
  await inside.send("+ ");
  await inside.line();
  await inside.send("000002 OK [CAPABILITY IMAP4rev1 X] in");
  const { session } = await opening;
  assert.deepEqual([...session.capabilities.names], ["IMAP4REV1", "X"]);
  session.abort(new Error("end"));
});

Deno.test("octets behind the OK of STARTTLS end the session before a credential is sent", async () => {
  const { opening, server } = rig({ startTls: true });
  await server.send("* OK [CAPABILITY IMAP4rev1 STARTTLS] hi");
  await server.expect("000000 STARTTLS");
  await server.send("000000 OK go", "* CAPABILITY IMAP4rev1 AUTH=PLAIN LOGIN-IN-THE-CLEAR");
  await assert.rejects(opening, ProtocolError);
  assert.equal(await server.line(), null);
});

Deno.test("without STARTTLS offered, or with PREAUTH, nothing is sent in the clear", async () => {
  const missing = rig({ startTls: true });
  await missing.server.send("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi");
  await assert.rejects(missing.opening, TlsError);
  assert.equal(await missing.server.line(), null);
  const preauth = rig({ startTls: true });
  await preauth.server.send("* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] hi");
  await assert.rejects(preauth.opening, TlsError);
  assert.equal(await preauth.server.line(), null);
});

Deno.test("COMPRESS is asked for when offered and wanted; a refusal is only a warning", async () => {
  const on = rig({ compress: true });
  await on.server.send("* PREAUTH [CAPABILITY IMAP4rev1 COMPRESS=DEFLATE] hi");
  await on.server.expect("000000 COMPRESS DEFLATE");
  await on.server.send("000000 OK on");
  const { session } = await on.opening;
  const created = session.create("x");
  await on.inside.expect("000001 CREATE x");
  await on.inside.send("000001 OK");
  await created;
  session.abort(new Error("end"));

  const refused = rig({ compress: true });
  await refused.server.send("* PREAUTH [CAPABILITY IMAP4rev1 COMPRESS=DEFLATE] hi");
  await refused.server.expect("000000 COMPRESS DEFLATE");
  await refused.server.send("000000 NO [COMPRESSIONACTIVE] TLS does it");
  (await refused.opening).session.abort(new Error("end"));
  assert.ok(!refused.log.lines.some((line) => line.includes("WARNING")));
});

Deno.test("a server without IMAP4rev1 is refused", async () => {
  const { opening, server } = rig();
  await server.send("* PREAUTH [CAPABILITY IMAP4] hi");
  await assert.rejects(opening, CapabilityError);
});

Deno.test("a BYE greeting, the deadline and a signal each end the opening with their own reason", async () => {
  const bye = rig();
  await bye.server.send("* BYE too many connections");
  bye.end.close();
  await assert.rejects(bye.opening, /too many connections/);

  const deadline = new AbortController();
  const late = rig({ deadline: { signal: deadline.signal, clear: () => {} } });
  await Promise.resolve();
  deadline.abort(new TransportError("timeout", "No answer"));
  await assert.rejects(late.opening, /No answer/);

  const signal = new AbortController();
  const stopped = rig({ signal: signal.signal });
  await stopped.server.send("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi");
  await stopped.server.expect(/AUTHENTICATE/);
  signal.abort(new Interrupted("SIGTERM"));
  await assert.rejects(stopped.opening, Interrupted);
});
