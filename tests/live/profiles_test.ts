// Dovecot with something taken away: what interimap can do without, it does without; what it needs is asked for in one
// line; what a server only pretends to do is reported, and done as soon as it can be.

import assert from "node:assert/strict";
import { ImapProbe } from "../support/imap_probe.ts";
import { liveTest } from "../support/live/live_case.ts";
import {
  type Daemon,
  type Lab,
  type MailFormat,
  type MailStore,
  PASSWORD,
  type Profile,
} from "../support/live_dovecot.ts";
import { plainMessage } from "../support/live/mail.ts";
import { alias, byNumber, place, quota, rights, withAlso, without, withoutModSeq } from "../support/live/profiles.ts";
import { plainSection, type Program, type Section, tunnelSection, Workspace } from "../support/live/program.ts";
import { Relay } from "../support/relay.ts";
import { forbid, together } from "../support/relay_rules.ts";
import { assertRefused } from "../support/live/refusal.ts";
import { waitUntil } from "../support/live/waiting.ts";
import { compareStores, readStore, type StoreFacts } from "../support/live/witness.ts";

const DISPENSABLE = ["COMPRESS=DEFLATE", "LITERAL+", "MULTIAPPEND", "ESEARCH", "SASL-IR", "UNSELECT", "MOVE", "IDLE"];
/** Of these a relay can tell the use. */
const FORBIDDEN = ["ESEARCH", "LITERAL+", "IDLE", "MOVE", "NOTIFY", "UNSELECT"];
const NEEDED: Readonly<Record<string, RegExp>> = {
  "ENABLE": /^remote: ERROR: .*\bENABLE\b/,
  "QRESYNC": /^remote: ERROR: .*\bQRESYNC\b/,
  "UIDPLUS": /^remote: ERROR: .*\bUIDPLUS\b/,
  "LIST-EXTENDED": /^remote: ERROR: .*\bLIST-EXTENDED\b/,
  "LIST-STATUS": /^remote: ERROR: .*\bLIST-STATUS\b/,
};

interface Scene {
  readonly local: MailStore;
  readonly remote: MailStore;
  readonly workspace: Workspace;
  /** The remote server is reached like this from now on. */
  reach(daemon: Daemon, options: Section): Promise<void>;
  /** Runs, and checks that both sides are equal afterwards. */
  converges(): Promise<StoreFacts>;
  /** Both sides, for comparison. */
  contents(): Promise<readonly StoreFacts[]>;
}

/** Two stores that were synchronized, with two mailboxes and a few messages. */
async function prepare(lab: Lab, program: Program, format: MailFormat = "mdbox"): Promise<Scene> {
  const local = await lab.store("local", { format: "maildir", separator: "/" });
  const remote = await lab.store("remote", { format, separator: "/" });
  const workspace = await Workspace.create(`${lab.directory}/w`, tunnelSection(local), tunnelSection(remote));
  await local.with(async (probe) => {
    await probe.create("box");
    for (const id of ["one", "two", "three"]) await probe.append("box", { body: plainMessage(id) });
  });
  const scene: Scene = {
    local,
    remote,
    workspace,
    async reach(daemon, options) {
      await workspace.configure(tunnelSection(local), plainSection(remote, daemon, options));
    },
    async converges() {
      await workspace.sync(program);
      const { differences, local: facts } = await compareStores(local, remote, workspace.databaseFile);
      assert.deepEqual(differences, []);
      return facts;
    },
    contents: () => Promise.all([readStore(local), readStore(remote)]),
  };
  await scene.converges();
  return scene;
}

/** What a server offers in its greeting. */
async function offered(daemon: Daemon, hostname: string): Promise<readonly string[]> {
  using connection = await Deno.connect({ hostname, port: daemon.port });
  const buffer = new Uint8Array(4096);
  const greeting = new TextDecoder().decode(buffer.subarray(0, await connection.read(buffer) ?? 0));
  return /\[CAPABILITY ([^\]]*)\]/.exec(greeting)?.[1]?.split(" ") ?? [];
}

/** Both users do something: new mail of several sizes, a flag, and one message less. */
async function change(scene: Scene, label: string): Promise<void> {
  for (const store of [scene.local, scene.remote]) {
    const { messages } = (await readStore(store)).mailboxes.get("box") ?? { messages: [] };
    const uids = messages.map(({ uid }) => uid);
    const at = store === scene.local ? 0 : 1;
    await store.with(async (probe) => {
      await probe.select("box");
      await probe.expunge(uids.slice(at, at + 1));
      await probe.store(uids.slice(2), "FLAGS", ["\\Seen", `${label}-${at}`.replaceAll(/[^a-z0-9-]/gi, "")]);
      for (const size of [10, 5000]) {
        await probe.append("box", { body: plainMessage(`${label}-${store.name}-${size}`, "z".repeat(size)) });
      }
    });
  }
}

liveTest("a server without one of the extensions that are of use is synchronized as well", async ({ lab, program }) => {
  const profiles = place({
    ...Object.fromEntries(DISPENSABLE.map((name) => [`without ${name}`, without(name)])),
    "without any of them": without(...DISPENSABLE),
    "LITERAL-": { capabilities: `${without("LITERAL+").capabilities} LITERAL-`, literalMinus: true },
  });
  const daemon = await lab.daemon(byNumber(profiles));
  const scene = await prepare(lab, program);
  for (const { title, host } of profiles) {
    const capabilities = await offered(daemon, host);
    assert.ok(capabilities.includes("QRESYNC"), title);
    for (const name of DISPENSABLE) if (title === `without ${name}`) assert.ok(!capabilities.includes(name), title);
    await change(scene, title);
    await scene.reach(daemon, { host, compress: "YES" });
    const facts = await scene.converges();
    assert.ok((facts.mailboxes.get("box")?.messages.length ?? 0) > 4, title);
  }
});

liveTest("a server that does not understand what it does not offer is never asked for it", async ({ lab, program }) => {
  const daemon = await lab.daemon();
  const scene = await prepare(lab, program);
  for (const names of [...FORBIDDEN.map((name) => [name]), FORBIDDEN]) {
    const title = `without ${names.join(", ")}`;
    await change(scene, title.replaceAll(/[ ,+]/g, ""));
    await using relay = Relay.start(daemon, together(...names.map(forbid)));
    await scene.workspace.configure(tunnelSection(scene.local), plainSection(scene.remote, relay));
    await scene.converges();
    assert.ok(relay.commands.includes("UID STORE") && relay.commands.includes("APPEND"), title);
  }
});

liveTest("a server without what is needed is told in one line", async ({ lab, program }) => {
  const profiles = place({
    ...Object.fromEntries(Object.keys(NEEDED).map((name): [string, Profile] => [name, without(name)])),
    "LOGINDISABLED": withAlso("LOGINDISABLED"),
  });
  const daemon = await lab.daemon(byNumber(profiles));
  const { local, remote, workspace, ...scene } = await prepare(lab, program);
  await local.with((probe) => probe.append("INBOX", { body: plainMessage("waiting") }));
  for (const { title, host } of profiles) {
    await scene.reach(daemon, { host });
    const said = NEEDED[title] ?? /^remote: ERROR: .*Logins are disabled/;
    await assertRefused({ what: title, said, program, workspace, stores: [local, remote] });
  }
  await scene.reach(daemon, {});
  await scene.converges();
});

/** From 127.0.0.1 to itself Dovecot always takes passwords; to this address it does not. */
const NO_PLAINTEXT = 12;

liveTest("a server that takes no password in clear text is not given one, and is by STARTTLS", async (context) => {
  const { lab, program } = context;
  const daemon = await lab.daemon({ [NO_PLAINTEXT]: { noPlaintext: true } });
  const hostname = `127.0.0.${NO_PLAINTEXT}`;
  assert.ok((await offered(daemon, hostname)).includes("LOGINDISABLED"), "the server is not as it should be");
  const { local, remote, workspace, ...scene } = await prepare(lab, program);
  await local.with((probe) => probe.append("INBOX", { body: plainMessage("waiting") }));
  const refusals = {
    PLAIN: /^remote: ERROR: Failed to choose an authentication mechanism/,
    LOGIN: /^remote: ERROR: .*Logins are disabled/,
  };
  for (const [auth, said] of Object.entries(refusals)) {
    await using relay = Relay.start({ hostname, port: daemon.port });
    await workspace.configure(tunnelSection(local), plainSection(remote, relay, { auth }));
    await assertRefused({ what: auth, said, program, workspace, stores: [local, remote] });
    assert.deepEqual(relay.commands.filter((command) => /^(AUTHENTICATE|LOGIN)$/.test(command)), []);
  }
  await scene.reach(daemon, { host: hostname, STARTTLS: "YES", SSL_verify: "NO" });
  const facts = await scene.converges();
  assert.equal(facts.mailboxes.get("INBOX")?.messages.length, 1);
});

liveTest("a server that allows no further connection is told in one line", async ({ lab, program }) => {
  const daemon = await lab.daemon({ 18: { connectionsPerUser: 1 } });
  const { local, remote, workspace, ...scene } = await prepare(lab, program);
  await local.with((probe) => probe.append("INBOX", { body: plainMessage("waiting") }));
  const host = "127.0.0.18";
  await scene.reach(daemon, { host });
  const other = await Deno.connect({ hostname: host, port: daemon.port });
  const { readable, writable } = other;
  const probe = await ImapProbe.open({ readable, writable, closed: async () => {} }, [remote.name, PASSWORD]);
  // Dovecot has said the one and the other, by its version.
  const said = /^remote: ERROR: .*\[(?:LIMIT|UNAVAILABLE)\] Maximum number of connections/;
  await assertRefused({ what: "a second connection", said, program, workspace, stores: [local, remote] });
  await probe.close();
  // The server notices the end of a session a little later than the client.
  await waitUntil("the server has forgotten the other session", async () => {
    const result = await workspace.run(program);
    if (result.code !== 0) assert.match(result.stderr, said);
    return result.code === 0;
  }, 20_000);
  const facts = await scene.converges();
  assert.equal(facts.mailboxes.get("INBOX")?.messages.length, 1);
});

liveTest("mailboxes without mod-sequences are reported and left alone", async ({ lab, program }) => {
  const daemon = await lab.daemon();
  const scene = await prepare(lab, program, "maildir");
  await change(scene, "waiting");
  await scene.reach(daemon, await alias(lab, scene.remote, "nomodseq", withoutModSeq(scene.remote)));
  const before = await scene.contents();
  const result = await scene.workspace.run(program);
  assert.equal(result.code, 2, result.stderr);
  assert.equal(result.lines.filter((line) => /^remote\(box\): ERROR: .*MODSEQ/.test(line)).length, 1, result.stderr);
  assert.deepEqual(await scene.contents(), before);
  await scene.reach(daemon, {});
  await scene.converges();
}, { newProgramOnly: true });

liveTest("messages over quota are reported, and follow when there is room", async ({ lab, program }) => {
  const daemon = await lab.daemon();
  const scene = await prepare(lab, program);
  await scene.local.with(async (probe) => {
    for (let count = 0; count < 20; count++) {
      await probe.append("box", { body: plainMessage(`new ${count}`, "z".repeat(2000)) });
    }
  });
  await scene.remote.with((probe) => probe.append("box", { body: plainMessage("other way") }));
  const [mail] = await scene.contents();
  await scene.reach(daemon, await alias(lab, scene.remote, "full", quota("12k")));
  const counts: number[] = [];
  for (const run of ["first", "second"]) {
    const result = await scene.workspace.run(program);
    assert.equal(result.code, run === "first" ? 2 : 0, `${run} run: ${result.stderr}`);
    const said = run === "first"
      ? /^remote\(box\): WARNING: The server refused the copy of UID [\d,:]+: \[OVERQUOTA\]/m
      : /^\d+ message\(s\) stay behind that a server refused \(box: \d+\)/m;
    assert.match(result.stderr, said);
    const [here, there] = await scene.contents();
    assert.equal(here?.mailboxes.get("box")?.messages.length, (mail?.mailboxes.get("box")?.messages.length ?? 0) + 1);
    counts.push(there?.mailboxes.get("box")?.messages.length ?? 0);
  }
  assert.equal(counts[0], counts[1]);
  assert.ok((counts[0] ?? 0) < 24, "there was room for everything");
  await scene.reach(daemon, await alias(lab, scene.remote, "roomy", quota("1M")));
  const facts = await scene.converges();
  assert.equal(facts.mailboxes.get("box")?.messages.length, 3 + 20 + 1);
}, { newProgramOnly: true });

liveTest(
  "what a read-only server acknowledges and does not do is reported, and not undone",
  async ({ lab, program }) => {
    const daemon = await lab.daemon();
    const scene = await prepare(lab, program);
    await change(scene, "waiting");
    const [here, there] = await scene.contents();
    await scene.reach(daemon, await alias(lab, scene.remote, "reader", await rights(lab, "lrs")));
    for (const run of ["first", "second"]) {
      const result = await scene.workspace.run(program);
      assert.equal(result.code, 2, `${run} run: ${result.stderr}`);
      const warnings = result.lines.filter((line) => /^remote\(box\): WARNING: /.test(line));
      const about = (pattern: RegExp) => warnings.filter((line) => pattern.test(line)).length;
      assert.ok(about(/EXPUNGE/) > 0 && about(/flags/) > 0, result.stderr);
      assert.equal(about(/refused the copy/), run === "first" ? 1 : 0, result.stderr);
      assert.equal(/^\d+ message\(s\) stay behind/m.test(result.stderr), run === "second", result.stderr);
      const [, after] = await scene.contents();
      assert.deepEqual(after, there, `${run} run`);
    }
    const [local] = await scene.contents();
    const gone = (here?.mailboxes.get("box")?.messages.length ?? 0) + 2 - 1;
    assert.equal(
      local?.mailboxes.get("box")?.messages.length,
      gone,
      "what came and went on the remote side did not follow",
    );
    await scene.reach(daemon, {});
    const facts = await scene.converges();
    assert.equal(facts.mailboxes.get("box")?.messages.length, 3 - 2 + 4);
  },
  { newProgramOnly: true },
);
