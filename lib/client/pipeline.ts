// The commands of one connection from submission to answer: which may be sent now (RFC 9051 5.5), and which of those
// that were sent an answer belongs to. Knows neither octets nor time.

import type { Data, FetchItems } from "../protocol/mod.ts";
import { type Entry, isSentAppend } from "./entry.ts";
import type { BodyReceiver } from "./request.ts";

/** Commands sent and not answered. A bound on what a server has to remember, and on what is lost with a connection. */
const MAX_IN_FLIGHT = 64;

export class Pipeline {
  readonly #queue: Entry[] = [];
  readonly #inFlight: Entry[] = [];

  // ---- sending

  /** Queues a command: behind all others. */
  add(entry: Entry): void {
    this.#queue.push(entry);
  }

  get maySend(): boolean {
    const next = this.#queue[0];
    if (next === undefined) return false;
    if (this.#inFlight.length === 0) return true;
    // RFC 9051 6.2.1, 6.2.2, RFC 4978 3: the layer below changes, nothing else may be on the wire.
    if (next.request.barrier === "alone") return false;
    if (this.#inFlight.some((entry) => entry.request.barrier !== undefined)) return false;
    return this.#inFlight.length < MAX_IN_FLIGHT;
  }

  /** The next command, in flight from now on; null: none may be sent now. */
  take(): Entry | null {
    const entry = this.maySend ? this.#queue.shift() : undefined;
    if (entry === undefined) return null;
    this.#inFlight.push(entry);
    return entry;
  }

  get isQueueEmpty(): boolean {
    return this.#queue.length === 0;
  }

  // ---- answers

  /** The oldest command in flight. */
  get first(): Entry | null {
    return this.#inFlight[0] ?? null;
  }

  /** Commands that were not answered, sent or not. */
  get unanswered(): number {
    return this.#inFlight.length + this.#queue.length;
  }

  get inFlight(): number {
    return this.#inFlight.length;
  }

  /** Whether the server has to say something: a command is queued or in flight, and it does not wait with us (IDLE). */
  get isAnswerDue(): boolean {
    if (this.#inFlight.length === 0 && this.#queue.length === 0) return false;
    return !this.#inFlight.some(({ idle }) => idle);
  }

  /** The command in flight with this tag. */
  find(tag: string): Entry | null {
    return this.#inFlight.find((entry) => entry.tag === tag) ?? null;
  }

  /**
   * Offers untagged data to each command in flight until one takes it; true: one did. A SEARCH response does not say which
   * search it answers, and a server may answer several before it says OK to the first (Dovecot 2.3.19 does): it is offered
   * to all.
   */
  claim(data: Data): boolean {
    let isTaken = false;
    for (let i = 0; i < this.#inFlight.length; i++) {
      const entry = this.#inFlight[i];
      if (entry === undefined || entry.abandoned || entry.request.claim?.(data, entry.tag) !== true) continue;
      if (data.kind !== "search" && data.kind !== "esearch") return true;
      isTaken = true;
    }
    return isTaken;
  }

  /** Who takes a body, by what stood before it; null: nobody. */
  receiverOf(known: FetchItems): BodyReceiver | null {
    for (let i = 0; i < this.#inFlight.length; i++) {
      const entry = this.#inFlight[i];
      const bodies = entry?.abandoned === false ? entry.request.bodies : undefined;
      if (bodies?.accepts(known) === true) return bodies;
    }
    return null;
  }

  /** Whether a text repeats the password of a login in flight. */
  hides(text: string): boolean {
    return this.#inFlight.some((entry) => entry.request.hides?.(text) === true);
  }

  get hasLogin(): boolean {
    return this.#inFlight.some((entry) => entry.request.hides !== undefined);
  }

  /** The command was answered. */
  remove(entry: Entry): void {
    this.#inFlight.splice(this.#inFlight.indexOf(entry), 1);
  }

  // ---- ending

  /** Takes every command out. */
  clear(): readonly Entry[] {
    return [...this.#inFlight.splice(0), ...this.#queue.splice(0)];
  }

  /**
   * Gives up every command but the APPENDs of which only the answer is missing. Returns them; those that were sent stay
   * in flight, for their answers still come.
   */
  abandon(): readonly Entry[] {
    for (const entry of this.#inFlight) if (!isSentAppend(entry)) entry.abandoned = true;
    return [...this.#inFlight.filter(({ abandoned }) => abandoned), ...this.#queue.splice(0)];
  }

  /** Whether no answer is waited for by anybody. */
  get isDrained(): boolean {
    return this.#inFlight.every(({ abandoned }) => abandoned);
  }
}
