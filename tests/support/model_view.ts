// What one session has been told of its selected mailbox, and what it is told when the two are brought together: new
// messages, changed flags, what is gone (RFC 9051 5.2, 7.5.1, RFC 7162 3.2.10). Executes no command.

import type { ModelMailbox, ModelMessage } from "./model_mailstore.ts";
import { formatSet, SYSTEM_FLAGS } from "./model_values.ts";

/** How flags of a message are told in an answer to STORE .SILENT: not, as long as they are these. */
export type Expected = ReadonlyMap<number, string>;

export interface SyncOptions {
  /** QRESYNC is enabled: VANISHED, UID and MODSEQ. */
  readonly qresync: boolean;
  readonly condstore: boolean;
  /** False while a command that names sequence numbers is answered. */
  readonly expunges: boolean;
  /** Flags that .SILENT stored. */
  readonly silent: Expected;
}

/** Highest mod-sequence told by FETCH since the last time. One for a session: Dovecot keeps it from mailbox to mailbox. */
export interface Told {
  byFetch: bigint;
}

export class MailboxView {
  /** In order; each as it was last told. */
  #messages: ModelMessage[];
  #keywords: readonly string[];
  /** Everything up to this was told. */
  #lastFull: bigint;
  readonly #told: Told;
  /** Of the mailbox, when it was last told whole; null: something was kept back. */
  #version: number | null;

  constructor(
    readonly name: string,
    readonly mailbox: ModelMailbox,
    readonly readOnly: boolean,
    told: Told,
    readonly permanentFlags: readonly string[] | null = null,
  ) {
    this.#told = told;
    this.#messages = [...mailbox.messages];
    this.#keywords = mailbox.keywords;
    this.#lastFull = mailbox.highestModSeq;
    this.#version = mailbox.version;
  }

  get messages(): readonly ModelMessage[] {
    return this.#messages;
  }

  /** The highest UID, 0 when there is none. */
  get lastUid(): number {
    return this.#messages.at(-1)?.uid ?? 0;
  }

  flagLines(): string[] {
    if (this.permanentFlags !== null) {
      const kept = this.permanentFlags.join(" ");
      return [`* FLAGS (${kept})`, `* OK [PERMANENTFLAGS (${kept})] Flags permitted.`];
    }
    const flags = [...SYSTEM_FLAGS, ...this.mailbox.keywords].join(" ");
    const { permanentFlags } = this.mailbox;
    const permanent = permanentFlags !== null && !this.readOnly
      ? `* OK [PERMANENTFLAGS (${permanentFlags.join(" ")})] Limited`
      : this.readOnly
      ? "* OK [PERMANENTFLAGS ()] Read-only mailbox."
      : `* OK [PERMANENTFLAGS (${flags} \\*)] Flags permitted.`;
    return [`* FLAGS (${flags})`, permanent];
  }

  /** A FETCH answered by a command told this mod-sequence. */
  toldModSeq(modSeq: bigint): void {
    if (modSeq > this.#told.byFetch) this.#told.byFetch = modSeq;
  }

  /** Brings the view up to date. `highest`: to be told as HIGHESTMODSEQ, or null. */
  sync(options: SyncOptions): { readonly lines: readonly string[]; readonly highest: bigint | null } {
    const lines: string[] = [];
    if (this.#version === this.mailbox.version) {
      const highest = this.#highestToTell(options, false);
      this.#told.byFetch = 0n;
      return { lines, highest };
    }
    if (this.mailbox.keywords.length > this.#keywords.length) {
      this.#keywords = this.mailbox.keywords;
      lines.push(...this.flagLines());
    }
    this.#tellFlags(options, lines);
    const delayed = this.#tellExpunged(options, lines);
    this.#tellNew(lines);
    const highest = this.#highestToTell(options, delayed);
    if (!delayed) this.#lastFull = this.mailbox.highestModSeq;
    this.#version = delayed ? null : this.mailbox.version;
    this.#told.byFetch = 0n;
    return { lines, highest };
  }

  #tellFlags(options: SyncOptions, lines: string[]): void {
    const { qresync, condstore, silent } = options;
    this.#messages.forEach((told, index) => {
      const now = this.mailbox.get(told.uid);
      if (now === null || now === told) return;
      this.#messages[index] = now;
      const items: string[] = [];
      if (qresync) items.push(`UID ${now.uid}`);
      if (condstore) {
        items.push(`MODSEQ (${now.modSeq})`);
        this.toldModSeq(now.modSeq);
      }
      const isExpected = silent.get(now.uid) === now.flags.join(" ");
      if (!isExpected) items.push(`FLAGS (${now.flags.join(" ")})`);
      if (items.length > 0 && (!isExpected || condstore)) lines.push(`* ${index + 1} FETCH (${items.join(" ")})`);
    });
  }

  /** Whether expunges are kept back. */
  #tellExpunged({ qresync, expunges }: SyncOptions, lines: string[]): boolean {
    const gone = this.#messages.filter(({ uid }) => this.mailbox.get(uid) === null);
    if (gone.length === 0) return false;
    if (!expunges) return true;
    if (qresync) lines.push(`* VANISHED ${formatSet(gone.map(({ uid }) => uid))}`);
    else for (const message of gone.toReversed()) lines.push(`* ${this.#messages.indexOf(message) + 1} EXPUNGE`);
    this.#messages = this.#messages.filter(({ uid }) => this.mailbox.get(uid) !== null);
    return false;
  }

  #tellNew(lines: string[]): void {
    const last = this.lastUid;
    if (this.mailbox.uidNext === last + 1) return;
    const fresh = this.mailbox.messages.filter(({ uid }) => uid > last);
    if (fresh.length === 0) return;
    this.#messages.push(...fresh);
    lines.push(`* ${this.#messages.length} EXISTS`, "* 0 RECENT");
  }

  /** As Dovecot's imap-sync.c: whenever FETCH alone did not tell how far we are. */
  #highestToTell({ condstore }: SyncOptions, delayed: boolean): bigint | null {
    if (!condstore) return null;
    if (delayed) return this.#told.byFetch > this.#lastFull ? this.#lastFull : null;
    const { highestModSeq } = this.mailbox;
    return highestModSeq > this.#lastFull && highestModSeq > this.#told.byFetch ? highestModSeq : null;
  }
}
