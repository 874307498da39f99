// Mailboxes that were made equal by other means (doveadm, mbsync, a client) and that the program has never seen, or has
// seen under other numbers: nothing is doubled, nothing is deleted, only what is on one side is copied, and what it costs
// on the wire grows with the number of messages and not faster.

import assert from "node:assert/strict";
import type { Side } from "../../lib/state/types.ts";
import { mustRun, run } from "../support/live/child.ts";
import { cyrusTest } from "../support/live/cyrus_case.ts";
import { type LiveContext, liveTest } from "../support/live/live_case.ts";
import { awkwardBodies, plainMessage, randomMessage } from "../support/live/mail.ts";
import { plainSection, type Program, type RunResult, tunnelSection, Workspace } from "../support/live/program.ts";
import { SeededRandom } from "../support/live/seeded.ts";
import { compareStores, type MessageFacts, readStore, type StoreFacts } from "../support/live/witness.ts";
import type { Lab, MailStore } from "../support/live_dovecot.ts";
import { Relay } from "../support/relay.ts";

const LAYOUT = { format: "maildir", separator: "/" } as const;
const SIDES = ["local", "remote"] as const;
/** NOOP when the machine is slow to answer. */
const IDLE_COMMANDS = new Set(["CAPABILITY", "ENABLE", "LIST", "LOGOUT", "COMPRESS", "AUTHENTICATE", "NOOP"]);

// ---- filling mailboxes

/** A message as other software writes it: some 2 kB, with what servers add; each tenth without a Message-ID or Date. */
function text(id: string, number: number): string {
  const lines = [
    `Received: from mx.example.org by mail.example.net with ESMTP id ${id}; Sun, 22 Nov 2026 01:35:43 +0000`,
    `From: Alice <alice@example.net>`,
    `To: bob@example.org`,
    `Subject: ${id}`,
    ...(number % 20 === 7 ? [] : [`Date: Sun, 22 Nov 2026 01:35:43 +0000`]),
    ...(number % 20 === 3 ? [] : [`Message-ID: <${id}@example.net>`]),
  ];
  return `${lines.join("\n")}\n\n${`A line of the message ${id}.\n`.repeat(60)}`;
}

/** Delivers by writing files, as a mail transfer agent does. */
async function deliver(store: MailStore, messages: readonly string[]): Promise<void> {
  await store.with((probe) => probe.select("INBOX"));
  const folder = `${store.home}/${store.layout.format}/new`;
  messages.forEach((message, number) => {
    const seconds = 1_700_000_000 + number;
    Deno.writeTextFileSync(`${folder}/${seconds}.M${number}P1.test`, message);
    Deno.utimeSync(`${folder}/${seconds}.M${number}P1.test`, seconds, seconds);
  });
  await store.own(folder);
  await store.doveadm("force-resync", "INBOX");
}

/** `count` messages; the last hundredth are exact copies of others. */
function originals(count: number): readonly string[] {
  const copies = count / 100;
  return Array.from({ length: count }, (_, i) => {
    const number = i < count - copies ? i : i - count + copies;
    return text(`m${number}`, number);
  });
}

/** The same mail under UIDs of its own, made by Dovecot's own tool, and a few messages that only one side has. */
async function makeEqual(local: MailStore, remote: MailStore, count: number): Promise<number> {
  const only = (side: Side) => Array.from({ length: count * 3 / 200 }, (_, i) => text(`${side}-${i}`, i));
  await deliver(local, originals(count));
  // UIDs of the copy begin elsewhere.
  await remote.with(async (probe) => {
    const uids = [await probe.append("INBOX", { body: plainMessage("a") })];
    await probe.select("INBOX");
    await probe.expunge(uids);
  });
  await remote.doveadm("import", `maildir:${local.home}/${local.layout.format}`, "", "all");
  for (const [side, store] of [["local", local], ["remote", remote]] as const) {
    await store.with(async (probe) => {
      for (const message of only(side)) {
        await probe.append("INBOX", { body: new TextEncoder().encode(message.replaceAll("\n", "\r\n")) });
      }
    });
  }
  return only("local").length;
}

// ---- looking at them

/** Every message of INBOX as often as it is there. */
function contents(facts: StoreFacts, mailbox = "INBOX"): readonly string[] {
  const shown = ({ digest, flags }: MessageFacts) => `${digest} ${flags.join(" ")}`;
  return (facts.mailboxes.get(mailbox)?.messages ?? []).map(shown).sort();
}

async function assertEqual(local: MailStore, remote: MailStore, count: number, mailbox = "INBOX"): Promise<void> {
  const [here, there] = [await readStore(local), await readStore(remote)];
  assert.deepEqual(contents(here, mailbox), contents(there, mailbox));
  assert.equal(contents(here, mailbox).length, count);
}

/** UIDs that the log says were copied. */
function copied({ stderr }: RunResult): number {
  return [...stderr.matchAll(/: Added (\d+) UID\(s\)/g)].reduce((sum, [, count]) => sum + Number(count), 0);
}

async function assertIdle(workspace: Workspace, program: Program, ...stores: readonly MailStore[]): Promise<void> {
  for (const store of stores) await store.recordCommands();
  const result = await workspace.sync(program, ["--quiet"]);
  assert.deepEqual(result.lines, []);
  for (const store of stores) {
    const commands = await store.commands();
    assert.deepEqual(commands.filter((command) => !IDLE_COMMANDS.has(command)), [], store.name);
  }
}

async function pairOfStores(lab: Lab, name = ""): Promise<readonly [MailStore, MailStore]> {
  return [await lab.store(`local${name}`, LAYOUT), await lab.store(`remote${name}`, { ...LAYOUT, separator: "." })];
}

// ---- the tests

interface Cost {
  readonly octets: number;
  readonly commands: number;
}

/** What the first run costs on the wire when both sides have `count` messages that are the same. */
async function costOfAdoption(
  { lab, program }: LiveContext,
  count: number,
  port: { readonly port: number },
): Promise<Cost> {
  const [local, remote] = await pairOfStores(lab, `${count}`);
  const alone = await makeEqual(local, remote, count);
  await using near = Relay.start(port);
  await using far = Relay.start(port);
  const workspace = await Workspace.create(
    `${lab.directory}/w${count}`,
    plainSection(local, near),
    plainSection(remote, far),
  );
  const result = await workspace.sync(program);
  assert.match(result.stderr, new RegExp(`^Recognized ${count} message\\(s\\) of INBOX that are on both sides$`, "m"));
  assert.equal(copied(result), 2 * alone);
  await assertEqual(local, remote, count + 2 * alone);
  const cost = {
    octets: near.octets.client + near.octets.server + far.octets.client + far.octets.server,
    commands: near.commands.length + far.commands.length,
  };
  await assertIdle(workspace, program, local, remote);
  return cost;
}

liveTest("mailboxes that doveadm made equal are adopted, and only what differs is copied", async (context) => {
  const daemon = await context.lab.daemon();
  const few = await costOfAdoption(context, 1000, daemon);
  const many = await costOfAdoption(context, 5000, daemon);
  console.log(`1,000: ${few.octets} octets, ${few.commands} commands; 5,000: ${many.octets}, ${many.commands}`);
  assert.ok(many.octets < 5.5 * few.octets);
  // Headers come a thousand at a time.
  assert.ok(many.commands <= few.commands + 2 * 8, `${many.commands} commands instead of ${few.commands}`);
  // A message is some 2 kB, on either side: most bodies were never asked for.
  assert.ok(many.octets < 2 * 5000 * 1000);
}, { newProgramOnly: true });

/** mbsync between the two tunnels, as somebody would have used it before. */
async function mbsync(lab: Lab, local: MailStore, remote: MailStore): Promise<void> {
  const store = (name: string, { tunnelCommand }: MailStore) =>
    `IMAPAccount ${name}\nTunnel "${tunnelCommand}"\nSSLType None\n\nIMAPStore ${name}\nAccount ${name}\n\n`;
  await Deno.mkdir(`${lab.directory}/mbsync`);
  const channel = `Channel both\nFar :remote:\nNear :local:\nPatterns INBOX\nCopyArrivalDate yes\n` +
    `SyncState ${lab.directory}/mbsync/\nCreate Both\nExpunge Both\n`;
  await Deno.writeTextFile(`${lab.directory}/mbsyncrc`, store("local", local) + store("remote", remote) + channel);
  await mustRun(["mbsync", "-c", `${lab.directory}/mbsyncrc`, "both"]);
}

liveTest(
  "mailboxes that mbsync kept equal are adopted, whether it added its header or not",
  async ({ lab, program }) => {
    const installed = await run(["mbsync", "--version"]).then(({ code }) => code === 0, () => false);
    assert.ok(installed, "this test needs mbsync: apt-get install isync");
    const [local, remote] = await pairOfStores(lab);
    await deliver(local, originals(300));
    await remote.with((probe) => probe.append("INBOX", { body: plainMessage("there"), flags: ["\\Seen"] }));
    await mbsync(lab, local, remote);
    const marked = await mustRun(["grep", "-rlc", "^X-TUID: ", `${remote.home}/${LAYOUT.format}`]).catch(() => "");
    console.log(`${marked.split("\n").filter((line) => line !== "").length} copies have the header of mbsync`);
    const before = [await readStore(local), await readStore(remote)];
    const workspace = await Workspace.create(`${lab.directory}/w`, tunnelSection(local), tunnelSection(remote));
    const result = await workspace.sync(program);
    assert.equal(copied(result), 0, result.stderr);
    assert.match(result.stderr, /^Recognized 301 message\(s\) of INBOX/m);
    const after = [await readStore(local), await readStore(remote)];
    assert.deepEqual(after.map((facts) => facts.mailboxes.get("INBOX")?.messages.length), [301, 301]);
    for (const [i, facts] of after.entries()) {
      const digests = (one: StoreFacts | undefined) =>
        one?.mailboxes.get("INBOX")?.messages.map(({ digest }) => digest);
      assert.deepEqual(digests(facts), digests(before[i]), "the octets of messages are left as they are");
    }
    await assertIdle(workspace, program, local, remote);
  },
  { newProgramOnly: true },
);

liveTest("UIDVALIDITY that changed on a side deletes and doubles nothing", async ({ lab, program }) => {
  for (const side of SIDES) {
    const [local, remote] = await pairOfStores(lab, side);
    const stores = { local, remote };
    await deliver(local, originals(200));
    const workspace = await Workspace.create(`${lab.directory}/w${side}`, tunnelSection(local), tunnelSection(remote));
    await workspace.sync(program);
    for (const [store, flag] of [[local, "\\Flagged"], [remote, "kw"]] as const) {
      await store.with(async (probe) => {
        await probe.select("INBOX");
        await probe.store([5], "+FLAGS", [flag]);
        await probe.append("INBOX", { body: plainMessage(`new on ${store.name}`) });
      });
    }
    await stores[side].with(async (probe) => {
      await probe.select("INBOX");
      await probe.expunge([10, 11]);
    });
    await stores[side].doveadm("mailbox", "update", "--uid-validity", "1234567", "INBOX");
    const result = await workspace.sync(program);
    const said = result.lines.filter((line) => line.includes("WARNING"));
    assert.equal(said.length, 1, result.stderr);
    assert.match(said[0] ?? "", new RegExp(`^${side}\\(INBOX\\): WARNING: UIDVALIDITY changed! \\(1234567 != \\d+\\)`));
    await assertEqual(local, remote, 202);
    const flagged = (await readStore(local)).mailboxes.get("INBOX")?.messages.filter(({ flags }) => flags.length > 0);
    assert.deepEqual(flagged?.map(({ flags }) => flags), [["\\Flagged", "kw"]]);
    await assertIdle(workspace, program, local, remote);
  }
}, { newProgramOnly: true });

liveTest("a state file restored from a backup, or lost, doubles and deletes nothing", async ({ lab, program }) => {
  const [local, remote] = await pairOfStores(lab);
  await deliver(local, originals(200));
  const workspace = await Workspace.create(`${lab.directory}/w`, tunnelSection(local), tunnelSection(remote));
  await workspace.sync(program);
  const backup = `${lab.directory}/backup.db`;
  await Deno.copyFile(workspace.databaseFile, backup);
  for (let round = 0; round < 3; round++) {
    for (const store of [local, remote]) {
      await store.with(async (probe) => {
        await probe.append("INBOX", { body: plainMessage(`${store.name} ${round}`), flags: ["\\Seen"] });
        await probe.select("INBOX");
        await probe.expunge([20 + round + (store === local ? 0 : 10)]);
      });
    }
    await workspace.sync(program);
  }
  const before = await readStore(local);
  const count = 200 + 6 - 6;
  assert.equal(before.mailboxes.get("INBOX")?.messages.length, count);

  await Deno.copyFile(backup, workspace.databaseFile);
  const restored = await workspace.sync(program);
  assert.equal(copied(restored), 0, restored.stderr);
  await assertEqual(local, remote, count);
  await assertIdle(workspace, program, local, remote);

  await Deno.remove(workspace.databaseFile);
  const lost = await workspace.sync(program);
  assert.equal(copied(lost), 0, lost.stderr);
  await assertEqual(local, remote, count);
  await assertIdle(workspace, program, local, remote);
}, { newProgramOnly: true });

liveTest("a mailbox that is deleted and created again on both sides goes on", async ({ lab, program }) => {
  const [local, remote] = await pairOfStores(lab);
  const bodies = (prefix: string, count: number) =>
    Array.from({ length: count }, (_, i) => plainMessage(`${prefix}-${i}`));
  const fill = (store: MailStore, messages: readonly Uint8Array[]) =>
    store.with(async (probe) => {
      await probe.create("box");
      for (const body of messages) await probe.append("box", { body, internalDate: "22-Nov-2026 01:35:43 +0000" });
    });
  await fill(local, bodies("old", 6));
  const workspace = await Workspace.create(`${lab.directory}/w`, tunnelSection(local), tunnelSection(remote));
  await workspace.sync(program);
  for (const store of [local, remote]) await store.with((probe) => probe.delete("box"));
  await fill(local, [...bodies("old", 4), ...bodies("here", 2)]);
  await fill(remote, [...bodies("there", 3), ...bodies("old", 4).reverse()]);
  const result = await workspace.sync(program);
  assert.equal(copied(result), 5, result.stderr);
  const { differences } = await compareStores(local, remote, workspace.databaseFile);
  assert.deepEqual(differences, []);
  await assertEqual(local, remote, 9, "box");
  await assertIdle(workspace, program, local, remote);
}, { newProgramOnly: true });

cyrusTest("the same mail on Dovecot and on Cyrus is recognized", async ({ lab, program, cyrus }) => {
  const dovecot = await lab.store("dovecot", LAYOUT);
  const remote = await cyrus.store("cyrus");
  const random = new SeededRandom(5);
  const messages = Array.from({ length: 150 }, (_, i) => randomMessage(random, `m${i}`));
  const { "8 bit": eight, "long line": long, "looks like IMAP": imap } = awkwardBodies();
  const odd = [eight, long, imap].flatMap((body) => body === undefined ? [] : [{ body, flags: [] }]);
  const nameless = Array.from({ length: 4 }, (_, i) => ({
    body: new TextEncoder().encode(`Subject: nameless\r\n\r\n${i % 3}\r\n`),
    flags: [],
  }));
  for (const [store, more] of [[dovecot, []], [remote, ["\\Flagged"]]] as const) {
    await store.with(async (probe) => {
      for (const message of [...messages, ...odd, ...nameless]) {
        // What IMAP clients do that move mail: the date is another one.
        await probe.append("INBOX", { body: message.body, flags: [...new Set([...message.flags, ...more])] });
      }
      await probe.append("INBOX", { body: plainMessage(`only on ${store.name}`) });
    });
  }
  const workspace = await Workspace.create(
    `${lab.directory}/w`,
    tunnelSection(dovecot),
    plainSection(remote, cyrus),
  );
  const result = await workspace.sync(program);
  assert.equal(copied(result), 2, result.stderr);
  await assertEqual(dovecot, remote, 150 + 3 + 4 + 2);
  await assertIdle(workspace, program, dovecot, remote);
}, { newProgramOnly: true });
