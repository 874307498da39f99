// A random walk: users act on both sides between and during runs, runs are killed, cut off or lied to, the state is lost, and after every run that nothing disturbed both sides must be equal and hold what the ledger says.

import assert from "node:assert/strict";
import type { Side, Store } from "../../lib/state/types.ts";
import type { BrakeOptions } from "../../lib/sync/mod.ts";
import { ModelMailstore } from "../support/model_mailstore.ts";
import {
  differences,
  internalName,
  mappingProblems,
  nameOn,
  Rig,
  type RunOptions,
  type RunResult,
  SIDES,
} from "../support/model_rig.ts";
import { CAPABILITIES, type ServerOptions } from "../support/model_options.ts";
import { ModelServer } from "../support/model_server.ts";
import type { Backups } from "./backups.ts";
import { beginFault, endFault, FAULTS, hadEffect } from "./faults.ts";
import { Ledger } from "./ledger.ts";
import { BESIDES, type RunStep, STATE_EVENTS, type StateEvent, type Walk } from "./steps.ts";
import { KINDS, type UserOp, Users } from "./users.ts";

const RUNS = ["during", "clean run", "repair", "held", "confirmed"] as const;

/** What a set of walks did. */
export class Tally {
  readonly #counts = new Map<string, number>(
    [...KINDS, ...FAULTS, ...STATE_EVENTS, ...BESIDES, ...RUNS].map((name) => [name, 0]),
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

/** Walks. @throws AssertionError when something does not hold; the log of the last run is in it */
export async function walkAlong(walk: Walk, tally: Tally, home: Backups): Promise<void> {
  const walker = new Walker(walk, tally, home);
  for (const one of walk.steps) {
    if (one.kind === "user") walker.user(one.op);
    else if (one.kind === "state") walker.changeState(one.event);
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
  readonly #home: Backups;
  /** The state of the last run, as long as it can be read. */
  #state: Store | null = null;
  /** Deletions waited after the last run. */
  #waiting = false;
  /**
   * Only --repair finds what is different: a message that was refused for its size is not tried again; and a server that
   * lost its index counts mod-sequences anew, and may be where it was before once users have changed enough.
   */
  #repairDue = false;

  /** Since the state was saved: what comes back then knows mod-sequences that meant something else. */
  #indexLostSinceSave = false;
  /** Since everything was equal last. */
  #indexLost = false;

  constructor(walk: Walk, tally: Tally, home: Backups) {
    const local = new ModelMailstore({ delimiter: "/" });
    const remote = new ModelMailstore({ delimiter: ".", firstUidValidity: 500 });
    const options = (side: Side): ServerOptions => ({
      capabilities: [...CAPABILITIES, ...walk.besides[side]],
      without: walk.without[side],
    });
    const servers = [new ModelServer(local, options("local")), new ModelServer(remote, options("remote"))] as const;
    // The state stays open after a run, so that it can be looked at.
    this.#rig = new Rig(...servers, {
      open: (delimiters) => this.#state = home.open(delimiters),
      close: () => {},
    });
    for (const name of [...walk.besides.local, ...walk.besides.remote]) tally.count(name);
    this.#users = new Users(this.#rig, this.#ledger);
    this.#tally = tally;
    this.#walk = walk;
    this.#home = home;
  }

  user(op: UserOp): void {
    this.#users.do(op);
  }

  changeState(event: StateEvent): void {
    if (event === "state saved") {
      this.#home.save();
      this.#indexLostSinceSave = false;
    } else {
      if (event === "state lost") this.#home.lose();
      else if (!this.#home.restore()) return;
      else this.#repairDue ||= this.#indexLostSinceSave;
      this.#ledger.forget();
    }
    this.#tally.count(event);
  }

  async run(step: RunStep): Promise<void> {
    const { fault, mayDelete, confirmed, repair } = step;
    if (this.#repairDue && !repair && fault === null) await this.#repair();
    const waiting = step.during.toSorted((a, b) => a.at - b.at);
    const before = this.#uids();
    let acted = false;
    if (fault?.kind === "index lost") {
      this.#ledger.lose(fault.side, step.during.length === 0);
      this.#indexLost = true;
      this.#indexLostSinceSave = true;
    }
    if (repair && (fault !== null || this.#indexLost)) this.#ledger.repairInDoubt();
    const result = await this.#synchronize({
      ...(fault === null ? {} : beginFault(fault, this.#rig)),
      ...(mayDelete === null && !confirmed ? {} : { brake: brake(mayDelete, confirmed) }),
      repair,
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
    endFault(this.#rig);
    if (mayDelete !== null && !confirmed && !acted) this.#checkDeleted(before, mayDelete, result);
    const disturbed = acted || fault !== null || repair || result.error !== null;
    if (fault !== null && hadEffect(fault, result)) {
      this.#tally.count(fault.kind);
      this.#repairDue ||= fault.kind === "messages too large";
    }
    this.#repairDue ||= fault?.kind === "index lost" && acted;
    if (repair && fault === null) this.#repaired(result);
    if (disturbed) this.#ledger.disturb();
    else this.#check(result);
    if (!disturbed && confirmed && this.#waiting) this.#tally.count("confirmed");
    if (result.report !== null) this.#waiting = result.report.held > 0;
    this.#home.close();
    for (const { op } of waiting) this.#users.do(op);
  }

  /** Two more runs: the first has to make everything equal, the second has nothing to do. */
  async finish(): Promise<void> {
    if (this.#repairDue) await this.#repair();
    const last = await this.#synchronize({ brake: brake(null, true) });
    assert.equal(last.report?.held ?? 0, 0, text(last));
    this.#check(last);
    // A mailbox that is gone from the far server is looked at in vain before that server has listed what it has.
    const near = last.report?.problems === 0 ? {} : { far: null };
    this.#home.close();
    const silent = await this.#synchronize(near);
    this.#check(silent);
    for (const one of SIDES) {
      assert.ok(!silent.commands[one].includes("SELECT"), `a run without need selects on ${one}\n${text(silent)}`);
      assert.deepEqual(this.#rig.servers[one].violations, []);
    }
    this.#home.close();
    for (const [kind, count] of this.#users.counts) this.#tally.count(kind, count);
  }

  async #repair(): Promise<void> {
    if (this.#indexLost) this.#ledger.repairInDoubt();
    this.#repaired(await this.#synchronize({ repair: true }));
    this.#ledger.disturb();
    this.#home.close();
  }

  /** Repair looks at mailboxes that it knows: what it left shows at the next run. */
  #repaired(result: RunResult): void {
    assert.equal(result.error, null, text(result));
    this.#tally.count("repair");
    this.#repairDue = false;
  }

  async #synchronize(options: RunOptions): Promise<RunResult> {
    const { chunk, capacity, connections } = this.#walk;
    const far = options.repair === true ? null : this.#walk.far;
    return await this.#rig.run({ connections, far, ...options, duplex: { chunk, capacity } });
  }

  /** After a run that nothing disturbed. */
  #check(result: RunResult): void {
    const { abandoned } = this.#ledger;
    assert.equal(result.error, null, text(result));
    assert.equal(result.report?.problems, this.#missingMailboxes(), text(result));
    if (result.report.held > 0) {
      this.#checkHeld(result);
      return;
    }
    this.#tally.count("clean run");
    assert.deepEqual(differences(this.#rig, abandoned), [], text(result));
    for (const side of SIDES) {
      assert.deepEqual(this.#ledger.complaints(...this.#seen(side)), [], `on ${side}\n${text(result)}`);
    }
    if (this.#state !== null) assert.deepEqual(mappingProblems(this.#rig, this.#state, abandoned), [], text(result));
    this.#ledger.rest(...this.#seen("local"));
    this.#indexLost = false;
  }

  /** Everything that nobody deleted is on both sides; what else the sides agree on shows when nothing waits any more. */
  #checkHeld(result: RunResult): void {
    this.#tally.count("held");
    for (const side of SIDES) {
      assert.deepEqual(this.#ledger.miscounted(this.#seen(side)[0]), [], `on ${side}\n${text(result)}`);
    }
    this.#ledger.disturb();
  }

  /** A run deletes no more messages of a mailbox on a side than the brake allows. */
  #checkDeleted(before: ReadonlyMap<string, readonly number[]>, mayDelete: number, result: RunResult): void {
    const after = this.#uids();
    for (const [mailbox, uids] of before) {
      const now = after.get(mailbox);
      const gone = uids.filter((uid) => now?.includes(uid) === false);
      assert.ok(gone.length <= mayDelete, `${gone.length} messages of ${mailbox} were deleted\n${text(result)}`);
    }
  }

  /** UIDs by side and mailbox. */
  #uids(): ReadonlyMap<string, readonly number[]> {
    return new Map(SIDES.flatMap((side) => {
      const store = this.#rig.store(side);
      return store.names.map((name) => {
        const { uidValidity, messages } = store.mailbox(name);
        return [`${side} ${internalName(store, name)} ${uidValidity}`, messages.map(({ uid }) => uid)] as const;
      });
    }));
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

/** `mayDelete`: null: any number. */
function brake(mayDelete: number | null, confirmed: boolean): BrakeOptions {
  const consent = { all: confirmed, names: new Set<string>() };
  return {
    limit: { count: mayDelete, percent: null },
    consents: { read: () => consent, used: () => {} },
    told: new Map(),
  };
}

function text(result: RunResult): string {
  const commands = SIDES.map((side) => `${side}: ${result.commands[side].join(", ")}`);
  return [`error: ${result.error}`, ...result.log, ...commands].join("\n");
}
