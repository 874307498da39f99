// A real Dovecot that gets an APPEND only after its sender was killed: before the next run, after it, or with a date that
// it does not keep. One copy, or one more that is new mail; never a message less.

import assert from "node:assert/strict";
import type { Daemon, Lab, MailStore } from "../support/live_dovecot.ts";
import { liveTest } from "../support/live/live_case.ts";
import { plainMessage } from "../support/live/mail.ts";
import { plainSection, type Program, Workspace } from "../support/live/program.ts";
import { within } from "../support/live/waiting.ts";
import { compareStores, readStore } from "../support/live/witness.ts";
import { Relay } from "../support/relay.ts";
import { cutAt, type Verdict } from "../support/relay_rules.ts";

const NEW = 3;

interface Scene {
  readonly local: MailStore;
  readonly remote: MailStore;
  readonly workspace: Workspace;
  readonly daemon: Daemon;
}

/** One old message on both sides; new ones wait on the local one. */
async function prepare(lab: Lab, program: Program, internalDate?: string): Promise<Scene> {
  const daemon = await lab.daemon();
  const local = await lab.store("local", { format: "maildir", separator: "/" });
  const remote = await lab.store("remote", { format: "mdbox", separator: "." });
  const direct = [plainSection(local, daemon), plainSection(remote, daemon)] as const;
  const workspace = await Workspace.create(`${lab.directory}/w`, ...direct);
  await local.with((probe) => probe.append("INBOX", { body: plainMessage("old") }));
  await workspace.sync(program);
  await local.with(async (probe) => {
    for (let i = 0; i < NEW; i++) {
      await probe.append("INBOX", {
        body: plainMessage(`new ${i}`),
        ...(internalDate === undefined ? {} : { internalDate }),
      });
    }
  });
  return { local, remote, workspace, daemon };
}

/** Starts a run, kills it when it has sent its APPEND, which the server gets when `deliver` is called. */
async function killWithAppendUnderWay(
  { local, remote, workspace, daemon }: Scene,
  program: Program,
): Promise<{ readonly deliver: () => Promise<void> }> {
  const seen = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const relay = Relay.start(daemon, {
    line: async (sender, text): Promise<Verdict> => {
      if (sender !== "client" || !/^\S+ APPEND /.test(text)) return "pass";
      seen.resolve();
      await release.promise;
      return "pass";
    },
  });
  await workspace.configure(plainSection(local, daemon), plainSection(remote, relay));
  const run = workspace.start(program, []);
  await within("the APPEND", seen.promise, 30_000, () => run.kill("SIGKILL"));
  run.kill("SIGKILL");
  await run.result;
  await workspace.configure(plainSection(local, daemon), plainSection(remote, daemon));
  const deliver = async () => {
    release.resolve();
    await relay.settled();
    await relay[Symbol.asyncDispose]();
  };
  return { deliver };
}

async function count(store: MailStore): Promise<number> {
  return (await readStore(store)).mailboxes.get("INBOX")?.messages.length ?? 0;
}

/** `twice`: bodies that each side has twice. */
async function rests({ local, remote, workspace }: Scene, program: Program, twice: number): Promise<void> {
  const { differences } = await compareStores(local, remote, workspace.databaseFile);
  const doubled = differences.filter((line) => line.includes("has the same body twice"));
  assert.deepEqual(differences.filter((line) => !doubled.includes(line)), []);
  assert.equal(doubled.length, 2 * twice);
  assert.doesNotMatch((await workspace.sync(program)).stderr, /Added|Removed|Updated|Resuming/);
}

liveTest("an APPEND that is executed between the killed run and the next one is not repeated", async (context) => {
  const { lab, program } = context;
  const scene = await prepare(lab, program);
  const { deliver } = await killWithAppendUnderWay(scene, program);
  assert.equal(await count(scene.remote), 1);
  await deliver();
  assert.equal(await count(scene.remote), 1 + NEW);
  await scene.workspace.sync(program);
  assert.equal(await count(scene.remote), 1 + NEW);
  assert.equal(await count(scene.local), 1 + NEW);
  await rests(scene, program, 0);
}, { newProgramOnly: true });

liveTest("an APPEND that is executed after the next run is new mail, and nothing is deleted", async (context) => {
  const { lab, program } = context;
  const scene = await prepare(lab, program);
  const { deliver } = await killWithAppendUnderWay(scene, program);
  await scene.workspace.sync(program);
  assert.equal(await count(scene.remote), 1 + NEW);
  await deliver();
  await scene.workspace.sync(program);
  assert.equal(await count(scene.remote), 1 + 2 * NEW);
  assert.equal(await count(scene.local), 1 + 2 * NEW);
  await rests(scene, program, NEW);
}, { newProgramOnly: true });

liveTest("a copy whose date in the future was replaced is found again when the answer was lost", async (context) => {
  const { lab, program } = context;
  const scene = await prepare(lab, program);
  const { local, remote, workspace, daemon } = scene;
  // Dovecot lets nobody append with such a date, but shows one that a file has.
  await local.with((probe) => probe.append("INBOX", { body: plainMessage("from the future") }));
  await using relay = Relay.start(daemon, cutAt("server", /APPENDUID/));
  const future = { sender: "server", pattern: /(INTERNALDATE ")\d\d-\w{3}-\d{4}/, text: "$101-Jan-2036" } as const;
  await using prophet = Relay.start(daemon, {
    line: (sender, text) =>
      sender === future.sender ? { instead: [text.replace(future.pattern, future.text)] } : "pass",
  });
  await workspace.configure(plainSection(local, prophet), plainSection(remote, relay));
  const run = await workspace.run(program);
  assert.notEqual(run.code, 0, run.stderr);
  await Promise.all([relay.settled(), prophet.settled()]);
  assert.equal(await count(remote), 1 + NEW + 1);
  await workspace.configure(plainSection(local, daemon), plainSection(remote, daemon));
  await workspace.sync(program);
  assert.equal(await count(remote), 1 + NEW + 1);
  assert.equal(await count(local), 1 + NEW + 1);
}, { newProgramOnly: true });
