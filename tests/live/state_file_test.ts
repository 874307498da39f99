// The state file between lib/state and InterIMAP 0.5.7: one excludes the other, and each goes on with what the other
// left. No build of the program is needed.

import assert from "node:assert/strict";
import { UidSet } from "../../lib/protocol/uid_set.ts";
import { openDatabase, prepareStore, type StateChange } from "../../lib/state/mod.ts";
import { plainMessage } from "../support/live/mail.ts";
import { readMapping } from "../support/live/mapping.ts";
import { theOriginal, tunnelSection, Workspace } from "../support/live/program.ts";
import { waitUntil } from "../support/live/waiting.ts";
import { Lab } from "../support/live_dovecot.ts";
import { KeepingLog } from "../support/quiet_log.ts";
import { refusalOf } from "../support/state_file.ts";

const ignore = Deno.env.get("INTERIMAP_TEST_LIVE") === "no";

async function inLab(body: (lab: Lab) => Promise<void>): Promise<void> {
  const lab = await Lab.open();
  try {
    await body(lab);
  } finally {
    await lab.close();
  }
}

/** A tunnel that says that it was started, and then nothing. */
async function muteTunnel(lab: Lab): Promise<{ readonly command: string; reached(): Promise<boolean> }> {
  const mark = `${lab.directory}/reached`;
  const command = `${lab.directory}/mute.sh`;
  await Deno.writeTextFile(command, `#!/bin/sh\n: >${mark}\nexec cat >/dev/null\n`, { mode: 0o700 });
  return { command, reached: () => Deno.stat(mark).then(() => true, () => false) };
}

Deno.test({
  name: "the original and `openDatabase()` keep each other out",
  ignore,
  fn: () =>
    inLab(async (lab) => {
      const original = await theOriginal();
      const tunnel = await muteTunnel(lab);
      const section = { type: "tunnel", command: tunnel.command };
      const workspace = await Workspace.create(`${lab.directory}/w`, section, section);
      const database = openDatabase(workspace.databaseFile, { create: true });
      const refused = await workspace.run(original);
      assert.notEqual(refused.code, 0);
      assert.match(refused.stderr, /database is locked/);
      assert.equal(await tunnel.reached(), false);
      database.close();

      const holder = workspace.start(original);
      await waitUntil("the original waits for its server", tunnel.reached, 10_000);
      const said = refusalOf(() => openDatabase(workspace.databaseFile, { create: true }));
      assert.match(said, /^database: Database is locked: .* is held by another run or a watcher$/);
      holder.kill("SIGKILL");
      await holder.result;
      openDatabase(workspace.databaseFile, { create: false }).close();
    }),
});

Deno.test({
  name: "the original goes on with a file that has our tables, and `prepareStore()` with one that it wrote",
  ignore,
  fn: () =>
    inLab(async (lab) => {
      const original = await theOriginal();
      const local = await lab.store("local", { format: "maildir", separator: "/" });
      const remote = await lab.store("remote", { format: "mdbox", separator: "." });
      const workspace = await Workspace.create(`${lab.directory}/w`, tunnelSection(local), tunnelSection(remote));
      const open = () =>
        prepareStore(
          openDatabase(workspace.databaseFile, { create: false }),
          { local: "/", remote: "." },
          new KeepingLog(),
        );
      for (const id of ["one", "two"]) {
        await local.with((probe) => probe.append("INBOX", { body: plainMessage(id) }));
      }
      await local.with((probe) => probe.create("a/b"));
      await workspace.sync(original);

      const written = readMapping(workspace.databaseFile);
      const store = open();
      const rows = store.overview();
      assert.deepEqual(rows.map(({ mailbox }) => mailbox), [...written.keys()].sort());
      assert(rows.every(({ interrupted }) => !interrupted));
      const inbox = rows.find(({ mailbox }) => mailbox === "INBOX");
      assert(inbox !== undefined && inbox.cursors !== null);
      const { idx, cursors } = inbox;
      assert.deepEqual(store.cursors(idx), cursors);
      assert.equal(cursors.local.uidNext, 3);
      assert(cursors.local.highestModSeq > 0n && cursors.remote.highestModSeq > 0n);
      assert.deepEqual(store.pairsTouching(idx, "local", UidSet.range(1, 9)).length, 2);
      const fact: StateChange = { kind: "unmapped", idx, side: "local", uids: UidSet.of([9]), reason: "empty" };
      store.apply([fact, { kind: "identity", idx, side: "remote", mailboxId: "M1" }]);
      store.close();

      await workspace.sync(original); // nothing to do: rewrites nothing, and so our facts stay
      const unchanged = open();
      assert.equal(unchanged.unmapped(idx, "local").toString(), "9");
      unchanged.close();

      await remote.with((probe) => probe.append("INBOX", { body: plainMessage("three") }));
      await workspace.sync(original);
      const overtaken = open();
      assert.equal(overtaken.unmapped(idx, "local").toString(), "");
      assert.equal(overtaken.mailboxId(idx, "remote"), null);
      assert.equal(overtaken.pairCount(idx), 3);
      const child = overtaken.overview().find(({ mailbox }) => mailbox === "a\0b")?.idx ?? 0;
      overtaken.apply([{ ...fact, idx: child }]);
      overtaken.close();

      const deleted = await workspace.run(original, ["--delete", "a/b"]);
      assert.equal(deleted.code, 0, deleted.stderr);
      const after = open();
      assert.equal(after.overview().some(({ mailbox }) => mailbox === "a\0b"), false);
      assert.equal(after.unmapped(child, "local").isEmpty, true);
      after.close();
    }),
});
