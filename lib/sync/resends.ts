// What has to be sent again: messages of a MULTIAPPEND that was refused as a whole, in smaller ones; messages without
// the keywords that the server did not take; all of them later, when the server wanted us to wait. Decides how many at a
// time and after how long; sends nothing.

/** What is to be sent next. */
export interface Resend {
  /** Source UIDs. */
  readonly uids: readonly number[];
  /** Messages in one APPEND at most. */
  readonly batch: number;
  /** To wait before that. */
  readonly waitMs: number;
}

const FIRST_WAIT_MS = 1000;
/** A server that wants more than this is asked again by the next run. */
const MAX_WAIT_MS = 10_000;
const MAX_WAITS = 3;

export class Resends {
  /** Source UIDs that are sent without their keywords. */
  readonly bare: Set<number> = new Set();
  #uids: number[] = [];
  #batch = 1;
  #waits = 0;
  #waitMs = 0;
  #waitText = "";

  /** A group was refused: halves of it are sent, or single messages when it was not one message's fault. */
  narrow(uids: readonly number[], singly: boolean): void {
    this.#add(uids, singly ? 1 : Math.ceil(uids.length / 2));
  }

  withoutKeywords(uid: number): void {
    this.bare.add(uid);
    this.#add([uid], 1);
  }

  /** The server wants us to wait. */
  later(uids: readonly number[], waitMs: number | null, text: string): void {
    this.#add(uids, uids.length);
    this.#waitMs = Math.max(this.#waitMs, waitMs ?? FIRST_WAIT_MS * 2 ** this.#waits);
    this.#waitText = text;
  }

  get isEmpty(): boolean {
    return this.#uids.length === 0;
  }

  /** What to send next, or null when there is nothing; or why it is not sent in this run. */
  take(): Resend | { readonly givenUp: string } | null {
    if (this.isEmpty) return null;
    const waitMs = this.#waitMs;
    if (waitMs > MAX_WAIT_MS || (waitMs > 0 && this.#waits >= MAX_WAITS)) return { givenUp: this.#waitText };
    if (waitMs > 0) this.#waits++;
    const resend = { uids: this.#uids, batch: this.#batch, waitMs };
    this.#uids = [];
    this.#batch = 1;
    this.#waitMs = 0;
    return resend;
  }

  #add(uids: readonly number[], batch: number): void {
    for (const uid of uids) this.#uids.push(uid);
    this.#batch = Math.max(this.#batch, batch);
  }
}
