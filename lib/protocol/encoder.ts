// Commands -> octets, cut where the client must wait for the server or pump octets itself (RFC 9051 4.3, RFC 7888).
// Decides which literals are synchronizing; knows nothing of what a command means.

import type { Capabilities } from "./capability.ts";
import type { Command } from "./command.ts";

/** How literals may be sent: after a continuation request, or at once (LITERAL+), or at once when small (LITERAL-). */
export type LiteralMode = "synchronizing" | "plus" | "minus";

/**
 * A piece of a command. `text`: one character per octet. `continuation`: everything before is to be flushed, and a
 * continuation request awaited. `stream`: exactly so many octets are to be written by the client.
 */
export type Fragment =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "continuation" }
  | { readonly kind: "stream"; readonly octets: number };

/** Larger literals wait for the server even with LITERAL+, so that it can refuse the message before it is sent. */
export const MAX_NONSYNC_OCTETS = 1048576;
/** RFC 7888 section 5: what LITERAL- allows. */
const MAX_LITERAL_MINUS_OCTETS = 4096;

export function literalMode(capabilities: Capabilities): LiteralMode {
  if (capabilities.has("LITERAL+")) return "plus";
  return capabilities.has("LITERAL-") ? "minus" : "synchronizing";
}

/**
 * The fragments of a tagged command, CRLF at its end included. Literals are not copied. Each fragment is made when it is
 * its turn: an APPEND has hundreds, of which only the octets have to last.
 * @throws Error (a bug) when text holds CR, LF, NUL or a character that is not an octet; then nothing was sent
 */
export function encode(tag: string, command: Command, mode: LiteralMode): Iterable<Fragment> {
  for (const part of command.parts) if (typeof part === "string") check(part);
  return fragments(tag, command, mode);
}

function* fragments(tag: string, command: Command, mode: LiteralMode): Generator<Fragment> {
  let text = `${tag} `;
  for (const part of command.parts) {
    if (typeof part === "string") {
      text += part;
      continue;
    }
    const octets = "stream" in part ? part.stream : part.literal.length;
    const waits = isSynchronizing(octets, mode);
    yield { kind: "text", text: `${text}${announcement(octets, waits)}\r\n` };
    if (waits) yield { kind: "continuation" };
    if ("stream" in part) yield { kind: "stream", octets };
    else if (octets > 0) yield { kind: "bytes", bytes: part.literal };
    text = "";
  }
  yield { kind: "text", text: `${text}\r\n` };
}

/**
 * The command as the debug log shows it: its lines, separated by "\n", each literal as "[...]" at the beginning of the
 * line behind it. Of a command that holds a password only the name, without tag, unless `showSecrets`.
 */
export function describe(tag: string, command: Command, mode: LiteralMode, showSecrets = false): string {
  if (command.secret && !showSecrets) return `xxx ${command.name} [REDACTED]`;
  let text = `${tag} `;
  for (const part of command.parts) {
    if (typeof part === "string") {
      text += part;
      continue;
    }
    const octets = "stream" in part ? part.stream : part.literal.length;
    text += `${announcement(octets, isSynchronizing(octets, mode))}\n[...]`;
  }
  return text;
}

function isSynchronizing(octets: number, mode: LiteralMode): boolean {
  if (mode === "synchronizing") return true;
  return octets > (mode === "plus" ? MAX_NONSYNC_OCTETS : MAX_LITERAL_MINUS_OCTETS);
}

function announcement(octets: number, synchronizing: boolean): string {
  return synchronizing ? `{${octets}}` : `{${octets}+}`;
}

/** Nothing that came from elsewhere may end a line early. */
function check(text: string): void {
  // deno-lint-ignore no-control-regex
  if (/[\x00\r\n]|[^\x00-\xff]/.test(text)) {
    throw new Error("Text of a command contains CR, LF or NUL, or what is no octet");
  }
}
