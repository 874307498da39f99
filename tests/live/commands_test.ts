// --delete, --rename and --repair against real servers, where the promise is this program's own, or where many things are
// wrong at once. Row by row they are compared with the original in differential_test.ts.

import assert from "node:assert/strict";
import type { Side } from "../../lib/state/types.ts";
import type { ImapProbe } from "../support/imap_probe.ts";
import { liveTest } from "../support/live/live_case.ts";
import { plainMessage } from "../support/live/mail.ts";
import { readMapping } from "../support/live/mapping.ts";
import { type Program, type RunResult, theOriginal, type Workspace } from "../support/live/program.ts";
import { copyOf, emptyScene, falsify, type Scene, stateOf } from "../support/live/twins.ts";
import { compareStores, readStore } from "../support/live/witness.ts";
import type { Lab, MailStore } from "../support/live_dovecot.ts";

const SIDES: readonly Side[] = ["local", "remote"];
const DATE = "22-Nov-2026 01:35:43 +0100";

/** Mailboxes a, a/b, c and d e with a message each, INBOX with `count`, brought to both sides by the original. */
async function baseOf(lab: Lab, count: number): Promise<Scene> {
  const scene = await emptyScene(lab, "base");
  await scene.remote.with(async (probe) => {
    for (const name of ["a", "a.b", "c", "d e"]) {
      await probe.create(name);
      await probe.subscribe(name);
      await append(probe, name, `in ${name}`);
    }
    for (let i = 1; i <= count; i++) await append(probe, "INBOX", `m${i}`);
  });
  await scene.workspace.sync(await theOriginal());
  return scene;
}

async function append(probe: ImapProbe, mailbox: string, id: string): Promise<void> {
  await probe.append(mailbox, { body: plainMessage(id.replaceAll(" ", "-")), internalDate: DATE });
}

liveTest("names in front of INBOX are not deleted, unlike with the original", async ({ lab, program }) => {
  const scene = await baseOf(lab, 1);
  const before = await stateOf(scene);
  const { code, lines } = await scene.workspace.run(program, ["--delete", "a", "INBOX"]);
  assert.equal(code, 1);
  assert.deepEqual(lines, ["ERROR: INBOX can't be deleted"]);
  assert.deepEqual(await stateOf(scene), before);
}, { newProgramOnly: true });

liveTest("a run after --rename on every target finds nothing to do", async ({ lab, program }) => {
  const { local, remote, workspace } = await baseOf(lab, 2);
  await workspace.sync(program);
  await workspace.sync(program, ["--rename", "a", "x/y"]);
  const { lines } = await workspace.sync(program);
  // The subscription of a name does not move with the mailbox (RFC 9051 6.3.6).
  assert.deepEqual(lines.filter((line) => !line.includes("IMAP traffic")), []);
  const { differences } = await compareStores(local, remote, workspace.databaseFile);
  assert.deepEqual(differences, []);
});

// ---- --repair

async function change(store: MailStore, mailbox: string, work: (probe: ImapProbe) => Promise<void>): Promise<string> {
  return await store.with(async (probe) => {
    await probe.select(mailbox);
    await work(probe);
    return (await probe.select(mailbox)).highestModSeq;
  });
}

/** Every row of the table. The local and the remote UIDs of m1 to m12 are 1 to 12. */
async function damage(scene: Scene): Promise<void> {
  const { local, remote } = scene;
  const [here, there] = [
    await change(local, "INBOX", async (probe) => {
      await probe.expunge([2, 4, 8]);
      await probe.store([3], "+FLAGS", ["\\Seen"]);
    }),
    await change(remote, "INBOX", async (probe) => {
      await probe.expunge([1, 4, 9]);
      await probe.store([3], "+FLAGS", ["later"]);
    }),
  ];
  falsify(scene, [
    `UPDATE local SET HIGHESTMODSEQ = ${here} WHERE`,
    `UPDATE remote SET HIGHESTMODSEQ = ${there} WHERE`,
    "DELETE FROM mapping WHERE lUID IN (8, 9) AND",
  ]);
  await change(remote, "INBOX", async (probe) => {
    await probe.expunge([5]);
    await probe.store([6, 7], "+FLAGS", ["\\Flagged"]);
    await append(probe, "INBOX", "new on remote");
  });
  await change(local, "INBOX", async (probe) => {
    await probe.expunge([10]);
    await probe.store([7, 11], "+FLAGS", ["\\Answered"]);
    await append(probe, "INBOX", "new on local");
  });
}

/** Mail by side without UIDs: the order of copies is not promised. */
async function mailOf({ local, remote }: Scene): Promise<readonly (readonly string[])[]> {
  return await Promise.all([local, remote].map(async (store) => {
    const { mailboxes } = await readStore(store);
    return [...mailboxes].flatMap(([mailbox, { messages }]) =>
      messages.map(({ flags, internalDate, digest }) => `${mailbox} ${digest} ${internalDate} ${flags.join(" ")}`)
    ).sort();
  }));
}

function warningsOf({ lines }: RunResult): readonly string[] {
  return lines.filter((line) => line.includes("WARNING")).sort();
}

/** Lines of a run that found nothing. */
async function remarks(workspace: Workspace, program: Program, args: readonly string[]): Promise<readonly string[]> {
  const { lines } = await workspace.sync(program, args);
  return lines.filter((line) => !line.includes("IMAP traffic"));
}

liveTest("--repair leaves the same mail and says the same warnings as the original, once", async ({ lab, program }) => {
  const original = await theOriginal();
  const base = await baseOf(lab, 12);
  await damage(base);
  const theirs = await copyOf(base, "o");
  const ours = await copyOf(base, "p");
  const expected = await theirs.workspace.sync(original, ["--repair"]);
  const actual = await ours.workspace.sync(program, ["--repair"]);
  assert.deepEqual(warningsOf(actual), warningsOf(expected));
  assert.deepEqual(await mailOf(ours), await mailOf(theirs));
  const comparison = await compareStores(ours.local, ours.remote, ours.workspace.databaseFile);
  assert.deepEqual(comparison.differences, []);
  const counts = [ours, theirs].map(({ workspace }) => readMapping(workspace.databaseFile).get("INBOX")?.pairs.length);
  assert.equal(counts[0], counts[1]);
  const downloads = (result: RunResult) => result.lines.filter((line) => /: UID \d+ from </.test(line)).sort();
  assert.equal(downloads(actual).length, 4);
  assert.deepEqual(downloads(actual), downloads(expected));
  assert.deepEqual(await remarks(ours.workspace, program, ["--repair"]), []);
  assert.deepEqual(await remarks(ours.workspace, original, ["--repair"]), []);
  assert.deepEqual(await remarks(ours.workspace, program, []), []);
});

liveTest("--repair pairs what is on both sides, where the original makes duplicates", async ({ lab, program }) => {
  const base = await baseOf(lab, 6);
  falsify(base, ["DELETE FROM mapping WHERE lUID IN (2, 3) AND"]);
  const theirs = await copyOf(base, "o");
  await theirs.workspace.sync(await theOriginal(), ["--repair"]);
  assert.equal((await readStore(theirs.local)).mailboxes.get("INBOX")?.messages.length, 8);
  await base.workspace.sync(program, ["--repair"]);
  const { differences, local } = await compareStores(base.local, base.remote, base.workspace.databaseFile);
  assert.deepEqual(differences, []);
  assert.equal(local.mailboxes.get("INBOX")?.messages.length, 6);
  assert.deepEqual(await remarks(base.workspace, program, ["--repair"]), []);
}, { newProgramOnly: true });

liveTest("--repair INBOX leaves other mailboxes alone", async ({ lab, program }) => {
  const { local, workspace } = await baseOf(lab, 2);
  await local.with((probe) => append(probe, "c", "elsewhere"));
  await workspace.sync(program, ["--repair", "INBOX"]);
  assert.equal(readMapping(workspace.databaseFile).get("c")?.pairs.length, 1);
});

liveTest("--repair asks for slices of UIDs, never for a whole mailbox", async ({ lab, program }) => {
  const { local, remote, workspace } = await baseOf(lab, 1);
  await remote.with(async (probe) => {
    for (let i = 0; i < 2200; i++) await append(probe, "c", `many${i}`);
  });
  await workspace.sync(program);
  const { lines } = await workspace.sync(program, ["--debug", "--repair"]);
  for (const side of SIDES) {
    const fetches = lines.filter((line) => line.startsWith(side) && /C: \S+ UID FETCH .*MODSEQ/.test(line));
    const sizes = fetches.map((line) => /FETCH (\d+):(\d+) /.exec(line)).map((m) =>
      Number(m?.[2]) - Number(m?.[1]) + 1
    );
    assert.ok(sizes.filter((size) => size === 1000).length >= 2, lines.join("\n").slice(0, 2000));
    assert.ok(sizes.every((size) => !(size > 1000)));
  }
  const { differences } = await compareStores(local, remote, workspace.databaseFile);
  assert.deepEqual(differences, []);
}, { newProgramOnly: true });

liveTest("--repair is the way out when a server has lost its mod-sequences", async ({ lab, program }) => {
  const scene = await baseOf(lab, 4);
  const { local, remote, workspace } = scene;
  falsify(scene, ["UPDATE local SET HIGHESTMODSEQ = 999999 WHERE"]);
  await change(local, "INBOX", async (probe) => {
    await probe.store([2], "+FLAGS", ["\\Seen"]);
    await append(probe, "INBOX", "new");
  });
  await workspace.sync(program, ["--repair"]);
  const { differences, remote: facts } = await compareStores(local, remote, workspace.databaseFile);
  assert.deepEqual(differences, []);
  assert.deepEqual(facts.mailboxes.get("INBOX")?.messages.map(({ flags }) => flags.join()), ["", "\\Seen", "", "", ""]);
  assert.deepEqual(await remarks(workspace, program, []), []);
}, { newProgramOnly: true });
