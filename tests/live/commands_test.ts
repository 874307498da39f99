// --delete, --rename and --repair against real servers, and against the original: on copies of the same stores and the
// same state file both leave the same mail, the same rows and the same words, but for the listed defects.

import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import type { Side } from "../../lib/state/types.ts";
import type { ImapProbe } from "../support/imap_probe.ts";
import { liveTest } from "../support/live/live_case.ts";
import { plainMessage } from "../support/live/mail.ts";
import { readMapping } from "../support/live/mapping.ts";
import { type Program, type RunResult, theOriginal, tunnelSection, Workspace } from "../support/live/program.ts";
import { compareStores, readStore } from "../support/live/witness.ts";
import type { Lab, MailStore } from "../support/live_dovecot.ts";

const SIDES: readonly Side[] = ["local", "remote"];
const DATE = "22-Nov-2026 01:35:43 +0100";

interface Scene {
  readonly local: MailStore;
  readonly remote: MailStore;
  readonly workspace: Workspace;
}

/** Mailboxes a, a/b, c and d e with a message each, INBOX with `count`, brought to both sides by the original. */
async function baseOf(lab: Lab, count: number): Promise<Scene> {
  const local = await lab.store("local", { format: "sdbox", separator: "/" });
  const remote = await lab.store("remote", { format: "mdbox", separator: "." });
  const workspace = await Workspace.create(`${lab.directory}/w`, tunnelSection(local), tunnelSection(remote));
  await remote.with(async (probe) => {
    for (const name of ["a", "a.b", "c", "d e"]) {
      await probe.create(name);
      await probe.subscribe(name);
      await append(probe, name, `in ${name}`);
    }
    for (let i = 1; i <= count; i++) await append(probe, "INBOX", `m${i}`);
  });
  await workspace.sync(await theOriginal());
  return { local, remote, workspace };
}

async function append(probe: ImapProbe, mailbox: string, id: string): Promise<void> {
  await probe.append(mailbox, { body: plainMessage(id.replaceAll(" ", "-")), internalDate: DATE });
}

async function copyOf(lab: Lab, { local, remote, workspace }: Scene, name: string): Promise<Scene> {
  const [here, there] = [await lab.copyOf(local, `${name}l`), await lab.copyOf(remote, `${name}r`)];
  const copy = await Workspace.create(`${lab.directory}/${name}`, tunnelSection(here), tunnelSection(there));
  await Deno.copyFile(workspace.databaseFile, copy.databaseFile);
  return { local: here, remote: there, workspace: copy };
}

/** Everything that both programs must leave alike. */
async function traces({ local, remote, workspace }: Scene): Promise<unknown> {
  const [here, there] = [await readStore(local), await readStore(remote)];
  const mapping = [...readMapping(workspace.databaseFile)].map(([mailbox, stored]) => ({
    mailbox,
    ...stored,
    pairs: stored.pairs.toSorted((a, b) => a.local - b.local),
  }));
  return {
    mapping: mapping.sort((a, b) => a.mailbox < b.mailbox ? -1 : 1),
    mail: [here, there].map(({ mailboxes, subscribed }) => ({
      mailboxes: [...mailboxes].sort(([a], [b]) => a < b ? -1 : 1),
      subscribed: [...subscribed].sort(),
    })),
  };
}

/** What only we say: sizes differ, and the original warns of nothing. */
const OURS = /IMAP traffic|keeps its name on|will copy all its messages/;

/** What was said, but for that and for the hints behind the original's text. */
function said({ lines }: RunResult): readonly string[] {
  return lines.filter((line) => !OURS.test(line)).map((line) => line.replace(/; .*$/, ""));
}

/** Rows of our own tables whose mailbox is gone. */
function orphans(file: string): number {
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    const tables = ["interimap_cursors", "interimap_unmapped", "interimap_identities", "interimap_intents"];
    const counts = tables.map((table) =>
      database.prepare(`SELECT COUNT(*) AS n FROM ${table} WHERE idx NOT IN (SELECT idx FROM mailboxes)`).get()?.n
    );
    return counts.reduce((sum: number, count) => sum + Number(count), 0);
  } finally {
    database.close();
  }
}

const COMMANDS: readonly (readonly string[])[] = [
  ["--delete", "a"],
  ["--delete", "a/b", "c", "none", "*"],
  ["--target=local", "--delete", "c"],
  ["--target=remote,local", "--delete", "d e"],
  ["--target=database", "--target=remote", "--delete", "c"],
  ["--target=database", "--delete", "c"],
  ["--delete", "inbox"],
  ["--rename", "a", "new/place"],
  ["--rename", "c", "d e"],
  ["--target=database", "--rename", "a", "z"],
  ["--target=database", "--rename", "a", "c"],
  ["--rename", "INBOX", "x"],
  ["--rename", "none", "x"],
];

liveTest(
  "--delete and --rename leave the same mail, rows and words as the original",
  async ({ lab, program }) => {
    const original = await theOriginal();
    const base = await baseOf(lab, 2);
    for (const [i, args] of COMMANDS.entries()) {
      const outcomes = [];
      for (const [who, tool] of [["o", original], ["p", program]] as const) {
        const scene = await copyOf(lab, base, `${who}${i}`);
        const result = await scene.workspace.run(tool, args);
        if (tool === program && result.code === 0) assert.equal(orphans(scene.workspace.databaseFile), 0);
        outcomes.push({ args, code: result.code, said: said(result), traces: await traces(scene) });
      }
      assert.deepEqual(outcomes[1], outcomes[0], args.join(" "));
    }
  },
  { newProgramOnly: true },
);

liveTest("names in front of INBOX are not deleted, unlike with the original", async ({ lab, program }) => {
  const scene = await baseOf(lab, 1);
  const before = await traces(scene);
  const { code, lines } = await scene.workspace.run(program, ["--delete", "a", "INBOX"]);
  assert.equal(code, 1);
  assert.deepEqual(lines, ["ERROR: INBOX can't be deleted"]);
  assert.deepEqual(await traces(scene), before);
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

/** Changes the rows of INBOX as if a program had made a mistake. */
function falsify(file: string, sql: readonly string[]): void {
  const database = new DatabaseSync(file);
  try {
    const inbox = "(SELECT idx FROM mailboxes WHERE mailbox = CAST('INBOX' AS BLOB))";
    for (const statement of sql) database.exec(`${statement} idx = ${inbox}`);
  } finally {
    database.close();
  }
}

/** Every row of the table. The local and the remote UIDs of m1 to m12 are 1 to 12. */
async function damage({ local, remote, workspace }: Scene): Promise<void> {
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
  falsify(workspace.databaseFile, [
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
  const theirs = await copyOf(lab, base, "o");
  const ours = await copyOf(lab, base, "p");
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
  falsify(base.workspace.databaseFile, ["DELETE FROM mapping WHERE lUID IN (2, 3) AND"]);
  const theirs = await copyOf(lab, base, "o");
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
  const { local, remote, workspace } = await baseOf(lab, 4);
  falsify(workspace.databaseFile, ["UPDATE local SET HIGHESTMODSEQ = 999999 WHERE"]);
  await change(local, "INBOX", async (probe) => {
    await probe.store([2], "+FLAGS", ["\\Seen"]);
    await append(probe, "INBOX", "new");
  });
  const refused = await workspace.run(program);
  assert.equal(refused.code, 2, refused.stderr);
  await workspace.sync(program, ["--repair"]);
  const { differences, remote: facts } = await compareStores(local, remote, workspace.databaseFile);
  assert.deepEqual(differences, []);
  assert.deepEqual(facts.mailboxes.get("INBOX")?.messages.map(({ flags }) => flags.join()), ["", "\\Seen", "", "", ""]);
  assert.deepEqual(await remarks(workspace, program, []), []);
}, { newProgramOnly: true });
