// From the command line to the exit status. The only place where an error becomes text and a number, and the only
// catch-all: what is not one of our errors is a bug, printed with its stack.
// The commands are imported as everything else is: were one loaded only when it is asked for, the bundler would wrap all
// that it needs in functions, and V8 would read their text once more at each start.

import type { Clock } from "../base/clock.ts";
import { type Environment, fileError, loadConfig, visiblePath } from "../config/mod.ts";
import { InterimapError, Interrupted } from "../errors.ts";
import { createLogger, type LogFile, type Logger, type LogSink, openLogFile } from "../log/mod.ts";
import { parseArguments, type RunInvocation } from "./args.ts";
import { BUG, bugText } from "./bugs.ts";
import { deleteCommand } from "./delete_command.ts";
import { LONG_USAGE, SHORT_USAGE, versionText } from "./help.ts";
import { renameCommand } from "./rename_command.ts";
import type { RunReport } from "../sync/mod.ts";
import type { ServerOptions } from "./sessions.ts";
import { synchronize } from "./sync_command.ts";
import { VERSION } from "./version.ts";
import { watch } from "./watch_command.ts";

/** Exit statuses (the man page lists them). */
const OK = 0;
const NOTHING_DONE = 1;
const PARTLY_DONE = 2;
const DELETES_HELD = 3;

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
  /** Calls back at each SIGHUP, instead of ending, until the function that it returns is called. */
  readonly onHangup: (callback: () => void) => () => void;
  /** A number from 0 to 1. */
  readonly random: () => number;
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
    case "run":
      return await execute(invocation, outside);
  }
}

async function execute(invocation: RunInvocation, outside: Outside): Promise<number> {
  const { quiet, debugLevel } = invocation;
  const options = { quiet, debugLevel, sink: outside.sink };
  const early = createLogger(options);
  let logFile: LogFile | null = null;
  let log = early;
  try {
    const { config, warnings } = loadConfig(invocation.config, outside.environment);
    const { clock, env, signal } = outside;
    logFile = config.logFile === null ? null : openLog(config.logFile);
    const file = logFile === null ? {} : { file: { sink: logFile.sink, now: clock.now } };
    log = createLogger({ ...options, ...file, format: config.logPrefix });
    log.debug(`>>> interimap ${VERSION}`);
    for (const warning of warnings) log.warn(warning);
    const servers = { config, log, clock, env, signal };
    if (invocation.watch !== null) {
      const { mailboxes, watch: interval, notify } = invocation;
      const { random, onHangup } = outside;
      const reopenLog = () => logFile?.reopen();
      await watch({ ...servers, mailboxes, interval, notify, random, onHangup, reopenLog });
    }
    const { problems, held } = await carryOut(invocation, servers);
    if (held > 0) return DELETES_HELD;
    return problems === 0 ? OK : PARTLY_DONE;
  } catch (error) {
    return report(error, log, outside);
  } finally {
    logFile?.close();
  }
}

/** @throws ConfigError */
function openLog(path: string): LogFile {
  try {
    return openLogFile(path);
  } catch (error) {
    throw fileError(`Can't open log file ${visiblePath(path)}`, path, error);
  }
}

/** Carries out everything but --watch. */
async function carryOut(invocation: RunInvocation, servers: ServerOptions): Promise<RunReport> {
  const { command, mailboxes, targets, confirmed } = invocation;
  switch (command) {
    case "delete":
      return await deleteCommand({ ...servers, mailboxes, targets });
    case "rename":
      return await renameCommand({ ...servers, mailboxes, targets });
    case "sync":
    case "repair":
      return await synchronize({ ...servers, mailboxes, repair: command === "repair", confirmed });
  }
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
  outside.stderr(bugText(reason));
  return BUG;
}
