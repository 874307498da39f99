// When a mailbox that could not be synchronized in full is tried again by somebody who looks again and again: at once
// when it has changed since, otherwise after a growing while.

import type { StatusItems } from "../protocol/mod.ts";
import type { Side } from "./model.ts";

const FIRST_PAUSE_MS = 60_000;
const MAX_PAUSE_MS = 15 * 60_000;

interface Failure {
  readonly failures: number;
  readonly notBefore: number;
  /** What both servers said of the mailbox when it was first tried since it changed. */
  readonly statuses: string | null;
}

export class Patience {
  readonly #now: () => number;
  readonly #failed = new Map<string, Failure>();
  /** What the servers say of the mailboxes whose turn it is. */
  readonly #trying = new Map<string, string>();

  /** `now`: milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  mayTry(mailbox: string, statuses: Readonly<Record<Side, StatusItems | null>>): boolean {
    const text = [statuses.local, statuses.remote].map(printed).join("/");
    const failure = this.#failed.get(mailbox);
    const isWaiting = failure !== undefined && failure.statuses === text && this.#now() < failure.notBefore;
    if (!isWaiting) this.#trying.set(mailbox, text);
    return !isWaiting;
  }

  ended(mailbox: string, complete: boolean): void {
    const statuses = this.#trying.get(mailbox) ?? null;
    this.#trying.delete(mailbox);
    if (complete) {
      this.#failed.delete(mailbox);
      return;
    }
    const failures = (this.#failed.get(mailbox)?.failures ?? 0) + 1;
    const pause = Math.min(FIRST_PAUSE_MS * 2 ** Math.min(failures - 1, 10), MAX_PAUSE_MS);
    this.#failed.set(mailbox, { failures, notBefore: this.#now() + pause, statuses });
  }

  /** Whatever has failed is tried at the next opportunity. */
  forgive(): void {
    this.#failed.clear();
  }
}

function printed(status: StatusItems | null): string {
  return status === null ? "-" : `${status.uidValidity} ${status.uidNext} ${status.highestModSeq}`;
}
