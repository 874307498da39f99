// The program under test: a command, given by the environment variable INTERIMAP (default: build/interimap of this
// checkout), run in directories of its own. The original InterIMAP 0.5.7 can stand in its place; what only the new
// program promises is asked for where `isOriginal` is false.

import { LEASH, type Outcome, run } from "./child.ts";
import { PASSWORD } from "../live_dovecot.ts";
import type { Daemon, MailStore } from "../live_dovecot.ts";
import { within } from "./waiting.ts";

/** The original, as Debian installs it. */
export const ORIGINAL_COMMAND = "/usr/bin/interimap";

const CHECKOUT = new URL("../../../", import.meta.url).pathname;
const RUN_LIMIT_MS = 90_000;

/** Options of one section, in any order. */
export type Section = Readonly<Record<string, string>>;

export interface Program {
  /** The command and its first arguments. */
  readonly command: readonly string[];
  readonly isOriginal: boolean;
}

async function inspect(command: readonly string[], purpose: string): Promise<Program> {
  const [file] = command;
  if (file?.includes("/")) {
    await Deno.stat(file).catch(() => {
      throw new Error(`There is no ${file}, ${purpose}`);
    });
  }
  const version = await run([...command, "--version"], { env: environment("/nonexistent") });
  return { command, isOriginal: version.stdout.includes("Getopt::Long") };
}

/** The program under test. */
export function programUnderTest(): Promise<Program> {
  const command = Deno.env.get("INTERIMAP") ?? `${CHECKOUT}build/interimap`;
  return inspect(command.split(" "), "the program under test: run make, or name a command by INTERIMAP");
}

/** InterIMAP 0.5.7, for tests in which both take turns. */
export function theOriginal(): Promise<Program> {
  return inspect([ORIGINAL_COMMAND], "which this test needs: apt-get install interimap");
}

/** Everything that the program sees of the environment. */
export function environment(home: string): Record<string, string> {
  const denoFolder = Deno.execPath().replace(/\/[^/]*$/, "");
  const cache = Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME") ?? ""}/.cache/deno`;
  return {
    PATH: `${denoFolder}:/usr/local/bin:/usr/bin:/bin`,
    HOME: home,
    XDG_CONFIG_HOME: `${home}/config`,
    XDG_DATA_HOME: `${home}/data`,
    LANG: "C.UTF-8",
    DENO_DIR: cache,
    DENO_NO_UPDATE_CHECK: "1",
  };
}

/** A section that reaches a store through its tunnel. */
export function tunnelSection(store: MailStore): Section {
  return { type: "tunnel", command: store.tunnelCommand };
}

/** A section that reaches a store in clear text; `port` may be that of a relay before the daemon. */
export function plainSection(store: MailStore, server: Pick<Daemon, "port">, options: Section = {}): Section {
  return {
    type: "imap",
    host: "127.0.0.1",
    port: String(server.port),
    STARTTLS: "NO",
    compress: "NO",
    username: store.name,
    password: PASSWORD,
    ...options,
  };
}

/** What one run did, as its caller sees it. */
export interface RunResult extends Outcome {
  /** Lines of standard error. */
  readonly lines: readonly string[];
  readonly milliseconds: number;
}

/** A run that was started and has not been waited for. */
export interface RunningProgram {
  readonly pid: number;
  readonly result: Promise<RunResult>;
  kill(signal: Deno.Signal): void;
}

/** One configuration with its database: directories in which the program runs. */
export class Workspace {
  /** The last results, for the report of a failed test. */
  static readonly #history: RunResult[] = [];

  private constructor(readonly directory: string, readonly configFile: string, readonly databaseFile: string) {}

  /** Makes the directories and writes the configuration. `globals` goes to the default section. */
  static async create(directory: string, local: Section, remote: Section, globals: Section = {}): Promise<Workspace> {
    await Deno.mkdir(`${directory}/config/interimap`, { recursive: true });
    await Deno.mkdir(`${directory}/data/interimap`, { recursive: true });
    const database = `${directory}/data/interimap/state.db`;
    const workspace = new Workspace(directory, `${directory}/config/interimap/config`, database);
    await workspace.configure(local, remote, globals);
    return workspace;
  }

  /** Replaces the configuration. */
  async configure(local: Section, remote: Section, globals: Section = {}): Promise<void> {
    const lines = (section: Section) => Object.entries(section).map(([key, value]) => `${key} = ${value}\n`).join("");
    const text = `${lines({ database: "state.db", ...globals })}[local]\n${lines(local)}[remote]\n${lines(remote)}`;
    await Deno.writeTextFile(this.configFile, text, { mode: 0o600 });
  }

  /** Runs to the end; one that takes too long is killed and an error. */
  run(program: Program, args: readonly string[] = [], limitMs = RUN_LIMIT_MS): Promise<RunResult> {
    const running = this.start(program, args);
    return within(
      `${program.command.join(" ")} ${args.join(" ")}`,
      running.result,
      limitMs,
      () => running.kill("SIGKILL"),
    );
  }

  /** As `run`, for a run that has to succeed. */
  async sync(program: Program, args: readonly string[] = []): Promise<RunResult> {
    const result = await this.run(program, args);
    if (result.code !== 0) {
      throw new Error(`${program.command.join(" ")} ended with status ${result.code}:\n${result.stderr}`);
    }
    return result;
  }

  start(program: Program, args: readonly string[] = []): RunningProgram {
    const [file, ...rest] = [...LEASH, ...program.command, ...args];
    const started = performance.now();
    const child = new Deno.Command(file ?? "", {
      args: rest,
      env: environment(this.directory),
      clearEnv: true,
      cwd: this.directory,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const finish = async (): Promise<RunResult> => {
      const output = await child.output();
      const [stdout, stderr] = [output.stdout, output.stderr].map((bytes) => new TextDecoder().decode(bytes));
      const result = {
        code: output.code,
        signal: output.signal,
        stdout: stdout ?? "",
        stderr: stderr ?? "",
        lines: (stderr ?? "").split("\n").filter((line) => line !== ""),
        milliseconds: performance.now() - started,
      };
      Workspace.#history.push(result);
      if (Workspace.#history.length > 3) Workspace.#history.shift();
      return result;
    };
    return { pid: child.pid, result: finish(), kill: (signal) => child.kill(signal) };
  }

  static forgetOutput(): void {
    Workspace.#history.length = 0;
  }

  /** What the last runs wrote, for people. */
  static recentOutput(): string {
    return Workspace.#history.map((result) =>
      `--- a run that ended with status ${result.code}${
        result.signal === null ? "" : ` (${result.signal})`
      }\n${result.stderr}`
    ).join("");
  }
}
