// The state of a mailbox as if it had never been synchronized: for the first look at one whose UIDs mean other messages
// now. What that look would write waits for the transaction that replaces the old state. Decides nothing.

import { UidSet } from "../protocol/uid_set.ts";
import type { Cursors, Pair, Side, StateChange } from "../state/types.ts";

export class BlankState {
  readonly #waiting: StateChange[] = [];

  /** What was to be written so far. */
  get waiting(): readonly StateChange[] {
    return this.#waiting;
  }

  cursors(): Cursors | null {
    return null;
  }

  pairCount(): number {
    return 0;
  }

  highestPaired(): Readonly<Record<Side, number>> {
    return { local: 0, remote: 0 };
  }

  pairsTouching(): readonly Pair[] {
    return [];
  }

  pairedUids(): UidSet {
    return UidSet.empty;
  }

  recentUids(): readonly number[] {
    return [];
  }

  unmapped(): UidSet {
    return UidSet.empty;
  }

  mailboxId(): string | null {
    return null;
  }

  apply(changes: readonly StateChange[]): void {
    this.#waiting.push(...changes);
  }
}
