// When and whether a lost or refused connection is tried again. Decides only: who waits and connects is another.

import { AuthenticationError, ByeError, CommandError, MailboxError, ProtocolError, TransportError } from "../errors.ts";

const FIRST_DELAY_MS = 1000;
const MAX_DELAY_MS = 15 * 60_000;

/** Refusals that pass by themselves (RFC 5530, RFC 9051 7.1). */
const TEMPORARY_CODES: ReadonlySet<string> = new Set(["UNAVAILABLE", "INUSE", "LIMIT", "SERVERBUG"]);

/**
 * How long to wait before the next attempt, in ms: doubled with each failure in a row, and somewhere between a half and
 * the whole of that, so that the clients of a server that comes back do not all come at once.
 * @param failures at least 1
 * @param random from 0 to 1
 */
export function retryDelay(failures: number, random: number): number {
  const whole = Math.min(FIRST_DELAY_MS * 2 ** Math.min(failures - 1, 30), MAX_DELAY_MS);
  return Math.round(whole * (1 + random) / 2);
}

/**
 * Whether it is worth while to try again after this error.
 * @param worked whether everything has worked at least once: then what is there is an IMAP server, and the configuration
 * is right
 */
export function isTemporary(error: unknown, worked: boolean): boolean {
  if (error instanceof TransportError) return worked || error.phase !== "tunnel";
  if (error instanceof ByeError) return true;
  if (error instanceof AuthenticationError) return isPassingRefusal(error.cause);
  if (error instanceof CommandError) return worked || isPassingRefusal(error);
  return worked && (error instanceof ProtocolError || error instanceof MailboxError);
}

function isPassingRefusal(error: unknown): boolean {
  return error instanceof CommandError && error.status === "NO" && error.code !== null &&
    TEMPORARY_CODES.has(error.code);
}
