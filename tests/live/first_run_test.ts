// The first run between two stores of any format and delimiter makes them equal; the second finds nothing to do and
// says next to nothing on the wire.

import assert from "node:assert/strict";
import type { ImapProbe } from "../support/imap_probe.ts";
import { liveTest } from "../support/live/live_case.ts";
import type { Layout, MailStore } from "../support/live_dovecot.ts";
import { awkwardBodies, messageOfSize, randomMessage } from "../support/live/mail.ts";
import { plainSection, tunnelSection, Workspace } from "../support/live/program.ts";
import { SeededRandom } from "../support/live/seeded.ts";
import { compareFacts, compareStores } from "../support/live/witness.ts";
import { Relay } from "../support/relay.ts";
import { delay } from "../support/relay_rules.ts";

const PAIRS: readonly (readonly [local: Layout, remote: Layout])[] = [
  [{ format: "maildir", separator: "/" }, { format: "maildir", separator: "." }],
  [{ format: "mdbox", separator: "/" }, { format: "mdbox", separator: "^" }],
  [{ format: "maildir", separator: "." }, { format: "mdbox", separator: "^" }],
  [{ format: "sdbox", separator: "^" }, { format: "maildir", separator: "/" }],
  [{ format: "mdbox", separator: "." }, { format: "sdbox", separator: "/" }],
  [{ format: "maildir", separator: "^" }, { format: "mdbox", separator: "." }],
];

/** What an idle run may say, besides setting up the connection. */
const IDLE_COMMANDS = new Set(["CAPABILITY", "ENABLE", "LIST", "LOGOUT", "COMPRESS"]);

const SIZES = [1, 2, 77, 4095, 4096, 4097, 65_536, 1_048_575, 1_048_577, 2_097_151, 2_097_153, 3 * 1024 * 1024];

const ODD_NAMES = ["with space", "[brackets]", "Entw&APw-rfe", 'q"uote', "back\\slash", "(parens)", "{12}", "NIL"];

/** Mailboxes and mail of one side, and some that have a namesake on the other. Returns the number of messages. */
async function fill(store: MailStore, probe: ImapProbe, random: SeededRandom): Promise<number> {
  const side = store.name;
  const messages = { count: 0 };
  const append = async (mailbox: string, body?: Uint8Array) => {
    const message = randomMessage(random, `${side}-${messages.count++}`);
    await probe.append(mailbox, body === undefined ? message : { ...message, body });
  };
  const [own, deep] = [store.path("only", side), store.path("only", side, "deep", "er")];
  const [common, child] = [store.path("common"), store.path("common", "child")];
  const odd = ODD_NAMES.map((name) => store.path("odd", `${name} ${side}`));
  for (const name of [deep, own, store.path("empty", side), common, child, ...odd]) await probe.create(name);
  for (const name of [own, deep, child]) await probe.subscribe(name);
  for (const name of odd) await append(name);
  for (const name of ["INBOX", common, deep]) {
    for (let count = 0; count < 25; count++) await append(name);
  }
  for (const size of SIZES) await append(own, messageOfSize(`${side}-size-${size}`, size));
  for (const body of Object.values(awkwardBodies())) await append(child, distinct(body, side));
  return messages.count;
}

/** The same for another side: no body stands twice in a mailbox. */
function distinct(body: Uint8Array, side: string): Uint8Array {
  return body.length === 1 ? Uint8Array.of(side.charCodeAt(0)) : Uint8Array.from([...body, side.charCodeAt(0)]);
}

for (const [localLayout, remoteLayout] of PAIRS) {
  const title = [localLayout, remoteLayout].map(({ format, separator }) => `${format} "${separator}"`).join(" and ");

  liveTest(`a first run makes ${title} equal, and a second is silent`, async ({ lab, program }) => {
    const local = await lab.store("local", localLayout);
    const remote = await lab.store("remote", remoteLayout);
    const random = new SeededRandom(1);
    const counts = [
      await local.with((probe) => fill(local, probe, random)),
      await remote.with((probe) => fill(remote, probe, random)),
    ];
    const workspace = await Workspace.create(`${lab.directory}/w`, tunnelSection(local), tunnelSection(remote));

    await workspace.sync(program);
    const first = await compareStores(local, remote, workspace.databaseFile);
    assert.deepEqual(first.differences, []);
    const total = [...first.local.mailboxes.values()].reduce((sum, { messages }) => sum + messages.length, 0);
    assert.equal(total, (counts[0] ?? 0) + (counts[1] ?? 0));
    assert.equal(first.local.mailboxes.size, 1 + 6 + 2 + 2 * ODD_NAMES.length);
    assert.equal(first.local.subscribed.size, 5);

    await Promise.all([local.recordCommands(), remote.recordCommands()]);
    const second = await workspace.sync(program, ["--debug"]);
    for (const store of [local, remote]) {
      const commands = await store.commands();
      assert.ok(commands.includes("LIST"), `${store.name} was not asked at all`);
      assert.deepEqual(commands.filter((command) => !IDLE_COMMANDS.has(command)), []);
    }
    const logged = second.lines.flatMap((line) => /\bC: \S+ (\w+)/.exec(line)?.[1] ?? []);
    assert.deepEqual(logged.filter((command) => !IDLE_COMMANDS.has(command)), []);
    const after = await compareStores(local, remote, workspace.databaseFile);
    assert.deepEqual(compareFacts(after.local, first.local), []);
  });
}

for (const far of ["local", "remote"] as const) {
  liveTest(`a first run between filled stores, ${far} far away, makes them equal`, async ({ lab, program }) => {
    const daemon = await lab.daemon();
    const stores = {
      local: await lab.store("local", { format: "maildir", separator: "/" }),
      remote: await lab.store("remote", { format: "mdbox", separator: "." }),
    };
    const random = new SeededRandom(3);
    const internalDate = "01-Dec-2025 12:00:00 +0000";
    const common = Array.from({ length: 40 }, (_, i) => ({ ...randomMessage(random, `common-${i}`), internalDate }));
    for (const [side, store] of Object.entries(stores)) {
      await store.with(async (probe) => {
        await probe.create("box");
        for (const name of ["INBOX", "box"]) {
          for (const message of common) await probe.append(name, message);
          for (let i = 0; i < 10; i++) await probe.append(name, randomMessage(random, `${side}-${name}-${i}`));
        }
      });
    }
    // In turns both ways: 40 ms.
    await using relay = Relay.start(daemon, delay(20));
    const section = (side: "local" | "remote") => plainSection(stores[side], side === far ? relay : daemon);
    const workspace = await Workspace.create(`${lab.directory}/w`, section("local"), section("remote"));
    const { stderr } = await workspace.sync(program);
    for (const name of ["INBOX", "box"]) {
      assert.match(stderr, new RegExp(`^Recognized 40 message\\(s\\) of ${name} that are on both sides$`, "m"));
    }
    const { differences, local } = await compareStores(stores.local, stores.remote, workspace.databaseFile);
    assert.deepEqual(differences, []);
    assert.deepEqual(["INBOX", "box"].map((name) => local.mailboxes.get(name)?.messages.length), [60, 60]);
  }, { newProgramOnly: true });
}

liveTest("a run between empty stores does nothing and succeeds", async ({ lab, program }) => {
  const local = await lab.store("local", { format: "maildir", separator: "/" });
  const remote = await lab.store("remote", { format: "mdbox", separator: "." });
  const workspace = await Workspace.create(`${lab.directory}/w`, tunnelSection(local), tunnelSection(remote));
  await workspace.sync(program);
  const { differences, local: facts } = await compareStores(local, remote, workspace.databaseFile);
  assert.deepEqual(differences, []);
  assert.deepEqual([...facts.mailboxes.keys()], ["INBOX"]);
});

liveTest("a run with mailbox names synchronizes only these", async ({ lab, program }) => {
  const local = await lab.store("local", { format: "mdbox", separator: "/" });
  const remote = await lab.store("remote", { format: "maildir", separator: "." });
  const random = new SeededRandom(2);
  await local.with(async (probe) => {
    for (const name of ["a/b", "other"]) {
      await probe.create(name);
      await probe.append(name, randomMessage(random, name));
    }
  });
  const workspace = await Workspace.create(`${lab.directory}/w`, tunnelSection(local), tunnelSection(remote));
  await workspace.sync(program, ["a/b"]);
  const { differences, remote: facts } = await compareStores(local, remote, workspace.databaseFile);
  assert.deepEqual(differences.filter((difference) => difference !== "INBOX: not in the database"), [
    "other: exists on local only",
  ]);
  assert.equal(facts.mailboxes.get("a\0b")?.messages.length, 1);
});
