// Decides which messages go into one APPEND: batches bounded in number and octets, large messages alone and streamed.
// Holds no message, only counts; does not know whether the target has MULTIAPPEND.

// What Dovecot does at the end of an APPEND takes the longer the more messages are in a maildir: with half as much in a
// batch the first 100,000 messages took it 8 to 30 % longer.
/** Messages in one batch at most. */
export const MAX_BATCH_MESSAGES = 256;
/** Octets held for one batch at most; a message larger than this is never held. */
export const MAX_BATCH_OCTETS = 2 * 1_048_576;

/**
 * What to do with the next message: put it to those held; append those held first (there is at least one), then hold
 * it; append those held, if any, then pass it on as it comes, in an APPEND of its own.
 */
export type BatchDecision = "hold" | "flush-then-hold" | "flush-then-stream";

/** The batch that is being collected. */
export class Batcher {
  readonly #limit: number;
  #messages = 0;
  #octets = 0;

  /** `limit`: messages in one batch, fewer than MAX_BATCH_MESSAGES when a batch was refused as a whole. */
  constructor(limit: number = MAX_BATCH_MESSAGES) {
    this.#limit = limit;
  }

  /** Messages held. */
  get messages(): number {
    return this.#messages;
  }

  /** Octets held. */
  get octets(): number {
    return this.#octets;
  }

  /** Decides about a message of `octets` (as announced by the source), and counts on the decision being carried out. */
  next(octets: number): BatchDecision {
    if (octets > MAX_BATCH_OCTETS) {
      this.flushed();
      return "flush-then-stream";
    }
    const full = this.#messages === this.#limit ||
      (this.#messages > 0 && this.#octets + octets > MAX_BATCH_OCTETS);
    if (full) this.flushed();
    this.#messages++;
    this.#octets += octets;
    return full ? "flush-then-hold" : "hold";
  }

  /** Nothing is held any more: what remained was appended after the last message, or given up. */
  flushed(): void {
    this.#messages = 0;
    this.#octets = 0;
  }
}
