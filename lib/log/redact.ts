// How lines of the wire look in the log of --debug: who sent them, no credentials, nothing that commands a terminal.
// The caller already replaced the contents of literals by `[...]` and knows which lines carry credentials.

import { escapeControls } from "../base/bytes.ts";

/** "C" for the client, "S" for the server. */
export type Sender = "C" | "S";

/** From this level on (--debug given twice) credentials are shown. */
const CLEAR_DEBUG_LEVEL = 2;

/**
 * A line as it may be logged. Octets above 0x7F pass, control characters become `\xHH`.
 * @param text without CRLF, one character per octet
 */
export function wireLine(sender: Sender, text: string): string {
  return `${sender}: ${cleanText(text)}`;
}

/**
 * A line of the client that carries credentials, shown in full only from debug level 2 on.
 * @param shown what stands for it below that level, see `redactCommand()`
 */
export function secretLine(text: string, shown: string, debugLevel: number): string {
  return wireLine("C", debugLevel >= CLEAR_DEBUG_LEVEL ? text : shown);
}

/**
 * Stands for a command with credentials: `xxx LOGIN [REDACTED]`.
 * @param name the command and, for AUTHENTICATE, its mechanism
 */
export function redactCommand(tag: string, name: string): string {
  return `${tag} ${name} [REDACTED]`;
}

/** Text of a server, a user or a file, one character per octet, made safe for a terminal and for one line. */
export function cleanText(text: string): string {
  return escapeControls(text);
}
