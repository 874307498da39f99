// A watch between two model servers, in one process and with a clock that the test moves: what lib/cli/watch_command.ts
// does without files, sockets and delays. Sessions can break at a chosen read or write.

import assert from "node:assert/strict";
import { setImmediate } from "node:timers";
import type { Opened } from "../../lib/client/mod.ts";
import { onceLog } from "../../lib/log/mod.ts";
import type { Side } from "../../lib/state/types.ts";
import { isTemporary, Patience, Watcher } from "../../lib/sync/mod.ts";
import { FakeClock } from "./fake_clock.ts";
import { BreakingStream, type StreamFault } from "./faults.ts";
import { MemoryStore } from "./memory_store.ts";
import { ModelMailstore } from "./model_mailstore.ts";
import { CAPABILITIES } from "./model_options.ts";
import { differences, mappingProblems, openModelSession, Rig } from "./model_rig.ts";
import { mails } from "./model_scenarios.ts";
import { ModelServer } from "./model_server.ts";
import { KeepingLog } from "./quiet_log.ts";

const SIDES: readonly Side[] = ["local", "remote"];
/** Turns of the event loop in which nothing happens. */
const QUIET_TURNS = 3;
const FORGET_MS = 20 * 60_000;
const MAX_TURNS = 3000;

export interface WatchRigOptions {
  readonly capabilities?: Partial<Record<Side, readonly string[]>>;
  readonly notify?: boolean;
  readonly pollMs?: number;
  readonly names?: readonly string[];
  /** Of the first life. */
  readonly fault?: StreamFault & { readonly side: Side };
}

export const WITH_NOTIFY: readonly string[] = [...CAPABILITIES, "NOTIFY"];

export class WatchRig {
  readonly clock = new FakeClock();
  readonly log = new KeepingLog();
  readonly store = new MemoryStore();
  readonly rig: Rig;
  /** Looks at everything. */
  looks = 0;
  /** Pairs of sessions so far. */
  lives = 0;
  /** What ended the lives. */
  readonly errors: unknown[] = [];
  readonly #options: WatchRigOptions;
  readonly #onceLog = onceLog(this.log, () => this.clock.now(), FORGET_MS);
  readonly #patience = new Patience(() => this.clock.now());
  #opened: readonly Opened[] = [];
  #watcher: Watcher | null = null;
  #isOver = false;
  #running: Promise<void> = Promise.resolve();

  /** INBOX with two messages and "box" with one, on the local side. */
  constructor(options: WatchRigOptions = {}) {
    this.#options = options;
    const [local, remote] = SIDES.map((side) => {
      const store = new ModelMailstore({ delimiter: side === "local" ? "/" : "." });
      return new ModelServer(store, { capabilities: options.capabilities?.[side] ?? WITH_NOTIFY });
    });
    assert.ok(local !== undefined && remote !== undefined);
    this.rig = new Rig(local, remote);
    local.store.mailbox("INBOX").append(mails("i", 2));
    local.store.create("box").append(mails("b", 1));
  }

  /** Watches from now on; resolves when it waits. */
  async start(): Promise<void> {
    this.#running = this.#live();
    await this.settle();
  }

  commands(side: Side): readonly string[] {
    return this.rig.servers[side].commands;
  }

  /** Names of the commands that each server executes while `action` is done and its consequences settle. */
  async during(action: () => void): Promise<Readonly<Record<Side, readonly string[]>>> {
    const [local, remote] = SIDES.map((side) => this.commands(side).length);
    action();
    await this.settle();
    return { local: this.commands("local").slice(local), remote: this.commands("remote").slice(remote) };
  }

  /** Time passes, as much at a time as the watch is prepared to sleep. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 15_000) {
      this.clock.advance(Math.min(15_000, left));
      await this.settle();
    }
  }

  lookNow(): void {
    this.#watcher?.lookNow();
  }

  /** Loses the connection to one server, as when its process dies. */
  cut(side: Side): void {
    this.#opened.find(({ session }) => session.component === side)?.connected.close();
  }

  /** Waits until nothing happens any more. */
  async settle(): Promise<void> {
    let last = -1;
    for (let turn = 0, quiet = 0; quiet < QUIET_TURNS; turn++) {
      assert.ok(turn < MAX_TURNS, "the watch does not come to rest");
      await new Promise((resolve) => setImmediate(resolve));
      const now = this.commands("local").length + this.commands("remote").length;
      // Of a watch that waits there is one timer; of one that looks for interrupted copies again, one for each mailbox.
      quiet = now === last && (this.clock.pending <= 2 || this.#isOver) ? quiet + 1 : 0;
      last = now;
    }
  }

  /** What is not as it should be between the two sides. */
  problems(except: ReadonlySet<string> = new Set()): readonly string[] {
    return [...differences(this.rig, except), ...mappingProblems(this.rig, this.store, except)];
  }

  /** Ends it; the servers must have nothing to complain about. */
  async end(): Promise<void> {
    this.#isOver = true;
    for (const { session } of this.#opened) session.abort(new Error("the test is over"));
    await this.#running;
    for (const side of SIDES) {
      await this.rig.servers[side].idle();
      assert.deepEqual(this.rig.servers[side].violations, []);
    }
    assert.equal(this.clock.pending, 0);
  }

  async #live(): Promise<void> {
    while (!this.#isOver) {
      this.lives++;
      try {
        await this.#liveOnce();
      } catch (error) {
        if (this.#isOver) return;
        if (!isTemporary(error, true)) throw error;
        this.errors.push(error);
      } finally {
        for (const { session, connected } of this.#opened) {
          session.abort(new Error("another session was lost"));
          connected.close();
        }
      }
    }
  }

  async #liveOnce(): Promise<never> {
    const fault = this.lives === 1 ? this.#options.fault ?? null : null;
    const opened = await Promise.allSettled(SIDES.map((side) =>
      openModelSession(this.rig.servers[side], {
        side,
        log: this.log,
        clock: this.clock,
        wrap: (stream) => side === fault?.side ? new BreakingStream(stream, fault) : stream,
      })
    ));
    this.#opened = opened.flatMap((one) => one.status === "fulfilled" ? [one.value] : []);
    const [local, remote] = opened.map((one) => {
      if (one.status === "rejected") throw one.reason;
      return one.value.session;
    });
    assert.ok(local !== undefined && remote !== undefined);
    const { pollMs = 900_000, notify = true, names = [] } = this.#options;
    this.#watcher = new Watcher({
      sessions: { local, remote },
      names,
      openStore: () => this.store,
      log: this.#onceLog,
      clock: this.clock,
      patience: this.#patience,
      pollMs,
      notify,
      looked: () => this.looks++,
    });
    return await this.#watcher.run();
  }
}
