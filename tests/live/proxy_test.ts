// The option proxy through real proxies: whole runs with every kind of connection, where names are resolved, and what
// is said when a proxy refuses. The handshake itself is tests/transport/socks_test.ts's business.

import assert from "node:assert/strict";
import { liveTest } from "../support/live/live_case.ts";
import type { Lab, MailStore } from "../support/live_dovecot.ts";
import { messageOfSize, plainMessage } from "../support/live/mail.ts";
import { plainSection, type Program, type Section, tunnelSection, Workspace } from "../support/live/program.ts";
import {
  canHaveDanteUsers,
  FORBIDDEN_PORT,
  LiveProxy,
  type ProxyLogin,
  type ProxyProgram,
  SocksTap,
} from "../support/live/socks_proxies.ts";
import { compareStores } from "../support/live/witness.ts";

const LOGIN: ProxyLogin = { user: "joe", password: "p%41ss@w:o/rd" };
const SECRETS = [LOGIN.password, btoa(LOGIN.password), "wrong-word"];
const PROGRAMS: readonly ProxyProgram[] = ["microsocks", "danted"];

type Scheme = "socks5" | "socks5h";

function proxyOption(scheme: Scheme, port: number, login: ProxyLogin | null): Section {
  const credentials = login === null ? "" : `${login.user}:${login.password}@`;
  return { proxy: `${scheme}://${credentials}127.0.0.1:${port}` };
}

async function filled(lab: Lab, name: string): Promise<MailStore> {
  const store = await lab.store(name, { format: "maildir", separator: "/" });
  await store.with(async (probe) => {
    await probe.append("INBOX", { body: plainMessage(`first of ${name}`), flags: ["\\Seen"] });
    await probe.append("INBOX", { body: messageOfSize(`large of ${name}`, 300_000) });
  });
  return store;
}

/** Two runs, the second with something to expunge and something to copy. */
async function syncTwice(
  { lab, program }: { readonly lab: Lab; readonly program: Program },
  name: string,
  sections: (store: MailStore, index: number) => Section,
): Promise<void> {
  const [local, remote] = await Promise.all([filled(lab, `${name}l`), filled(lab, `${name}r`)]);
  const workspace = await Workspace.create(`${lab.directory}/w${name}`, sections(local, 0), sections(remote, 1));
  const equal = async (messages: number) => {
    await workspace.sync(program);
    const { differences, local: facts } = await compareStores(local, remote, workspace.databaseFile);
    assert.deepEqual(differences, []);
    assert.equal(facts.mailboxes.get("INBOX")?.messages.length, messages);
  };
  await equal(4);
  await local.with(async (probe) => {
    await probe.select("INBOX");
    await probe.expunge([1]);
  });
  await remote.with((probe) => probe.append("INBOX", { body: plainMessage("late") }));
  await equal(4);
  const { stderr } = await workspace.sync(program, ["--debug"]);
  assert.match(stderr, /^local: C: /m);
  for (const secret of SECRETS) assert.ok(!stderr.includes(secret), stderr);
}

for (const proxyProgram of PROGRAMS) {
  for (const login of [null, LOGIN]) {
    const test = `runs go through ${proxyProgram} ${login === null ? "without" : "with"} a password, in every way`;
    liveTest(test, async ({ lab, program }) => {
      if (proxyProgram === "danted" && login !== null && !await canHaveDanteUsers()) {
        console.log("(left out: without namespaces dante can't be given a user)");
        return;
      }
      const { ca } = await lab.certificates();
      const daemon = await lab.daemon();
      await using proxy = await LiveProxy.start(proxyProgram, login, lab.directory);
      const kinds: readonly (readonly [name: string, options: Section])[] = [
        ["plain", {}],
        ["starttls", { STARTTLS: "YES", SSL_CAfile: ca }],
        ["imaps", { type: "imaps", port: String(daemon.tlsPort), SSL_CAfile: ca, compress: "YES" }],
      ];
      for (const [name, options] of kinds) {
        await using tap = new SocksTap(proxy.port);
        await syncTwice({ lab, program }, name, (store, index) => ({
          ...plainSection(store, daemon, { host: "localhost" }),
          ...options,
          ...proxyOption(index === 0 ? "socks5" : "socks5h", tap.port, login),
        }));
        const port = name === "imaps" ? daemon.tlsPort : daemon.port;
        const asked = tap.asked();
        const [here, there] = [asked.filter(({ byName }) => !byName), asked.filter(({ byName }) => byName)];
        assert.ok(here.length >= 2 && there.length >= 2, JSON.stringify(asked));
        for (const request of asked) {
          assert.deepEqual([request.port, request.loggedIn], [port, login !== null]);
          if (request.byName) assert.equal(request.host, "localhost");
        }
        assert.ok(here.some(({ host }) => host === "127.0.0.1"), JSON.stringify(here)); // ::1 may be tried before
        const logins = (await lab.logs()).split("\n").filter((line) => line.includes(`Login: user=<${name}`));
        assert.ok(logins.every((line) => line.includes(", TLS,") === (name !== "plain")), logins.join("\n"));
      }
    }, { newProgramOnly: true });
  }
}

/** What a run says when the local server is behind this proxy: one line, status 1, and no password anywhere. */
async function complaint(
  { lab, program }: { readonly lab: Lab; readonly program: Program },
  workspace: Workspace,
  store: MailStore,
  section: Section,
): Promise<string> {
  const options = { type: "imap", STARTTLS: "NO", username: store.name, password: "x", ...section };
  await workspace.configure(options, tunnelSection(store));
  const result = await workspace.run(program);
  assert.equal(result.code, 1, result.stderr);
  assert.equal(result.lines.length, 1, result.stderr);
  const debug = await workspace.run(program, ["--debug"]);
  assert.equal(debug.code, 1);
  for (const text of [result.stderr, debug.stderr, await lab.logs()]) {
    for (const secret of SECRETS) assert.ok(!text.includes(secret), text);
  }
  return result.lines[0] ?? "";
}

liveTest("what a proxy refuses is said in one line with what to do, and without the password", async (context) => {
  const { lab } = context;
  const daemon = await lab.daemon();
  const store = await filled(lab, "alice");
  const workspace = await Workspace.create(`${lab.directory}/w`, tunnelSection(store), tunnelSection(store));
  const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const nobody = String(free.addr.port);
  free.close();
  await using open = await LiveProxy.start("danted", null, lab.directory);
  await using locked = await LiveProxy.start("microsocks", LOGIN, lab.directory);
  const wrong: ProxyLogin = { user: LOGIN.user, password: "wrong-word" };
  const imap = { host: "localhost", port: String(daemon.port) };
  const rows: readonly (readonly [Section, RegExp])[] = [
    [
      { host: "127.0.0.1", port: nobody, ...proxyOption("socks5", open.port, LOGIN) },
      /^local: ERROR: Can't connect to 127\.0\.0\.1:\d+ \(proxy 127\.0\.0\.1:\d+\): the proxy says: connection refused; check /,
    ],
    [
      { host: "127.0.0.1", port: String(FORBIDDEN_PORT), ...proxyOption("socks5", open.port, null) },
      /: the proxy says: connection not allowed by ruleset; the proxy's rules have to allow this host and port$/,
    ],
    [
      { ...imap, host: "no-such-host.invalid", ...proxyOption("socks5h", open.port, null) },
      /Can't connect to no-such-host\.invalid:\d+ \(proxy .*\): the proxy says: host unreachable; check that /,
    ],
    [
      { ...imap, host: "no-such-host.invalid", ...proxyOption("socks5h", locked.port, LOGIN) },
      /Can't connect to no-such-host\.invalid:\d+ \(proxy .*\): the proxy says: .*; check that /,
    ],
    [
      { ...imap, host: "no-such-host.invalid", ...proxyOption("socks5", locked.port, LOGIN) },
      /: getaddrinfo\(no-such-host\.invalid\): [^;]+; write socks5h in the option proxy to let the proxy resolve it$/,
    ],
    [{ ...imap, ...proxyOption("socks5h", locked.port, wrong) }, /: the proxy refused user and password; they are /],
    [{ ...imap, ...proxyOption("socks5h", locked.port, null) }, /: the proxy wants a user and a password; write /],
    [
      { ...imap, ...proxyOption("socks5h", daemon.port, LOGIN) },
      /: the answer was not SOCKS 5; check that the option /,
    ],
    [
      { ...imap, ...proxyOption("socks5h", Number(nobody), LOGIN) },
      /: Option proxy: Can't connect to 127\.0\.0\.1:\d+: connection refused; check that the proxy runs there$/,
    ],
  ];
  for (const [section, expected] of rows) {
    assert.match(await complaint(context, workspace, store, section), expected);
  }
}, { newProgramOnly: true });
