// What the server has said about the selected mailbox, from SELECT to the moment the picture is frozen (RFC 7162 3.2).
// A reducer of untagged data; decides nothing, and forgets what comes after the freeze: that has a higher mod-sequence
// than the one recorded here, so the next observation reports it.

import { bound, MAX_CHANGED, MAX_UID_RANGES } from "./bounds.ts";
import { type Data, type FlagSet, type ModSeq, type StatusResponse, UidSet, UidSetBuilder } from "../protocol/mod.ts";

/** Whether a reported change of flags is to be remembered. */
export type KeepFlags = (uid: number, flags: FlagSet) => boolean;

export class SelectedMailbox {
  uidValidity: number | null = null;
  uidNext: number | null = null;
  /** The value of SELECT's own response code: nothing that came later raises it. */
  highestModSeq: ModSeq | null = null;
  mailboxId: string | null = null;
  permanentFlags: readonly string[] | null = null;
  /** Number of messages when the picture was frozen, or now. */
  exists = 0;
  noModSeq = false;
  uidNotSticky = false;
  readOnly = false;
  /** Flags of a message were reported without its UID, which QRESYNC forbids (RFC 7162 3.2.6). */
  unattributed = false;
  /** Flags of messages that changed, as last reported. */
  readonly modified = new Map<number, FlagSet>();
  readonly #keep: KeepFlags;
  readonly #vanished = new UidSetBuilder();
  #frozen = false;

  /** `component`: for errors. */
  constructor(readonly mailbox: string, keep: KeepFlags, readonly component: string) {
    this.#keep = keep;
  }

  get vanished(): UidSet {
    return this.#vanished.build();
  }

  /** Ends the collection: what was said up to here is the observation. */
  freeze(): void {
    this.#frozen = true;
  }

  data(data: Data): void {
    if (this.#frozen) return;
    switch (data.kind) {
      case "exists":
        this.exists = data.number;
        break;
      case "vanished":
        this.#vanished.addAll(data.uids);
        bound(this.#vanished.ranges, MAX_UID_RANGES, "ranges of vanished UIDs", this.component);
        // RFC 7162 3.2.10: without EARLIER it stands for as many EXPUNGE responses.
        if (!data.earlier) this.exists = Math.max(0, this.exists - data.uids.size);
        break;
      case "fetch": {
        const { uid, flags } = data.items;
        if (flags === null) break;
        if (uid === null) this.unattributed = true;
        else if (this.#keep(uid, flags)) this.modified.set(uid, flags);
        else this.modified.delete(uid);
        bound(this.modified.size, MAX_CHANGED, "changed messages", this.component);
        break;
      }
    }
  }

  status(status: StatusResponse): void {
    const { code } = status;
    if (code === null || this.#frozen) return;
    switch (code.code) {
      case "UIDVALIDITY":
        this.uidValidity = code.value;
        break;
      case "UIDNEXT":
        this.uidNext = code.value;
        break;
      case "HIGHESTMODSEQ":
        this.highestModSeq ??= code.modSeq;
        break;
      case "PERMANENTFLAGS":
        this.permanentFlags = code.flags;
        break;
      case "MAILBOXID":
        this.mailboxId = code.id;
        break;
      case "OTHER":
        if (code.name === "NOMODSEQ") this.noModSeq = true;
        if (code.name === "UIDNOTSTICKY") this.uidNotSticky = true;
        if (code.name === "READ-ONLY") this.readOnly = true;
        break;
    }
  }
}
