// A random walk: users act on both sides between and during runs, runs are killed, cut off or lied to, and after every
// run that nothing disturbed both sides must be equal and hold what the ledger says. A walk is a value, so that
// fast-check can make it smaller.

import assert from "node:assert/strict";
import fc from "fast-check";
import type { Side, Store } from "../../lib/state/types.ts";
import { BreakingStream } from "../support/faults.ts";
import { MemoryStore } from "../support/memory_store.ts";
import { ModelMailstore } from "../support/model_mailstore.ts";
import {
  differences,
  mappingProblems,
  memoryHome,
  nameOn,
  Rig,
  type RunOptions,
  type RunResult,
  SIDES,
  type StateHome,
} from "../support/model_rig.ts";
import { CAPABILITIES, noLies, type ServerOptions } from "../support/model_options.ts";
import { ModelServer } from "../support/model_server.ts";
import { idOf, Ledger } from "./ledger.ts";
import { type Kind, KINDS, type UserOp, Users } from "./users.ts";

export type Fault =
  | { readonly kind: "killed at a command"; readonly at: number; readonly spared: number }
  | { readonly kind: "killed at a write"; readonly at: number; readonly after: boolean }
  | { readonly kind: "state not writable"; readonly at: number }
  | {
    readonly kind: "connection lost";
    readonly side: Side;
    readonly of: "read" | "write";
    readonly at: number;
    readonly how: "fail" | "lose";
  }
  | { readonly kind: "messages refused"; readonly side: Side; readonly every: number }
  | { readonly kind: "stores ignored"; readonly side: Side }
  | { readonly kind: "expunges ignored"; readonly side: Side }
  | { readonly kind: Lie; readonly side: Side; readonly every: number };

/** What SELECT or APPEND say that is not so. */
const LIES = [
  "existing named as vanished",
  "vanished forgotten",
  "expunge log lost",
  "wrong EXISTS",
  "no APPENDUID",
  "no mod-sequences",
] as const;
type Lie = typeof LIES[number];

export const FAULTS: readonly Fault["kind"][] = [
  "killed at a command",
  "killed at a write",
  "state not writable",
  "connection lost",
  "messages refused",
  "stores ignored",
  "expunges ignored",
  ...LIES,
];

export type Step =
  | { readonly kind: "user"; readonly op: UserOp }
  | {
    readonly kind: "run";
    /** Done at the given server commands, or after the run when it is over before. */
    readonly during: readonly { readonly at: number; readonly op: UserOp }[];
    readonly fault: Fault | null;
  };

export interface Walk {
  readonly steps: readonly Step[];
  readonly without: Readonly<Record<Side, readonly string[]>>;
  /** Capabilities that are not always there. */
  readonly besides: Readonly<Record<Side, readonly string[]>>;
  readonly chunk: number;
  readonly capacity: number;
  /** The state in a file, not in memory. */
  readonly file: boolean;
}

/** What a set of walks did. */
export class Tally {
  readonly #counts = new Map<string, number>(
    [...KINDS, ...FAULTS, ...BESIDES, "during", "clean run"].map((name) => [name, 0]),
  );

  count(name: string, times = 1): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + times);
  }

  get missing(): readonly string[] {
    return [...this.#counts].filter(([, count]) => count === 0).map(([name]) => name);
  }

  toString(): string {
    return [...this.#counts].map(([name, count]) => `${count} ${name}`).join(", ");
  }
}

// ---- making walks

const side = fc.constantFrom<Side>("local", "remote");
const number = fc.integer({ min: 1, max: 30 });

function userOp(kinds: readonly Kind[]): fc.Arbitrary<UserOp> {
  return fc.record({
    kind: fc.constantFrom(...kinds),
    side,
    mailbox: fc.nat(5),
    message: fc.nat(12),
    choice: fc.nat(255),
  });
}

const MORE_OFTEN: readonly Kind[] = ["append", "append", "append", "flag", "flag", "unflag", "keyword", "delete"];
const ANY = [...KINDS, ...MORE_OFTEN];

const fault: fc.Arbitrary<Fault> = fc.oneof(
  fc.record({ kind: fc.constant("killed at a command" as const), at: number, spared: fc.constantFrom(0, 1, 2, 99) }),
  fc.record({ kind: fc.constant("killed at a write" as const), at: fc.nat(12), after: fc.boolean() }),
  fc.record({ kind: fc.constant("state not writable" as const), at: fc.nat(12) }),
  fc.record({
    kind: fc.constant("connection lost" as const),
    side,
    of: fc.constantFrom("read" as const, "write" as const),
    at: number,
    how: fc.constantFrom("fail" as const, "lose" as const),
  }),
  fc.record({ kind: fc.constant("messages refused" as const), side, every: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ kind: fc.constant("stores ignored" as const), side }),
  fc.record({ kind: fc.constant("expunges ignored" as const), side }),
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom(...LIES), side, every: fc.integer({ min: 1, max: 4 }) }) },
);

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("user" as const), op: userOp(ANY) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("run" as const),
      during: fc.array(fc.record({ at: number, op: userOp(ANY) }), { maxLength: 4 }),
      fault: fc.option(fault, { freq: 2 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.constant<Step>({ kind: "run", during: [], fault: null }),
  },
);

const LACKING = ["MULTIAPPEND", "ESEARCH", "LITERAL+"];
const BESIDES = ["COMPRESS=DEFLATE", "OBJECTID"];

export function walks(): fc.Arbitrary<Walk> {
  const without = fc.oneof(fc.constant<string[]>([]), fc.subarray(LACKING));
  const besides = fc.oneof({ weight: 3, arbitrary: fc.constant<string[]>([]) }, fc.subarray(BESIDES));
  return fc.record({
    steps: fc.array(step, { minLength: 1, maxLength: 40, size: "max" }),
    without: fc.record({ local: without, remote: without }),
    besides: fc.record({ local: besides, remote: besides }),
    chunk: fc.constantFrom(Infinity, Infinity, 1000, 40),
    capacity: fc.constantFrom(Infinity, Infinity, 65536, 512),
    file: fc.constantFrom(false, false, false, true),
  });
}

// ---- walking

/** Walks. @throws AssertionError when something does not hold; the log of the last run is in it */
export async function walkAlong(walk: Walk, tally: Tally, home: StateHome | null): Promise<void> {
  const walker = new Walker(walk, tally, home);
  for (const one of walk.steps) {
    if (one.kind === "user") walker.user(one.op);
    else await walker.run(one);
  }
  await walker.finish();
}

class Walker {
  readonly #rig: Rig;
  readonly #ledger = new Ledger();
  readonly #users: Users;
  readonly #tally: Tally;
  readonly #walk: Walk;
  readonly #closeState: () => void;
  /** The state of the last run, as long as it can be read. */
  #state: Store | null = null;

  constructor(walk: Walk, tally: Tally, home: StateHome | null) {
    // The state stays open after a run, so that it can be looked at.
    const inner = home ?? memoryHome(new MemoryStore());
    const watched: StateHome = {
      open: (delimiters) => this.#state = inner.open(delimiters),
      close: () => {},
    };
    const local = new ModelMailstore({ delimiter: "/" });
    const remote = new ModelMailstore({ delimiter: ".", firstUidValidity: 500 });
    const options = (side: Side): ServerOptions => ({
      capabilities: [...CAPABILITIES, ...walk.besides[side]],
      without: walk.without[side],
    });
    const servers = [new ModelServer(local, options("local")), new ModelServer(remote, options("remote"))] as const;
    this.#rig = new Rig(...servers, watched);
    for (const name of [...walk.besides.local, ...walk.besides.remote]) tally.count(name);
    this.#users = new Users(this.#rig, this.#ledger);
    this.#tally = tally;
    this.#walk = walk;
    this.#closeState = () => inner.close();
  }

  user(op: UserOp): void {
    this.#users.do(op);
  }

  async run({ during, fault }: Extract<Step, { kind: "run" }>): Promise<void> {
    const waiting = during.toSorted((a, b) => a.at - b.at);
    let acted = false;
    const result = await this.#synchronize({
      ...this.#begin(fault),
      during: (count) => {
        while ((waiting[0]?.at ?? Infinity) <= count) {
          const next = waiting.shift();
          if (next === undefined) break;
          this.#users.do(next.op, true);
          this.#tally.count("during");
          acted = true;
        }
      },
    });
    this.#end();
    if (acted || fault !== null || result.error !== null) {
      if (fault !== null && hadEffect(fault, result)) this.#tally.count(fault.kind);
      this.#ledger.disturb();
    } else this.#check(result);
    this.#closeState();
    for (const { op } of waiting) this.#users.do(op);
  }

  /** Two more runs: the first has to make everything equal, the second has nothing to do. */
  async finish(): Promise<void> {
    this.#check(await this.#synchronize({}));
    this.#closeState();
    const silent = await this.#synchronize({});
    this.#check(silent);
    for (const one of SIDES) {
      assert.ok(!silent.commands[one].includes("SELECT"), `a run without need selects on ${one}\n${text(silent)}`);
      assert.deepEqual(this.#rig.servers[one].violations, []);
    }
    this.#closeState();
    for (const [kind, count] of this.#users.counts) this.#tally.count(kind, count);
  }

  async #synchronize(options: RunOptions): Promise<RunResult> {
    const { chunk, capacity } = this.#walk;
    return await this.#rig.run({ ...options, duplex: { chunk, capacity } });
  }

  #begin(fault: Fault | null): RunOptions {
    switch (fault?.kind) {
      case "killed at a command":
        return { killAt: { at: fault.at, spared: fault.spared } };
      case "killed at a write":
        return { storeFault: { at: fault.at, how: fault.after ? "kill-after" : "kill-before" } };
      case "state not writable":
        return { storeFault: { at: fault.at, how: "fail" } };
      case "connection lost": {
        const { side, of, at, how } = fault;
        return { wrap: (stream, on) => on === side ? new BreakingStream(stream, { of, at, how }) : stream };
      }
      case "messages refused":
        this.#rig.servers[fault.side].lies.refuseAppend = (body) =>
          body.length % fault.every === 0 || idOf(body) === "" ? "No, thanks" : null;
        return {};
      case "stores ignored":
        this.#rig.servers[fault.side].lies.ignoreStore = true;
        return {};
      case "expunges ignored":
        this.#rig.servers[fault.side].lies.ignoreExpunge = true;
        return {};
    }
    if (fault !== null) this.#lie(fault);
    return {};
  }

  #lie({ kind, side, every }: Extract<Fault, { kind: Lie }>): void {
    const { lies, store } = this.#rig.servers[side];
    switch (kind) {
      case "existing named as vanished":
        lies.vanishedExisting = (name) =>
          store.mailbox(name).messages.map(({ uid }) => uid).filter((uid) => uid % every === 0);
        break;
      case "vanished forgotten":
        lies.forgetVanished = (_name, uid) => uid % every === 0;
        break;
      case "expunge log lost":
        lies.expungeLogLost = true;
        break;
      case "wrong EXISTS":
        lies.existsOffset = every - 3 || 2;
        break;
      case "no APPENDUID":
        lies.noAppendUid = true;
        break;
      case "no mod-sequences":
        lies.noHighestModSeq = true;
    }
  }

  #end(): void {
    for (const { lies } of Object.values(this.#rig.servers)) Object.assign(lies, noLies());
  }

  /** After a run that nothing disturbed. */
  #check(result: RunResult): void {
    this.#tally.count("clean run");
    const { abandoned } = this.#ledger;
    assert.equal(result.error, null, text(result));
    assert.equal(result.report?.problems, this.#missingMailboxes(), text(result));
    assert.deepEqual(differences(this.#rig, abandoned), [], text(result));
    for (const side of SIDES) {
      assert.deepEqual(this.#ledger.complaints(...this.#seen(side)), [], `on ${side}\n${text(result)}`);
    }
    if (this.#state !== null) assert.deepEqual(mappingProblems(this.#rig, this.#state, abandoned), [], text(result));
    this.#ledger.rest(...this.#seen("local"));
  }

  /** Mailboxes that the program has to complain about: in the state, and gone from one side. */
  #missingMailboxes(): number {
    const rows = this.#state?.overview() ?? [];
    return rows.filter(({ mailbox }) => {
      const there = SIDES.filter((side) => this.#find(side, mailbox) !== null);
      return there.length === 1;
    }).length;
  }

  #find(side: Side, mailbox: string): ReturnType<ModelMailstore["find"]> {
    const store = this.#rig.store(side);
    return store.find(nameOn(store, mailbox));
  }

  #seen(side: Side): Parameters<Ledger["rest"]> {
    const store = this.#rig.store(side);
    return [(name) => this.#find(side, name), (name) => store.subscribed.has(nameOn(store, name))];
  }
}

/** Whether a fault was met: a lie shows in nothing if the program sees through it. */
function hadEffect(fault: Fault, { error, report, commands }: RunResult): boolean {
  const { kind } = fault;
  if (!isLie(kind)) return error !== null || (report?.problems ?? 0) > 0;
  return "side" in fault && commands[fault.side].includes(kind === "no APPENDUID" ? "APPEND" : "SELECT");
}

function isLie(kind: Fault["kind"]): kind is Lie {
  return LIES.some((lie) => lie === kind);
}

function text(result: RunResult): string {
  const commands = SIDES.map((side) => `${side}: ${result.commands[side].join(", ")}`);
  return [`error: ${result.error}`, ...result.log, ...commands].join("\n");
}
