// Remembers in the state file when mailboxes were compared whole, and tells which are due. When that is schedule.ts
// decides; what a comparison is full_listing.ts knows.

import type { MailboxOverview, Store } from "../state/types.ts";
import { isDue, isNearlyDue, notedAs } from "./schedule.ts";

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

  /** The mailboxes that have a turn although nothing asks for it. `busy`: others have one. */
  turns(rows: readonly MailboxOverview[], busy: boolean): readonly MailboxOverview[] {
    return busy || rows.some((row) => this.#is(isDue, row)) ? rows.filter((row) => this.isNearlyDue(row)) : [];
  }

  /** Whether every message of a mailbox that has its turn is to be compared. */
  isNearlyDue(row: MailboxOverview): boolean {
    return this.#is(isNearlyDue, row);
  }

  #is(due: typeof isDue, { comparedAt, cursors, interrupted }: MailboxOverview): boolean {
    const days = this.#options?.days ?? null;
    return days !== null && comparedAt !== null && cursors !== null && !interrupted && due(comparedAt, this.#now, days);
  }

  /** It was compared, for whatever reason. */
  done({ idx }: MailboxOverview): void {
    if (this.#options !== null) this.#store.apply([{ kind: "compared", idx, at: this.#now }]);
  }
}
