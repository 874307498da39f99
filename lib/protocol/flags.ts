// Flags in canonical form (RFC 9051 2.3.2), their union, and which of them a client may send. Case does not matter in a
// flag: it is kept for what is sent, and left out of what is compared.
// Decides nothing about who wins a conflict (lib/sync/plan.ts does).

import { asciiLower } from "../base/bytes.ts";
import type { FlagSet } from "./types.ts";

const SENT_SYSTEM_FLAGS: ReadonlySet<string> = new Set(["\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft"]);
const SYSTEM_FLAGS: ReadonlyMap<string, string> = new Map(
  [...SENT_SYSTEM_FLAGS].map((flag) => [flag.toLowerCase(), flag]),
);

/** A line of a command must not grow past what servers take (64 KiB in Dovecot 2.3.19) by what a server has sent. */
const MAX_KEYWORD_OCTETS = 255;
const MAX_FLAGS = 200;

export const NO_FLAGS: FlagSet = Object.freeze({ flags: Object.freeze([]) as readonly string[], key: "" });

/** The canonical set of flags as a server spelled them; \Recent is dropped. Of two spellings the lower by octets stays. */
export function makeFlagSet(flags: Iterable<string>): FlagSet {
  const spelled = new Set<string>();
  for (const flag of flags) {
    if (flag.charCodeAt(0) !== 0x5c) {
      spelled.add(flag);
      continue;
    }
    const lower = flag.toLowerCase();
    if (lower !== "\\recent") spelled.add(SYSTEM_FLAGS.get(lower) ?? flag);
  }
  if (spelled.size === 0) return NO_FLAGS;
  const byFolded = new Map<string, string>();
  for (const flag of [...spelled].sort()) {
    const folded = fold(flag);
    if (!byFolded.has(folded)) byFolded.set(folded, flag);
  }
  return { flags: [...byFolded.values()], key: [...byFolded.keys()].sort().join(" ") };
}

/** As it is compared. */
function fold(flag: string): string {
  const lower = asciiLower(flag);
  return SYSTEM_FLAGS.get(lower) ?? lower;
}

/** For people: as the server spelled them. */
export function flagText(flags: FlagSet): string {
  return flags.flags.join(" ");
}

export function unionFlags(one: FlagSet, other: FlagSet): FlagSet {
  return one.key === other.key ? one : makeFlagSet([...one.flags, ...other.flags]);
}

/**
 * What is left of a set of flags in a mailbox that keeps only some (PERMANENTFLAGS, RFC 9051 7.1; null: not told), and of
 * what may be sent at all. The same object when nothing is lost.
 */
export function keptFlags(flags: FlagSet, permanentFlags: readonly string[] | null): FlagSet {
  const kept = flags.flags.filter((flag) => isSendableFlag(flag) && isPermanent(flag, permanentFlags));
  if (kept.length > MAX_FLAGS) {
    const system = kept.filter((flag) => flag.startsWith("\\"));
    return makeFlagSet([...system, ...kept.filter((flag) => !flag.startsWith("\\"))].slice(0, MAX_FLAGS));
  }
  return kept.length === flags.flags.length ? flags : makeFlagSet(kept);
}

/** The flags that a mailbox has no room for: what `keptFlags()` drops because of PERMANENTFLAGS. */
export function unkeptFlags(flags: FlagSet, permanentFlags: readonly string[] | null): FlagSet {
  return makeFlagSet(flags.flags.filter((flag) => !isPermanent(flag, permanentFlags)));
}

/** Whether a mailbox keeps any flag that may be sent. */
export function keepsEveryFlag(permanentFlags: readonly string[] | null): boolean {
  return permanentFlags === null || (permanentFlags.includes("\\*") &&
    [...SYSTEM_FLAGS.values()].every((flag) => isPermanent(flag, permanentFlags)));
}

function isPermanent(flag: string, permanentFlags: readonly string[] | null): boolean {
  if (permanentFlags === null || permanentFlags.includes(flag)) return true;
  const lower = flag.toLowerCase();
  if (permanentFlags.some((permanent) => permanent.toLowerCase() === lower)) return true;
  return flag.charCodeAt(0) !== 0x5c && permanentFlags.includes("\\*");
}

/**
 * Whether a flag may be sent: one of the five system flags, or a keyword that is an atom of a sensible length. Anything
 * else makes Dovecot 2.3.19 reject an APPEND before it has skipped the literal, and execute the message as commands.
 */
export function isSendableFlag(flag: string): boolean {
  if (flag.length > MAX_KEYWORD_OCTETS) return false;
  return SENT_SYSTEM_FLAGS.has(flag) || /^[!#$&'+,\-./0-9:;<=>?@A-Z\[^_`a-z|}~]+$/.test(flag);
}
