// A run that is killed in the middle of copying is completed by the other program: the original by this one, this one by the
// original. Nothing is lost, nothing doubled, and what was changed meanwhile arrives if this program has the last turn.

import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { liveTest } from "../support/live/live_case.ts";
import { plainMessage } from "../support/live/mail.ts";
import { plainSection, type Program, theOriginal, tunnelSection, Workspace } from "../support/live/program.ts";
import { waitUntil } from "../support/live/waiting.ts";
import { compareStores } from "../support/live/witness.ts";
import type { Daemon, Lab, MailStore } from "../support/live_dovecot.ts";
import { Relay } from "../support/relay.ts";

const OLD = 5;
const NEW = 300;
/** Messages that the original, or this program, appends at once. */
const BATCH = { original: 128, ours: 256 };

interface Scene {
  readonly local: MailStore;
  readonly remote: MailStore;
  readonly workspace: Workspace;
}

async function arrive(store: MailStore, id: string, count: number): Promise<void> {
  await store.with(async (probe) => {
    for (let i = 1; i <= count; i++) await probe.append("INBOX", { body: plainMessage(`${id}-${i}`) });
  });
}

/** What a journal begins with until its transaction is committed. */
const HOT = [0xd9, 0xd5, 0x05, 0xf9];

/** The file is locked as long as the program runs; a copy of it is not. */
async function isRecorded(databaseFile: string, pairs: number): Promise<boolean> {
  const copy = `${databaseFile}.copy`;
  await Deno.copyFile(databaseFile, copy);
  const journal = await Deno.readFile(`${databaseFile}-journal`).catch(() => new Uint8Array(0));
  if (HOT.every((octet, i) => journal[i] === octet)) return false;
  const database = new DatabaseSync(copy, { readOnly: true });
  try {
    return Number(database.prepare("SELECT COUNT(*) AS n FROM mapping").get()?.n) === pairs;
  } finally {
    database.close();
  }
}

/** Synchronized by `first`, which is then killed while it copies from remote. */
async function killed(lab: Lab, daemon: Daemon, first: Program): Promise<Scene> {
  const local = await lab.store("local", { format: "sdbox", separator: "/" });
  const remote = await lab.store("remote", { format: "mdbox", separator: "." });
  await arrive(remote, "old", OLD);
  const workspace = await Workspace.create(`${lab.directory}/w`, tunnelSection(local), plainSection(remote, daemon));
  await workspace.sync(first);
  await arrive(remote, "new", NEW);
  const batch = BATCH[first.isOriginal ? "original" : "ours"];
  let silent = false;
  await using relay = Relay.start(daemon, {
    line(sender, text) {
      // One batch is copied and recorded by then, and no other is begun.
      silent ||= sender === "server" && text.startsWith(`* ${OLD + batch + 40} FETCH `);
      return silent && sender === "server" ? "stall" : "pass";
    },
  });
  await workspace.configure(tunnelSection(local), plainSection(remote, relay));
  const running = workspace.start(first);
  await waitUntil("the source has fallen silent", () => Promise.resolve(silent), 20_000);
  await waitUntil("a batch is recorded", () => isRecorded(workspace.databaseFile, OLD + batch), 20_000);
  running.kill("SIGKILL");
  await running.result;
  await workspace.configure(tunnelSection(local), tunnelSection(remote));
  return { local, remote, workspace };
}

async function assertComplete({ local, remote, workspace }: Scene, gone: number): Promise<void> {
  const { differences, local: facts } = await compareStores(local, remote, workspace.databaseFile);
  assert.deepEqual(differences, []);
  assert.equal(facts.mailboxes.get("INBOX")?.messages.length, OLD + NEW - gone);
}

liveTest("what the original left when it was killed, this program completes", async ({ lab, program }) => {
  const daemon = await lab.daemon();
  const scene = await killed(lab, daemon, await theOriginal());
  await scene.remote.with(async (probe) => {
    await probe.select("INBOX");
    await probe.store([2], "+FLAGS", ["\\Flagged"]);
    await probe.expunge([1, 20]);
  });
  const { lines } = await scene.workspace.sync(program);
  assert.ok(lines.includes("Resuming interrupted sync for INBOX"), lines.join("\n"));
  await assertComplete(scene, 2);
  assert.deepEqual((await scene.workspace.sync(await theOriginal())).lines.filter((line) => !/traffic/.test(line)), []);
}, { newProgramOnly: true });

liveTest("what this program left when it was killed, the original completes", async ({ lab, program }) => {
  const daemon = await lab.daemon();
  const original = await theOriginal();
  const scene = await killed(lab, daemon, program);
  const { lines } = await scene.workspace.sync(original);
  assert.ok(lines.includes("Resuming interrupted sync for INBOX"), lines.join("\n"));
  await assertComplete(scene, 0);
  for (const tool of [program, original]) {
    assert.deepEqual((await scene.workspace.sync(tool)).lines.filter((line) => !/traffic/.test(line)), []);
  }
}, { newProgramOnly: true });
