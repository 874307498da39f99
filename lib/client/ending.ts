// What the end of a connection is called, by what was known when it came. Pure.

import { ByeError, ProtocolError, TransportError } from "../errors.ts";

/** What is known of a connection. */
export interface Situation {
  readonly component: string;
  readonly greeted: boolean;
  /** The text of the server's BYE. */
  readonly bye: string | null;
  /** A login is not answered yet. */
  readonly loggingIn: boolean;
}

/** The server has closed the connection. */
export function endOfStream({ component, greeted, bye }: Situation): Error {
  if (bye !== null) return new ByeError(`The server closed the connection: ${bye}`, { component });
  const text = greeted
    ? "The server closed the connection"
    : "The server closed the connection without an IMAP greeting";
  return new TransportError("read", text, { component });
}

/** What was thrown while reading or writing, in the words that fit the situation. */
export function endingError(error: unknown, phase: "read" | "write", situation: Situation): Error {
  const { component, greeted, bye, loggingIn } = situation;
  if (error instanceof ProtocolError && !greeted) {
    const text = "The greeting is not that of an IMAP server; check host, port and type";
    return new ProtocolError(text, { component, cause: error });
  }
  // What is malformed may have the password in it.
  if (error instanceof ProtocolError && loggingIn) {
    return new ProtocolError("The server's answer to the login is malformed", { component });
  }
  if (error instanceof TransportError && bye !== null) {
    return new ByeError(`The server closed the connection (${phase}): ${bye}`, { component });
  }
  return error instanceof Error ? error : new Error(String(error));
}
