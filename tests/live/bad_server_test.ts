// A server that refuses, cannot prove who it is, or is no IMAP server ends the run with one line; nothing has changed
// anywhere, and no password has left.

import assert from "node:assert/strict";
import { startFakeServer } from "../support/live/fake_server.ts";
import { liveTest } from "../support/live/live_case.ts";
import type { Lab, MailStore } from "../support/live_dovecot.ts";
import { plainMessage } from "../support/live/mail.ts";
import { plainSection, type Program, type Section, tunnelSection, Workspace } from "../support/live/program.ts";
import { assertRefused } from "../support/live/refusal.ts";

const CAPABILITIES = "IMAP4rev1 SASL-IR LITERAL+ ENABLE LIST-EXTENDED LIST-STATUS UIDPLUS MULTIAPPEND CONDSTORE";

interface Scene {
  readonly local: MailStore;
  readonly remote: MailStore;
  readonly workspace: Workspace;
  /** Runs with these options for the remote server, and checks that it fails with one line like `said`. */
  refuses(what: string, section: Section, said: RegExp): Promise<void>;
}

/** Two stores that were synchronized, with something to do. */
async function prepare(lab: Lab, program: Program): Promise<Scene> {
  const local = await lab.store("local", { format: "maildir", separator: "/" });
  const remote = await lab.store("remote", { format: "mdbox", separator: "." });
  const workspace = await Workspace.create(`${lab.directory}/w`, tunnelSection(local), tunnelSection(remote));
  await workspace.sync(program);
  for (const store of [local, remote]) {
    await store.with((probe) => probe.append("INBOX", { body: plainMessage(store.name) }));
  }
  return {
    local,
    remote,
    workspace,
    async refuses(what, section, said) {
      await workspace.configure(tunnelSection(local), section);
      await assertRefused({ what, said, program, workspace, stores: [local, remote] });
    },
  };
}

liveTest("a login that is refused, or cannot be tried, is one line", async ({ lab, program }) => {
  const scene = await prepare(lab, program);
  const daemon = await lab.daemon({ 2: { capabilities: CAPABILITIES }, 3: { capabilities: "IMAP4rev1" } });
  const section = (options: Section) => plainSection(scene.remote, daemon, options);
  await scene.refuses(
    "wrong password, PLAIN",
    section({ password: "not it" }),
    /remote: ERROR: .*AUTHENTICATIONFAILED/,
  );
  await scene.refuses(
    "wrong password, LOGIN",
    section({ password: "not it", auth: "LOGIN" }),
    /remote: ERROR: .*AUTHENTICATIONFAILED/,
  );
  await scene.refuses("unknown mechanism", section({ auth: "CRAM-MD5" }), /remote: ERROR: .*mechanism/);
  const { password: _password, ...withoutPassword } = section({});
  await scene.refuses("no password", withoutPassword, /password/);
  const { username: _username, ...withoutName } = section({});
  await scene.refuses("no user name", withoutName, /username/);
  await scene.refuses("no QRESYNC", section({ host: "127.0.0.2" }), /remote: ERROR: .*QRESYNC/);
  await scene.refuses("no extension at all", section({ host: "127.0.0.3" }), /remote: ERROR: /);
});

liveTest("a server that is not there, or does not speak IMAP, is one line", async ({ lab, program }) => {
  const scene = await prepare(lab, program);
  const nobody = startFakeServer("");
  await nobody[Symbol.asyncDispose]();
  await scene.refuses(
    "refused connection",
    plainSection(scene.remote, nobody),
    new RegExp(`remote: ERROR: .*127\\.0\\.0\\.1:${nobody.port}`),
  );
  const banners: readonly (readonly [what: string, banner: string, hangUp: boolean])[] = [
    ["ssh", "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n", true],
    ["ssh that waits", "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n", false],
    ["smtp", "220 mail.example.net ESMTP\r\n", false],
    ["closes at once", "", true],
    ["closes within the greeting", "* OK [CAPABILITY IMAP4rev1", true],
    ["says bye", "* BYE Too busy\r\n", true],
    ["octets of no protocol", "\x16\x03\x01\x00\xff\x00\x00\r\n", true],
    ["logged in before TLS", "* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS ENABLE QRESYNC] hello\r\n", false],
    ["no STARTTLS", "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hello\r\n", false],
  ];
  for (const [what, banner, hangUp] of banners) {
    await using server = startFakeServer(banner, hangUp);
    await scene.refuses(what, plainSection(scene.remote, server, { STARTTLS: "YES" }), /remote: ERROR: /);
    assert.doesNotMatch(server.received(), /LOGIN|AUTHENTICATE/, what);
  }
  await using server = startFakeServer("* OK [CAPABILITY IMAP4rev1] hello\r\n");
  await scene.refuses(
    "TLS to a plain port",
    { ...plainSection(scene.remote, server), type: "imaps" },
    /remote: ERROR: /,
  );
});

liveTest("a certificate that proves nothing is one line that names the cause", async ({ lab, program }) => {
  const scene = await prepare(lab, program);
  const { ca, bad } = await lab.certificates();
  const { expired, wrongName, selfSigned } = await bad();
  const daemon = await lab.daemon({
    2: { certificate: expired },
    3: { certificate: wrongName },
    4: { certificate: selfSigned },
  });
  const cases: readonly (readonly [what: string, options: Section, said: RegExp])[] = [
    ["unknown issuer", { host: "127.0.0.1" }, /issuer|unknown|self-signed|not trusted/i],
    ["expired", { host: "127.0.0.2", SSL_CAfile: ca }, /expired/i],
    ["wrong name", { host: "127.0.0.3", SSL_CAfile: ca }, /name|127\.0\.0\.3/i],
    ["self-signed", { host: "127.0.0.4", SSL_CAfile: ca }, /self-signed|issuer|unknown/i],
    ["no such CA file", { host: "127.0.0.1", SSL_CAfile: `${lab.directory}/none.pem` }, /none\.pem/],
    ["CA file without certificate", { host: "127.0.0.1", SSL_CAfile: scene.workspace.configFile }, /config/],
  ];
  for (const [what, options, said] of cases) {
    const section = { ...plainSection(scene.remote, daemon), ...options };
    await scene.refuses(`${what}, STARTTLS`, { ...section, STARTTLS: "YES" }, said);
    await scene.refuses(`${what}, imaps`, { ...section, type: "imaps", port: String(daemon.tlsPort) }, said);
  }
  assert.doesNotMatch(await lab.logs(), /Login: user=/, "somebody logged in");
});
