// Flag lists of FETCH responses as canonical flag sets, each list parsed once: a mailbox has few different ones.
// Keeps a bounded number, of bounded length. Knows nothing of what flags mean.

import type { Cursor } from "./cursor.ts";
import { flagText, makeFlagSet } from "./flags.ts";
import { flagWords } from "./grammar.ts";
import { RPAREN } from "./octets.ts";
import type { FlagSet } from "./types.ts";

const MAX_LISTS = 512;
const MAX_LIST_OCTETS = 512;

interface Entry {
  readonly octets: Uint8Array;
  readonly flags: FlagSet;
}

/** One for each decoder. Equal lists give the same object until the cache was full once. */
export class FlagCache {
  readonly #lists = new Map<number, Entry>();
  readonly #sets = new Map<string, FlagSet>();

  /** flag-list = "(" [flag *(SP flag)] ")", the cursor at "(". */
  read(c: Cursor): FlagSet {
    const { bytes, at: from, end } = c;
    let to = from;
    let hash = 0;
    while (to < end && bytes[to] !== RPAREN) hash = (Math.imul(hash, 31) + (bytes[to++] ?? 0)) | 0;
    const known = this.#lists.get(hash);
    if (known !== undefined && isSame(known.octets, bytes, from, to)) {
      c.at = to + 1;
      return known.flags;
    }
    const flags = makeFlagSet(flagWords(c));
    return to - from > MAX_LIST_OCTETS ? flags : this.#remember(hash, bytes.slice(from, to), flags);
  }

  /** Returns the one object for all lists that mean the same. */
  #remember(hash: number, octets: Uint8Array, flags: FlagSet): FlagSet {
    if (this.#lists.size >= MAX_LISTS) {
      this.#lists.clear();
      this.#sets.clear();
    }
    const text = flagText(flags);
    const shared = this.#sets.get(text) ?? flags;
    this.#sets.set(text, shared);
    this.#lists.set(hash, { octets, flags: shared });
    return shared;
  }
}

function isSame(octets: Uint8Array, bytes: Uint8Array, from: number, to: number): boolean {
  if (octets.length !== to - from) return false;
  for (let i = 0; i < octets.length; i++) if (octets[i] !== bytes[from + i]) return false;
  return true;
}
