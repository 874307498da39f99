// From the command line to the exit status. The only place where an error becomes text and a number, and the only
// catch-all: what is not one of our errors is a bug, printed with its stack.

import type { Clock } from "../base/clock.ts";
import { type Environment, loadConfig } from "../config/mod.ts";
import { InterimapError, Interrupted } from "../errors.ts";
import { createLogger, type Logger, type LogSink } from "../log/mod.ts";
import { firstUnsupported, parseArguments, type RunInvocation } from "./args.ts";
import { LONG_USAGE, SHORT_USAGE, versionText } from "./help.ts";
import { VERSION } from "./version.ts";

/** Exit statuses (the man page lists them). */
const OK = 0;
const NOTHING_DONE = 1;
const PARTLY_DONE = 2;
const BUG = 255;

/** The doors to the outside world. */
export interface Outside {
  readonly argv: readonly string[];
  readonly environment: Environment;
  readonly env: (name: string) => string | undefined;
  readonly stdout: (text: string) => void;
  /** Raw text on standard error: usages and stacks. */
  readonly stderr: (text: string) => void;
  readonly sink: LogSink;
  readonly clock: Clock;
  /** SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
  /** For --version: "Deno 2.9.6". */
  readonly runtime: string;
}

/** Runs the program; resolves to its exit status. */
export async function run(outside: Outside): Promise<number> {
  const invocation = parseArguments(outside.argv);
  switch (invocation.kind) {
    case "help":
      outside.stderr(LONG_USAGE);
      return OK;
    case "version":
      for (const problem of invocation.problems) outside.stderr(`${problem}\n`);
      outside.stdout(versionText(VERSION, outside.runtime));
      return OK;
    case "usage":
      for (const problem of invocation.problems) outside.stderr(`${problem}\n`);
      outside.stderr(SHORT_USAGE);
      return NOTHING_DONE;
    case "invalid":
      outside.stderr(`${invocation.problem}\n`);
      return NOTHING_DONE;
    case "run": {
      const { quiet, debugLevel } = invocation;
      const log = createLogger({ quiet, debugLevel, sink: outside.sink });
      try {
        return await execute(invocation, log, outside);
      } catch (error) {
        return report(error, log, outside);
      }
    }
  }
}

async function execute(invocation: RunInvocation, log: Logger, outside: Outside): Promise<number> {
  const unsupported = firstUnsupported(invocation);
  if (unsupported !== null) {
    log.error(`${unsupported} is not supported yet`);
    return NOTHING_DONE;
  }
  log.debug(`>>> interimap ${VERSION}`);
  const { config, warnings } = loadConfig(invocation.config, outside.environment);
  for (const warning of warnings) log.warn(warning);
  const { synchronize } = await import("./sync_command.ts");
  const { clock, env, signal } = outside;
  const { problems } = await synchronize({ config, mailboxes: invocation.mailboxes, log, clock, env, signal });
  return problems === 0 ? OK : PARTLY_DONE;
}

function report(error: unknown, log: Logger, outside: Outside): number {
  const reason = outside.signal.aborted ? outside.signal.reason : error;
  if (reason instanceof Interrupted) {
    log.notice(reason.message);
    return reason.signal === "SIGTERM" ? OK : NOTHING_DONE;
  }
  if (reason instanceof InterimapError) {
    const { component, mailbox, message, hints } = reason;
    const context = { ...(component === null ? {} : { component }), ...(mailbox === null ? {} : { mailbox }) };
    log.with(context).error([message, ...hints].join("; "));
    return NOTHING_DONE;
  }
  const stack = reason instanceof Error ? reason.stack ?? reason.message : String(reason);
  outside.stderr(`interimap: this is a bug, please report it:\n${stack}\n`);
  return BUG;
}
