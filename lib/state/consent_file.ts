// Confirmations of deletions for a run that this process cannot make, because another one holds the state file: a small
// file beside it. One name of a mailbox on each line, "*" for all. Knows nothing of mail, and not who reads it when. Of
// what cannot be read nothing is believed.

import { fromLatin1, latin1 } from "../base/bytes.ts";
import type { Logger } from "../log/types.ts";
import { stateError } from "./sqlite_error.ts";
import type { Consent } from "./types.ts";

const NOTHING: Consent = { all: false, names: new Set() };

/** No name of a mailbox: one with an asterisk cannot be confirmed by its name. */
const ALL = "*";

/** What was confirmed so long ago was meant for other deletions. */
const MAX_AGE_MS = 7 * 24 * 3600 * 1000;
const MAX_OCTETS = 1 << 20;

/** The file that belongs to the state file at `database`. */
export class ConsentFile {
  readonly path: string;
  readonly #log: Logger;
  readonly #now: () => number;
  /** What was read last: what is added meanwhile stays. */
  #read: Consent = NOTHING;
  /** Why the file was ignored last: a watcher says it once. */
  #ignored: string | null = null;

  /** `now`: milliseconds since the epoch. */
  constructor(database: string, options: { readonly log: Logger; readonly now: () => number }) {
    this.path = `${database}.confirm-deletes`;
    this.#log = options.log.with({ component: "database" });
    this.#now = options.now;
  }

  /** What is confirmed; nothing when there is no file, or none that can be believed, which is said in the log. */
  read(): Consent {
    this.#read = this.#look();
    return this.#read;
  }

  #look(): Consent {
    try {
      const found = readText(this.path);
      if (found === null) return NOTHING;
      if (this.#now() - found.writtenAt.getTime() > MAX_AGE_MS) return this.#ignore("it is older than 7 days");
      return parse(found.text) ?? this.#ignore("it holds something else than names of mailboxes");
    } catch (error) {
      return this.#ignore(systemText(error));
    }
  }

  /** Adds to what the file says. @throws StateError */
  add({ all, names }: Consent): void {
    const before = this.#look();
    const both = { all: before.all || all, names: new Set([...before.names, ...names]) };
    try {
      this.#write(both, null);
    } catch (error) {
      throw stateError(`Can't write ${this.path}: ${systemText(error)}`, error);
    }
  }

  /** What was read last does not hold any more: for these mailboxes or, with null, for all. Says when it still does. */
  used(names: readonly string[] | null): void {
    const gone = names === null ? this.#read.names : new Set(names).intersection(this.#read.names);
    const allGone = names === null && this.#read.all;
    this.#read = NOTHING;
    if (gone.size === 0 && !allGone) return;
    try {
      const found = readText(this.path);
      const now = found === null ? null : parse(found.text);
      if (found === null || now === null) return;
      const left = { all: now.all && !allGone, names: now.names.difference(gone) };
      if (left.all || left.names.size > 0) this.#write(left, found.writtenAt);
      else Deno.removeSync(this.path);
    } catch (error) {
      this.#log.warn(
        `Couldn't remove ${this.path}, which confirms deletions: ${systemText(error)}; remove it yourself`,
      );
    }
  }

  #ignore(reason: string): Consent {
    const text = `Ignoring ${this.path}, which confirms deletions: ${reason}; remove it, or confirm again`;
    if (this.#ignored !== reason) this.#log.warn(text);
    this.#ignored = reason;
    return NOTHING;
  }

  /** The new file takes the place of the old one at once. `writtenAt`: when this was said; null: now. */
  #write({ all, names }: Consent, writtenAt: Date | null): void {
    const draft = `${this.path}.new`;
    const text = [...(all ? [ALL] : []), ...names].map((line) => `${line}\n`).join("");
    const file = Deno.openSync(draft, { write: true, create: true, truncate: true, mode: 0o600 });
    try {
      const octets = fromLatin1(text);
      for (let written = 0; written < octets.length;) written += file.writeSync(octets.subarray(written));
      if (writtenAt !== null) file.utimeSync(writtenAt, writtenAt);
      file.syncSync();
    } finally {
      file.close();
    }
    Deno.renameSync(draft, this.path);
  }
}

/** Null when there is no file. */
function readText(path: string): { readonly text: string; readonly writtenAt: Date } | null {
  try {
    // A FIFO would block.
    const { isFile, size, mtime } = Deno.statSync(path);
    if (!isFile) throw new Error("it is not a regular file");
    if (size > MAX_OCTETS) throw new Error("it is too long");
    return { text: latin1(Deno.readFileSync(path)), writtenAt: mtime ?? new Date(0) };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** Null when something in it is no name. */
function parse(text: string): Consent | null {
  if (text !== "" && !text.endsWith("\n")) return null;
  const lines = text.split("\n").slice(0, -1);
  if (!lines.every((line) => line === ALL || /^[\x20-\x29\x2b-\x7e]+$/.test(line))) return null;
  return { all: lines.includes(ALL), names: new Set(lines.filter((line) => line !== ALL)) };
}

/** "No space left on device" of Deno's "No space left on device (os error 28): open '...'". */
function systemText(error: unknown): string {
  return error instanceof Error ? error.message.replace(/ \(os error .*$/s, "") : String(error);
}
