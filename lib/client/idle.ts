// Waits in one mailbox for what happens there (IDLE, RFC 2177). Which mailbox, how long, and what the news mean, others
// decide; the session's listener gets the news.

import type { Clock } from "../base/clock.ts";
import { CommandError } from "../errors.ts";
import { idle } from "../protocol/mod.ts";
import { expectSoon } from "./probe.ts";
import type { SelectedMailbox } from "./selected.ts";
import type { Session } from "./session.ts";

/** The waiting of one session. */
export class IdleWait {
  readonly #session: Session;
  readonly #clock: Clock;
  #mailbox: string | null = null;
  #stop: PromiseWithResolvers<void> | null = null;
  #cancelDeadline: (() => void) | null = null;
  #refused = false;

  constructor(session: Session, clock: Clock) {
    this.#session = session;
    this.#clock = clock;
  }

  /** Whether the server knows IDLE, and has not refused it. */
  get possible(): boolean {
    return !this.#refused && this.#session.capabilities.has("IDLE");
  }

  /** Where it waits, or null. From `start()` to `stop()` news of messages are about this mailbox. */
  get mailbox(): string | null {
    return this.#mailbox;
  }

  /**
   * Begins to wait. Resolves to what the mailbox looked like at that moment: what differs from what is known happened
   * before, everything later is told. Null when the server does not let us in.
   */
  async start(mailbox: string): Promise<SelectedMailbox | null> {
    const stop = Promise.withResolvers<void>();
    this.#mailbox = mailbox;
    this.#stop = stop;
    const examining = this.#session.examine(mailbox);
    const waiting = this.#session.run(idle(), { barrier: "alone", until: stop.promise });
    waiting.catch((error) => {
      if (error instanceof CommandError) this.#refused = true;
    }).finally(() => this.#cancelDeadline?.());
    try {
      return await examining;
    } catch (error) {
      if (error instanceof CommandError) return null;
      throw error;
    }
  }

  /** Ends the waiting. Commands may be sent at once: they go out when the server has ended it, too. */
  stop(): void {
    if (this.#mailbox === null) return;
    this.#mailbox = null;
    this.#cancelDeadline?.();
    this.#cancelDeadline = expectSoon(this.#session, this.#clock);
    this.#stop?.resolve();
    this.#stop = null;
    // STATUS of a selected mailbox need not be up to date (RFC 9051 6.3.11).
    this.#session.unselect().catch(() => {});
  }
}
