// The log as a port. Who logs says what and where; how it looks and where it goes is the logger's business.

export interface LogContext {
  /** "local", "remote" or "database". */
  readonly component?: string;
  /** Mailbox as the server or the user spells it; one character per octet. */
  readonly mailbox?: string;
}

export interface Logger {
  /** The same log with another context (replaces both fields). */
  with(context: LogContext): Logger;
  /** `ERROR: text` */
  error(text: string): void;
  /** `WARNING: text` */
  warn(text: string): void;
  /** Shown even with --quiet. */
  notice(text: string): void;
  /** Suppressed by --quiet. */
  info(text: string): void;
  /** Only with --debug; a function is called only then. */
  debug(text: string | (() => string)): void;
  readonly debugging: boolean;
  /** 0, 1 (--debug: traffic with credentials hidden) or more (nothing hidden). */
  readonly debugLevel: number;
}
