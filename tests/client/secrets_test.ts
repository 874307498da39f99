// Where a password may go, and what is left of it: nothing in a log or an error, whatever the server repeats; nothing
// on a connection that others can read; nothing that was said before TLS is believed.

import assert from "node:assert/strict";
import { AuthenticationError, ByeError, ProtocolError, TlsError } from "../../lib/errors.ts";
import { rig } from "./open_rig.ts";

const PASSWORD = 's3"cr\\et';
const SECRETS = [PASSWORD, 's3\\"cr\\\\et', btoa(`\0joe\0${PASSWORD}`), "s3"];

/** The ways to log in: what the server offers, and what it gets. */
const LOGINS: readonly (readonly [name: string, offer: string, auth: readonly string[], lines: readonly RegExp[]])[] = [
  ["PLAIN with SASL-IR", "SASL-IR AUTH=PLAIN", ["PLAIN"], [/^000000 AUTHENTICATE PLAIN \S+$/]],
  ["PLAIN without SASL-IR", "AUTH=PLAIN", ["PLAIN"], [/^000000 AUTHENTICATE PLAIN$/, /^[\w+/]+=*$/]],
  ["LOGIN", "", ["LOGIN"], [/^000000 LOGIN joe "s3\\"cr\\\\et"$/]],
];

/** What a rude server says to a login: everything that it was told, wherever a text can stand. */
function echoes(heard: string): readonly string[] {
  return [
    `* OK you said ${heard}`,
    `* BAD [ALERT] what is ${heard} and ${PASSWORD}?`,
    `* NO {12}`, // no literal: a text
    `* ${"x".repeat(4090)} ${heard}`,
    `* FLAGS (${PASSWORD.replace(/\W/g, "")})`,
  ];
}

for (const [name, offer, auth, wanted] of LOGINS) {
  for (const octets of [1, 7, 100_000]) {
    for (const end of ["OK", "NO", "BYE"]) {
      Deno.test(`no log has the password when a server repeats it: ${name}, ${end}, ${octets} octets at once`, async () => {
        const { opening, server, log, end: wire } = rig({ auth, password: PASSWORD });
        await server.send(`* OK [CAPABILITY IMAP4rev1 ${offer}] hi`);
        let heard = "";
        for (const [index, pattern] of wanted.entries()) {
          heard += await server.expect(pattern);
          if (index + 1 < wanted.length) await server.send(`+ ${btoa(PASSWORD)}`);
        }
        const last = end === "BYE" ? `* BYE ${heard}` : `000000 ${end} [CAPABILITY IMAP4rev1 X] ${heard}`;
        const said = [...echoes(heard), last].map((line) => `${line}\r\n`).join("");
        for (let at = 0; at < said.length; at += octets) await server.raw(said.slice(at, at + octets));
        if (end === "BYE") wire.close();
        const outcome = await opening.then(({ session }) => session, (error: Error) => error);
        const shown = [...log.lines, outcome instanceof Error ? outcome.message : ""].join("\n");
        for (const secret of SECRETS) assert.ok(!shown.includes(secret), `${secret} in:\n${shown}`);
        if (outcome instanceof Error) {
          assert.ok(end === "NO" ? outcome instanceof AuthenticationError : outcome instanceof ByeError, `${outcome}`);
          assert.match(outcome.message, /not shown, for the password is in it/);
        } else outcome.abort(new Error("end"));
        if (end !== "BYE") {
          assert.ok(log.lines.some((line) => line.includes(`S: xxx ${end} [CAPABILITY IMAP4rev1 X]`)), shown);
        }
      });
    }
  }
}

Deno.test("what a server says after the login is shown again", async () => {
  const { opening, server, log } = rig();
  await server.send("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi");
  await server.line();
  await server.raw("000000 OK in\r\n* OK [ALERT] the disk is nearly full\r\n* CAPABILITY IMAP4rev1 X\r\n");
  const { session } = await opening;
  session.abort(new Error("end"));
  for (const line of ["S: xxx OK [REDACTED]", "S: * CAPABILITY IMAP4rev1 X", "[ALERT] the disk is nearly full"]) {
    assert.ok(log.lines.some((shown) => shown.includes(line)), `${line} not in:\n${log.lines.join("\n")}`);
  }
});

Deno.test("the alert of a refused login is shown when no password is in it", async () => {
  const { opening, server, log } = rig();
  await server.send("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi");
  await server.line();
  await server.send("000000 NO [ALERT] Use an application password");
  await assert.rejects(opening, /Use an application password/);
  assert.ok(log.lines.some((line) => line.includes("[ALERT] Use an application password")));
});

Deno.test("no password is sent over a connection that is not encrypted unless STARTTLS = NO allows it", async () => {
  for (const auth of [["PLAIN"], ["LOGIN"]]) {
    const { opening, server } = rig({ auth, allowPlaintext: false });
    await server.send("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi");
    await assert.rejects(opening, TlsError);
    assert.equal(await server.line(), null);
  }
  const secured = rig({ startTls: true, allowPlaintext: false });
  await secured.server.send("* OK [CAPABILITY IMAP4rev1 STARTTLS] hi");
  await secured.server.expect("000000 STARTTLS");
  await secured.server.send("000000 OK go");
  await secured.inside.expect("000001 CAPABILITY");
  await secured.inside.send("* CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN", "000001 OK");
  await secured.inside.expect(/^000002 AUTHENTICATE PLAIN \S+$/);
  await secured.inside.send("000002 OK [CAPABILITY IMAP4rev1] in");
  (await secured.opening).session.abort(new Error("end"));
});

Deno.test("capabilities that came with the OK of STARTTLS, or were injected before it, are forgotten", async () => {
  const { opening, server, inside } = rig({ startTls: true });
  await server.send("* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] hi");
  await server.expect("000000 STARTTLS");
  await server.send("* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR EVIL", "000000 OK [CAPABILITY IMAP4rev1 EVIL] go");
  await inside.expect("000001 CAPABILITY");
  await inside.send("* CAPABILITY IMAP4rev1 AUTH=PLAIN", "000001 OK");
  await inside.expect("000002 AUTHENTICATE PLAIN");
  await inside.send("+ ");
  await inside.line();
  await inside.send("000002 OK in");
  await inside.expect("000003 CAPABILITY");
  await inside.send("* CAPABILITY IMAP4rev1 X", "000003 OK");
  const { session } = await opening;
  assert.deepEqual([...session.capabilities.names], ["IMAP4REV1", "X"]);
  session.abort(new Error("end"));
});

Deno.test("a server that refuses STARTTLS, or that fails the handshake, hears nothing more", async () => {
  const refused = rig({ startTls: true });
  await refused.server.send("* OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN] hi");
  await refused.server.expect("000000 STARTTLS");
  await refused.server.send("000000 NO not today");
  await assert.rejects(refused.opening, TlsError);
  assert.equal(await refused.server.line(), null);
});

Deno.test("no error has the password when a server repeats it in what cannot be understood", async () => {
  const { opening, server, log } = rig({ password: PASSWORD });
  await server.send("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi");
  const heard = await server.line();
  await server.send(`${PASSWORD} ${heard}`);
  await assert.rejects(opening, (error) => {
    assert.ok(error instanceof ProtocolError);
    assert.equal(error.message, "The server's answer to the login is malformed");
    return true;
  });
  for (const secret of SECRETS) assert.ok(!log.lines.join("\n").includes(secret));
});

for (const end of ["OK", "NO"]) {
  Deno.test(`no log has the password when more is sent behind a login that is answered ${end}`, async () => {
    const { opening, server, log } = rig({ password: PASSWORD, expected: ["IMAP4REV1", "ENABLE", "QRESYNC"] });
    await server.send("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi");
    const { session } = await opening;
    const enabled = session.enableQresync().then(() => "", (error: Error) => error.message);
    const heard = await server.line() ?? "";
    await server.expect("000001 ENABLE QRESYNC");
    await server.send(...echoes(heard), `000000 ${end} [CAPABILITY IMAP4rev1 ENABLE QRESYNC] ${heard}`);
    if (end === "OK") await server.send("* ENABLED QRESYNC", "000001 OK enabled");
    const shown = [...log.lines, await enabled].join("\n");
    for (const secret of SECRETS) assert.ok(!shown.includes(secret), `${secret} in:\n${shown}`);
    if (end === "OK") assert.match(shown, /S: 000001 OK enabled/);
    else assert.match(shown, /The server refused the login: NO \[CAPABILITY\] \(not shown/);
    session.abort(new Error("end"));
  });
}
