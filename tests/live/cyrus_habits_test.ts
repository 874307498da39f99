// What Cyrus 3.6 does in its own way, one test each: the habit is shown first, then that the program is up to it.

import assert from "node:assert/strict";
import type { ImapProbe } from "../support/imap_probe.ts";
import type { Cyrus, CyrusStore } from "../support/live/cyrus.ts";
import { type CyrusContext, cyrusTest } from "../support/live/cyrus_case.ts";
import { toBytes } from "../support/live/imap_values.ts";
import { plainMessage } from "../support/live/mail.ts";
import { plainSection, type RunResult, type Section, tunnelSection, Workspace } from "../support/live/program.ts";
import { waitUntil } from "../support/live/waiting.ts";
import { compareStores, readStore, type StoreFacts } from "../support/live/witness.ts";
import type { MailStore } from "../support/live_dovecot.ts";
import { Relay } from "../support/relay.ts";

interface Scene {
  readonly dovecot: MailStore;
  readonly cyrus: CyrusStore;
  readonly workspace: Workspace;
  run(): Promise<RunResult>;
  /** Runs, and checks that everything is equal afterwards. Returns what either side holds. */
  converges(): Promise<StoreFacts>;
}

/** Dovecot is local, Cyrus is remote. `port`: of a relay before Cyrus. */
async function prepare(
  { lab, program, cyrus }: CyrusContext,
  server: Pick<Cyrus, "port"> = cyrus,
  options: Section = {},
): Promise<Scene> {
  const dovecot = await lab.store("dovecot", { format: "maildir", separator: "/" });
  const store = await cyrus.store("cyrus");
  const section = plainSection(store, server, options);
  const workspace = await Workspace.create(`${lab.directory}/w`, tunnelSection(dovecot), section);
  return {
    dovecot,
    cyrus: store,
    workspace,
    run: () => workspace.run(program),
    async converges() {
      await workspace.sync(program);
      const { differences, local } = await compareStores(dovecot, store, workspace.databaseFile);
      assert.deepEqual(differences, []);
      return local;
    },
  };
}

async function append(probe: ImapProbe, mailbox: string, ...ids: readonly string[]): Promise<void> {
  for (const id of ids) await probe.append(mailbox, { body: plainMessage(id) });
}

function uidValidities(facts: StoreFacts, ...mailboxes: readonly string[]): number[] {
  return mailboxes.map((mailbox) => facts.mailboxes.get(mailbox)?.uidValidity ?? 0);
}

/**
 * Creates mailboxes that have one UIDVALIDITY, as those have that are made within one second. Where it took longer, each
 * that is behind is made again, as its own next: that has the number that follows, whatever the time.
 */
async function createAtOnce(store: MailStore, ...mailboxes: readonly string[]): Promise<void> {
  await store.with(async (probe) => {
    for (const mailbox of mailboxes) await probe.create(mailbox);
  });
  const areEqual = async () => {
    const values = uidValidities(await readStore(store), ...mailboxes);
    const behind = mailboxes.filter((_, index) => values[index] !== Math.max(...values));
    await store.with(async (probe) => {
      for (const mailbox of behind) {
        await probe.delete(mailbox);
        await probe.create(mailbox);
      }
    });
    return behind.length === 0;
  };
  await waitUntil("all mailboxes have one UIDVALIDITY", areEqual, 60_000);
}

/** What a run may say that finds nothing to do; NOOP when the machine is slow to answer. */
const IDLE_COMMANDS = new Set(["CAPABILITY", "ENABLE", "LIST", "LOGOUT", "NOOP"]);

/** A further run has nothing to do, and says so on the wire. */
async function assertSilent(scene: Scene): Promise<void> {
  for (const store of [scene.dovecot, scene.cyrus]) await store.recordCommands();
  const result = await scene.run();
  assert.equal(result.code, 0, result.stderr);
  for (const store of [scene.dovecot, scene.cyrus]) {
    const commands = await store.commands();
    assert.ok(commands.includes("LIST"), `${store.name} was not asked at all`);
    assert.deepEqual(commands.filter((command) => !IDLE_COMMANDS.has(command)), [], store.name);
  }
}

/** A run says of each of these mailboxes in one line that it is another one, and both sides have everything then. */
async function assertComparedAnew(scene: Scene, ...mailboxes: readonly string[]): Promise<StoreFacts> {
  const result = await scene.run();
  assert.equal(result.code, 0, result.stderr);
  for (const mailbox of mailboxes) {
    const said = result.lines.filter((line) => line.includes(`(${mailbox}): WARNING: MAILBOXID changed!`));
    assert.equal(said.length, 1, `${mailbox}: ${result.stderr}`);
  }
  const facts = await scene.converges();
  await assertSilent(scene);
  return facts;
}

cyrusTest(
  "mailboxes of one second have one UIDVALIDITY: two that were swapped by RENAME lose nothing",
  async (context) => {
    const scene = await prepare(context);
    const { dovecot, cyrus } = scene;
    await createAtOnce(cyrus, "one", "two", "three");
    await cyrus.with(async (probe) => {
      await append(probe, "one", "1a", "1b", "1c");
      await append(probe, "two", "2a", "2b");
      await append(probe, "three", "3a");
    });
    await scene.converges();
    await cyrus.with(async (probe) => {
      for (const [from, to] of [["one", "swap"], ["two", "one"], ["swap", "two"]]) {
        await probe.command(`RENAME ${from} ${to}`);
      }
      await append(probe, "three", "3b");
    });
    await dovecot.with(async (probe) => {
      await append(probe, "one", "1d");
      await probe.select("two");
      await probe.expunge([1]);
    });
    const validities = uidValidities(await readStore(cyrus), "one", "two", "three");
    assert.equal(new Set(validities).size, 1, "the server tells them apart by UIDVALIDITY");

    const { mailboxes } = await assertComparedAnew(scene, "one", "two");
    assert.equal(mailboxes.get("three")?.messages.length, 2);
    assert.equal(mailboxes.get("one")?.messages.length, 4 + 2);
    assert.equal(mailboxes.get("two")?.messages.length, 1 + 3);
  },
  { newProgramOnly: true },
);

cyrusTest("a swap by RENAME is noticed also when UIDNEXT and HIGHESTMODSEQ are what they were", async (context) => {
  const scene = await prepare(context);
  const { dovecot, cyrus } = scene;
  await createAtOnce(cyrus, "one", "two");
  // RENAME counts as a change: the mailbox that takes the name "one" arrives there with the mod-sequence 5 of the old.
  await cyrus.with(async (probe) => {
    await append(probe, "one", "1a", "1b");
    await append(probe, "two", "2a", "2b");
    await probe.select("one");
    await probe.store([1], "+FLAGS", ["\\Seen"]);
  });
  await scene.converges();
  const status = async () => (await cyrus.with((probe) => probe.examine("one"))).highestModSeq;
  const before = await status();
  await cyrus.with(async (probe) => {
    for (const [from, to] of [["one", "swap"], ["two", "one"], ["swap", "two"]]) {
      await probe.command(`RENAME ${from} ${to}`);
    }
  });
  assert.equal(await status(), before, "the swap shows in HIGHESTMODSEQ");
  await dovecot.with(async (probe) => {
    await probe.select("one");
    await probe.expunge([1]);
  });
  const { mailboxes } = await assertComparedAnew(scene, "one", "two");
  assert.equal(mailboxes.get("one")?.messages.length, 1 + 2);
  assert.equal(mailboxes.get("two")?.messages.length, 2 + 2);
}, { newProgramOnly: true });

cyrusTest(
  "a mailbox that was deleted and created anew at once gets what was in it, and keeps what is",
  async (context) => {
    const scene = await prepare(context);
    const { dovecot, cyrus } = scene;
    await cyrus.with(async (probe) => {
      await probe.create("again");
      await append(probe, "again", "a", "b");
    });
    await scene.converges();
    await cyrus.with(async (probe) => {
      await probe.delete("again");
      await probe.create("again");
      await append(probe, "again", "c", "d");
    });
    const result = await scene.run();
    assert.equal(result.code, 0, result.stderr);
    assert.match(
      result.stderr,
      /^remote\(again\): WARNING: (UIDVALIDITY|MAILBOXID) changed! .* 0 of 2 local and 2 remote /m,
    );
    for (const store of [dovecot, cyrus]) {
      assert.equal((await readStore(store)).mailboxes.get("again")?.messages.length, 4);
    }
    await scene.converges();
  },
  { newProgramOnly: true },
);

cyrusTest("parents that CREATE makes on Cyrus are on Dovecot after the next run", async (context) => {
  const scene = await prepare(context);
  const { dovecot, cyrus, workspace } = scene;
  await dovecot.with(async (probe) => {
    await probe.create("a/b/c");
    await append(probe, "a/b/c", "deep");
  });
  assert.ok(!(await readStore(dovecot)).mailboxes.has("a"));
  await workspace.sync(context.program);
  assert.deepEqual([...(await readStore(cyrus)).mailboxes.keys()].sort(), ["INBOX", "a", "a\0b", "a\0b\0c"]);
  const facts = await scene.converges();
  assert.deepEqual([...facts.mailboxes.keys()].sort(), ["INBOX", "a", "a\0b", "a\0b\0c"]);
  await assertSilent(scene);
});

cyrusTest("LOGINDISABLED in the capabilities after login is no obstacle", async (context) => {
  const lines: string[] = [];
  await using relay = Relay.start({ port: context.cyrus.port }, {
    line(sender, text) {
      if (sender === "server") lines.push(text);
      return "pass";
    },
  });
  const scene = await prepare(context, relay, { auth: "LOGIN" });
  await scene.dovecot.with((probe) => append(probe, "INBOX", "first"));
  await scene.converges();
  assert.ok(lines.some((line) => /^\S+ OK \[CAPABILITY [^\]]*\bLOGINDISABLED\b/.test(line)), "it was not there");
  const section = plainSection(scene.cyrus, relay, { auth: "PLAIN" });
  await scene.workspace.configure(tunnelSection(scene.dovecot), section);
  await scene.cyrus.with((probe) => append(probe, "INBOX", "second"));
  assert.equal((await scene.converges()).mailboxes.get("INBOX")?.messages.length, 2);
});

cyrusTest("FETCH responses with the UID behind the flags are understood", async (context) => {
  const lines: string[] = [];
  await using relay = Relay.start({ port: context.cyrus.port }, {
    line(sender, text) {
      if (sender === "server") lines.push(text);
      return "pass";
    },
  });
  const scene = await prepare(context, relay);
  await scene.cyrus.with((probe) => append(probe, "INBOX", "one", "two", "three"));
  await scene.converges();
  lines.length = 0;
  await scene.cyrus.with(async (probe) => {
    await probe.select("INBOX");
    await probe.store([1], "FLAGS", ["\\Flagged", "kw"]);
    await probe.store([3], "FLAGS", ["\\Seen"]);
  });
  await scene.dovecot.with(async (probe) => {
    await probe.select("INBOX");
    await probe.store([2], "FLAGS", ["\\Answered", "$Junk"]);
    await probe.store([3], "FLAGS", ["\\Draft"]);
  });
  const facts = await scene.converges();
  assert.ok(lines.some((line) => /^\* \d+ FETCH \(FLAGS \([^)]*\) UID \d+ MODSEQ/.test(line)), lines.join("\n"));
  const flags = facts.mailboxes.get("INBOX")?.messages.map((message) => message.flags.join(" "));
  assert.deepEqual(flags?.sort(), ["$Junk \\Answered", "\\Draft \\Seen", "\\Flagged kw"]);
  await assertSilent(scene);
});

cyrusTest("MOVE and NOOP without HIGHESTMODSEQ leave nothing behind", async (context) => {
  const scene = await prepare(context);
  const { dovecot, cyrus } = scene;
  await cyrus.with(async (probe) => {
    await probe.create("archive");
    await append(probe, "INBOX", "one", "two", "three", "four");
  });
  await scene.converges();
  const move = (store: MailStore, from: string, uids: string, to: string) =>
    store.with(async (probe) => {
      await probe.command("ENABLE QRESYNC");
      await probe.select(from);
      const moved = await probe.command(`UID MOVE ${uids} ${to}`);
      return `${moved.text}\n${(await probe.command("NOOP")).text}`;
    });
  assert.doesNotMatch(await move(cyrus, "INBOX", "1:2", "archive"), /HIGHESTMODSEQ/);
  const first = await scene.converges();
  assert.equal(first.mailboxes.get("archive")?.messages.length, 2);
  assert.equal(first.mailboxes.get("INBOX")?.messages.length, 2);
  await assertSilent(scene);

  await move(dovecot, "archive", "1", "INBOX");
  const second = await scene.converges();
  assert.equal(second.mailboxes.get("archive")?.messages.length, 1);
  assert.equal(second.mailboxes.get("INBOX")?.messages.length, 3);
  await assertSilent(scene);
});

cyrusTest("a message with a date in the future, which only Cyrus keeps, is copied once", async (context) => {
  const scene = await prepare(context);
  const { dovecot, cyrus, workspace } = scene;
  const internalDate = "01-Jan-2036 12:00:00 +0000";
  await cyrus.with((probe) => probe.append("INBOX", { body: plainMessage("future"), internalDate }));
  await workspace.sync(context.program);
  const dates = async (store: MailStore) =>
    (await readStore(store)).mailboxes.get("INBOX")?.messages.map((message) => message.internalDate) ?? [];
  const future = Date.UTC(2036, 0, 1, 12) / 1000;
  assert.deepEqual(await dates(cyrus), [future]);
  const [there, ...more] = await dates(dovecot);
  assert.ok(there !== undefined && there < future, "Dovecot keeps it, too");
  assert.deepEqual(more, []);
  await assertSilent(scene);
});

/** The UIDs that a line says were refused. */
function refusedUids(line: string): readonly number[] {
  const set = /refused the copy of UID ([\d,:]+):/.exec(line)?.[1];
  return (set?.split(",") ?? []).flatMap((range) => {
    const [first = 0, last = first] = range.split(":").map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}

/** What Cyrus does not take, as Dovecot keeps it behind `rawTunnel`. */
const REFUSED: readonly (readonly [body: string, answer: RegExp])[] = [
  ["x", /invalid header/],
  ["no header, no colon\r\n\r\nbody\r\n", /invalid header/],
  ["Subject: nul\r\n\r\n\x01\r\n", /NUL characters/],
  ["Subject: line feed\r\n\r\na\x02b\r\n", /bare newlines/],
];

/** A tunnel to Dovecot that turns 1 and 2 into NUL and LF, which Dovecot would not send as they are. */
async function rawTunnel(store: MailStore, directory: string): Promise<Section> {
  const command = `${directory}/raw.sh`;
  const text = `#!/bin/sh\n${store.tunnelCommand} | stdbuf -o0 tr '\\001\\002' '\\000\\012'\n`;
  await Deno.writeTextFile(command, text, { mode: 0o700 });
  return { type: "tunnel", command };
}

cyrusTest("messages that Cyrus refuses are reported, and the others are copied", async (context) => {
  const scene = await prepare(context);
  const { dovecot, cyrus, workspace } = scene;
  const good = ["one", "two", "three", "four", "five"].map((id) => plainMessage(id));
  await dovecot.with(async (probe) => {
    for (let index = 0; index < good.length; index++) {
      const refused = REFUSED[index]?.[0];
      for (const body of [good[index], refused === undefined ? undefined : toBytes(refused)]) {
        if (body !== undefined) await probe.append("INBOX", { body });
      }
    }
    await probe.create("other");
    await append(probe, "other", "six");
  });
  await workspace.configure(await rawTunnel(dovecot, workspace.directory), plainSection(cyrus, context.cyrus));
  const uids = REFUSED.map((_refused, index) => 2 * index + 2);
  for (const attempt of ["first", "second"]) {
    const result = await scene.run();
    assert.equal(result.code, attempt === "first" ? 2 : 0, `${attempt} run: ${result.stderr}`);
    for (const [index, uid] of uids.entries()) {
      const said = result.lines.filter((line) => refusedUids(line).includes(uid));
      assert.equal(said.length, attempt === "first" ? 1 : 0, `UID ${uid}: ${result.stderr}`);
      if (said.length > 0) assert.match(said[0] ?? "", REFUSED[index]?.[1] ?? /^$/);
    }
    const left = result.lines.filter((line) => line.startsWith(`${uids.length} message(s) stay behind`));
    assert.equal(left.length, attempt === "first" ? 0 : 1, result.stderr);
    const facts = await readStore(cyrus);
    assert.equal(facts.mailboxes.get("INBOX")?.messages.length, good.length);
    assert.equal(facts.mailboxes.get("other")?.messages.length, 1);
  }
  await cyrus.with((probe) => append(probe, "INBOX", "meanwhile"));
  assert.equal((await scene.run()).code, 0);
  await dovecot.with(async (probe) => {
    await probe.select("INBOX");
    await probe.expunge(uids);
  });
  assert.equal((await scene.converges()).mailboxes.get("INBOX")?.messages.length, good.length + 1);
  await assertSilent(scene);
}, { newProgramOnly: true });

cyrusTest("many messages that Cyrus refuses do not keep back those behind them", async (context) => {
  const scene = await prepare(context);
  const { dovecot, cyrus } = scene;
  await dovecot.with(async (probe) => {
    for (let index = 0; index < 30; index++) await probe.append("INBOX", { body: toBytes(`bad ${index}\r\n\r\n`) });
    await append(probe, "INBOX", "one", "two");
  });
  const result = await scene.run();
  assert.equal(result.code, 2, result.stderr);
  assert.equal((await readStore(cyrus)).mailboxes.get("INBOX")?.messages.length, 2, result.stderr);
}, { newProgramOnly: true });

cyrusTest(
  "a quota, which Cyrus tells without a code, ends the copying early, and what was left follows",
  async (context) => {
    const scene = await prepare(context);
    const { dovecot, cyrus } = scene;
    const count = 60;
    await dovecot.with(async (probe) => {
      for (let index = 0; index < count; index++) {
        await probe.append("INBOX", { body: plainMessage(`${index}`, "z".repeat(2000)) });
      }
    });
    const admin = await context.cyrus.store("admin");
    const limit = (kilobytes: number) =>
      admin.with((probe) => probe.command(`SETQUOTA user/${cyrus.name} (STORAGE ${kilobytes})`));
    await limit(10);
    const copies = async () => (await readStore(cyrus)).mailboxes.get("INBOX")?.messages.length ?? 0;
    const counts: number[] = [];
    for (const run of ["first", "second"]) {
      const result = await scene.run();
      assert.equal(result.code, run === "first" ? 2 : 0, `${run} run: ${result.stderr}`);
      counts.push(await copies());
      const refused = result.lines.flatMap(refusedUids);
      if (run === "first") assert.ok(refused.length >= 8 && refused.length < count / 2, result.stderr);
      else assert.match(result.stderr, new RegExp(`^${count - (counts[0] ?? 0)} message\\(s\\) stay behind`, "m"));
    }
    assert.equal(counts[0], counts[1]);
    await limit(10_000);
    assert.equal((await scene.converges()).mailboxes.get("INBOX")?.messages.length, count);
  },
  { newProgramOnly: true },
);
