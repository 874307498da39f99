// Opening a session: STARTTLS, login, COMPRESS and every way in which it must stop, against a scripted server.

import assert from "node:assert/strict";
import { NUDGE_MS, SILENCE_MS } from "../../lib/client/assumption.ts";
import {
  AuthenticationError,
  ByeError,
  CapabilityError,
  Interrupted,
  ProtocolError,
  StaleCapabilitiesError,
  TlsError,
  TransportError,
} from "../../lib/errors.ts";
import { capability } from "../../lib/protocol/mod.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { rig } from "./open_rig.ts";

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

for (
  const [code, remedy] of [
    ["[AUTHENTICATIONFAILED] ", /username and password/],
    ["", /username and password/],
    ["[UNAVAILABLE] ", /later/],
    ["[LIMIT] ", /later.*connections/],
    ["[EXPIRED] ", /new password/],
    ["[PRIVACYREQUIRED] ", /encrypted/],
  ] as const
) {
  Deno.test(`a refused login says so without the password, and what to do: ${code}`, async () => {
    const { opening, server } = rig();
    await server.send("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi");
    await server.expect(/AUTHENTICATE/);
    await server.send(`000000 NO ${code}Authentication failed.`);
    const error = await opening.then(() => null, (error: unknown) => error);
    assert.ok(error instanceof AuthenticationError);
    assert.match(error.message, /Authentication failed/);
    assert.match(error.hints.join(), remedy);
    assert.doesNotMatch(error.message + error.hints.join(), /s3cret/);
  });
}

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

  const lingering = rig(); // it says so and leaves the connection open
  await lingering.server.send("* BYE try later");
  await assert.rejects(lingering.opening, (error) => error instanceof ByeError && /try later/.test(error.message));
  const refusing = rig();
  await refusing.server.send("* NO go away");
  await assert.rejects(refusing.opening, ProtocolError);

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

const GREETING = "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi";
const EXPECTED = ["IMAP4REV1", "ENABLE", "QRESYNC"];

Deno.test("with the capabilities of the last run, commands go out behind the login without waiting", async () => {
  const { opening, server } = rig({ expected: EXPECTED });
  await server.send(GREETING);
  const { session } = await opening;
  const enabled = session.enableQresync();
  await server.expect(/^000000 AUTHENTICATE PLAIN \S+$/);
  await server.expect("000001 ENABLE QRESYNC");
  await server.send("000000 OK [CAPABILITY IMAP4rev1 ENABLE QRESYNC NEW] in");
  await server.send("* ENABLED QRESYNC", "000001 OK");
  await enabled;
  assert.ok(session.toldAtLogin?.has("NEW"));
  assert.ok(session.capabilities.has("NEW"));
  session.abort(new Error("end"));
});

Deno.test("with STARTTLS the mechanisms are asked for again, and the capabilities of the last run assumed behind that", async () => {
  const { opening, server, inside } = rig({ startTls: true, expected: EXPECTED });
  await server.send("* OK [CAPABILITY IMAP4rev1 STARTTLS SASL-IR AUTH=PLAIN] hi");
  await server.expect("000000 STARTTLS");
  await server.send("000000 OK go");
  await inside.expect("000001 CAPABILITY");
  assert.equal(inside.pending, "", "the mechanisms were assumed");
  await inside.send("* CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN", "000001 OK");
  const { session } = await opening;
  const enabled = session.enableQresync();
  await inside.expect(/^000002 AUTHENTICATE PLAIN \S+$/);
  await inside.expect("000003 ENABLE QRESYNC");
  await inside.send("000002 OK [CAPABILITY IMAP4rev1 ENABLE QRESYNC] in", "* ENABLED QRESYNC", "000003 OK");
  await enabled;
  session.abort(new Error("end"));
});

Deno.test("with `enable`, QRESYNC is in one flight with COMPRESS, and waited for", async () => {
  const { opening, server, inside } = rig({ compress: true, enable: true });
  const needed = "ENABLE QRESYNC LIST-EXTENDED UIDPLUS LIST-STATUS COMPRESS=DEFLATE";
  await server.send(`* PREAUTH [CAPABILITY IMAP4rev1 ${needed}] hi`);
  await server.expect("000000 ENABLE QRESYNC");
  await server.expect("000001 COMPRESS DEFLATE");
  await server.send("* ENABLED QRESYNC", "000000 OK", "000001 OK go");
  const { session } = await opening;
  const created = session.create("x");
  await inside.expect("000002 CREATE x");
  await inside.send("000002 OK");
  await created;
  session.abort(new Error("end"));

  const poor = rig({ enable: true });
  await poor.server.send(`* PREAUTH [CAPABILITY IMAP4rev1 ${needed.replace("QRESYNC", "")}] hi`);
  await assert.rejects(poor.opening, CapabilityError);
});

Deno.test("nothing goes out behind the login when the server asks for another one, or for a continuation", async () => {
  for (const greeting of ["* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi", "* OK [CAPABILITY IMAP4rev1 SASL-IR] hi"]) {
    const { opening, server } = rig({ expected: EXPECTED });
    await server.send(greeting);
    await server.expect(/^000000 (AUTHENTICATE PLAIN|LOGIN joe s3cret)$/);
    let opened = false;
    void opening.then(() => opened = true, () => {});
    await server.send("* OK still here");
    assert.equal(opened, false);
    server.close();
    await assert.rejects(opening);
  }
});

const MODERN = "ENABLE QRESYNC UIDPLUS LIST-EXTENDED LIST-STATUS";

Deno.test("of a modern server that nothing is known of is presumed what interimap cannot do without", async () => {
  const { opening, server } = rig({ presume: true });
  await server.send("* OK [CAPABILITY IMAP4rev1 SASL-IR ENABLE AUTH=PLAIN] hi");
  const { session } = await opening;
  await server.expect(/^000000 AUTHENTICATE PLAIN/);
  const enabled = session.enableQresync();
  await server.expect("000001 ENABLE QRESYNC");
  let isProven = false;
  void session.loggedIn.then(() => isProven = true);
  await server.send("* OK wait");
  assert.equal(isProven, false);
  await server.send(`000000 OK [CAPABILITY IMAP4rev1 ${MODERN} MOVE] in`, "* ENABLED QRESYNC", "000001 OK");
  await session.loggedIn;
  await enabled;
  assert.ok(session.toldAtLogin?.has("MOVE"));
  session.abort(new Error("end"));
});

Deno.test("what was presumed and does not hold ends the session", async () => {
  const poor = MODERN.replace(" UIDPLUS", "");
  const lacks = (error: unknown) => error instanceof CapabilityError && error.message.includes("Non UIDPLUS-capable");
  const isUnclear = (error: unknown) => error instanceof StaleCapabilitiesError && !error.again;
  for (const [told, check] of [[`[CAPABILITY IMAP4rev1 ${poor}] in`, lacks], ["in", isUnclear]] as const) {
    const { opening, server } = rig({ presume: true });
    await server.send("* OK [CAPABILITY IMAP4rev1 SASL-IR ENABLE AUTH=PLAIN] hi");
    const { session } = await opening;
    const enabled = session.enableQresync();
    await server.send(`000000 OK ${told}`, "* ENABLED QRESYNC", "000001 OK");
    await assert.rejects(enabled, check);
    await assert.rejects(session.loggedIn);
  }
});

for (
  const [title, greeting, options] of [
    ["whose greeting shows no ENABLE", "SASL-IR AUTH=PLAIN", {}],
    ["that asks for another login", "SASL-IR ENABLE AUTH=CRAM-MD5", {}],
    ["over which COMPRESS is wanted", "SASL-IR ENABLE AUTH=PLAIN", { compress: true }],
    ["that lost what was sent behind a login before", "SASL-IR ENABLE AUTH=PLAIN", { presume: false }],
  ] as const
) {
  Deno.test(`nothing is presumed of a server ${title}`, async () => {
    const { opening, server } = rig({ presume: true, ...options });
    let isOpen = false;
    opening.then(() => isOpen = true, () => {});
    await server.send(`* OK [CAPABILITY IMAP4rev1 ${greeting}] hi`);
    await server.expect(/^000000 (AUTHENTICATE|LOGIN)/);
    await server.send("* OK wait");
    assert.equal(isOpen, false);
    await server.send(`000000 OK [CAPABILITY IMAP4rev1 ${MODERN}] in`);
    const { session } = await opening;
    await session.loggedIn;
    session.abort(new Error("end"));
  });
}

Deno.test("who waits for a login learns that its session has ended", async () => {
  for (const end of ["server", "client"]) {
    const { opening, server } = rig({ expected: EXPECTED });
    await server.send(GREETING);
    const { session } = await opening;
    if (end === "server") server.close();
    else session.abort(new Error("end"));
    await assert.rejects(session.loggedIn);
  }
});

Deno.test("a login that is refused ends what was sent behind it with the reason", async () => {
  const { opening, server } = rig({ expected: EXPECTED });
  await server.send(GREETING);
  const { session } = await opening;
  const enabled = session.enableQresync();
  await server.send("000000 NO [AUTHENTICATIONFAILED] Wrong.", "000001 BAD first log in");
  await assert.rejects(enabled, (error) => error instanceof AuthenticationError && /Wrong/.test(error.message));
});

Deno.test("a server that answers what was sent behind the login before it is not trusted again", async () => {
  const { opening, server } = rig({ expected: EXPECTED });
  await server.send(GREETING);
  const { session } = await opening;
  const enabled = session.enableQresync();
  await server.send("000001 BAD ENABLE is forbidden");
  await assert.rejects(enabled, (error) => error instanceof StaleCapabilitiesError && !error.again);
});

Deno.test("capabilities that are gone, or not told, end the session before anything that depends on them", async () => {
  for (const [told, again] of [["[CAPABILITY IMAP4rev1 ENABLE] in", true], ["in", false]] as const) {
    const { opening, server } = rig({ expected: EXPECTED });
    await server.send(GREETING);
    const { session } = await opening;
    const enabled = session.enableQresync();
    await server.send(`000000 OK ${told}`, "* ENABLED QRESYNC", "000001 OK");
    await assert.rejects(enabled, (error) => error instanceof StaleCapabilitiesError && error.again === again);
    await assert.rejects(session.loggedIn);
  }
});

Deno.test("a server that loses what was sent behind the login is not waited for, and not trusted again", async () => {
  const clock = new FakeClock();
  const { opening, server } = rig({ expected: EXPECTED, clock });
  await server.send(GREETING);
  const { session } = await opening;
  const enabled = session.enableQresync();
  await server.expect(/AUTHENTICATE/);
  await server.expect(/ENABLE/);
  await server.send("000000 OK [CAPABILITY IMAP4rev1 ENABLE QRESYNC NEW] in");
  while (!session.capabilities.has("NEW")) await new Promise((resolve) => setTimeout(resolve));
  clock.advance(SILENCE_MS - 1);
  await server.expect("000002 NOOP");
  assert.equal(session.closed, null);
  clock.advance(1);
  await assert.rejects(enabled, (error) => error instanceof StaleCapabilitiesError && !error.again);
});

Deno.test("a login that was answered before anything was sent behind it may be followed late", async () => {
  const clock = new FakeClock();
  const { opening, server } = rig({ expected: EXPECTED, clock });
  await server.send(GREETING);
  const { session } = await opening;
  await server.expect(/AUTHENTICATE/);
  await server.send("000000 OK [CAPABILITY IMAP4rev1 ENABLE QRESYNC] in");
  await session.loggedIn;
  clock.advance(2 * SILENCE_MS);
  const enabled = session.enableQresync();
  await server.expect("000001 ENABLE QRESYNC");
  await server.send("* ENABLED QRESYNC", "000001 OK");
  await enabled;
  session.abort(new Error("end"));
});

for (
  const [what, answers, isTrusted] of [
    ["has taken its time", ["000001 OK", "000002 OK"], true],
    ["is confused", ["000000 BAD Already authenticated"], false],
    ["does not know what is asked", ["000001 OK", "000002 BAD What?"], false],
    ["has lost it", ["000002 OK"], false],
  ] as const
) {
  Deno.test(`a server that does not answer soon what was sent behind the login is nudged: one that ${what}`, async () => {
    const clock = new FakeClock();
    const { opening, server } = rig({ expected: EXPECTED, clock });
    await server.send(GREETING);
    const { session } = await opening;
    const enabled = session.enableQresync();
    enabled.catch(() => {});
    for (const command of [/AUTHENTICATE/, /ENABLE/]) await server.expect(command);
    await server.send("000000 OK [CAPABILITY IMAP4rev1 ENABLE QRESYNC NEW] in");
    await session.loggedIn;
    clock.advance(NUDGE_MS);
    await server.expect("000002 NOOP");
    await server.send(...answers);
    while (clock.pending > 0) await new Promise((resolve) => setTimeout(resolve));
    if (isTrusted) {
      await enabled;
      assert.equal(session.closed, null);
    } else assert.ok(session.closed instanceof StaleCapabilitiesError && !session.closed.again, `${session.closed}`);
    session.abort(new Error("end"));
  });
}

Deno.test("a server that is confused by what was sent behind the login is not trusted again", async () => {
  const ok = "000000 OK [CAPABILITY IMAP4rev1 ENABLE QRESYNC] in";
  const again = "000000 BAD Already authenticated";
  for (const answers of [[ok, again], [ok, "001 BAD what"], [ok, "* ENABLED QRESYNC", "000001 OK enabled", again]]) {
    const { opening, server } = rig({ expected: EXPECTED });
    await server.send(GREETING);
    const { session } = await opening;
    const both = Promise.all([session.enableQresync(), session.run(capability())]);
    for (const command of [/AUTHENTICATE/, /ENABLE/, /CAPABILITY/]) await server.expect(command);
    await server.send(...answers);
    await assert.rejects(both, (error) => error instanceof StaleCapabilitiesError && !error.again);
  }
});

for (const place of ["before", "behind"] as const) {
  Deno.test(`what is asked for before COMPRESS may be answered ${place} it`, async () => {
    const clock = new FakeClock();
    let asked: Promise<unknown> = Promise.resolve();
    const { opening, server, inside } = rig({
      expected: [...EXPECTED, "COMPRESS=DEFLATE"],
      compress: true,
      usable: (session) => asked = session.run(capability()),
      clock,
    });
    await server.send(GREETING);
    await server.expect(/^000000 AUTHENTICATE PLAIN/);
    while (clock.pending < 2) await new Promise((resolve) => setTimeout(resolve));
    clock.advance(10);
    await server.expect("000001 CAPABILITY");
    await server.expect("000002 COMPRESS DEFLATE");
    const answer = ["* CAPABILITY IMAP4rev1 NEW", "000001 OK"];
    await server.send("000000 OK [CAPABILITY IMAP4rev1 ENABLE QRESYNC COMPRESS=DEFLATE] in");
    if (place === "before") await server.send(...answer);
    await server.send("000002 OK go");
    if (place === "behind") await inside.send(...answer);
    await asked;
    const { session } = await opening;
    assert.ok(session.capabilities.has("NEW"));
    session.abort(new Error("end"));
  });
}

Deno.test("COMPRESS goes out behind the login, and nothing behind COMPRESS", async () => {
  const clock = new FakeClock();
  const { opening, server, inside } = rig({ expected: [...EXPECTED, "COMPRESS=DEFLATE"], compress: true, clock });
  await server.send(GREETING);
  await server.expect(/^000000 AUTHENTICATE PLAIN/);
  // Not in one piece, which would confuse Cyrus.
  while (clock.pending < 2) await new Promise((resolve) => setTimeout(resolve));
  assert.equal(server.pending, "");
  clock.advance(10);
  await server.expect("000001 COMPRESS DEFLATE");
  await server.send("000000 OK [CAPABILITY IMAP4rev1 ENABLE QRESYNC COMPRESS=DEFLATE] in", "000001 OK go");
  const { session } = await opening;
  const enabled = session.enableQresync();
  await inside.expect("000002 ENABLE QRESYNC");
  await inside.send("* ENABLED QRESYNC", "000002 OK");
  await enabled;
  session.abort(new Error("end"));
});
