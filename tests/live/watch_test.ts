// --watch: what real life does to a program that runs for weeks. Servers are killed, connections cut, mailboxes deleted,
// signals sent; mail goes on to arrive once, and the process lives on where it should.

import assert from "node:assert/strict";
import type { ImapProbe } from "../support/imap_probe.ts";
import { type LiveContext, liveTest } from "../support/live/live_case.ts";
import { messageOfSize, plainMessage } from "../support/live/mail.ts";
import { plainSection, Workspace } from "../support/live/program.ts";
import { count, differences, endsWithAll, type Side, type Stores, Watching } from "../support/live/watching.ts";
import { waitUntil, within } from "../support/live/waiting.ts";
import { readMapping } from "../support/live/mapping.ts";
import { readStore } from "../support/live/witness.ts";
import type { RelayTarget } from "../support/relay.ts";
import { delay } from "../support/relay_rules.ts";

/** Between two deaths of the server; 10 of them. */
const UPTIME_MS = Number(Deno.env.get("INTERIMAP_TEST_UPTIME_MS") ?? 1200);
const RESTARTS = 10;
const ARRIVAL_LIMIT_MS = 20_000;

async function makeStores({ lab }: LiveContext): Promise<Stores> {
  return {
    local: await lab.store("local", { format: "maildir", separator: "/" }),
    remote: await lab.store("remote", { format: "mdbox", separator: "." }),
  };
}

/**
 * Appends a message. A server that was killed leaves its lock behind, which Dovecot breaks after two minutes, or gives up
 * just before: the message is not there then, and is sent again.
 */
async function deliver(probe: ImapProbe, subject: string): Promise<void> {
  const append = () => probe.append("INBOX", { body: plainMessage(subject) });
  await append().catch(async (error: unknown) => {
    if (!(error instanceof Error && /NO \[SERVERBUG\] Timeout while waiting for lock/.test(error.message))) throw error;
    await append();
  });
}

/** Delivers a message to each side now and then until told to stop; resolves to the number of messages. */
async function deliverAlways(probes: Readonly<Record<Side, ImapProbe>>, isOver: () => boolean): Promise<number> {
  let sent = 0;
  while (!isOver()) {
    for (const side of ["local", "remote"] as const) {
      await deliver(probes[side], `${side}-${sent++}`);
    }
    const next = performance.now() + 100;
    await waitUntil("a moment has passed", () => performance.now() > next, 1000);
  }
  return sent;
}

liveTest("--notify survives 10 deaths of the server with mail arriving all along", async (context) => {
  const { lab, program } = context;
  lab.expectLog(/./);
  const stores = await makeStores(context);
  const first = await lab.daemon();
  const target = { port: first.port };
  const servers = { local: target, remote: target } satisfies Record<Side, RelayTarget>;
  await using watching = await Watching.start({
    directory: `${lab.directory}/w`,
    program,
    stores,
    servers,
    args: ["--notify"],
  });
  const probes = { local: await stores.local.probe(), remote: await stores.remote.probe() };
  const over = { yet: false };
  const delivering = deliverAlways(probes, () => over.yet);
  let daemon = first;
  for (let death = 0; death < RESTARTS; death++) {
    const next = performance.now() + UPTIME_MS;
    await waitUntil("it is time", () => performance.now() > next, UPTIME_MS + 1000);
    await daemon.stop();
    daemon = await lab.daemon();
    target.port = daemon.port;
    assert.ok(!watching.hasEnded, "the program has ended");
  }
  over.yet = true;
  const sent = await delivering;
  assert.ok(sent > 2 * RESTARTS);
  await endsWithAll(watching, stores, probes, sent);
});

liveTest("--watch looks every N seconds, says a loss and the return once, and exits 0 on SIGTERM", async (context) => {
  const { lab, program } = context;
  const stores = await makeStores(context);
  const daemon = await lab.daemon();
  const target = { port: daemon.port };
  const servers = { local: { port: daemon.port }, remote: target };
  const directory = `${lab.directory}/w`;
  await using watching = await Watching.start({ directory, program, stores, servers, args: ["--watch=1"] });
  const listings = () => watching.said.filter(({ side, text }) => side === "local" && / LIST /.test(text)).length;
  const before = listings();
  await waitUntil("three looks have passed", () => listings() >= before + 3, 6000);
  const idle = watching.commandsSince(0).slice(-6).map((line) => line.split(" ")[1]);
  assert.deepEqual(new Set(idle), new Set(["LIST"]));
  const logged = (await watching.log()).length;
  target.port = 1;
  watching.relays.remote.cutAll();
  await watching.logs(/^remote: WARNING: .*trying again/);
  const { accepted } = watching.relays.remote;
  await waitUntil("it tries again", () => watching.relays.remote.accepted >= accepted + 2, 10_000);
  await stores.remote.with((probe) => probe.append("INBOX", { body: plainMessage("meanwhile") }));
  target.port = daemon.port;
  await watching.logs(/Connected to both servers again/, 20_000);
  const lines = (await watching.log()).slice(logged).filter((line) => !/Added/.test(line));
  assert.equal(lines.filter((line) => /trying again/.test(line)).length, 1, lines.join("\n"));
  assert.equal(lines.filter((line) => /Connected/.test(line)).length, 1, lines.join("\n"));
  await stores.local.with(async (probe) => {
    await waitUntil("the message is there", async () => await count(probe, "INBOX") === 1, ARRIVAL_LIMIT_MS);
  });
  assert.equal((await watching.end("SIGTERM")).code, 0);
  assert.deepEqual(await differences(stores, watching), []);
});

liveTest("SIGHUP makes --watch look at once and open its log file again", async (context) => {
  const { lab, program } = context;
  const stores = await makeStores(context);
  const daemon = await lab.daemon();
  const servers = { local: daemon, remote: daemon };
  const directory = `${lab.directory}/w`;
  await using watching = await Watching.start({ directory, program, stores, servers, args: ["--watch=3600"] });
  await stores.remote.with((probe) => probe.append("INBOX", { body: plainMessage("new") }));
  await Deno.rename(watching.logFile, `${watching.logFile}.1`);
  watching.running.kill("SIGHUP");
  await waitUntil("a new log file is there", () => Deno.stat(watching.logFile).then(() => true, () => false), 5000);
  await watching.logs(/Added 1 UID/);
  await watching.waitsAgain();
  assert.equal((await watching.end("SIGINT")).code, 1);
  assert.deepEqual(await differences(stores, watching), []);
});

liveTest("a mailbox deleted on one side stops that mailbox only, and is reported once", async (context) => {
  const { lab, program } = context;
  const stores = await makeStores(context);
  await stores.remote.with((probe) => probe.create("gone"));
  const daemon = await lab.daemon();
  const servers = { local: daemon, remote: daemon };
  const directory = `${lab.directory}/w`;
  await using watching = await Watching.start({ directory, program, stores, servers, args: ["--watch=1", "--notify"] });
  await stores.remote.with((probe) => probe.delete("gone"));
  await watching.logs(/Mailbox gone exists\. Run `interimap --target=database --delete gone` to delete\./);
  const listings = () => watching.said.filter(({ text }) => / LIST /.test(text)).length;
  const before = listings();
  await stores.remote.with((probe) => probe.append("INBOX", { body: plainMessage("new") }));
  await watching.logs(/Added 1 UID/);
  await waitUntil("some looks have passed", () => listings() >= before + 6, 10_000);
  assert.equal((await watching.log()).filter((line) => /Mailbox gone exists/.test(line)).length, 1);
  assert.ok((await readStore(stores.local)).mailboxes.has("gone"));
  assert.equal((await watching.end("SIGTERM")).code, 0);
});

liveTest("--watch with names looks at these mailboxes only", async (context) => {
  const { lab, program } = context;
  const stores = await makeStores(context);
  await stores.remote.with((probe) => probe.create("box"));
  const daemon = await lab.daemon();
  const servers = { local: daemon, remote: daemon };
  const directory = `${lab.directory}/w`;
  await using watching = await Watching.start({ directory, program, stores, servers, args: ["--notify", "box"] });
  const before = watching.said.length;
  for (const mailbox of ["INBOX", "box"]) {
    await stores.remote.with((probe) => probe.append(mailbox, { body: plainMessage(mailbox) }));
  }
  await watching.logs(/Added 1 UID/);
  await watching.waitsAgain(1500);
  assert.deepEqual(watching.commandsSince(before).filter((line) => /INBOX/.test(line)), []);
  assert.equal((await watching.end("SIGTERM")).code, 0);
  assert.equal((await readStore(stores.local)).mailboxes.get("INBOX")?.messages.length, 0);
});

liveTest("a watch that starts before its servers waits for them", async (context) => {
  const { lab, program } = context;
  const stores = await makeStores(context);
  const daemon = await lab.daemon();
  const workspace = await Workspace.create(
    `${lab.directory}/w`,
    plainSection(stores.local, daemon),
    plainSection(stores.remote, daemon),
  );
  await workspace.sync(program);
  const target = { port: 1 };
  const servers = { local: { port: daemon.port }, remote: target };
  await using watching = await Watching.start({
    directory: `${lab.directory}/w`,
    program,
    stores,
    servers,
    args: ["--watch=1"],
    unprepared: true,
  });
  await watching.logs(/^remote: WARNING: .*trying again/);
  target.port = daemon.port;
  await watching.logs(/Connected to both servers again/, 20_000);
  assert.equal((await watching.end("SIGTERM")).code, 0);
});

liveTest("a server that hangs up at every look is tried again after growing pauses", async (context) => {
  const { lab, program } = context;
  const stores = await makeStores(context);
  const daemon = await lab.daemon();
  const servers = { local: daemon, remote: daemon };
  const directory = `${lab.directory}/w`;
  const state = { isBad: false };
  const judge = (_: Side, text: string) => state.isBad && / LIST /.test(text) ? "cut" : "pass";
  await using watching = await Watching.start({ directory, program, stores, servers, args: ["--watch=1"], judge });
  const { accepted } = watching.relays.remote;
  state.isBad = true;
  const end = performance.now() + 6000;
  await waitUntil("six seconds have passed", () => performance.now() > end, 7000);
  const tries = watching.relays.remote.accepted - accepted;
  assert.ok(tries >= 2 && tries <= 5, `${tries} attempts`);
  state.isBad = false;
  await watching.logs(/Connected to both servers again/, 20_000);
  assert.equal((await watching.log()).filter((line) => /trying again/.test(line)).length, 1);
  assert.equal((await watching.end("SIGTERM")).code, 0);
});

liveTest("a watch does not create the database: one line and status 1", async (context) => {
  const { lab, program } = context;
  const stores = await makeStores(context);
  const daemon = await lab.daemon();
  const sections = [plainSection(stores.local, daemon), plainSection(stores.remote, daemon)] as const;
  const workspace = await Workspace.create(`${lab.directory}/w`, ...sections);
  for (const args of [["--watch"], ["--notify"]]) {
    const result = await workspace.run(program, args, 10_000);
    assert.equal(result.code, 1);
    assert.equal(result.lines.length, 1, result.stderr);
    assert.match(
      result.stderr,
      /^database: ERROR: Database .*state\.db does not exist: run interimap once without --watch/,
    );
    await assert.rejects(Deno.stat(workspace.databaseFile), Deno.errors.NotFound);
  }
});

liveTest("a refused password ends a watch with status 1, at the start and when it connects again", async (context) => {
  const { lab, program } = context;
  lab.expectLog(/auth/i);
  const stores = await makeStores(context);
  const daemon = await lab.daemon();
  const servers = { local: daemon, remote: daemon };
  const directory = `${lab.directory}/w`;
  await using watching = await Watching.start({ directory, program, stores, servers, args: ["--watch=1"] });
  const file = `${lab.directory}/users/remote`;
  const line = await Deno.readTextFile(file);
  await Deno.writeTextFile(file, line.replace("{PLAIN}", "{PLAIN}changed"));
  watching.relays.remote.cutAll();
  const result = await within("the end", watching.running.result, 20_000);
  assert.equal(result.code, 1);
  assert.match(result.lines.at(-1) ?? "", /^remote: ERROR: The server refused the login/);
  const again = await watching.workspace.run(program, ["--notify"], 20_000);
  assert.equal(again.code, 1);
});

liveTest(
  "SIGTERM in the middle of copying ends a watch within 5 s, and nothing is lost or doubled",
  async (context) => {
    const { lab, program } = context;
    const stores = await makeStores(context);
    const daemon = await lab.daemon();
    const servers = { local: daemon, remote: daemon };
    const directory = `${lab.directory}/w`;
    await using watching = await Watching.start({ directory, program, stores, servers, args: ["--watch=1"] });
    await stores.remote.with(async (probe) => {
      for (let i = 0; i < 40; i++) await probe.append("INBOX", { body: messageOfSize(`big-${i}`, 700_000) });
    });
    await waitUntil("it copies", () => watching.said.some(({ text }) => / APPEND /.test(text)), 10_000);
    assert.equal((await watching.end("SIGTERM")).code, 0);
    await watching.workspace.sync(program);
    assert.deepEqual(await differences(stores, watching), []);
    assert.equal((await readStore(stores.local)).mailboxes.get("INBOX")?.messages.length, 40);
  },
);

liveTest("SIGTERM waits for the answer to a message that was sent, and writes it down", async (context) => {
  const { lab, program } = context;
  const stores = await makeStores(context);
  const daemon = await lab.daemon();
  const servers = { local: daemon, remote: daemon };
  const directory = `${lab.directory}/w`;
  const rules = delay(700, "server");
  await using watching = await Watching.start({ directory, program, stores, servers, args: ["--watch=1"], rules });
  await stores.local.with((probe) => probe.append("INBOX", { body: plainMessage("new") }));
  await waitUntil("it is sent", () => watching.said.some(({ text }) => / APPEND INBOX /.test(text)), 10_000);
  const ended = await watching.end("SIGTERM");
  assert.equal(ended.code, 0);
  assert.ok(ended.lines.some((line) => /Added 1 UID/.test(line)), ended.stderr);
  assert.equal(readMapping(watching.workspace.databaseFile).get("INBOX")?.pairs.length, 1);
  await watching.workspace.sync(program);
  assert.deepEqual(await differences(stores, watching), []);
});

liveTest("what trying again does not help ends a watch with status 1 and one line", async (context) => {
  const { lab, program } = context;
  lab.expectLog(/./);
  const stores = await makeStores(context);
  const daemon = await lab.daemon({ 2: { capabilities: "IMAP4rev1 ENABLE UIDPLUS" } });
  const local = plainSection(stores.local, daemon);
  const workspace = await Workspace.create(`${lab.directory}/w`, local, plainSection(stores.remote, daemon));
  await workspace.sync(program);
  const remote = plainSection(stores.remote, daemon);
  const secure = { type: "imaps", host: "localhost", port: String(daemon.tlsPort), username: "x", password: "x" };
  const rows = [
    ["an unknown issuer", secure, /TLS|certificate/],
    ["missing extensions", { ...remote, host: "127.0.0.2" }, /capab/i],
    ["a command that does not exist", { type: "tunnel", command: "/nonexistent/imapd" }, /tunnel command/],
    ["no IMAP server", { type: "tunnel", command: "/bin/echo hello" }, /IMAP/],
  ] as const;
  for (const [what, section, said] of rows) {
    await workspace.configure(local, section);
    const result = await workspace.run(program, ["--watch=1"], 20_000);
    assert.equal(result.code, 1, `${what}: ${result.stderr}`);
    assert.equal(result.lines.length, 1, result.stderr);
    assert.match(result.lines[0] ?? "", said);
  }
});

liveTest(
  "a watch holds too many deletions, does not repeat itself, and carries them out when they are confirmed",
  async (context) => {
    const { lab, program } = context;
    const stores = await makeStores(context);
    await stores.remote.with(async (probe) => {
      for (let i = 0; i < 40; i++) await probe.append("INBOX", { body: plainMessage(`m${i}`) });
    });
    const daemon = await lab.daemon();
    const servers = { local: daemon, remote: daemon };
    const directory = `${lab.directory}/w`;
    await using watching = await Watching.start({ directory, program, stores, servers, args: ["--notify"] });
    await stores.remote.with(async (probe) => {
      await probe.select("INBOX");
      await probe.expunge(Array.from({ length: 30 }, (_, i) => i + 1));
    });
    await watching.logs(/--confirm-deletes/);
    await stores.remote.with((probe) => probe.append("INBOX", { body: plainMessage("new") }));
    await watching.logs(/Added 1 UID/);
    await watching.waitsAgain();
    const told = (await watching.log()).filter((line) => /--confirm-deletes/.test(line));
    assert.equal(new Set(told).size, told.length, "something was said twice");
    await stores.local.with(async (probe) => assert.equal(await count(probe, "INBOX"), 41));
    assert.equal((await watching.workspace.run(program, ["--confirm-deletes=INBOX"])).code, 0);
    watching.running.kill("SIGHUP");
    await stores.local.with(async (probe) => {
      await waitUntil("they are deleted", async () => await count(probe, "INBOX") === 11, 5000);
    });
    await watching.waitsAgain();
    assert.equal((await watching.end("SIGTERM")).code, 0);
    assert.deepEqual(await differences(stores, watching), []);
  },
);
