// A Logger that keeps what it is told, for tests.

import type { LogContext, Logger } from "../../lib/log/types.ts";

export class KeepingLog implements Logger {
  readonly lines: string[];
  readonly debugLevel: number;
  readonly #context: LogContext;

  constructor(debugLevel = 0, lines: string[] = [], context: LogContext = {}) {
    this.debugLevel = debugLevel;
    this.lines = lines;
    this.#context = context;
  }

  get debugging(): boolean {
    return this.debugLevel > 0;
  }

  with(context: LogContext): Logger {
    return new KeepingLog(this.debugLevel, this.lines, context);
  }

  error(text: string): void {
    this.#keep(`ERROR: ${text}`);
  }

  warn(text: string): void {
    this.#keep(`WARNING: ${text}`);
  }

  notice(text: string): void {
    this.#keep(text);
  }

  info(text: string): void {
    this.#keep(text);
  }

  debug(text: string | (() => string)): void {
    if (this.debugging) this.#keep(typeof text === "string" ? text : text());
  }

  #keep(text: string): void {
    const { component, mailbox } = this.#context;
    const where = component === undefined
      ? ""
      : mailbox === undefined
      ? `${component}: `
      : `${component}(${mailbox}): `;
    this.lines.push(where + text);
  }
}
