// How long a server may take, and how much it may say, before it answers a command: deadlines and bounds of one
// connection. Knows octets as numbers only; what is due, and what happens when it is late, others say.

import type { Clock } from "../base/clock.ts";
import { TransportError } from "../errors.ts";
import { bound, MAX_EMPTY_TALK_MS } from "./bounds.ts";

/** How long an answer that is due may take to send its next octet. */
export const ANSWER_TIMEOUT_MS = 5 * 60_000;

export interface AnswerWatchOptions {
  readonly clock: Clock;
  /** For errors. */
  readonly component: string;
  /** Octets between two tagged answers, bodies not counted. */
  readonly maxOctets: number;
  /** Whether the server has to say something. */
  readonly isDue: () => boolean;
  /** The server is late. */
  readonly expired: (reason: Error) => void;
}

export class AnswerWatch {
  readonly #options: AnswerWatchOptions;
  /** Since when an answer that is due has not come; null: none is due, or we are not reading. */
  #silentSince: number | null = null;
  /** Stops the timer, if one runs. */
  #cancel: (() => void) | null = null;
  /** The deadline that is running is the last one, and nothing puts it off. */
  #last = false;
  /** Octets since the last tagged answer, bodies not counted. */
  #octets = 0;
  /** Since when nothing has come but untagged status responses; null: something else was the last. */
  #emptyTalkSince: number | null = null;

  constructor(options: AnswerWatchOptions) {
    this.#options = options;
  }

  // ---- time

  /** (Re)starts the deadline when something is due, stops it otherwise. */
  restart(): void {
    if (this.#last) return;
    const { clock, isDue } = this.#options;
    if (isDue()) {
      this.#silentSince = clock.now();
      if (this.#cancel === null) this.#wake(ANSWER_TIMEOUT_MS);
    } else {
      this.#silentSince = null;
      this.#clear();
    }
  }

  /** Until `restart()` the server is not late. */
  pause(): void {
    this.#silentSince = null;
  }

  /** The connection ends with `reason` after `ms`, whatever comes. */
  endAfter(ms: number, reason: Error): void {
    this.stop();
    this.#cancel = this.#options.clock.after(ms, () => this.#options.expired(reason));
  }

  /** For good. */
  stop(): void {
    this.#last = true;
    this.#clear();
  }

  #clear(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  /** The timer is not moved whenever something comes, which is often: when it goes off, it is seen how long ago that was. */
  #wake(ms: number): void {
    this.#cancel = this.#options.clock.after(ms, () => {
      this.#cancel = null;
      this.#look();
    });
  }

  #look(): void {
    if (this.#silentSince === null) return;
    const { clock, component, expired } = this.#options;
    const left = this.#silentSince + ANSWER_TIMEOUT_MS - clock.now();
    // Somebody may have set the clock back.
    if (left > 0) return this.#wake(Math.min(left, ANSWER_TIMEOUT_MS));
    const text = `The server did not answer for ${ANSWER_TIMEOUT_MS / 60_000} minutes`;
    expired(new TransportError("timeout", text, { component }));
  }

  // ---- talk

  /** Octets have come. */
  received(octets: number): void {
    this.restart();
    this.#octets += octets;
  }

  /** So many of them were the body of a message. */
  receivedBody(octets: number): void {
    this.#octets -= octets;
  }

  /** To be called when what was received is decoded. @throws ProtocolError */
  checkOctets(): void {
    const { maxOctets, component } = this.#options;
    bound(this.#octets, maxOctets, "octets without answering a command", component);
  }

  /** Untagged data has come. */
  heardData(): void {
    this.#emptyTalkSince = null;
  }

  /** A tagged answer has come. */
  heardAnswer(): void {
    this.#octets = 0;
    this.#emptyTalkSince = null;
  }

  /** "* OK Still here" puts the deadline off, but not for ever. @throws TransportError */
  heardEmptyTalk(commandsInFlight: number): void {
    const { clock, component } = this.#options;
    const now = clock.now();
    if (commandsInFlight === 0) this.#emptyTalkSince = null;
    else this.#emptyTalkSince ??= now;
    if (this.#emptyTalkSince === null || now - this.#emptyTalkSince <= MAX_EMPTY_TALK_MS) return;
    const text = `The server talked for ${MAX_EMPTY_TALK_MS / 60_000} minutes without answering`;
    throw new TransportError("timeout", text, { component });
  }
}
