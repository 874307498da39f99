// Where the benchmark runs: one private Dovecot with a user for each store, prepared stores of which each run gets a
// copy, and a relay with a round-trip time before the remote one. Owns all of it. Decides nothing about figures.

import { LEASH, mustRun } from "../../tests/support/live/child.ts";
import { passwdLine } from "../../tests/support/live/dovecot_conf.ts";
import { environment } from "../../tests/support/live/program.ts";
import { type Daemon, Lab, type Layout, type MailStore } from "../../tests/support/live_dovecot.ts";
import { compare, readContents } from "./check.ts";
import { type Cost, measure, TimeLimitError } from "./measure.ts";
import type { Traffic } from "./relay.ts";
import { RelayProcess } from "./relay_process.ts";
import type { Scenario } from "./scenarios.ts";
import { type Base, fill, type Model, type Stores } from "./stores.ts";
import { BENCH_PASSWORD, type Connection, type Tool } from "./tools.ts";
import { type Deliveries, measureDeliveries } from "./watch.ts";

/** Stores, and the state of the tool that has synchronized them. */
export interface Prepared {
  readonly stores: Stores;
  /** Of the tool: its configuration and state. */
  readonly directory: string;
  readonly model: Model;
}

/** One run: what it cost, unless its result was wrong. */
export interface Result {
  readonly verdict: "ok" | "FAILED" | "timeout";
  readonly cost: Cost | null;
  /** What the relay saw of the remote connection; null without one. */
  readonly traffic: readonly Traffic[] | null;
  /** What was wrong. */
  readonly faults: readonly string[];
  /** Seconds that each message took, of a tool that watched. */
  readonly latencies?: readonly number[];
}

export interface RigOptions {
  /** A directory on a RAM disk, best; its path must be short. */
  readonly parent: string;
  readonly seed: number;
  readonly tls?: boolean;
  readonly compress?: boolean;
  /** Where configuration and state of the tools are; null: with the rest. */
  readonly disk?: string | null;
}

const SPARE_PROCESSES = 8;
const PREPARATION_LIMIT_MS = 900_000;
/** For the server to end the last sessions and to have processes ready for the next. */
const REST_MS = 200;

function copyOfModel(model: Model): Model {
  return new Map([...model].map(([mailbox, rows]) => [mailbox, new Map(rows)]));
}

function end(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGTERM");
  } catch {
    // ended by itself
  }
}

export class Rig {
  readonly #lab: Lab;
  readonly #daemon: Daemon;
  readonly #seed: number;
  readonly #connection: Connection;
  /** For configuration and state of the tools. */
  readonly #tools: string;
  #made = 0;

  private constructor(lab: Lab, daemon: Daemon, seed: number, connection: Connection, tools: string) {
    this.#lab = lab;
    this.#daemon = daemon;
    this.#seed = seed;
    this.#connection = connection;
    this.#tools = tools;
  }

  static async open({ parent, seed, tls = false, compress = false, disk = null }: RigOptions): Promise<Rig> {
    const lab = await Lab.open(parent);
    const daemon = await lab.daemon({}, SPARE_PROCESSES);
    const { ca, good } = await lab.certificates();
    const connection = { tls: tls ? { authority: ca, certificate: good.certificate } : null, compress };
    const tools = disk === null ? lab.directory : await Deno.makeTempDir({ dir: disk, prefix: "interimap-bench-" });
    return new Rig(lab, daemon, seed, connection, tools);
  }

  /** Stores before the first synchronization. */
  async fill(base: Base): Promise<Prepared> {
    const number = ++this.#made;
    const local = await this.#store(`b${number}-local`, { format: base.localFormat ?? "maildir", separator: "/" });
    const remote = await this.#store(`b${number}-remote`, { format: "mdbox", separator: "/" });
    const directory = await this.#directory(number);
    return { stores: { local, remote }, directory, model: await fill(base, { local, remote }, this.#seed) };
  }

  /** A copy of the stores and of the tool's state, with users of their own. */
  async copy({ stores, directory, model }: Prepared): Promise<Prepared> {
    const number = ++this.#made;
    const [local, remote] = [
      await this.#copyStore(stores.local, `c${number}-local`),
      await this.#copyStore(stores.remote, `c${number}-remote`),
    ];
    const copied = await this.#directory(number);
    await mustRun(["cp", "-a", `${directory}/.`, copied]);
    return { stores: { local, remote }, directory: copied, model: copyOfModel(model) };
  }

  async discard({ stores, directory }: Prepared): Promise<void> {
    for (const path of [stores.local.home, stores.remote.home, directory]) await Deno.remove(path, { recursive: true });
  }

  /** A copy that the tool has synchronized, twice, so that its state has settled. */
  async synchronized(base: Prepared, tool: Tool): Promise<Prepared> {
    const prepared = await this.copy(base);
    const by = tool.preparedBy ?? tool;
    for (let round = 0; round < 2; round++) {
      const { faults } = await this.#run(prepared, by, 0, PREPARATION_LIMIT_MS);
      if (faults.length > 0) throw new Error(`the first synchronization by ${by.name} failed: ${faults.join("; ")}`);
    }
    return prepared;
  }

  async change(prepared: Prepared, scenario: Scenario): Promise<void> {
    await scenario.change?.(prepared.stores, prepared.model, this.#seed);
  }

  /** Runs the tool on a copy, and checks what it did. `rtt` 0: without a relay. */
  async measure(prepared: Prepared, tool: Tool, rtt: number, limitMs: number): Promise<Result> {
    const copied = await this.copy(prepared);
    try {
      return await this.#run(copied, tool, rtt, limitMs);
    } finally {
      await this.discard(copied);
    }
  }

  /** Lets the tool watch a copy while messages are delivered, and checks what it did. */
  async watch(prepared: Prepared, tool: Tool, rtt: number, deliveries: Deliveries): Promise<Result> {
    const copied = await this.copy(prepared);
    const relay = await this.#configure(copied, tool, rtt);
    const { stores, directory, model } = copied;
    const [program, ...args] = [...LEASH, ...tool.watch?.(directory) ?? []];
    const child = new Deno.Command(program ?? "", {
      args,
      env: environment(directory),
      clearEnv: true,
      cwd: directory,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    try {
      const latencies = await measureDeliveries(stores, model, deliveries, this.#seed);
      end(child);
      await child.status;
      const faults = await this.#faultsOf(copied, tool);
      return { verdict: faults.length > 0 ? "FAILED" : "ok", cost: null, traffic: null, faults, latencies };
    } catch (error) {
      const faults = [error instanceof Error ? error.message : String(error)];
      return { verdict: "FAILED", cost: null, traffic: null, faults, latencies: [] };
    } finally {
      end(child);
      await child.status;
      await relay?.stop();
      await this.discard(copied);
    }
  }

  /** Writes the tool's configuration, and lets the servers come to rest. Returns the relay before the remote one. */
  async #configure({ stores, directory }: Prepared, tool: Tool, rtt: number): Promise<RelayProcess | null> {
    const connection = this.#connection;
    const port = connection.tls === null ? this.#daemon.port : this.#daemon.tlsPort;
    const relay = rtt === 0 ? null : await RelayProcess.start(port, rtt);
    const local = { user: stores.local.name, port };
    const remote = { user: stores.remote.name, port: relay?.port ?? port };
    const [file, text] = tool.configure({ directory, local, remote, connection });
    await Deno.writeTextFile(`${directory}/${file}`, text, { mode: 0o600 });
    // What was copied to a disk is not written while the tool is measured.
    if (this.#tools !== this.#lab.directory) await mustRun(["sync", "-f", directory]);
    await new Promise((resolve) => setTimeout(resolve, REST_MS));
    return relay;
  }

  async #faultsOf({ stores, model }: Prepared, tool: Tool): Promise<readonly string[]> {
    return [
      ...compare(model, await readContents(stores.local), tool.habits).map((fault) => `local ${fault}`),
      ...compare(model, await readContents(stores.remote), tool.habits).map((fault) => `remote ${fault}`),
    ];
  }

  async #run(prepared: Prepared, tool: Tool, rtt: number, limitMs: number): Promise<Result> {
    const relay = await this.#configure(prepared, tool, rtt);
    const { directory } = prepared;
    const measured = await measure(tool.command(directory), directory, limitMs).catch((error) => {
      if (error instanceof TimeLimitError) return null;
      throw error;
    });
    const traffic = await relay?.stop() ?? null;
    if (measured === null) return { verdict: "timeout", cost: null, traffic, faults: [`not done in ${limitMs} ms`] };
    const faults = [
      ...(measured.code === 0 ? [] : [`exit status ${measured.code}: ${measured.errors}`]),
      ...await this.#faultsOf(prepared, tool),
    ];
    if (faults.length > 0) return { verdict: "FAILED", cost: null, traffic, faults };
    return { verdict: "ok", cost: measured.cost, traffic, faults };
  }

  async #directory(number: number): Promise<string> {
    const directory = `${this.#tools}/tool-${number}`;
    await Deno.mkdir(`${directory}/mbsync`, { recursive: true });
    return directory;
  }

  /** With a password that needs quoting in no tool's configuration. */
  async #store(name: string, layout: Layout): Promise<MailStore> {
    return await this.#simplePassword(await this.#lab.store(name, layout));
  }

  async #copyStore(original: MailStore, name: string): Promise<MailStore> {
    return await this.#simplePassword(await this.#lab.copyOf(original, name));
  }

  async #simplePassword(store: MailStore): Promise<MailStore> {
    const line = passwdLine(store.name, BENCH_PASSWORD, store.home, store.layout);
    await Deno.writeTextFile(`${this.#lab.directory}/users/${store.name}`, line);
    return store;
  }

  /** Stops the servers and removes every file. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lab.close();
    if (this.#tools !== this.#lab.directory) await Deno.remove(this.#tools, { recursive: true });
  }
}
