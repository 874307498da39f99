// How many pairs each mailbox has, and when it was last compared whole, in tables of our own: facts that every run needs
// of every mailbox, and that must not be counted row by row each time (100,000 pairs: 5 ms). Decides nothing.

import type { Database, Statement } from "./database.ts";

export const TALLY_DEFINITIONS: readonly string[] = [
  "interimap_counts (idx INTEGER NOT NULL PRIMARY KEY, pairs INTEGER NOT NULL)",
  "interimap_checks (idx INTEGER NOT NULL PRIMARY KEY, comparedAt INTEGER NOT NULL)",
];

/** Counts what has no count: a file of the original, or mailboxes that it went on with. Inside a transaction. */
export function countPairs(database: Database): void {
  database.execute(`
    INSERT INTO interimap_counts (idx, pairs)
    SELECT m.idx, (SELECT COUNT(*) FROM mapping p WHERE p.idx = m.idx) FROM mailboxes m
    WHERE m.idx NOT IN (SELECT idx FROM interimap_counts)`);
}

/** Keeps both tables. Everything is to be called inside a transaction. */
export class Tallies {
  readonly #add: Statement<[]>;
  readonly #recount: Statement<[]>;
  readonly #setCompared: Statement<[]>;

  constructor(database: Database) {
    this.#add = database.prepare(`
      INSERT INTO interimap_counts (idx, pairs) VALUES (?, ?)
      ON CONFLICT (idx) DO UPDATE SET pairs = pairs + excluded.pairs`);
    this.#recount = database.prepare(
      "INSERT OR REPLACE INTO interimap_counts SELECT ?1, COUNT(*) FROM mapping WHERE idx = ?1",
    );
    this.#setCompared = database.prepare("INSERT OR REPLACE INTO interimap_checks VALUES (?, ?)");
  }

  /** `pairs` more, or fewer when it is negative. */
  addPairs(idx: number, pairs: number): void {
    if (pairs !== 0) this.#add.run(idx, pairs);
  }

  recount(idx: number): void {
    this.#recount.run(idx);
  }

  /** `at`: seconds since the epoch. */
  setCompared(idx: number, at: number): void {
    this.#setCompared.run(idx, at);
  }
}
