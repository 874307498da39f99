// Dovecot and Cyrus, either of them as the local side: a first run makes them equal, a second is silent, and random
// changes of both users between runs converge.

import assert from "node:assert/strict";
import type { ImapProbe, NewMessage } from "../support/imap_probe.ts";
import type { CyrusStore } from "../support/live/cyrus.ts";
import { type CyrusContext, cyrusTest } from "../support/live/cyrus_case.ts";
import {
  applyChanges,
  type Changes,
  chooseChanges,
  compareWithExpected,
  conflicts,
  type Expected,
  firstChanges,
  type Kind,
  KINDS,
  merge,
  NOTHING_YET,
} from "../support/live/history.ts";
import { awkwardBodies, messageOfSize, randomMessage } from "../support/live/mail.ts";
import { plainSection, type Section, tunnelSection, Workspace } from "../support/live/program.ts";
import { SeededRandom } from "../support/live/seeded.ts";
import { waitUntil } from "../support/live/waiting.ts";
import { compareFacts, compareStores, readStore } from "../support/live/witness.ts";
import type { MailStore } from "../support/live_dovecot.ts";

const ROUNDS = 15;
const CHANGES_PER_SIDE = 9;
const SEED = Number(Deno.env.get("INTERIMAP_TEST_SEED") ?? 20_261_122);

/** What an idle run may say, besides setting up the connection; NOOP when the machine is slow to answer. */
const IDLE_COMMANDS = new Set([
  "CAPABILITY",
  "ENABLE",
  "LIST",
  "LOGOUT",
  "COMPRESS",
  "STARTTLS",
  "AUTHENTICATE",
  "NOOP",
]);

const NAMES = ["with space", "[brackets]", "Entw&APw-rfe", "(parens)", "NIL"];
const SIZES = [4095, 4096, 4097, 65_536, 1_048_577, 2_097_153];
/** Cyrus takes no message without a header field. */
const BODIES = Object.entries(awkwardBodies()).filter(([name]) => name !== "one octet").map(([, body]) => body);

interface Scene {
  readonly local: MailStore;
  readonly remote: MailStore;
  readonly cyrus: CyrusStore;
  readonly workspace: Workspace;
}

interface Variant {
  readonly title: string;
  readonly cyrusIs: "local" | "remote";
  readonly separator: "/" | ".";
  /** Whether the first run is over STARTTLS and COMPRESS. The random rounds are not: that takes twice the time. */
  readonly secure: boolean;
}

const VARIANTS: readonly Variant[] = [
  {
    title: 'Dovecot and Cyrus "/"',
    cyrusIs: "remote",
    separator: "/",
    secure: true,
  },
  { title: 'Cyrus "." and Dovecot', cyrusIs: "local", separator: ".", secure: false },
];

async function prepare({ lab, cyrus }: CyrusContext, { cyrusIs, secure }: Variant): Promise<Scene> {
  const { ca } = await lab.certificates();
  const options: Section = secure ? { STARTTLS: "YES", SSL_CAfile: ca, compress: "YES" } : {};
  const here = await lab.store("dovecot", { format: cyrusIs === "remote" ? "maildir" : "mdbox", separator: "/" });
  const there = await cyrus.store("cyrus");
  const sections = [tunnelSection(here), plainSection(there, cyrus, options)] as const;
  const [local, remote] = cyrusIs === "remote" ? sections : sections.toReversed();
  const workspace = await Workspace.create(`${lab.directory}/w`, local ?? {}, remote ?? {});
  const stores = cyrusIs === "remote" ? { local: here, remote: there } : { local: there, remote: here };
  return { ...stores, cyrus: there, workspace };
}

/** Mailboxes and mail of one side, and some that have a namesake on the other. Returns the number of messages. */
async function fill(store: MailStore, probe: ImapProbe, random: SeededRandom): Promise<number> {
  const side = store.name;
  const messages = { count: 0 };
  const append = async (mailbox: string, body?: Uint8Array) => {
    const message = inThePast(randomMessage(random, `${side}-${messages.count++}`));
    await probe.append(mailbox, body === undefined ? message : { ...message, body });
  };
  const [own, deep, common] = [store.path("only", side), store.path("only", side, "deep"), store.path("common")];
  const odd = NAMES.map((name) => store.path("odd", `${name} ${side}`));
  for (const name of ["only", own, deep, common, "odd", ...odd]) await probe.create(name);
  for (const name of [own, deep, common]) await probe.subscribe(name);
  for (const name of odd) await append(name);
  for (const name of ["INBOX", common, deep]) {
    for (let count = 0; count < 8; count++) await append(name);
  }
  for (const size of SIZES) await append(own, messageOfSize(`${side}-size-${size}`, size));
  for (const body of BODIES) await append(common, Uint8Array.from([...body, side.charCodeAt(0)]));
  return messages.count;
}

/** A date in the future is kept by Cyrus, while Dovecot takes it for now. */
function inThePast(message: NewMessage): NewMessage {
  const internalDate = message.internalDate?.replace(/-20[23]\d /, "-2009 ");
  return internalDate === undefined ? message : { ...message, internalDate };
}

/**
 * What both servers do alike: with the parents of every new mailbox before it, which Cyrus creates in any case, and
 * without dates in the future.
 */
function forBoth(changes: Changes, before: Expected): Changes {
  const create = new Set<string>();
  for (const name of changes.create) {
    const levels = name.split("\0");
    levels.forEach((_level, index) => create.add(levels.slice(0, index + 1).join("\0")));
  }
  const append = new Map([...changes.append].map(([name, messages]) => [name, messages.map(inThePast)]));
  return { ...changes, append, create: [...create].filter((name) => !before.mailboxes.has(name)) };
}

for (const [index, variant] of VARIANTS.entries()) {
  const layout = { separator: variant.separator };

  const secured = variant.secure ? " over STARTTLS" : "";

  cyrusTest(`a first run makes ${variant.title}${secured} equal, and a second is silent`, async (context) => {
    const { program } = context;
    const scene = await prepare(context, variant);
    const { local, remote, workspace } = scene;
    const random = new SeededRandom(SEED + index);
    const counts = [
      await local.with((probe) => fill(local, probe, random)),
      await remote.with((probe) => fill(remote, probe, random)),
    ];

    await workspace.sync(program);
    const first = await compareStores(local, remote, workspace.databaseFile);
    assert.deepEqual(first.differences, []);
    const total = [...first.local.mailboxes.values()].reduce((sum, { messages }) => sum + messages.length, 0);
    assert.equal(total, (counts[0] ?? 0) + (counts[1] ?? 0));
    assert.equal(first.local.mailboxes.size, 1 + 3 + 2 * 2 + 2 * NAMES.length);
    assert.equal(first.local.subscribed.size, 5);

    await Promise.all([local.recordCommands(), remote.recordCommands()]);
    const second = await workspace.sync(program, ["--debug"]);
    const logged = second.lines.flatMap((line) => /\bC: \S+ (\w+)/.exec(line)?.[1] ?? []);
    for (const commands of [await local.commands(), await remote.commands(), logged]) {
      assert.ok(commands.includes("LIST"), "a server was not asked at all");
      assert.deepEqual(commands.filter((command) => !IDLE_COMMANDS.has(command)), []);
    }
    const after = await compareStores(local, remote, workspace.databaseFile);
    assert.deepEqual(compareFacts(after.local, first.local), []);
  }, { layout });

  cyrusTest(`${ROUNDS} rounds of random changes to ${variant.title} converge`, async (context) => {
    const { local, remote, workspace } = await prepare(context, { ...variant, secure: false });
    const random = new SeededRandom(SEED + index);
    const counts = new Map<Kind | "conflict", number>();
    let expected = NOTHING_YET;
    let facts = { local: await readStore(local), remote: await readStore(remote) };
    for (let round = 0; round < ROUNDS; round++) {
      const [here, there] = ["local", "remote"].map((side) => {
        const label = `${side}-${round}`;
        const changes = round === 0
          ? firstChanges(random, label)
          : chooseChanges(random, expected, label, CHANGES_PER_SIDE);
        return forBoth(changes, expected);
      });
      assert.ok(here !== undefined && there !== undefined);
      expected = merge(expected, here, there);
      for (const kind of KINDS) counts.set(kind, (counts.get(kind) ?? 0) + here.counts[kind] + there.counts[kind]);
      counts.set("conflict", (counts.get("conflict") ?? 0) + conflicts(here, there));
      await Promise.all([applyChanges(local, facts.local, here), applyChanges(remote, facts.remote, there)]);
      await workspace.sync(context.program);
      const comparison = await compareStores(local, remote, workspace.databaseFile);
      const differences = [...comparison.differences, ...compareWithExpected(expected, comparison.local)];
      assert.deepEqual(differences, [], `round ${round}, seed ${random.seed}`);
      facts = comparison;
    }
    const summary = `seed ${random.seed}: ${[...counts].map(([kind, count]) => `${count} ${kind}`).join(", ")}`;
    console.log(summary);
    for (const [kind, count] of counts) assert.ok(count > 0, `no ${kind} in ${summary}`);
  }, { layout });
}

cyrusTest("a Cyrus whose test runner is killed does not stay behind", async ({ lab }) => {
  const { good } = await lab.certificates();
  const module = new URL("../support/live/cyrus.ts", import.meta.url).href;
  const code = `import { Cyrus } from ${JSON.stringify(module)};
const cyrus = await Cyrus.start(${JSON.stringify(`${lab.directory}/other`)}, ${JSON.stringify(good)});
console.log(cyrus.port);
await new Promise((resolve) => setTimeout(resolve, 60_000));`;
  const runner = new Deno.Command(Deno.execPath(), { args: ["eval", "--no-check", code], stdout: "piped" }).spawn();
  const reader = runner.stdout.getReader();
  const { value } = await reader.read();
  const port = Number(new TextDecoder().decode(value));
  const listens = () =>
    Deno.connect({ hostname: "127.0.0.1", port }).then((connection) => {
      connection.close();
      return true;
    }, () => false);
  assert.ok(await listens());
  runner.kill("SIGKILL");
  await Promise.all([runner.status, reader.cancel()]);
  await waitUntil("nobody listens", async () => !await listens(), 5000);
});
