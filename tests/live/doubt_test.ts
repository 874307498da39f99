// Dovecot that has lost its index files, was restored from a backup, or holds another number of messages than it seems:
// the mailbox is compared whole, ends as it should, nothing that was not proven is deleted, and the next run is quiet.

import assert from "node:assert/strict";
import type { Side } from "../../lib/state/types.ts";
import { liveTest } from "../support/live/live_case.ts";
import { plainMessage } from "../support/live/mail.ts";
import { type Program, tunnelSection, Workspace } from "../support/live/program.ts";
import { compareStores } from "../support/live/witness.ts";
import type { Lab, MailStore } from "../support/live_dovecot.ts";

const SIDES: readonly Side[] = ["local", "remote"];
const OPTIONS = { newProgramOnly: true };

interface Scene {
  readonly stores: Readonly<Record<Side, MailStore>>;
  readonly workspace: Workspace;
}

/** INBOX with m1 to m8 on both sides, UIDs 1 to 8, and mod-sequences of some height. */
async function prepare(lab: Lab, program: Program, name: string): Promise<Scene> {
  const local = await lab.store(`l${name}`, { format: "maildir", separator: "/" });
  const remote = await lab.store(`r${name}`, { format: "maildir", separator: "." });
  const workspace = await Workspace.create(`${lab.directory}/w${name}`, tunnelSection(local), tunnelSection(remote));
  await append(remote, ...Array.from({ length: 8 }, (_, i) => `m${i + 1}`));
  await workspace.sync(program);
  for (const flag of ["one", "two", "three"]) {
    for (const store of [local, remote]) await change(store, [8], "+FLAGS", flag);
    await workspace.sync(program);
    await change(local, [8], "-FLAGS", flag);
    await workspace.sync(program);
  }
  return { stores: { local, remote }, workspace };
}

async function append(store: MailStore, ...ids: readonly string[]): Promise<void> {
  await store.with(async (probe) => {
    for (const id of ids) await probe.append("INBOX", { body: plainMessage(id) });
  });
}

async function change(
  store: MailStore,
  uids: readonly number[],
  mode: "+FLAGS" | "-FLAGS",
  flag: string,
): Promise<void> {
  await store.with(async (probe) => {
    await probe.select("INBOX");
    await probe.store(uids, mode, [flag]);
  });
}

async function expunge(store: MailStore, ...uids: readonly number[]): Promise<void> {
  await store.with(async (probe) => {
    await probe.select("INBOX");
    await probe.expunge(uids);
  });
}

async function highestModSeq(store: MailStore): Promise<string> {
  const reply = await store.with((probe) => probe.command("STATUS INBOX (HIGHESTMODSEQ)"));
  return /HIGHESTMODSEQ\D+(\d+)/.exec(JSON.stringify(reply))?.[1] ?? "";
}

/** What a broken disk or a tidy administrator does; names, UIDs and flags of a maildir survive. */
async function loseIndex(store: MailStore): Promise<void> {
  const folder = `${store.home}/maildir`;
  for await (const { name } of Deno.readDir(folder)) {
    if (name.startsWith("dovecot.index") || name.startsWith("dovecot.list")) await Deno.remove(`${folder}/${name}`);
  }
}

/** Flags by subject number of what is in INBOX, which has to be the same on both sides, and be paired. */
async function settled({ stores, workspace }: Scene, program: Program): Promise<readonly string[]> {
  const { differences, local } = await compareStores(stores.local, stores.remote, workspace.databaseFile);
  assert.deepEqual(differences, []);
  for (const side of SIDES) await stores[side].recordCommands();
  const { lines } = await workspace.sync(program);
  assert.deepEqual(lines.filter((line) => !line.includes("IMAP traffic")), []);
  for (const side of SIDES) assert.ok(!(await stores[side].commands()).includes("SELECT"), side);
  const messages = local.mailboxes.get("INBOX")?.messages ?? [];
  return messages.map(({ flags }) => flags.join(" "));
}

for (const side of SIDES) {
  liveTest(`a lost index of Dovecot on ${side} is named, and everything that happened is carried out`, async (live) => {
    const { lab, program } = live;
    const s = await prepare(lab, program, side[0] ?? "");
    const { stores, workspace } = s;
    await expunge(stores[side], 1, 2);
    await expunge(stores[side === "local" ? "remote" : "local"], 3);
    await change(stores.local, [4], "+FLAGS", "\\Seen");
    await change(stores.remote, [5], "+FLAGS", "\\Flagged");
    await append(stores.local, "new here");
    await append(stores.remote, "new there");
    await loseIndex(stores[side]);
    const { lines } = await workspace.sync(program);
    const named = new RegExp(`^${side}\\(INBOX\\): WARNING: HIGHESTMODSEQ went back from \\d+ to \\d+`);
    assert.equal(lines.filter((line) => named.test(line)).length, 1, lines.join("\n"));
    assert.deepEqual(await settled(s, program), ["\\Seen", "\\Flagged", "", "", "", "", ""]);
    // QRESYNC is used again: nothing to warn of.
    await expunge(stores[side], 6);
    await change(stores[side], [5], "-FLAGS", "\\Flagged");
    const next = await workspace.sync(program);
    assert.doesNotMatch(next.stderr, /WARNING/);
    assert.deepEqual(await settled(s, program), ["\\Seen", "", "", "", "", ""]);
  }, OPTIONS);

  liveTest(
    `a mailbox on ${side} that looks clean and holds fewer messages is found, and only they go`,
    async (live) => {
      const { lab, program } = live;
      const s = await prepare(lab, program, side[0] ?? "");
      const { stores, workspace } = s;
      // The update itself counts as a change.
      const known = await highestModSeq(stores[side]);
      await expunge(stores[side], 2, 7);
      await loseIndex(stores[side]);
      await stores[side].doveadm("mailbox", "update", "--min-highest-modseq", `${Number(known) - 1}`, "INBOX");
      assert.equal(await highestModSeq(stores[side]), known, "the mailbox does not look clean");
      const { stderr } = await workspace.sync(program);
      assert.match(stderr, new RegExp(`${side}\\(INBOX\\): WARNING: .* 2 message\\(s\\) are missing \\(UID 2,7\\)`));
      assert.deepEqual(await settled(s, program), ["", "", "", "", "", ""]);
    },
    OPTIONS,
  );
}

liveTest(
  "a server that was restored from a backup deletes nothing; --repair copies back what it lost",
  async (live) => {
    const { lab, program } = live;
    const s = await prepare(lab, program, "b");
    const { stores, workspace } = s;
    const backup = await lab.copyOf(stores.remote, "backup");
    await append(stores.remote, "later", "later still");
    await workspace.sync(program);
    await Deno.remove(`${stores.remote.home}/maildir`, { recursive: true });
    await Deno.rename(`${backup.home}/maildir`, `${stores.remote.home}/maildir`);
    const stopped = await workspace.run(program);
    assert.equal(stopped.code, 2, stopped.stderr);
    assert.match(stopped.stderr, /^remote\(INBOX\): ERROR: UIDNEXT went back from 11 to 9: .*--repair/m);
    await workspace.sync(program, ["--repair"]);
    assert.equal((await settled(s, program)).length, 10);
  },
  OPTIONS,
);
