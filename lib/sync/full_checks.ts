// Remembers in the state file when mailboxes were compared whole, and tells which are due. When that is schedule.ts
// decides; what a comparison is full_listing.ts knows.

import type { MailboxOverview, Store } from "../state/types.ts";
import { isDue, notedAs } from "./schedule.ts";

export interface FullCheckOptions {
  /** How often a mailbox is compared whole although nothing asks for it. */
  readonly days: number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Remembers when mailboxes were compared whole. */
export class FullChecks {
  readonly #options: FullCheckOptions | null;
  readonly #store: Store;

  constructor(options: FullCheckOptions | null, store: Store) {
    this.#options = options;
    this.#store = store;
    if (options === null) return;
    const unnoted = store.overview().filter(({ comparedAt }) => comparedAt === null);
    store.apply(unnoted.map(({ idx }) => ({ kind: "compared", idx, at: notedAs(idx, this.#now, options.days) })));
  }

  get #now(): number {
    return Math.floor((this.#options?.now() ?? 0) / 1000);
  }

  /** Whether every message of the mailbox has to be compared in this run. */
  isDue({ comparedAt, cursors, interrupted }: MailboxOverview): boolean {
    const days = this.#options?.days ?? null;
    return days !== null && comparedAt !== null && cursors !== null && !interrupted &&
      isDue(comparedAt, this.#now, days);
  }

  /** It was compared, for whatever reason. */
  done({ idx }: MailboxOverview): void {
    if (this.#options !== null) this.#store.apply([{ kind: "compared", idx, at: this.#now }]);
  }
}
