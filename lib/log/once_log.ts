// For who does the same again and again: a warning, error or notice that was said a short while ago, and was true ever
// since, is not said again. Does not know what is done.

import type { LogContext, Logger } from "./types.ts";

/** More different lines than this are not remembered, and come again. */
const MAX_LINES = 10_000;

/**
 * What is not repeated goes to `log`; what is, only with --debug.
 * @param now milliseconds
 * @param forgetMs what was not repeated for so long is worth saying again
 */
export function onceLog(log: Logger, now: () => number, forgetMs: number): Logger {
  return new OnceLogger(log, new Memory(now, forgetMs), "");
}

class Memory {
  readonly #now: () => number;
  readonly #forgetMs: number;
  /** When each line was last to be said; the longest ago first. */
  readonly #said = new Map<string, number>();

  constructor(now: () => number, forgetMs: number) {
    this.#now = now;
    this.#forgetMs = forgetMs;
  }

  isNew(line: string): boolean {
    const now = this.#now();
    const last = this.#said.get(line);
    this.#said.delete(line);
    this.#said.set(line, now);
    for (const [old, at] of this.#said) {
      if (now - at < this.#forgetMs && this.#said.size <= MAX_LINES) break;
      this.#said.delete(old);
    }
    return last === undefined || now - last >= this.#forgetMs;
  }
}

class OnceLogger implements Logger {
  readonly #inner: Logger;
  readonly #memory: Memory;
  readonly #where: string;

  constructor(inner: Logger, memory: Memory, where: string) {
    this.#inner = inner;
    this.#memory = memory;
    this.#where = where;
  }

  get debugging(): boolean {
    return this.#inner.debugging;
  }

  get debugLevel(): number {
    return this.#inner.debugLevel;
  }

  with(context: LogContext): Logger {
    const where = `${context.component ?? ""}\0${context.mailbox ?? ""}`;
    return new OnceLogger(this.#inner.with(context), this.#memory, where);
  }

  error(text: string): void {
    if (this.#isNew(text)) this.#inner.error(text);
  }

  warn(text: string): void {
    if (this.#isNew(text)) this.#inner.warn(text);
  }

  notice(text: string): void {
    if (this.#isNew(text)) this.#inner.notice(text);
  }

  info(text: string): void {
    this.#inner.info(text);
  }

  debug(text: string | (() => string)): void {
    this.#inner.debug(text);
  }

  #isNew(text: string): boolean {
    if (this.#memory.isNew(`${this.#where}\0${text}`)) return true;
    this.#inner.debug(`(as before) ${text}`);
    return false;
  }
}
