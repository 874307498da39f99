// The delete brake, from the command line to real servers: an emptied mailbox, both ways on, a confirmation for a process
// that holds the state file, and a mailbox for waste.

import assert from "node:assert/strict";
import type { Side } from "../../lib/state/types.ts";
import { openDatabase } from "../../lib/state/mod.ts";
import { liveTest } from "../support/live/live_case.ts";
import { plainMessage } from "../support/live/mail.ts";
import { readMapping } from "../support/live/mapping.ts";
import { type Program, theOriginal, tunnelSection, Workspace } from "../support/live/program.ts";
import { compareStores, readStore } from "../support/live/witness.ts";
import type { Lab, MailStore } from "../support/live_dovecot.ts";

interface Scene {
  readonly local: MailStore;
  readonly remote: MailStore;
  readonly workspace: Workspace;
}

/** INBOX with 30 messages and `other` with one, on both sides. */
async function scene(lab: Lab, program: Program, other = "other"): Promise<Scene> {
  const local = await lab.store("local", { format: "sdbox", separator: "/" });
  const remote = await lab.store("remote", { format: "mdbox", separator: "." });
  const workspace = await Workspace.create(`${lab.directory}/w`, tunnelSection(local), tunnelSection(remote));
  await local.with(async (probe) => {
    for (let i = 1; i <= 30; i++) await probe.append("INBOX", { body: plainMessage(`m${i}`) });
    await probe.create(other);
    await probe.append(other, { body: plainMessage("other") });
  });
  await workspace.sync(program);
  return { local, remote, workspace };
}

async function empty(store: MailStore, mailbox: string): Promise<void> {
  await store.doveadm("expunge", "mailbox", mailbox, "all");
}

async function count(scene: Scene, side: Side, mailbox = "INBOX"): Promise<number> {
  return (await readStore(scene[side])).mailboxes.get(mailbox)?.messages.length ?? -1;
}

/** Both sides equal, the state right, and a further run has nothing to say. */
async function settled({ local, remote, workspace }: Scene, program: Program): Promise<void> {
  const { differences } = await compareStores(local, remote, workspace.databaseFile);
  assert.deepEqual(differences, []);
  const { code, lines } = await workspace.run(program, ["-q"]);
  assert.deepEqual([code, lines], [0, []]);
}

liveTest("an emptied INBOX waits with status 3 while all else goes on, until it is confirmed", async (live) => {
  const { lab, program } = live;
  const s = await scene(lab, program);
  const { local, workspace } = s;
  await empty(local, "INBOX");
  await local.with(async (probe) => {
    await probe.append("INBOX", { body: plainMessage("new") });
    await probe.append("other", { body: plainMessage("another") });
  });
  for (let run = 0; run < 2; run++) {
    const { code, lines } = await workspace.run(program, ["-q"]);
    assert.equal(code, 3, lines.join("\n"));
    assert.deepEqual(lines, [
      `remote(INBOX): ERROR: Delete brake: 30 of ${30 + run} messages are gone from local and would be deleted here ` +
      "(UID 1:30). These deletions wait. To carry them out run `interimap --confirm-deletes=INBOX`; to copy the " +
      "messages back to local run `interimap --target=database --delete INBOX`, then `interimap`.",
    ]);
    assert.equal(await count(s, "remote"), 31);
    assert.equal(await count(s, "remote", "other"), 2);
  }
  assert.equal((await workspace.run(program, ["--confirm-deletes=other"])).code, 3);
  assert.equal(await count(s, "remote"), 31);
  const confirmed = await workspace.run(program, ["--confirm-deletes=inbox"]);
  assert.equal(confirmed.code, 0, confirmed.stderr);
  assert.match(confirmed.stderr, /^remote\(INBOX\): Removed 30 UID\(s\) 1:30$/m);
  assert.equal(await count(s, "remote"), 1);
  await settled(s, program);
}, { newProgramOnly: true });

liveTest("status 3 beats status 2", async ({ lab, program }) => {
  const s = await scene(lab, program);
  await empty(s.local, "INBOX");
  await s.remote.with((probe) => probe.delete("other"));
  const { code, stderr } = await s.workspace.run(program);
  assert.equal(code, 3, stderr);
  assert.match(stderr, /Mailbox other exists/);
}, { newProgramOnly: true });

liveTest("an emptied mailbox can be filled again from its copy by forgetting it", async ({ lab, program }) => {
  const s = await scene(lab, program);
  await empty(s.local, "INBOX");
  assert.equal((await s.workspace.run(program)).code, 3);
  await s.workspace.sync(program, ["--target=database", "--delete", "INBOX"]);
  await s.workspace.sync(program);
  assert.deepEqual([await count(s, "local"), await count(s, "remote")], [30, 30]);
  await settled(s, program);
}, { newProgramOnly: true });

liveTest("a confirmation is left for the process that holds the state file, and counts once", async (live) => {
  const { lab, program } = live;
  const s = await scene(lab, program);
  const { workspace } = s;
  const file = `${workspace.databaseFile}.confirm-deletes`;
  await empty(s.local, "INBOX");
  assert.equal((await workspace.run(program)).code, 3);
  const holder = openDatabase(workspace.databaseFile, { create: false });
  try {
    const refused = await workspace.run(program);
    assert.equal(refused.code, 1);
    const left = await workspace.run(program, ["--confirm-deletes=INBOX"]);
    assert.equal(left.code, 0, left.stderr);
    assert.deepEqual(left.lines, [
      `database: Deletions in INBOX are confirmed by ${file}, for the next look of the interimap that watches (SIGHUP ` +
      "makes it look now) or for the next run",
    ]);
    assert.equal((await workspace.run(program, ["--repair", "--confirm-deletes"])).code, 1);
    assert.equal((await workspace.run(program, ["--confirm-deletes", "--", "IN*"])).code, 1);
  } finally {
    holder.close();
  }
  assert.equal(await Deno.readTextFile(file), "INBOX\n");
  assert.equal(((await Deno.stat(file)).mode ?? 0) & 0o777, 0o600);
  await workspace.sync(program, ["other"]);
  assert.equal(await Deno.readTextFile(file), "INBOX\n");
  await workspace.sync(program);
  assert.equal(await count(s, "remote"), 0);
  await assert.rejects(Deno.stat(file), Deno.errors.NotFound);
  await settled(s, program);
}, { newProgramOnly: true });

for (const side of ["local", "remote"] as const) {
  liveTest(`a mailbox that the ${side} server calls \\Trash may be emptied`, async ({ lab, program }) => {
    const s = await scene(lab, program, "waste");
    await s.local.with(async (probe) => {
      for (let i = 0; i < 29; i++) await probe.append("waste", { body: plainMessage(`w${i}`) });
    });
    await s.workspace.sync(program);
    const setting = "namespace inbox {\n  mailbox waste {\n    special_use = \\Trash\n  }\n}\n";
    await Deno.writeTextFile(s[side].confFile, setting, { append: true });
    await empty(s.local, "waste");
    await s.workspace.sync(program);
    assert.equal(await count(s, "remote", "waste"), 0);
    await empty(s.local, "INBOX");
    assert.equal((await s.workspace.run(program)).code, 3);
  }, { newProgramOnly: true });
}

liveTest("`max-deletes` sets the limit, in [extra] the original can still read the file", async ({ lab, program }) => {
  const s = await scene(lab, program);
  const { local, remote, workspace } = s;
  const limit = (value: string) =>
    workspace.configure(tunnelSection(local), { ...tunnelSection(remote), "\n[extra]\nmax-deletes": value });
  await limit("9");
  await workspace.sync(await theOriginal());
  const mapping = readMapping(workspace.databaseFile).get("INBOX");
  assert.equal(mapping?.pairs.length, 30);
  const some = (uids: string) => local.doveadm("expunge", "mailbox", "INBOX", "uid", uids);
  await some("1:10");
  assert.equal((await workspace.run(program)).code, 3);
  assert.equal(await count(s, "remote"), 30);
  await workspace.sync(program, ["--confirm-deletes"]);
  await some("11:19");
  await workspace.sync(program);
  assert.equal(await count(s, "remote"), 11);
  await limit("none");
  await empty(local, "INBOX");
  await workspace.sync(program);
  await settled(s, program);
}, { newProgramOnly: true });
