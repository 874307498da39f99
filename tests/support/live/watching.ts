// A program that was started with --watch or --notify, between two servers with a relay before each: what it says is
// read by the relays, when it is ready by its log file. Ends the program with the test.

import assert from "node:assert/strict";
import type { ImapProbe } from "../imap_probe.ts";
import type { MailStore } from "../live_dovecot.ts";
import { Relay, type RelayRules, type RelayTarget, type Verdict } from "../relay.ts";
import { plainSection, type Program, type RunningProgram, type RunResult, type Section, Workspace } from "./program.ts";
import { waitUntil, within } from "./waiting.ts";
import { compareStores } from "./witness.ts";

export type Side = "local" | "remote";
export type Stores = Readonly<Record<Side, MailStore>>;

const SIDES: readonly Side[] = ["local", "remote"];
const READY_LIMIT_MS = 20_000;

/** One line on the wire, as the program sent it. */
export interface Said {
  readonly side: Side;
  readonly text: string;
  /** Of performance.now(). */
  readonly at: number;
}

export interface WatchOptions {
  readonly directory: string;
  readonly program: Program;
  readonly stores: Stores;
  /** Where the servers listen. */
  readonly servers: Readonly<Record<Side, RelayTarget>>;
  readonly args: readonly string[];
  readonly globals?: Section;
  /** Options of both sections. */
  readonly options?: Section;
  /** What becomes of a line of the program; default: it is passed on. */
  readonly judge?: (side: Side, text: string) => Verdict;
  /** Of the remote server's relay, besides. */
  readonly rules?: RelayRules;
  /** Leaves out the run before the watch; then nothing is waited for either. */
  readonly unprepared?: boolean;
}

/** The number of messages; -1 when there is no such mailbox. */
export async function count(probe: ImapProbe, mailbox: string): Promise<number> {
  const reply = await probe.try("STATUS ", mailbox, " (MESSAGES)");
  return Number(/MESSAGES (\d+)/.exec(JSON.stringify(reply))?.[1] ?? -1);
}

/** After the end of a watch; on a busy machine a signal may come before the state of its last look is complete. */
export async function differences(stores: Stores, { workspace, program }: Watching): Promise<readonly string[]> {
  await workspace.sync(program);
  return (await compareStores(stores.local, stores.remote, workspace.databaseFile)).differences;
}

/** Ends a watch during which so many messages came to the INBOX: both sides have each of them once. Closes the probes. */
export async function endsWithAll(
  watching: Watching,
  stores: Stores,
  probes: Readonly<Record<Side, ImapProbe>>,
  sent: number,
): Promise<void> {
  for (const side of SIDES) {
    await waitUntil(`all is on ${side}`, async () => await count(probes[side], "INBOX") >= sent, READY_LIMIT_MS);
  }
  await watching.waitsAgain();
  assert.equal((await watching.end("SIGTERM")).code, 0);
  for (const side of SIDES) {
    assert.equal(await count(probes[side], "INBOX"), sent, "lost or doubled");
    await probes[side].close();
  }
  assert.deepEqual(await differences(stores, watching), []);
}

/** Dovecot and Cyrus say [CLOSED]: a program that misses it has lost count of its own SELECTs. */
export const MISTAKEN = /without \[CLOSED\]/;

export class Watching implements AsyncDisposable {
  readonly workspace: Workspace;
  readonly logFile: string;
  readonly said: Said[];
  running: RunningProgram;
  readonly relays: Readonly<Record<Side, Relay>>;
  readonly program: Program;
  readonly #args: readonly string[];
  #ended = false;

  private constructor(
    workspace: Workspace,
    relays: Readonly<Record<Side, Relay>>,
    said: Said[],
    { program, args, directory }: WatchOptions,
  ) {
    this.workspace = workspace;
    this.logFile = `${directory}/log`;
    this.said = said;
    this.relays = relays;
    this.program = program;
    this.#args = args;
    this.running = this.#start();
  }

  /** Synchronizes once, starts the watch, and returns when it waits. */
  static async start(options: WatchOptions): Promise<Watching> {
    const { directory, program, stores, servers, globals, options: more } = options;
    const said: Said[] = [];
    const relayTo = (side: Side) =>
      Relay.start(servers[side], {
        ...(side === "remote" ? options.rules : {}),
        line(sender, text) {
          if (sender !== "client") return "pass";
          said.push({ side, text, at: performance.now() });
          return options.judge?.(side, text) ?? "pass";
        },
      });
    const relays = { local: relayTo("local"), remote: relayTo("remote") };
    const section = (side: Side) => plainSection(stores[side], relays[side], more);
    const workspace = await Workspace.create(directory, section("local"), section("remote"), {
      logfile: `${directory}/log`,
      ...globals,
    });
    if (options.unprepared !== true) await workspace.sync(program);
    said.length = 0;
    const watching = new Watching(workspace, relays, said, options);
    if (options.unprepared !== true) await watching.waitsAgain();
    return watching;
  }

  /** What was said from that line on, as `SIDE COMMAND`, without tags. */
  commandsSince(index: number): readonly string[] {
    return this.said.slice(index).map(({ side, text }) => `${side} ${text.replace(/^\d+ /, "")}`);
  }

  /** Nothing is said for so long. */
  async staysQuiet(ms: number): Promise<void> {
    const before = this.said.length;
    await this.waitsAgain(ms);
    assert.deepEqual(this.commandsSince(before), []);
  }

  /** Ends it by a signal; the program has 5 s. */
  async end(signal: "SIGTERM" | "SIGINT"): Promise<RunResult> {
    this.running.kill(signal);
    const result = await within(`the end after ${signal}`, this.running.result, 5000);
    assert.doesNotMatch(result.stderr, MISTAKEN);
    return result;
  }

  /** Waits until both servers were asked for everything, and then nothing was said for so long. */
  async waitsAgain(quietMs = 700): Promise<void> {
    const isQuiet = () => {
      const last = this.said.at(-1);
      const listed = SIDES.every((side) => this.said.some((one) => one.side === side && / LIST /.test(one.text)));
      return listed && last !== undefined && performance.now() - last.at > quietMs;
    };
    await waitUntil("the program waits", isQuiet, READY_LIMIT_MS);
  }

  /** The log without times, as far as it was written. */
  async log(): Promise<readonly string[]> {
    const text = await Deno.readTextFile(this.logFile).catch(() => "");
    return text.split("\n").filter((line) => line !== "").map((line) => line.replace(/^\S+ +\d+ [0-9:.]+ /, ""));
  }

  /** Waits for a line of the log. */
  async logs(pattern: RegExp, limitMs = 10_000): Promise<void> {
    await waitUntil(`the log has ${pattern}`, async () => (await this.log()).some((it) => pattern.test(it)), limitMs);
  }

  #start(): RunningProgram {
    const running = this.workspace.start(this.program, this.#args);
    running.result.then(() => this.#ended = true);
    return running;
  }

  get hasEnded(): boolean {
    return this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#ended) this.running.kill("SIGKILL");
    await this.running.result;
    await Promise.all(SIDES.map((side) => this.relays[side][Symbol.asyncDispose]()));
  }
}
