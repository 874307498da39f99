// Decides which character separates the levels of mailbox names on a server, how names are spelled there, and which
// mailboxes cannot be mirrored because of it (RFC 9051 5.1.1 and 6.3.9). Does not list.

import { asciiUpper } from "../base/bytes.ts";
import { toInternal, toWire } from "../protocol/mod.ts";

/** How one server spells the names of mailboxes. */
export interface Naming {
  /** The option list-reference: what stands before every name; mostly "". */
  readonly reference: string;
  /** null: a flat namespace. */
  readonly delimiter: string | null;
}

/** One mailbox as LIST gave it: the name on the wire, and its delimiter (null: no hierarchy). */
export interface ListedDelimiter {
  readonly mailbox: string;
  readonly delimiter: string | null;
}

/** "ask": nothing tells yet; LIST with an empty mailbox name has to. */
export type DelimiterChoice =
  | { readonly kind: "known"; readonly delimiter: string | null }
  | { readonly kind: "ask" };

/** A mailbox to be left out, and why (without prefix). */
export interface NamespaceProblem {
  readonly mailbox: string;
  readonly text: string;
}

/** The delimiter of the alphabetically first mailbox. INBOX does not count: it is in a namespace of its own. */
export function chooseDelimiter(listed: readonly ListedDelimiter[]): DelimiterChoice {
  let first: ListedDelimiter | null = null;
  for (const candidate of listed) {
    if (isInbox(candidate.mailbox)) continue;
    if (first === null || candidate.mailbox < first.mailbox) first = candidate;
  }
  return first === null ? { kind: "ask" } : { kind: "known", delimiter: first.delimiter };
}

/** The mailboxes whose delimiter is not the expected one, in the order listed. INBOX does not count, its children do. */
export function delimiterProblems(listed: readonly ListedDelimiter[], expected: string | null): NamespaceProblem[] {
  const problems: NamespaceProblem[] = [];
  for (const { mailbox, delimiter } of listed) {
    if (delimiter === expected || isInbox(mailbox)) continue;
    const text = `Mailbox ${mailbox} has hierarchy delimiter ${printDelimiter(delimiter)}, ` +
      `while ${printDelimiter(expected)} was expected.`;
    problems.push({ mailbox, text });
  }
  return problems;
}

/**
 * Why two servers with these delimiters cannot be synchronized at all, or null: a hierarchy cannot be mirrored to a
 * flat namespace.
 */
export function checkNamespaces(local: string | null, remote: string | null): string | null {
  if ((local === null) === (remote === null)) return null;
  return "Local and remote namespaces are neither both flat nor both hierarchical " +
    `(local ${printDelimiter(local)}, remote ${printDelimiter(remote)}).`;
}

/**
 * Whether a mailbox cannot exist on the other side because its name contains the delimiter of that side as an ordinary
 * character: it would come out there as a child of something, and fall together with the real child of that name.
 * `internal` has NUL where its own delimiter was.
 */
export function unsafeName(internal: string, otherDelimiter: string | null): boolean {
  return otherDelimiter !== null && internal.includes(otherDelimiter);
}

/**
 * The internal name of a mailbox that LIST gave; null for one outside of the reference, which is none of our business.
 * INBOX is a name of its own only without a reference: "perso/INBOX" is the partner of the other server's INBOX.
 */
export function internalName(wire: string, { reference, delimiter }: Naming): string | null {
  if (reference === "") return toInternal(wire, delimiter);
  if (!wire.startsWith(reference) || wire.length === reference.length) return null;
  const rest = wire.slice(reference.length);
  return delimiter === null ? rest : rest.replaceAll(delimiter, "\0");
}

/** The name to use in commands. @throws MailboxError when the namespace is flat and the name has a hierarchy */
export function serverName(internal: string, { reference, delimiter }: Naming): string {
  return reference + toWire(internal, delimiter);
}

/** Why a mailbox cannot exist on the other side under its name, or null. `wire`: its name, for the text. */
export function nameProblem(wire: string, internal: string, own: Naming, other: Naming): string | null {
  if (unsafeName(internal, other.delimiter)) {
    return `Mailbox ${wire} has the other server's hierarchy delimiter in its name; left out.`;
  }
  if (other.reference !== "" && leavesReference(internal)) {
    return `Mailbox ${wire} would leave list-reference on the other server; left out.`;
  }
  if (own.reference !== "" && other.reference === "" && internal !== "INBOX" && asciiUpper(internal) === "INBOX") {
    return `Mailbox ${wire} would be INBOX on the other server, like ${own.reference}INBOX; left out.`;
  }
  return null;
}

/**
 * Whether a name means something outside when a reference is put before it: one that begins with the delimiter (RFC 9051
 * 6.3.9), has empty levels, or levels that file systems take for others.
 */
export function leavesReference(internal: string): boolean {
  return internal.split("\0").some((level) => level === "" || level === "." || level === "..");
}

/** A pattern as the user spells it for the local server, or with NUL: the delimiter becomes NUL. */
export function internalPattern(pattern: string, localDelimiter: string | null): string {
  return localDelimiter === null ? pattern : pattern.replaceAll(localDelimiter, "\0");
}

/** Whether an internal name matches one of these patterns of LIST: `*` is anything, `%` anything within one level. */
export function matchesAny(internal: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => wildcardRegex(pattern).test(internal));
}

function wildcardRegex(pattern: string): RegExp {
  const source = pattern.replace(/[^A-Za-z0-9]/g, (character) => {
    if (character === "*") return "[^]*";
    return character === "%" ? "[^\\0]*" : `\\u{${character.charCodeAt(0).toString(16)}}`;
  });
  return new RegExp(`^${source}$`, "v");
}

/** A delimiter as LIST spells it: NIL or a quoted character. */
export function printDelimiter(delimiter: string | null): string {
  if (delimiter === null) return "NIL";
  return delimiter === '"' || delimiter === "\\" ? `"\\${delimiter}"` : `"${delimiter}"`;
}

function isInbox(mailbox: string): boolean {
  return mailbox.toUpperCase() === "INBOX";
}
