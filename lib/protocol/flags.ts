// Flags in canonical form (RFC 9051 2.3.2), their union, and which of them a client may send.
// Decides nothing about who wins a conflict (lib/sync/plan.ts does).

import type { FlagSet } from "./types.ts";

const SYSTEM_FLAGS: ReadonlyMap<string, string> = new Map(
  ["\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft"].map((flag) => [flag.toLowerCase(), flag]),
);

export const NO_FLAGS: FlagSet = Object.freeze({ flags: Object.freeze([]) as readonly string[], key: "" });

/** The canonical set of flags as a server spelled them; \Recent is dropped. */
export function makeFlagSet(flags: Iterable<string>): FlagSet {
  const canonical = new Set<string>();
  for (const flag of flags) {
    if (flag.charCodeAt(0) !== 0x5c) {
      canonical.add(flag);
      continue;
    }
    const lower = flag.toLowerCase();
    if (lower !== "\\recent") canonical.add(SYSTEM_FLAGS.get(lower) ?? flag);
  }
  if (canonical.size === 0) return NO_FLAGS;
  const sorted = [...canonical].sort();
  return { flags: sorted, key: sorted.join(" ") };
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
  return kept.length === flags.flags.length ? flags : makeFlagSet(kept);
}

function isPermanent(flag: string, permanentFlags: readonly string[] | null): boolean {
  if (permanentFlags === null || permanentFlags.includes(flag)) return true;
  const lower = flag.toLowerCase();
  if (permanentFlags.some((permanent) => permanent.toLowerCase() === lower)) return true;
  return flag.charCodeAt(0) !== 0x5c && permanentFlags.includes("\\*");
}

/**
 * Whether a flag may be sent: one of the five system flags, or a keyword that is an atom. Anything else makes Dovecot
 * 2.3.19 reject an APPEND before it has skipped the literal, and execute the message as commands.
 */
export function isSendableFlag(flag: string): boolean {
  return SYSTEM_FLAGS.get(flag.toLowerCase()) === flag || /^[!#$&'+,\-./0-9:;<=>?@A-Z\[^_`a-z|}~]+$/.test(flag);
}
