// Runs one command and measures it: wall time, processor time and peak memory of all its processes, by GNU time.

import { LEASH, run } from "../../tests/support/live/child.ts";
import { environment } from "../../tests/support/live/program.ts";
import { within } from "../../tests/support/live/waiting.ts";

/** Seconds and bytes. */
export interface Cost {
  readonly wall: number;
  /** User and system. */
  readonly cpu: number;
  /** The peak of the largest process. */
  readonly rss: number;
}

export interface Measured {
  readonly cost: Cost;
  readonly code: number;
  /** The end of what it wrote on standard error. */
  readonly errors: string;
}

/** Thrown when a command took too long; it was killed. */
export class TimeLimitError extends Error {}

/** Runs a command in a directory of its own. @throws TimeLimitError */
export async function measure(command: readonly string[], directory: string, limitMs: number): Promise<Measured> {
  const file = `${directory}/time`;
  // When `time` is killed, the leash takes the tool with it.
  const [program, ...args] = [...LEASH, "/usr/bin/time", "-q", "-o", file, "-f", "%U %S %M", ...LEASH, ...command];
  const began = performance.now();
  const child = new Deno.Command(program ?? "", {
    args,
    env: environment(directory),
    clearEnv: true,
    cwd: directory,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const [errors, status, ended] = await within(
    "the run",
    Promise.all([new Response(child.stderr).text(), child.status, child.status.then(() => performance.now())]),
    limitMs,
    () => child.kill("SIGKILL"),
  ).catch((error) => {
    throw new TimeLimitError(error.message);
  });
  const [user, system, kilobytes] = (await Deno.readTextFile(file)).trim().split("\n").at(-1)?.split(" ").map(Number) ??
    [];
  const cost = { wall: (ended - began) / 1000, cpu: (user ?? NaN) + (system ?? NaN), rss: (kilobytes ?? NaN) * 1024 };
  return { cost, code: status.code, errors: errors.slice(-500).trim() };
}

/** What the machine is, for people. */
export async function describeMachine(): Promise<string> {
  const cpuInfo = await Deno.readTextFile("/proc/cpuinfo");
  const model = /^model name\s*:\s*(.+)$/m.exec(cpuInfo)?.[1] ?? "unknown processor";
  const system = /^PRETTY_NAME="(.+)"$/m.exec(await Deno.readTextFile("/etc/os-release"))?.[1] ?? "unknown system";
  const virtual = (await run(["systemd-detect-virt", "--vm"])).stdout.trim();
  const kind = virtual === "" || virtual === "none" ? "" : `, virtual machine (${virtual})`;
  return `${navigator.hardwareConcurrency} processors (${model})${kind}, ${system}`;
}
