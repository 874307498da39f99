// --watch and --notify: synchronizes again and again, and connects again when a session is lost. Holds the state file all
// along, and never creates it. How to wait on a pair of sessions is lib/sync/watcher.ts's business, when to try again
// lib/sync/backoff.ts's.

import { Alarm } from "../base/alarm.ts";
import { InterimapError } from "../errors.ts";
import { type Logger, onceLog } from "../log/mod.ts";
import { type Database, type Delimiters, openDatabase, prepareStore, type Store } from "../state/mod.ts";
import { type BrakeOptions, isTemporary, Patience, retryDelay, Watcher } from "../sync/mod.ts";
import { deleteBrake } from "./delete_brake.ts";
import { type Habits, learnFrom, patientHabits } from "./habits.ts";
import { type ServerOptions, withSessions } from "./sessions.ts";
import { fullCheckOf } from "./sync_command.ts";

/** Longer than a mailbox that fails waits for its next turn. */
const FORGET_MS = 20 * 60_000;
/** A server that lets us look and then hangs up, again and again, is not visited every second. */
const SHORT_MS = 10_000;
const MAX_SHORT = 4;

export interface WatchOptions extends ServerOptions {
  readonly mailboxes: readonly string[];
  /** Seconds between two looks. */
  readonly interval: number;
  /** Ask the servers to tell of changes. */
  readonly notify: boolean;
  /** A number from 0 to 1. */
  readonly random: () => number;
  /** Calls back at each SIGHUP, until the function that it returns is called. */
  readonly onHangup: (callback: () => void) => () => void;
  /** At SIGHUP. */
  readonly reopenLog: () => void;
}

/** Never resolves. @throws Interrupted at SIGINT and SIGTERM, or the InterimapError that there is no way around */
export async function watch(options: WatchOptions): Promise<never> {
  const database = openDatabase(options.config.database, { create: false });
  try {
    return await new Watch(options, database).run();
  } finally {
    database.close();
  }
}

class Watch {
  readonly #options: WatchOptions;
  readonly #database: Database;
  readonly #alarm: Alarm;
  readonly #patience: Patience;
  /** For what is said of mailboxes. */
  readonly #log: Logger;
  readonly #openStore: (delimiters: Delimiters) => Store;
  /** One for all looks: what it holds is told once. */
  readonly #brake: BrakeOptions;
  #habits: Habits;
  #watcher: Watcher | null = null;
  #hasWorked = false;
  /** In a row, without a complete look between them. */
  #failures = 0;
  /** Sessions in a row that were lost soon after a complete look. */
  #short = 0;
  /** When the first look of the present sessions was complete; null before that. */
  #lookedAt: number | null = null;

  constructor(options: WatchOptions, database: Database) {
    const { clock, log, interval } = options;
    this.#options = options;
    this.#database = database;
    this.#habits = patientHabits(database);
    this.#alarm = new Alarm(clock);
    this.#brake = deleteBrake(options, null);
    this.#patience = new Patience(clock.now);
    this.#log = onceLog(log, clock.now, FORGET_MS + 2000 * interval);
    this.#openStore = preparedOnce((delimiters) => prepareStore(database, delimiters, log));
  }

  async run(): Promise<never> {
    const { signal, onHangup, reopenLog } = this.#options;
    const wake = () => this.#alarm.ring();
    signal.addEventListener("abort", wake);
    const forget = onHangup(() => {
      reopenLog();
      this.#watcher?.lookNow();
      this.#alarm.ring();
    });
    try {
      for (;;) await this.#tryOnce();
    } finally {
      forget();
      signal.removeEventListener("abort", wake);
    }
  }

  /** Watches until a session is lost, and waits until it is time to try again. */
  async #tryOnce(): Promise<void> {
    const { signal, random, clock } = this.#options;
    signal.throwIfAborted();
    // What the sessions hang on ends with them.
    const life = new AbortController();
    const end = () => life.abort(signal.reason);
    signal.addEventListener("abort", end);
    try {
      await this.#connectAndWatch(life.signal);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      const learned = learnFrom(error, this.#habits, this.#database, this.#options.log);
      if (learned !== null) return void (this.#habits = learned);
      if (!isTemporary(error, this.#hasWorked) || !(error instanceof InterimapError)) throw error;
      this.#failures++;
      const isShort = this.#lookedAt !== null && clock.now() - this.#lookedAt < SHORT_MS;
      if (this.#lookedAt !== null) this.#short = isShort ? this.#short + 1 : 0;
      this.#lookedAt = null;
      this.#report(error);
    } finally {
      this.#watcher = null;
      signal.removeEventListener("abort", end);
    }
    await this.#alarm.wait(retryDelay(Math.max(this.#failures, Math.min(this.#short, MAX_SHORT)), random()));
  }

  async #connectAndWatch(signal: AbortSignal): Promise<void> {
    const { clock, mailboxes, interval, notify } = this.#options;
    await withSessions({ ...this.#options, signal, keepAlive: true }, this.#habits, (servers) => {
      const watcher = new Watcher({
        ...servers,
        names: mailboxes,
        openStore: this.#openStore,
        brake: this.#brake,
        fullCheck: fullCheckOf(this.#options),
        log: this.#log,
        clock,
        patience: this.#patience,
        pollMs: interval * 1000,
        notify,
        looked: () => this.#looked(),
      });
      this.#watcher = watcher;
      return watcher.run();
    });
  }

  #looked(): void {
    if (this.#failures > 0) this.#options.log.notice("Connected to both servers again");
    this.#hasWorked = true;
    this.#failures = 0;
    this.#lookedAt ??= this.#options.clock.now();
  }

  /** The first failure of a series is worth a line, and then fewer and fewer are. */
  #report({ component, message }: InterimapError): void {
    const log = logFor(this.#options.log, component);
    if (this.#failures === 1) log.warn(`${message}; trying again`);
    else if (isReminder(this.#failures)) log.warn(`${message}; ${this.#failures} attempts have failed, trying again`);
    else log.debug(`${message}; attempt ${this.#failures}`);
  }
}

/** Every power of 8: after about two minutes, after half a day, after days. */
function isReminder(failures: number): boolean {
  return Number.isInteger(Math.log2(failures) / 3);
}

function logFor(log: Logger, component: string | null): Logger {
  return component === null ? log : log.with({ component });
}

/** The store is kept over all sessions, while the servers' delimiters stay what they are. */
function preparedOnce(prepare: (delimiters: Delimiters) => Store): (delimiters: Delimiters) => Store {
  const kept: { store: Store | null; key: string } = { store: null, key: "" };
  return (delimiters) => {
    const key = JSON.stringify([delimiters.local, delimiters.remote]);
    if (kept.store === null || kept.key !== key) Object.assign(kept, { store: prepare(delimiters), key });
    if (kept.store === null) throw new Error("bug: no store was prepared");
    return kept.store;
  };
}
