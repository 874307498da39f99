// The log: levels, prefixes, and one whole line per write. Text is octets, one character each, and is written as those
// octets; control characters become visible, so that a line stays one line. What is worth logging others decide.

import { escapeControls, fromLatin1, utf8Octets } from "../base/bytes.ts";
import { compilePrefix, DEFAULT_PREFIX, type Prefix } from "./prefix.ts";
import { timestamp } from "./timestamp.ts";
import type { LogContext, Logger } from "./types.ts";

/** Takes one line with its line feed. Must not throw. The buffer is the sink's from then on. */
export type LogSink = (line: Uint8Array) => void;

export interface LoggerOptions {
  readonly quiet: boolean;
  /** 0, 1 for --debug, more for a repeated one. */
  readonly debugLevel: number;
  readonly sink: LogSink;
  /** In the language of prefix.ts; the default is the original's. */
  readonly format?: string;
  /** Takes every line too, with the time before it; and debug lines alone, instead of `sink`. */
  readonly file?: TimedSink;
}

/** Where lines go with their time, and the clock, in milliseconds since the epoch. */
export interface TimedSink {
  readonly sink: LogSink;
  readonly now: () => number;
}

/** A log without context. */
export function createLogger(options: LoggerOptions): Logger {
  return new LineLogger({ ...options, prefix: compilePrefix(options.format ?? DEFAULT_PREFIX) }, {});
}

interface CompiledOptions extends LoggerOptions {
  readonly prefix: Prefix;
}

class LineLogger implements Logger {
  readonly debugLevel: number;
  readonly #options: CompiledOptions;
  readonly #prefix: string;

  constructor(options: CompiledOptions, context: LogContext) {
    this.debugLevel = options.debugLevel;
    this.#options = options;
    this.#prefix = options.prefix(context);
  }

  get debugging(): boolean {
    return this.debugLevel > 0;
  }

  with(context: LogContext): Logger {
    return new LineLogger(this.#options, context);
  }

  error(text: string): void {
    this.#write(`ERROR: ${text}`);
  }

  warn(text: string): void {
    this.#write(`WARNING: ${text}`);
  }

  notice(text: string): void {
    this.#write(text);
  }

  info(text: string): void {
    if (!this.#options.quiet) this.#write(text);
  }

  debug(text: string | (() => string)): void {
    if (!this.debugging) return;
    const { file, sink } = this.#options;
    const line = this.#line(typeof text === "string" ? text : text());
    if (file === undefined) sink(fromLatin1(line));
    else writeTimed(line, file);
  }

  #write(text: string): void {
    const { file, sink } = this.#options;
    const line = this.#line(text);
    if (file !== undefined) writeTimed(line, file);
    sink(fromLatin1(line));
  }

  #line(text: string): string {
    return `${escapeControls(octets(this.#prefix + text))}\n`;
  }
}

function writeTimed(line: string, { sink, now }: TimedSink): void {
  sink(fromLatin1(`${timestamp(now())} ${line}`));
}

/** Text that is no octet string after all (a message of the runtime, say) is written as UTF-8 instead of lost. */
function octets(text: string): string {
  return text.replace(/[\u0100-\uffff]+/g, utf8Octets);
}

/** Waits this long in one go for a terminal or pipe that takes nothing, and this often without any progress. */
const STALL_PAUSE_MS = 10;
const MAX_STALLS = 500;

/** The sink of standard error. Whether it can be written to never matters to the run. */
export function stderrSink(): LogSink {
  const idle = new Int32Array(new SharedArrayBuffer(4));
  return lineWriter((bytes) => Deno.stderr.writeSync(bytes), () => Atomics.wait(idle, 0, 0, STALL_PAUSE_MS));
}

/**
 * Writes lines with a function that may take a part only, may refuse for now (`WouldBlock`: ssh as a tunnel makes the
 * standard error that it shares with us non-blocking), or fail. What cannot be written is dropped.
 * @param write returns how many octets it took
 * @param pause blocks for a moment
 */
export function lineWriter(write: (bytes: Uint8Array) => number, pause: () => void): LogSink {
  return (line) => {
    let rest = line;
    let stalls = 0;
    while (rest.length > 0 && stalls < MAX_STALLS) {
      const taken = tryWrite(write, rest);
      if (taken === null) return;
      if (taken > 0) {
        rest = rest.subarray(taken);
        stalls = 0;
      } else {
        stalls++;
        pause();
      }
    }
  };
}

/** Octets taken, 0 when nothing can be taken for now, null when the log is lost. */
function tryWrite(write: (bytes: Uint8Array) => number, bytes: Uint8Array): number | null {
  try {
    return write(bytes);
  } catch (error) {
    return error instanceof Deno.errors.WouldBlock || error instanceof Deno.errors.Interrupted ? 0 : null;
  }
}
