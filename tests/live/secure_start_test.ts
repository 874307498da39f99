// What happens before and while a password is sent: somebody between who adds octets, servers that want it in the
// clear, and what of it is left in a log.

import assert from "node:assert/strict";
import { type LiveContext, liveTest } from "../support/live/live_case.ts";
import { PASSWORD } from "../support/live_dovecot.ts";
import { plainSection, type Section, tunnelSection, Workspace } from "../support/live/program.ts";
import { assertRefused } from "../support/live/refusal.ts";
import { Relay } from "../support/relay.ts";
import { chunk } from "../support/relay_rules.ts";
import { tlsRecords, Wiretap } from "../support/wiretap.ts";

const ONLY_NEW = { newProgramOnly: true };
const GREETING = "* OK [CAPABILITY IMAP4rev1 STARTTLS SASL-IR AUTH=PLAIN LITERAL+] hello\r\n";
const INJECTED = "* CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN\r\n000001 OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] done\r\n";

async function prepare({ lab, program }: LiveContext) {
  const local = await lab.store("local", { format: "maildir", separator: "/" });
  const remote = await lab.store("remote", { format: "mdbox", separator: "." });
  const workspace = await Workspace.create(`${lab.directory}/w`, tunnelSection(local), tunnelSection(remote));
  await workspace.sync(program);
  return { local, remote, workspace };
}

/** Answers STARTTLS, and adds what is in the clear: behind the OK at once, or when the ClientHello has come. */
function interloper(where: "with the OK" | "behind the ClientHello"): {
  readonly port: number;
  readonly heard: () => Promise<Uint8Array>;
} {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const send = (conn: Deno.Conn, text: string) => conn.write(new TextEncoder().encode(text));
  const serve = async (): Promise<Uint8Array> => {
    const conn = await listener.accept();
    listener.close();
    const heard: number[] = [];
    const buffer = new Uint8Array(10_000);
    let step = 0;
    await send(conn, GREETING);
    try {
      for (let count = await conn.read(buffer); count !== null; count = await conn.read(buffer)) {
        heard.push(...buffer.subarray(0, count));
        step++;
        if (step === 1) await send(conn, where === "with the OK" ? `000000 OK go\r\n${INJECTED}` : "000000 OK go\r\n");
        else if (where === "behind the ClientHello") await send(conn, INJECTED);
      }
    } catch {
      // the client has left, which is what it should do
    }
    conn.close();
    return Uint8Array.from(heard);
  };
  const served = serve();
  return { port: listener.addr.port, heard: () => served };
}

liveTest("octets in the clear between STARTTLS and TLS end the session, and hear no password", async (context) => {
  const { local, remote, workspace } = await prepare(context);
  const cases = [
    ["with the OK", /^remote: ERROR: Octets between STARTTLS and TLS: is somebody injecting\?$/],
    ["behind the ClientHello", /^remote: ERROR: Can't initiate TLS\/SSL handshake .*does not speak TLS on this port$/],
  ] as const;
  for (const [where, said] of cases) {
    const server = interloper(where);
    await workspace.configure(tunnelSection(local), plainSection(remote, server, { STARTTLS: "YES" }));
    await assertRefused({ what: where, said, program: context.program, workspace, stores: [local, remote] });
    const { clear, records } = tlsRecords(await server.heard());
    assert.equal(clear, "000000 STARTTLS\r\n", where);
    // A ClientHello (22), and an alert (21) that it was not understood.
    assert.deepEqual(
      records.filter(({ type }) => type !== 21).map(({ type }) => type),
      where === "with the OK" ? [] : [22],
    );
  }
}, ONLY_NEW);

liveTest("in the clear nothing is said but STARTTLS, unless STARTTLS = NO is written", async (context) => {
  const { lab, program } = context;
  const { local, remote, workspace } = await prepare(context);
  const { ca } = await lab.certificates();
  const daemon = await lab.daemon();
  for (const auth of ["PLAIN", "LOGIN"]) {
    await using tap = Wiretap.start(daemon.port);
    const { STARTTLS: _no, ...section } = plainSection(remote, tap, { auth, SSL_CAfile: ca });
    await workspace.configure(tunnelSection(local), section);
    await workspace.sync(program);
    const [connection] = tap.connections();
    assert.ok(connection !== undefined);
    assert.equal(tlsRecords(connection.client).clear, "000000 STARTTLS\r\n");
    const { clear } = tlsRecords(connection.server);
    assert.match(clear, /^\* OK \[CAPABILITY [^\r]*\r\n000000 OK [^\r]*\r\n$/);
  }
  await using tap = Wiretap.start(daemon.port);
  await workspace.configure(tunnelSection(local), plainSection(remote, tap));
  await workspace.sync(program);
  assert.match(
    tlsRecords(tap.connections()[0]?.client ?? new Uint8Array()).clear,
    /^000000 AUTHENTICATE PLAIN \S+\r\n/,
  );
}, ONLY_NEW);

liveTest(
  "no password is in a log at one --debug, whatever the mechanism and however its octets come",
  async (context) => {
    const { lab, program } = context;
    const { local, remote, workspace } = await prepare(context);
    const required = "IMAP4rev1 ENABLE UIDPLUS LIST-EXTENDED LIST-STATUS CONDSTORE QRESYNC";
    const daemon = await lab.daemon({ 2: { capabilities: `${required} AUTH=PLAIN` } });
    const secrets = (password: string) => [
      password,
      password.replace(/["\\]/g, "\\$&"),
      btoa(`\0${remote.name}\0${password}`),
      btoa(`\0${remote.name}\0${password}`).slice(0, 20),
    ];
    const logfile = `${lab.directory}/log`;
    const cases: readonly (readonly [host: string, options: Section])[] = [
      ["127.0.0.1", {}],
      ["127.0.0.2", {}],
      ["127.0.0.1", { auth: "LOGIN" }],
    ];
    for (const [hostname, options] of cases) {
      for (const octets of [1, 3, 4096]) {
        for (const password of [PASSWORD, `not ${PASSWORD}`]) {
          await using relay = Relay.start({ hostname, port: daemon.port }, chunk(octets));
          const section = plainSection(remote, relay, { ...options, password });
          const globals = octets === 3 ? { logfile } : {};
          await workspace.configure(tunnelSection(local), section, globals);
          const { code, stdout, stderr } = await workspace.run(program, ["--debug"]);
          assert.equal(code, password === PASSWORD ? 0 : 1, stderr);
          const shown = stdout + stderr + await Deno.readTextFile(logfile).catch(() => "");
          for (const secret of secrets(password)) assert.ok(!shown.includes(secret), shown);
          assert.match(shown, /remote: C: xxx (?:AUTHENTICATE PLAIN|LOGIN) \[REDACTED\]/);
          assert.match(shown, new RegExp(`remote: S: xxx ${code === 0 ? "OK" : "NO"} `));
        }
      }
    }
    await workspace.configure(tunnelSection(local), plainSection(remote, daemon));
    const twice = await workspace.run(program, ["--debug", "--debug"]);
    assert.ok(twice.stderr.includes(btoa(`\0${remote.name}\0${PASSWORD}`)), "two --debug show everything");
  },
  ONLY_NEW,
);
