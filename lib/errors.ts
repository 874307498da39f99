// The error classes of the whole program: what failed, how far the damage reaches, what to do next.
// It decides nothing about printing or exit statuses (lib/cli/run.ts does) and knows no other file.

/** How much of the run an error takes with it. */
export type ErrorScope = "message" | "mailbox" | "session" | "program";

/** Where an error happened, for the log prefix. `mailbox` is one character per octet. */
export interface ErrorContext {
  readonly component?: string; // "local" | "remote" | "database"
  readonly mailbox?: string;
  readonly hints?: readonly string[]; // what the user may do next, one sentence each
  readonly cause?: unknown;
}

/** Base of every error that is not a bug. The message is one line without prefix or final period. */
export abstract class InterimapError extends Error {
  abstract readonly scope: ErrorScope;
  component: string | null;
  mailbox: string | null;
  readonly hints: readonly string[];

  constructor(message: string, context: ErrorContext = {}) {
    super(message, context.cause === undefined ? undefined : { cause: context.cause });
    this.name = new.target.name;
    this.component = context.component ?? null;
    this.mailbox = context.mailbox ?? null;
    this.hints = context.hints ?? [];
  }
}

/** The command line is wrong; the short usage follows it. */
export class UsageError extends InterimapError {
  readonly scope = "program";
}

/** The configuration file cannot be used. The message names file, line and option. */
export class ConfigError extends InterimapError {
  readonly scope = "program";
}

export type TransportPhase =
  | "resolve"
  | "connect"
  | "proxy"
  | "tls"
  | "read"
  | "write"
  | "timeout"
  | "tunnel";

/** The byte stream could not be opened, or broke. */
export class TransportError extends InterimapError {
  readonly scope = "session";
  constructor(readonly phase: TransportPhase, message: string, context: ErrorContext = {}) {
    super(message, context);
  }
}

/** The peer could not prove who it is. Never retried; no octet of IMAP is sent after it. */
export class TlsError extends InterimapError {
  readonly scope = "program";
}

/** The server's key is none of those that SSL_fingerprint names. */
export class PinMismatchError extends TlsError {}

/** The peer broke the grammar or a MUST of the protocol. The session is over. */
export class ProtocolError extends InterimapError {
  readonly scope = "session";
}

/** The server selected another mailbox without [CLOSED] (RFC 7162 3.2.11); on a new connection UNSELECT will do instead. */
export class SilentLeaveError extends ProtocolError {}

/** A tagged NO or BAD. `code` is the response code's name, or null. */
export class CommandError extends InterimapError {
  readonly scope = "session";
  constructor(
    readonly command: string,
    readonly status: "NO" | "BAD",
    readonly code: string | null,
    readonly text: string,
    context: ErrorContext = {},
  ) {
    super(`${command}: ${status} ${code === null ? "" : `[${code}] `}${text}`, context);
  }
}

/** The server said BYE. */
export class ByeError extends InterimapError {
  readonly scope = "session";
}

/** A required extension is missing. */
export class CapabilityError extends InterimapError {
  readonly scope = "program";
}

/**
 * What was sent behind the login assumed capabilities that the server does not have, or was lost: everything is to be
 * done again without assuming. `again`: whether a later run may assume.
 */
export class StaleCapabilitiesError extends InterimapError {
  readonly scope = "session";
  constructor(message: string, readonly again: boolean, context: ErrorContext = {}) {
    super(message, context);
  }
}

/** Logging in failed, or must not be tried. */
export class AuthenticationError extends InterimapError {
  readonly scope = "program";
}

/** One mailbox cannot be synchronized; the others can. */
export class MailboxError extends InterimapError {
  readonly scope = "mailbox";
}

/** The state file is locked, foreign, damaged or cannot be written. */
export class StateError extends InterimapError {
  readonly scope: ErrorScope = "program";
}

/** Another process holds the state file. */
export class LockedError extends StateError {}

/** SIGINT or SIGTERM, carried as the reason of an AbortSignal. */
export class Interrupted extends InterimapError {
  readonly scope = "program";
  constructor(readonly signal: "SIGINT" | "SIGTERM") {
    super(`Interrupted by ${signal}`);
  }
}
