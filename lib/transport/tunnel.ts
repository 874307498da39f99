// A child process whose standard input and output are the connection: starting, reading, writing, reaping it.
// It does not know what speaks at the other end. The environment is passed on as it is, PATH included (the original
// resets PATH to /usr/bin:/bin, so that a tunnel command in ~/bin fails there).

import type { Clock } from "../base/clock.ts";
import { TransportError } from "../errors.ts";
import { type CommandLine, ENV_PROGRAM, envBlocksSignals, guarded, parseCommand } from "./command_line.ts";
import { reasonOf } from "./reason.ts";
import type { ByteStream } from "./types.ts";

/** The size of a Linux pipe: more never comes at once. */
const READ_BUFFER_OCTETS = 64 * 1024;

/** Read without a pause. A pause takes a millisecond. */
const REST_AFTER_OCTETS = 4 * 1024 * 1024;

/** GNU env has 50 KB; where all commands are one large program (uutils), reading it takes longer than asking it. */
const MAX_ENV_OCTETS = 512 * 1024;

/** How long a child may take to leave, first after its input was closed, then after SIGTERM. */
const LEAVE_TIMEOUT_MS = 1_000;

/** Exit statuses by which a shell says that it could not run the command. */
const SHELL_EXIT_REASONS: ReadonlyMap<number, string> = new Map([
  [126, "the command can't be executed"],
  [127, "command not found"],
]);

/** How to start a tunnel. */
export interface TunnelOptions {
  readonly component: string;
  readonly command: string;
  /** Throws the child's stderr away; it goes to our own otherwise. */
  readonly nullStderr: boolean;
  readonly clock: Clock;
  readonly env: (name: string) => string | undefined;
}

/**
 * Starts the command. That it could be started does not mean that it goes on: the first `read` tells.
 * @throws TransportError phase "tunnel" when the command is missing or not executable
 */
export async function openTunnel(options: TunnelOptions): Promise<TunnelStream> {
  const { component, nullStderr, clock } = options;
  const command = parseCommand(options.command);
  if (command === null) throw new TransportError("tunnel", "Missing tunnel command", { component });
  const [envBlocks] = await Promise.all([canEnvBlock(), command.shell ? null : checkExecutable(command, options)]);
  const [program, args] = guarded(command.words, envBlocks);
  try {
    const child = new Deno.Command(program, {
      args,
      stdin: "piped",
      stdout: "piped",
      stderr: nullStderr ? "null" : "inherit",
    }).spawn();
    return new TunnelStream(child, command.name, component, clock);
  } catch (error) {
    throw new TransportError("tunnel", `Can't run tunnel command '${command.name}': ${reasonOf(error)}`, {
      component,
      cause: error,
    });
  }
}

/** A running child. */
export class TunnelStream implements ByteStream {
  /** Resolves when the child is gone and reaped. */
  readonly exited: Promise<Deno.CommandStatus>;
  readonly #child: Deno.ChildProcess;
  readonly #name: string;
  readonly #component: string;
  readonly #clock: Clock;
  readonly #reader: ReadableStreamBYOBReader;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  #buffer = new ArrayBuffer(READ_BUFFER_OCTETS);
  /** Octets since the last pause. */
  #unrested = 0;
  #received = false;
  #writing = false;
  #closed = false;

  constructor(child: Deno.ChildProcess, name: string, component: string, clock: Clock) {
    this.#child = child;
    this.#name = name;
    this.#component = component;
    this.#clock = clock;
    this.#reader = child.stdout.getReader({ mode: "byob" });
    this.#writer = child.stdin.getWriter();
    this.#writer.closed.catch(() => {}); // every failure is reported by the write that met it
    this.exited = child.status;
  }

  async read(): Promise<Uint8Array | null> {
    if (this.#closed) return null;
    const bytes = await this.#next();
    if (bytes !== null) {
      this.#received = true;
      return bytes;
    }
    if (this.#closed) return null;
    const status = await this.#statusSoon();
    if (this.#closed || status === null || (status.success && this.#received)) return null;
    const early = this.#received ? "" : " before it said anything";
    throw this.#failed("tunnel", `Tunnel command '${this.#name}' ${describe(status)}${early}`, null);
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#closed) throw this.#failed("write", `Tunnel command '${this.#name}' was closed on our side`, null);
    this.#writing = true;
    try {
      await this.#writer.write(bytes as Uint8Array<ArrayBuffer>);
    } catch (error) {
      const status = await this.#statusSoon();
      const what = status === null ? `reads no more: ${reasonOf(error)}` : describe(status);
      throw this.#failed("write", `Tunnel command '${this.#name}' ${what}`, error);
    } finally {
      this.#writing = false;
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    // Neither promise may be awaited: a child that reads no more holds up the first, and is killed below for it.
    this.#writer.close().catch(() => {});
    this.#reader.cancel().catch(() => {});
    this.#endChild();
  }

  /** The next octets; null when the child closed its output, or we did. */
  async #next(): Promise<Uint8Array | null> {
    if (this.#buffer.byteLength === 0) this.#buffer = new ArrayBuffer(READ_BUFFER_OCTETS);
    if (this.#unrested > REST_AFTER_OCTETS) await this.#rest();
    try {
      const { value, done } = await this.#reader.read(new Uint8Array(this.#buffer));
      if (value !== undefined) this.#buffer = value.buffer; // handed over by `read`, so it comes back
      this.#unrested += value?.length ?? 0;
      return done ? null : value;
    } catch (error) {
      if (this.#closed) return null;
      throw this.#failed("read", `Can't read from tunnel command '${this.#name}': ${reasonOf(error)}`, error);
    }
  }

  /** What handing the buffer over leaves behind is freed between two turns of the event loop only (Deno 2.9.6). */
  #rest(): Promise<void> {
    this.#unrested = 0;
    return new Promise((resolve) => void this.#clock.after(0, resolve));
  }

  /** Leaves the child the time to end by itself, as most do when their input ends; then SIGTERM, then SIGKILL. */
  #endChild(): void {
    const signals: Deno.Signal[] = this.#writing ? ["SIGKILL"] : ["SIGKILL", "SIGTERM"];
    let cancel = () => {};
    const next = () => {
      const signal = signals.pop();
      if (signal === undefined) return;
      this.#kill(signal);
      cancel = this.#clock.after(LEAVE_TIMEOUT_MS, next);
    };
    if (this.#writing) this.#kill("SIGTERM"); // its input can't be closed while it does not take what we wrote
    cancel = this.#clock.after(LEAVE_TIMEOUT_MS, next);
    this.exited.then(() => cancel(), () => cancel());
  }

  #kill(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch {
      // it is gone, which is what was wanted
    }
  }

  /** The exit status of a child that has closed its output, which may come a moment later; null if it stays. */
  #statusSoon(): Promise<Deno.CommandStatus | null> {
    return new Promise((resolve) => {
      const cancel = this.#clock.after(LEAVE_TIMEOUT_MS, () => resolve(null));
      const finish = (status: Deno.CommandStatus | null) => {
        cancel();
        resolve(status);
      };
      this.exited.then(finish, () => finish(null));
    });
  }

  #failed(phase: "read" | "write" | "tunnel", message: string, cause: unknown): TransportError {
    return new TransportError(phase, message, { component: this.#component, ...(cause === null ? {} : { cause }) });
  }
}

/** `exited with status 127 (command not found)`, `was killed by SIGTERM`, ... */
function describe(status: Deno.CommandStatus): string {
  if (status.signal !== null) return `was killed by ${status.signal}`;
  const reason = SHELL_EXIT_REASONS.get(status.code);
  return `exited with status ${status.code}${reason === undefined ? "" : ` (${reason})`}`;
}

/** False also when there is another env than GNU's own small program: then the shell finds out. */
async function canEnvBlock(): Promise<boolean> {
  try {
    const { size } = await Deno.stat(ENV_PROGRAM);
    return size <= MAX_ENV_OCTETS && envBlocksSignals(await Deno.readFile(ENV_PROGRAM));
  } catch {
    return false;
  }
}

/** Finds the program as execvp(3) would, because what the wrapping shell says about it may go to /dev/null. */
async function checkExecutable(command: CommandLine, options: TunnelOptions): Promise<void> {
  const program = command.words[0];
  const path = options.env("PATH");
  if (!program.includes("/") && path === undefined) return;
  const candidates = program.includes("/")
    ? [program]
    : (path ?? "").split(":").map((directory) => `${directory === "" ? "." : directory}/${program}`);
  let reason = program.includes("/") ? "no such file" : "not found in PATH";
  for (const candidate of candidates) {
    const verdict = await isExecutable(candidate);
    if (verdict === true) return;
    if (verdict === false) reason = "permission denied";
  }
  throw new TransportError("tunnel", `Can't run tunnel command '${command.name}': ${reason}`, {
    component: options.component,
  });
}

/** null: there is no such file. What can't be looked at is left to the shell to find out. */
async function isExecutable(path: string): Promise<boolean | null> {
  try {
    const { isFile, mode } = await Deno.stat(path);
    return isFile && (mode === null || (mode & 0o111) !== 0);
  } catch (error) {
    return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory ? null : true;
  }
}
