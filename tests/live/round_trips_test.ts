// How often a run waits for a server, as upper bounds: what one extra round trip costs is seen by no other test. With a
// delay each way the relay counts exactly; and over a long, thin line that cuts everything into pieces all is the same.

import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import type { Side } from "../../lib/state/types.ts";
import { RelayProcess } from "../../scripts/bench/relay_process.ts";
import { type LiveContext, liveTest } from "../support/live/live_case.ts";
import type { MailStore } from "../support/live_dovecot.ts";
import { awkwardBodies, messageOfSize, plainMessage } from "../support/live/mail.ts";
import { plainSection, type Section, Workspace } from "../support/live/program.ts";
import { within } from "../support/live/waiting.ts";
import { compareStores } from "../support/live/witness.ts";
import { Relay, type RelayRules } from "../support/relay.ts";
import { chunk, delay, rate, together } from "../support/relay_rules.ts";

const SIDES = ["local", "remote"] as const;
/** Longer than one side may be ready before the other, for whose session it waits. */
const DELAY_MS = 50;

/** After the greeting AUTHENTICATE, ENABLE and LIST in one flight, then LOGOUT. */
const IDLE_TURNS = 2;
/** New messages on the local side, however many; there the program reads, and on the remote side it writes. */
const COPY_TURNS = { local: 5, remote: 6 };
/** One new message on each side. */
const BOTH_TURNS = { local: 5, remote: 6 };
const IDLE_COMMANDS = ["AUTHENTICATE", "ENABLE", "LIST", "LOGOUT"];

interface Scene extends AsyncDisposable {
  readonly stores: Readonly<Record<Side, MailStore>>;
  readonly relays: Readonly<Record<Side, Relay>>;
  readonly workspace: Workspace;
  /** Runs, and checks that both sides are equal. Returns the round trips and the commands, by side. */
  run(): Promise<Readonly<Record<Side, { readonly turns: number; readonly commands: readonly string[] }>>>;
}

async function prepare({ lab, program }: LiveContext, rules: RelayRules): Promise<Scene> {
  const daemon = await lab.daemon();
  const stores = {
    local: await lab.store("local", { format: "maildir", separator: "/" }),
    remote: await lab.store("remote", { format: "mdbox", separator: "." }),
  };
  const relays = { local: Relay.start(daemon, rules), remote: Relay.start(daemon, rules) };
  const workspace = await Workspace.create(
    `${lab.directory}/w`,
    plainSection(stores.local, relays.local),
    plainSection(stores.remote, relays.remote),
  );
  const seen = (side: Side) => ({ turns: relays[side].turns, commands: relays[side].commands.length });
  return {
    stores,
    relays,
    workspace,
    async run() {
      const before = { local: seen("local"), remote: seen("remote") };
      await workspace.sync(program);
      const { differences } = await compareStores(stores.local, stores.remote, workspace.databaseFile);
      assert.deepEqual(differences, []);
      // The program does not wait until its last words are passed on, on whichever of its connections.
      await within("the connections' end", Promise.all(SIDES.map((side) => relays[side].settled())), 10_000);
      const since = (side: Side) => ({
        turns: relays[side].turns - before[side].turns,
        commands: relays[side].commands.slice(before[side].commands),
      });
      return { local: since("local"), remote: since("remote") };
    },
    async [Symbol.asyncDispose]() {
      for (const side of SIDES) await relays[side][Symbol.asyncDispose]();
    },
  };
}

liveTest("an idle run waits for a server no more often than it has to", async (context) => {
  await using scene = await prepare(context, delay(DELAY_MS));
  await scene.stores.local.with(async (probe) => {
    for (const name of ["a", "a/b", "c"]) {
      await probe.create(name);
      await probe.append(name, { body: plainMessage(name) });
    }
  });
  await scene.run();
  const idle = await scene.run();
  for (const side of SIDES) {
    assert.deepEqual(idle[side].commands, IDLE_COMMANDS, side);
    console.log(`${side}: ${idle[side].turns} round trips`);
    assert.ok(idle[side].turns <= IDLE_TURNS, `${side}: ${idle[side].turns} round trips`);
  }
}, { newProgramOnly: true });

liveTest(
  "a capability that is gone since the last run costs one connection more, and nothing else",
  async (context) => {
    await using scene = await prepare(context, delay(DELAY_MS));
    await scene.stores.local.with((probe) => probe.create("a"));
    await scene.run();
    const database = new DatabaseSync(scene.workspace.databaseFile);
    database.exec("UPDATE interimap_servers SET capabilities = capabilities || ' XGONE' WHERE side = 'remote'");
    database.close();
    const stale = await scene.run();
    assert.deepEqual(
      stale.local.commands.filter((command) => command !== "LOGOUT").slice(-3),
      IDLE_COMMANDS.slice(0, 3),
    );
    assert.deepEqual(stale.remote.commands.slice(-4), IDLE_COMMANDS);
    assert.ok(stale.remote.turns > IDLE_TURNS, "the wrong list did no harm");
    const idle = await scene.run();
    assert.equal(idle.remote.turns, IDLE_TURNS, "the right list was not learned");
  },
  { newProgramOnly: true },
);

/** Of a relay that understands nothing of what passes through it, and so can count under TLS and COMPRESS. */
const RTT_MS = 200;
/** So far away that the other server has listed its mailboxes before this one is there, also on a busy machine. */
const FAR_MS = 600;

interface IdleCase {
  readonly title: string;
  readonly options: (certificateAuthority: string) => Section;
  /** There is no mailbox but INBOX, which does not tell the delimiter. */
  readonly alone?: boolean;
  /** SQL on the state, before the run. */
  readonly sql?: string;
  /** What the program sends after it was sent something, by connection. LOGOUT is not waited for. */
  readonly turns: readonly (readonly string[])[];
}

const FLIGHT = "AUTHENTICATE, ENABLE, LIST";
const WITH_COMPRESS = `${FLIGHT}, COMPRESS`;
const SECURE = ["STARTTLS", "ClientHello", "Finished, CAPABILITY"];

/** Before the first turn, connecting and the greeting take two round trips. */
const IDLE_CASES: readonly IdleCase[] = [
  { title: "in the clear", options: () => ({}), turns: [[FLIGHT, "LOGOUT"]] },
  {
    title: "where INBOX is alone",
    options: () => ({}),
    alone: true,
    turns: [[`${FLIGHT}, LIST for the delimiter`, "LOGOUT"]],
  },
  { title: "with COMPRESS", options: () => ({ compress: "YES" }), turns: [[WITH_COMPRESS, "LOGOUT"]] },
  {
    title: "with STARTTLS",
    options: (SSL_CAfile) => ({ STARTTLS: "YES", SSL_CAfile }),
    turns: [[...SECURE, FLIGHT, "LOGOUT"]],
  },
  {
    title: "with STARTTLS and COMPRESS",
    options: (SSL_CAfile) => ({ STARTTLS: "YES", SSL_CAfile, compress: "YES" }),
    turns: [[...SECURE, WITH_COMPRESS, "LOGOUT"]],
  },
  {
    title: "whose list of capabilities does not hold any more",
    options: () => ({}),
    sql: "UPDATE interimap_servers SET capabilities = capabilities || ' XGONE' WHERE side = 'remote'",
    turns: [[FLIGHT], ["AUTHENTICATE", "ENABLE, LIST", "LOGOUT"]],
  },
];

for (const { title, options, alone = false, sql, turns } of IDLE_CASES) {
  liveTest(`an idle run ${title} waits for the remote server as often as it has to`, async ({ lab, program }) => {
    const local = await lab.store("local", { format: "maildir", separator: "/" });
    const remote = await lab.store("remote", { format: "mdbox", separator: "." });
    if (!alone) await local.with((probe) => probe.create("a"));
    const daemon = await lab.daemon();
    const { ca } = await lab.certificates();
    const here = plainSection(local, daemon);
    const there = plainSection(remote, daemon, options(ca));
    const workspace = await Workspace.create(`${lab.directory}/w`, here, there);
    await workspace.sync(program);
    if (sql !== undefined) {
      const database = new DatabaseSync(workspace.databaseFile);
      database.exec(sql);
      database.close();
    }
    const relay = await RelayProcess.start(daemon.port, RTT_MS);
    await workspace.configure(here, { ...there, port: String(relay.port) });
    const result = await workspace.run(program);
    const connections = await relay.stop();
    assert.equal(result.code, 0, result.stderr);
    assert.deepEqual(connections.map((each) => each.turns), turns.map(({ length }) => length));
  }, { newProgramOnly: true });
}

liveTest("a first run sends its questions about mailboxes behind the login", async ({ lab, program }) => {
  const local = await lab.store("local", { format: "maildir", separator: "/" });
  const remote = await lab.store("remote", { format: "mdbox", separator: "." });
  for (const store of [local, remote]) await store.with((probe) => probe.create("a"));
  const daemon = await lab.daemon();
  for (const compress of ["NO", "YES"]) {
    const relay = await RelayProcess.start(daemon.port, RTT_MS);
    const there = plainSection(remote, { port: relay.port }, { compress });
    const workspace = await Workspace.create(`${lab.directory}/${compress}`, plainSection(local, daemon), there);
    const result = await workspace.run(program);
    const [first] = await relay.stop();
    assert.equal(result.code, 0, result.stderr);
    // The looks, and LOGOUT, are after that. What COMPRESS would be sent for is not known before the login.
    assert.equal(first?.turns, compress === "NO" ? 3 : 4, JSON.stringify(first));
  }
}, { newProgramOnly: true });

liveTest(
  "what changed on the nearer server is looked at in the flight of the other's list",
  async ({ lab, program }) => {
    const local = await lab.store("local", { format: "maildir", separator: "/" });
    const remote = await lab.store("remote", { format: "mdbox", separator: "." });
    const names = ["INBOX", "a/b", "c"];
    await local.with(async (probe) => {
      for (const name of names.slice(1)) await probe.create(name);
      for (const name of names) await probe.append(name, { body: plainMessage(name) });
    });
    const daemon = await lab.daemon();
    for (const compress of ["NO", "YES"]) {
      const here = plainSection(local, daemon, { connections: "1" });
      const there = plainSection(remote, daemon, { compress, connections: "1" });
      const workspace = await Workspace.create(`${lab.directory}/${compress}`, here, there);
      // Delimiters are remembered, and then what the servers told with their answers to the login.
      for (let i = 0; i < 2; i++) await workspace.sync(program);
      await local.with(async (probe) => {
        await probe.select("a/b");
        await probe.store([1], "+FLAGS.SILENT", [compress]);
      });
      const relay = await RelayProcess.start(daemon.port, FAR_MS);
      await workspace.configure(here, { ...there, port: String(relay.port) });
      const result = await workspace.run(program);
      const connections = await relay.stop();
      assert.equal(result.code, 0, result.stderr);
      const { differences } = await compareStores(local, remote, workspace.databaseFile);
      assert.deepEqual(differences, []);
      // AUTHENTICATE, ENABLE, LIST and SELECT; STORE and the next SELECT, in the same selection; LOGOUT.
      assert.deepEqual(connections.map(({ turns }) => turns), [3], compress);
    }
  },
  { newProgramOnly: true },
);

liveTest("new messages need a fixed number of round trips", async (context) => {
  await using scene = await prepare(context, delay(DELAY_MS));
  await scene.run();
  const turns: Readonly<Record<Side, number>>[] = [];
  for (const count of [1, 30]) {
    await scene.stores.local.with(async (probe) => {
      for (let index = 0; index < count; index++) {
        await probe.append("INBOX", { body: plainMessage(`${count}-${index}`) });
      }
    });
    const ran = await scene.run();
    turns.push({ local: ran.local.turns, remote: ran.remote.turns });
    for (const side of SIDES) {
      const { turns, commands } = ran[side];
      assert.ok(turns <= COPY_TURNS[side], `${side}: ${turns} round trips: ${commands.join(", ")}`);
    }
  }
  const [one, many] = turns;
  for (const side of SIDES) {
    // Of two servers that are equally far away, the one that happens to list first saves the other one a flight.
    assert.ok(Math.abs((many?.[side] ?? 0) - (one?.[side] ?? 0)) <= 1, `more messages: ${JSON.stringify(turns)}`);
  }
}, { newProgramOnly: true });

liveTest("copies one way wait until those the other way are sent, but not until they are answered", async (context) => {
  await using scene = await prepare(context, delay(DELAY_MS));
  await scene.run();
  for (const [index, side] of SIDES.entries()) {
    // Of sizes by which they are told apart.
    await scene.stores[side].with((probe) => probe.append("INBOX", { body: messageOfSize(side, 5000 + index) }));
  }
  const ran = await scene.run();
  for (const side of SIDES) {
    const { turns, commands } = ran[side];
    assert.ok(turns <= BOTH_TURNS[side], `${side}: ${turns} round trips: ${commands.join(", ")}`);
  }
}, { newProgramOnly: true });

liveTest("a run over a long thin line that delivers 3 octets at once converges", async (context) => {
  await using scene = await prepare(context, together(delay(10), chunk(3), rate(60_000)));
  for (const side of SIDES) {
    const store = scene.stores[side];
    await store.with(async (probe) => {
      await probe.create(store.path("folder", side));
      for (const [name, body] of Object.entries(awkwardBodies())) {
        if (body.length > 1 && name !== "long line") {
          await probe.append("INBOX", { body: Uint8Array.from([...body, side.charCodeAt(0)]), flags: ["kw"] });
        }
      }
      await probe.append(store.path("folder", side), { body: messageOfSize(side, 5000) });
    });
  }
  await scene.run();
  for (const side of SIDES) {
    await scene.stores[side].with(async (probe) => {
      await probe.select("INBOX");
      await probe.store([side === "local" ? 1 : 2], "+FLAGS", ["\\Seen"]);
      await probe.expunge([side === "local" ? 3 : 4]);
    });
  }
  const second = await scene.run();
  assert.ok(SIDES.every((side) => second[side].commands.includes("UID STORE")), "nothing was done");
  assert.ok(scene.relays.local.octets.server > 5000);
}, { newProgramOnly: true });
