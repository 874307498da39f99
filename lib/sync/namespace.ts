// Decides which character separates the levels of mailbox names on a server, and which mailboxes cannot be mirrored
// because of it (RFC 9051 5.1.1 and 6.3.9). Does not list, does not translate names (lib/protocol/mailbox_name.ts does).

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

/** A delimiter as LIST spells it: NIL or a quoted character. */
export function printDelimiter(delimiter: string | null): string {
  if (delimiter === null) return "NIL";
  return delimiter === '"' || delimiter === "\\" ? `"\\${delimiter}"` : `"${delimiter}"`;
}

function isInbox(mailbox: string): boolean {
  return mailbox.toUpperCase() === "INBOX";
}
