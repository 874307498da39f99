// Turns what the system, Deno or Node threw into the few words that stand at the end of our own messages.
// It knows no layer and decides nothing about error classes. What comes out is text for messages: one character per octet.

import { utf8Octets } from "../base/bytes.ts";

const MAX_UNTRUSTED_CHARACTERS = 200;

/** The reason of a failure: one line, no errno number, first letter lower case. */
export function reasonOf(error: unknown): string {
  const text = oneLine(error instanceof Error ? error.message : String(error))
    .replace(/ ?\(os error \d+\)/g, "")
    .replace(/^failed to lookup address information: /, "");
  if (text === "") return "unknown reason";
  return /^[A-Z][a-z]/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text;
}

/** Unicode text that a peer chose (a certificate's subject), fit for a message: printable, one line, bounded. */
export function oneLine(text: string): string {
  // deno-lint-ignore no-control-regex
  const clean = text.replace(/\s+/g, " ").replace(/[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g, "?").trim();
  return utf8Octets(
    clean.length > MAX_UNTRUSTED_CHARACTERS ? `${clean.slice(0, MAX_UNTRUSTED_CHARACTERS)}...` : clean,
  );
}
