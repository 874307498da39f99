// Random walks between real servers: users act between runs and, by sessions of their own, while a run is under way:
// when its n-th command passes. After every run that nobody disturbed both sides are equal and hold what the ledger
// says; a further run is silent. INTERIMAP_TEST_SEED makes other walks.

import assert from "node:assert/strict";
import type { Side } from "../../lib/state/types.ts";
import { cyrusTest } from "../support/live/cyrus_case.ts";
import { type LiveContext, liveTest } from "../support/live/live_case.ts";
import { plainSection, type RunResult, Workspace } from "../support/live/program.ts";
import { SeededRandom } from "../support/live/seeded.ts";
import { ALWAYS, BETWEEN_RUNS, DURING, WalkUsers } from "../support/live/walk_users.ts";
import {
  compareFacts,
  compareStores,
  type Comparison,
  internalName,
  shown,
  type StoreFacts,
} from "../support/live/witness.ts";
import type { MailStore } from "../support/live_dovecot.ts";
import { ModelMailbox } from "../support/model_mailstore.ts";
import { Relay, type RelayTarget } from "../support/relay.ts";
import { Ledger } from "../walks/ledger.ts";

const SEED = Number(Deno.env.get("INTERIMAP_TEST_SEED") ?? 20_261_122);
/** Cyrus takes twice the time. */
const DOVECOT_WALKS = 6;
const CYRUS_WALKS = 3;
const ROUNDS = 16;
/** Commands by which the program looks closely, or changes something. */
const ACTS = /^\S+ (SELECT|APPEND|UID \w+|CREATE|SUBSCRIBE|UNSUBSCRIBE) /;
const SIDES = ["local", "remote"] as const;

const LOOKS = ["SELECT", "UID SEARCH", "UID FETCH"];
/** What a run without need may say, after the connection is set up; NOOP when the machine is slow to answer. */
const IDLE_COMMANDS = new Set(["CAPABILITY", "AUTHENTICATE", "LOGIN", "ENABLE", "LIST", "LOGOUT", "NOOP"]);

/**
 * What is said and is no problem: both users changed the flags of one message; a message that the last run has seen go
 * is reported as gone once more, because that run remembers no more than it is sure of.
 */
const NO_PROBLEM = /^WARNING: Conflicting flag update in |: WARNING: No match for \d+ vanished \w+ UID\(s\) /;

/** Two servers, and users who are new to them. */
interface Place {
  readonly context: LiveContext;
  readonly stores: Readonly<Record<Side, MailStore>>;
  readonly servers: Readonly<Record<Side, RelayTarget>>;
}

/** How often what happened, over several walks. */
type Tally = Map<string, number>;

function count(tally: Tally, name: string, times = 1): void {
  tally.set(name, (tally.get(name) ?? 0) + times);
}

/** What happens at the n-th command of a run; and what is happening. */
interface During {
  commands: number;
  readonly moments: number[];
  acting: Promise<void>;
}

/** One walk, from two empty accounts to rest. */
class Walk implements AsyncDisposable {
  readonly #place: Place;
  readonly #random: SeededRandom;
  readonly #tally: Tally;
  readonly #ledger: Ledger;
  readonly #users: WalkUsers;
  readonly #relays: Readonly<Record<Side, Relay>>;
  readonly #workspace: Workspace;
  readonly #during: During;

  private constructor(
    place: Place,
    random: SeededRandom,
    tally: Tally,
    parts: {
      readonly ledger: Ledger;
      readonly users: WalkUsers;
      readonly relays: Readonly<Record<Side, Relay>>;
      readonly workspace: Workspace;
      readonly during: During;
    },
  ) {
    this.#place = place;
    this.#random = random;
    this.#tally = tally;
    this.#ledger = parts.ledger;
    this.#users = parts.users;
    this.#relays = parts.relays;
    this.#workspace = parts.workspace;
    this.#during = parts.during;
  }

  static async begin(place: Place, name: string, random: SeededRandom, tally: Tally): Promise<Walk> {
    const { stores, servers, context } = place;
    const ledger = new Ledger();
    const users = await WalkUsers.login(stores, ledger, random);
    const during: During = { commands: 0, moments: [], acting: Promise.resolve() };
    const act = async (focus: string | null) => {
      users.history.push("during the run:");
      if (await users.act(DURING, focus)) count(tally, "during");
    };
    const watch = (side: Side) => {
      const selected: { mailbox: string | null } = { mailbox: null };
      const { separator } = stores[side].layout;
      return async (sender: string, text: string) => {
        if (sender === "client" && ACTS.test(text)) {
          const [, name] = /^\S+ SELECT "?(.*?)"? \(/.exec(text) ?? [];
          if (name !== undefined) selected.mailbox = internalName(name, separator);
          if (during.moments[0] === ++during.commands) {
            during.moments.shift();
            during.acting = during.acting.then(() => act(selected.mailbox));
          }
        }
        await during.acting;
        return "pass" as const;
      };
    };
    const relays = {
      local: Relay.start(servers.local, { line: watch("local") }),
      remote: Relay.start(servers.remote, { line: watch("remote") }),
    };
    const workspace = await Workspace.create(
      `${context.lab.directory}/w${name}`,
      plainSection(stores.local, relays.local),
      plainSection(stores.remote, relays.remote),
    );
    return new Walk(place, random, tally, { ledger, users, relays, workspace, during });
  }

  async go(): Promise<void> {
    for (let round = 0; round < ROUNDS; round++) {
      const actions = this.#random.between(2, 9);
      for (let action = 0; action < actions; action++) {
        await this.#users.act(this.#random.chance(0.08) ? BETWEEN_RUNS : ALWAYS);
      }
      if (this.#random.chance(0.7)) await this.#disturbedRun();
      else await this.#check(await this.#run());
    }
    const before = await this.#check(await this.#run());
    const said = SIDES.map((side) => this.#relays[side].commands.length);
    const silent = await this.#run();
    const after = await this.#check(silent);
    for (const [index, side] of SIDES.entries()) {
      const commands = this.#relays[side].commands.slice(said[index]);
      assert.ok(commands.includes("LIST"), `${side} was not asked at all`);
      // A mailbox that is gone from one server is looked at in vain before that server has listed what it has.
      const allowed = silent.stderr.includes("It is gone from") ? LOOKS : [];
      const more = commands.filter((command) => !IDLE_COMMANDS.has(command) && !allowed.includes(command));
      assert.deepEqual(more, [], silent.stderr);
    }
    assert.deepEqual(compareFacts(after.local, before.local), [], "a run without need has changed something");
    for (const [kind, times] of this.#users.counts) count(this.#tally, kind, times);
  }

  /** What was done until now, for people. */
  get story(): string {
    return `seed ${this.#random.seed}\n${this.#users.history.join("\n")}\n`;
  }

  async #run(): Promise<RunResult> {
    this.#users.history.push("run");
    return await this.#workspace.run(this.#place.context.program);
  }

  async #disturbedRun(): Promise<void> {
    this.#during.commands = 0;
    const moments = Array.from({ length: this.#random.between(1, 5) }, () => this.#random.between(1, 12));
    this.#during.moments.push(...new Set(moments.sort((a, b) => a - b)));
    const result = await this.#run();
    await this.#during.acting;
    this.#ledger.disturb();
    // 2: something could not be done because of what the users did, and is left to the next run.
    assert.ok(result.code === 0 || result.code === 2, result.stderr);
    count(this.#tally, "disturbed run");
    // What was to be done at commands that never came is done now.
    for (let left = this.#during.moments.splice(0).length; left > 0; left--) await this.#users.act(ALWAYS);
  }

  /** After a run that nobody disturbed. */
  async #check(result: RunResult): Promise<Comparison> {
    const { stores: { local, remote } } = this.#place;
    const comparison = await compareStores(local, remote, this.#workspace.databaseFile);
    const isClaimed = (text: string) =>
      ![...this.#ledger.abandoned].some((name) => text.startsWith(`${shown(name)}: `));
    const lines = result.lines.filter((line) => /WARNING|ERROR/.test(line) && !NO_PROBLEM.test(line));
    const gone = [...this.#ledger.abandoned].map((name) => ` Mailbox ${local.path(...name.split("\0"))} exists. `);
    assert.deepEqual(lines.filter((line) => !gone.some((text) => line.includes(text))), [], result.stderr);
    assert.equal(result.code, lines.length === 0 ? 0 : 2, result.stderr);
    assert.deepEqual(comparison.differences.filter(isClaimed), [], result.stderr);
    for (const side of SIDES) {
      assert.deepEqual(this.#ledger.complaints(...this.#seen(comparison[side])), [], `on ${side}\n${result.stderr}`);
    }
    this.#ledger.rest(...this.#seen(comparison.local));
    count(this.#tally, "clean run");
    return comparison;
  }

  /** What the witness has read, as the ledger wants to see it. */
  #seen(facts: StoreFacts): Parameters<Ledger["rest"]> {
    const find = (name: string) => {
      const read = facts.mailboxes.get(name);
      if (read === undefined) return null;
      const mailbox = new ModelMailbox(read.uidValidity, "", () => {});
      mailbox.append(read.messages.map(({ flags, internalDate, digest }) => {
        const body = this.#users.body(digest);
        assert.ok(body !== null, `nobody made a message in ${shown(name)}`);
        return { flags, date: { seconds: internalDate, zone: 0 }, body };
      }));
      return mailbox;
    };
    return [find, (name) => facts.subscribed.has(name)];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#users[Symbol.asyncDispose]();
    for (const side of SIDES) await this.#relays[side][Symbol.asyncDispose]();
  }
}

/** Some walks, each with new users. */
async function walks(howMany: number, seed: number, makePlace: (name: string) => Promise<Place>): Promise<void> {
  const tally: Tally = new Map(
    [...ALWAYS, ...BETWEEN_RUNS, "during", "disturbed run", "clean run"].map((name) => [name, 0]),
  );
  for (let number = 0; number < howMany; number++) {
    await using walk = await Walk.begin(
      await makePlace(String(number)),
      String(number),
      new SeededRandom(seed + number),
      tally,
    );
    await walk.go().catch((error: unknown) => {
      throw new Error(`${walk.story}${error instanceof Error ? error.message : error}`, { cause: error });
    });
  }
  const summary = [...tally].map(([name, times]) => `${times} ${name}`).join(", ");
  console.log(`${howMany} walks from seed ${seed}: ${summary}`);
  const never = [...tally].filter(([, times]) => times === 0).map(([name]) => name);
  assert.deepEqual(never, [], `never happened in any walk: ${summary}`);
}

liveTest(
  `${DOVECOT_WALKS} random walks between two Dovecot servers lose nothing, double nothing and come to rest`,
  async (context) => {
    const daemon = await context.lab.daemon();
    await walks(DOVECOT_WALKS, SEED, async (name) => ({
      context,
      stores: {
        local: await context.lab.store(`l${name}`, { format: "maildir", separator: "/" }),
        remote: await context.lab.store(`r${name}`, { format: "mdbox", separator: "." }),
      },
      servers: { local: daemon, remote: daemon },
    }));
  },
  { newProgramOnly: true },
);

cyrusTest(
  `${CYRUS_WALKS} random walks between Dovecot and Cyrus lose nothing, double nothing and come to rest`,
  async (context) => {
    const daemon = await context.lab.daemon();
    await walks(CYRUS_WALKS, SEED + 1000, async (name) => ({
      context,
      stores: {
        local: await context.lab.store(`l${name}`, { format: "mdbox", separator: "." }),
        remote: await context.cyrus.store(`r${name}`),
      },
      servers: { local: daemon, remote: context.cyrus },
    }));
  },
  { newProgramOnly: true },
);
