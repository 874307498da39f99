// Runs commands for the tests: with input and output held in memory, or as a two-way stream. Every child is on a
// leash: it is killed by the kernel when the test that started it ends in whatever way.

/** What a finished command left behind. Text is decoded as UTF-8. */
export interface Outcome {
  readonly code: number;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Put before a command: the kernel kills it when the thread that started it is gone. */
export const LEASH: readonly string[] = ["setpriv", "--pdeathsig", "KILL"];

export interface RunOptions {
  readonly env?: Record<string, string>;
  readonly stdin?: Uint8Array;
}

/** Runs a command to its end, whatever its status. */
export async function run(command: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const [program, ...args] = [...LEASH, ...command];
  const child = new Deno.Command(program ?? "", {
    args,
    ...(options.env === undefined ? {} : { env: options.env }),
    stdin: options.stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  if (options.stdin !== undefined) {
    const writer = child.stdin.getWriter();
    await writer.write(options.stdin);
    await writer.close();
  }
  const output = await child.output();
  const decoder = new TextDecoder();
  return {
    code: output.code,
    signal: output.signal,
    stdout: decoder.decode(output.stdout),
    stderr: decoder.decode(output.stderr),
  };
}

/** Runs a command that has to succeed, and returns its standard output. */
export async function mustRun(command: readonly string[], options: RunOptions = {}): Promise<string> {
  const outcome = await run(command, options);
  if (outcome.code !== 0) {
    throw new Error(`${command.join(" ")} failed with status ${outcome.code}: ${outcome.stderr.trim()}`);
  }
  return outcome.stdout;
}

/** Starts a command that runs until it is killed; what it says on standard error goes to a file. */
export function startChild(command: readonly string[], errorFile: string): Deno.ChildProcess {
  const [program, ...args] = [...LEASH, "sh", "-c", 'exec "$@" 2>"$0"', errorFile, ...command];
  return new Deno.Command(program ?? "", { args, stdin: "null", stdout: "null", stderr: "null" }).spawn();
}
