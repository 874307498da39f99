// The mail of one user as arithmetic: UIDs, mod-sequences, what was expunged when (RFC 9051 2.3.1, RFC 7162 3.1, RFC
// 8474). Users of a test act on it directly; the model server serves it. Knows no command, no session and no wire.

import { type ModelDate, SYSTEM_FLAGS } from "./model_values.ts";
import { flagList, foldInbox } from "./model_values.ts";

/** One message at one moment: a change of flags makes another value. */
export interface ModelMessage {
  readonly uid: number;
  /** Sorted, without \Recent. */
  readonly flags: readonly string[];
  readonly date: ModelDate;
  readonly body: Uint8Array;
  readonly modSeq: bigint;
}

export interface NewModelMessage {
  readonly flags: readonly string[];
  readonly date: ModelDate;
  readonly body: Uint8Array;
}

export interface FlagChange {
  readonly mode: "replace" | "add" | "remove";
  readonly flags: readonly string[];
}

/** One mailbox. Every change that has an effect raises its mod-sequence by one. */
export class ModelMailbox {
  uidNext = 1;
  highestModSeq = 1n;
  /** Another after each change: who has seen all of one need not look again. */
  version = 0;
  /** The flags that clients can store; null: all. */
  permanentFlags: readonly string[] | null = null;
  /** Ascending by UID. */
  readonly #messages = new Map<number, ModelMessage>();
  /** What is gone, in the order in which it went. */
  readonly #expunged: { readonly uid: number; readonly modSeq: bigint }[] = [];
  readonly #keywords = new Set<string>();
  readonly #changed: () => void;

  constructor(readonly uidValidity: number, readonly mailboxId: string, changed: () => void) {
    this.#changed = () => {
      this.version++;
      changed();
    };
  }

  get messages(): readonly ModelMessage[] {
    return [...this.#messages.values()];
  }

  get count(): number {
    return this.#messages.size;
  }

  /** Keywords that ever were used here. */
  get keywords(): readonly string[] {
    return [...this.#keywords];
  }

  /** Of these flags, those that a client can store. */
  storable(flags: readonly string[]): readonly string[] {
    return flags.filter((flag) => this.permanentFlags?.includes(flag) !== false);
  }

  get(uid: number): ModelMessage | null {
    return this.#messages.get(uid) ?? null;
  }

  /** UIDs expunged after a mod-sequence, ascending. */
  expungedSince(modSeq: bigint): readonly number[] {
    return this.#expunged.filter((gone) => gone.modSeq > modSeq).map(({ uid }) => uid).sort((a, b) => a - b);
  }

  /** All of them or, had one been refused before, none. Returns the UIDs. */
  append(messages: readonly NewModelMessage[]): readonly number[] {
    if (messages.length === 0) return [];
    const modSeq = ++this.highestModSeq;
    const uids = messages.map(({ flags, date, body }) => {
      const uid = this.uidNext++;
      this.#messages.set(uid, { uid, flags: this.#learn(flagList(this.#spelled(flags))), date, body, modSeq });
      return uid;
    });
    this.#changed();
    return uids;
  }

  /** Returns the UIDs left alone because they changed after `unchangedSince`. UIDs that do not exist count for nothing. */
  store(uids: Iterable<number>, change: FlagChange, unchangedSince: bigint | null = null): readonly number[] {
    const refused: number[] = [];
    const changed: ModelMessage[] = [];
    const modSeq = this.highestModSeq + 1n;
    const wanted = { ...change, flags: this.#spelled(change.flags) };
    for (const uid of uids) {
      const message = this.#messages.get(uid);
      if (message === undefined) continue;
      if (unchangedSince !== null && message.modSeq > unchangedSince) {
        refused.push(uid);
        continue;
      }
      const flags = changedFlags(message.flags, wanted);
      if (flags.join(" ") !== message.flags.join(" ")) changed.push({ ...message, flags, modSeq });
    }
    if (changed.length > 0) {
      this.highestModSeq = modSeq;
      for (const message of changed) {
        this.#learn(message.flags);
        this.#messages.set(message.uid, message);
      }
      this.#changed();
    }
    return refused;
  }

  /** Removes messages whatever their flags; returns the UIDs that were there. */
  expunge(uids: Iterable<number>): readonly number[] {
    const gone = [...uids].filter((uid) => this.#messages.has(uid));
    if (gone.length === 0) return [];
    const modSeq = ++this.highestModSeq;
    for (const uid of gone) {
      this.#messages.delete(uid);
      this.#expunged.push({ uid, modSeq });
    }
    this.#changed();
    return gone;
  }

  /** Messages go without a trace: no mod-sequence tells of it. */
  lose(uids: Iterable<number>): void {
    for (const uid of uids) this.#messages.delete(uid);
    this.#changed();
  }

  /** As Dovecot 2.3.19 after `dovecot.index*` are gone: mod-sequences begin anew, and nobody knows what was expunged. */
  loseIndex(): void {
    this.highestModSeq = 1n;
    this.#expunged.length = 0;
    for (const message of this.messages) this.#messages.set(message.uid, { ...message, modSeq: 1n });
    this.#changed();
  }

  /** A keyword keeps the case in which it was seen first, as in Dovecot. */
  #spelled(flags: readonly string[]): readonly string[] {
    return flags.map((flag) => this.keywords.find((known) => known.toLowerCase() === flag.toLowerCase()) ?? flag);
  }

  #learn(flags: readonly string[]): readonly string[] {
    for (const flag of flags) if (!SYSTEM_FLAGS.includes(flag)) this.#keywords.add(flag);
    return flags;
  }
}

function changedFlags(now: readonly string[], { mode, flags }: FlagChange): readonly string[] {
  if (mode === "replace") return flagList(flags);
  if (mode === "add") return flagList([...now, ...flags]);
  return now.filter((flag) => !flags.includes(flag));
}

/** Why a change of mailboxes was refused, in the server's words. */
export class Refused extends Error {
  constructor(readonly code: string | null, message: string) {
    super(message);
  }
}

export interface MailstoreOptions {
  readonly delimiter?: string;
  /** UIDVALIDITY of the first mailbox; every next one has one more. */
  readonly firstUidValidity?: number;
}

/** All mailboxes of a user. INBOX is always there. */
export class ModelMailstore {
  readonly delimiter: string;
  readonly subscribed = new Set<string>();
  /** Attributes of RFC 6154, by the name of the mailbox. */
  readonly specialUse = new Map<string, string>();
  readonly #mailboxes = new Map<string, ModelMailbox>();
  readonly #listeners = new Set<() => void>();
  #nextUidValidity: number;

  constructor(options: MailstoreOptions = {}) {
    this.delimiter = options.delimiter ?? "/";
    this.#nextUidValidity = options.firstUidValidity ?? 1_000_000;
    this.create("INBOX");
  }

  /** Names of what can be selected, in the order of their making. */
  get names(): readonly string[] {
    return [...this.#mailboxes.keys()];
  }

  /** Levels above a mailbox that are no mailboxes themselves. */
  get parents(): readonly string[] {
    const parents = new Set<string>();
    for (const name of this.#mailboxes.keys()) {
      for (let at = name.indexOf(this.delimiter); at > 0; at = name.indexOf(this.delimiter, at + 1)) {
        const parent = name.slice(0, at);
        if (!this.#mailboxes.has(parent)) parents.add(parent);
      }
    }
    return [...parents];
  }

  find(name: string): ModelMailbox | null {
    return this.#mailboxes.get(foldInbox(name)) ?? null;
  }

  /** @throws Error when there is none: a mistake of the test */
  mailbox(name: string): ModelMailbox {
    const mailbox = this.find(name);
    if (mailbox === null) throw new Error(`no mailbox ${name}`);
    return mailbox;
  }

  /** Whether this very mailbox is still there under its name. */
  has(name: string, mailbox: ModelMailbox): boolean {
    return this.find(name) === mailbox;
  }

  /** @throws Refused */
  create(name: string): ModelMailbox {
    const folded = foldInbox(name);
    if (this.#mailboxes.has(folded)) throw new Refused("ALREADYEXISTS", "Mailbox already exists");
    const uidValidity = this.#nextUidValidity++;
    const mailbox = new ModelMailbox(uidValidity, `F${uidValidity}`, () => this.#notify());
    this.#mailboxes.set(folded, mailbox);
    this.#notify();
    return mailbox;
  }

  /** @throws Refused */
  delete(name: string): void {
    if (foldInbox(name) === "INBOX") throw new Refused(null, "INBOX can't be deleted.");
    if (!this.#mailboxes.delete(name)) throw new Refused("NONEXISTENT", `Mailbox doesn't exist: ${name}`);
    this.#notify();
  }

  /** With everything below it. @throws Refused */
  rename(from: string, to: string): void {
    if (foldInbox(from) === "INBOX") throw new Refused("CANNOT", "Renaming INBOX isn't supported.");
    if (this.#mailboxes.has(to)) throw new Refused("ALREADYEXISTS", "Target mailbox already exists");
    const moved = this.names.filter((name) => name === from || name.startsWith(`${from}${this.delimiter}`));
    if (moved.length === 0) throw new Refused("NONEXISTENT", `Mailbox doesn't exist: ${from}`);
    for (const name of moved) {
      const mailbox = this.mailbox(name);
      this.#mailboxes.delete(name);
      this.#mailboxes.set(to + name.slice(from.length), mailbox);
    }
    this.#notify();
  }

  /** The mailbox stays the one that it is, with these messages in this order, but no UID means what it meant. */
  renumber(name: string, messages: readonly ModelMessage[]): ModelMailbox {
    const { mailboxId } = this.mailbox(name);
    const mailbox = new ModelMailbox(this.#nextUidValidity++, mailboxId, () => this.#notify());
    this.#mailboxes.set(foldInbox(name), mailbox);
    mailbox.append(messages);
    this.#notify();
    return mailbox;
  }

  subscribe(name: string, subscribed: boolean): void {
    if (subscribed) this.subscribed.add(foldInbox(name));
    else this.subscribed.delete(foldInbox(name));
    this.#notify();
  }

  /** Copies what exists of `uids`; source and target UIDs, one for one. */
  copy(
    from: ModelMailbox,
    uids: Iterable<number>,
    to: ModelMailbox,
  ): { from: readonly number[]; to: readonly number[] } {
    const messages = [...uids].map((uid) => from.get(uid)).filter((message) => message !== null);
    return { from: messages.map(({ uid }) => uid), to: to.append(messages) };
  }

  move(
    from: ModelMailbox,
    uids: Iterable<number>,
    to: ModelMailbox,
  ): { from: readonly number[]; to: readonly number[] } {
    const copied = this.copy(from, uids, to);
    from.expunge(copied.from);
    return copied;
  }

  /** Calls `listener` after every change of messages, names or subscriptions, until the returned function is called. */
  watch(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #notify(): void {
    for (const listener of this.#listeners) listener();
  }
}
