// A mailbox that keeps only some flags: what it cannot hold stays on the other side.

import assert from "node:assert/strict";
import { plainMessage } from "../support/live/mail.ts";
import { liveTest } from "../support/live/live_case.ts";
import { alias, rights } from "../support/live/profiles.ts";
import { plainSection, tunnelSection, Workspace } from "../support/live/program.ts";
import { readStore } from "../support/live/witness.ts";

liveTest("flags that the target's mailbox does not keep stay on the source", async ({ lab, program }) => {
  const daemon = await lab.daemon();
  const local = await lab.store("local", { format: "maildir", separator: "/" });
  const remote = await lab.store("remote", { format: "mdbox", separator: "/" });
  const workspace = await Workspace.create(`${lab.directory}/w`, tunnelSection(local), tunnelSection(remote));
  await local.with(async (probe) => {
    await probe.create("box");
    await probe.append("box", { body: plainMessage("old") });
  });
  await workspace.sync(program);
  const flags = ["\\Flagged", "\\Seen", "work"];
  await local.with((probe) => probe.append("box", { body: plainMessage("new"), flags }));
  // Insert, but no right to write flags other than \Seen.
  const reader = await alias(lab, remote, "inserter", await rights(lab, "lrsi"));
  await workspace.configure(tunnelSection(local), { ...plainSection(remote, daemon), ...reader });
  for (const run of ["first", "second"]) {
    const result = await workspace.run(program);
    assert.ok(result.code === 0 || result.code === 2, result.stderr);
    const [here, there] = await Promise.all([readStore(local), readStore(remote)]);
    const messages = here.mailboxes.get("box")?.messages ?? [];
    assert.deepEqual(messages.map((message) => message.flags), [[], flags], `${run} run: ${result.stderr}`);
    assert.equal(there.mailboxes.get("box")?.messages.length, 2, `${run} run`);
  }
}, { newProgramOnly: true });

liveTest("a change of the copy whose mailbox keeps only some flags leaves the other copy the rest", async (live) => {
  const { lab, program } = live;
  const daemon = await lab.daemon();
  const local = await lab.store("local", { format: "maildir", separator: "/" });
  const remote = await lab.store("remote", { format: "mdbox", separator: "/" });
  const reader = await alias(lab, remote, "inserter", await rights(lab, "lrsi"));
  const limited = { ...plainSection(remote, daemon), ...reader };
  await Promise.all([local, remote].map((store) => store.with((probe) => probe.create("box"))));
  await local.with((probe) => probe.append("box", { body: plainMessage("one"), flags: ["\\Flagged", "work"] }));
  const workspace = await Workspace.create(`${lab.directory}/w`, tunnelSection(local), limited);
  await workspace.run(program);
  await remote.with(async (probe) => {
    await probe.select("box");
    await probe.store([1], "+FLAGS", ["\\Seen"]);
  });
  const flagsOf = async (store: typeof local) =>
    (await readStore(store)).mailboxes.get("box")?.messages.map(({ flags }) => flags.join(" "));
  await workspace.run(program);
  assert.deepEqual(await flagsOf(local), ["\\Flagged \\Seen work"]);
  assert.deepEqual(await flagsOf(remote), ["\\Seen"]);
  const silent = await workspace.sync(program);
  assert.deepEqual(silent.lines.filter((line) => !line.includes("IMAP traffic")), []);
}, { newProgramOnly: true });

liveTest(
  "a keyword that two Dovecots spell differently is one, and no reason for traffic",
  async ({ lab, program }) => {
    const local = await lab.store("local", { format: "maildir", separator: "/" });
    const remote = await lab.store("remote", { format: "mdbox", separator: "/" });
    await local.with((probe) => probe.append("INBOX", { body: plainMessage("one"), flags: ["work"] }));
    await remote.with((probe) => probe.append("INBOX", { body: plainMessage("two"), flags: ["Work"] }));
    const workspace = await Workspace.create(`${lab.directory}/w`, tunnelSection(local), tunnelSection(remote));
    await workspace.sync(program);
    await remote.with(async (probe) => {
      await probe.select("INBOX");
      await probe.store([1, 2], "+FLAGS", ["\\Seen"]);
    });
    const { stderr } = await workspace.sync(program);
    assert.doesNotMatch(stderr, /WARNING|Conflicting/);
    for (const [store, keyword] of [[local, "work"], [remote, "Work"]] as const) {
      const messages = (await readStore(store)).mailboxes.get("INBOX")?.messages ?? [];
      assert.deepEqual(messages.map(({ flags }) => flags.includes(keyword) && flags.includes("\\Seen")), [true, true]);
    }
    const silent = await workspace.sync(program);
    assert.deepEqual(silent.lines.filter((line) => !line.includes("IMAP traffic")), []);
  },
  { newProgramOnly: true },
);
