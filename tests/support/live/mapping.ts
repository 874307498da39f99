// Reads the state file after a run, with nothing of lib/: which messages the program believes to be copies of which.

import { DatabaseSync } from "node:sqlite";
import { toText } from "./imap_values.ts";

/** The stored state of one side of a mailbox. */
export interface StoredCursor {
  readonly uidValidity: number;
  readonly uidNext: number;
}

export interface StoredMailbox {
  readonly subscribed: boolean;
  readonly local: StoredCursor | null;
  readonly remote: StoredCursor | null;
  readonly pairs: readonly { readonly local: number; readonly remote: number }[];
}

/** Keys: internal names (NUL between levels), one character per octet. */
export type Mapping = ReadonlyMap<string, StoredMailbox>;

type Row = Readonly<Record<string, unknown>>;

/** @throws when the file is locked, or no state file of version 1 */
export function readMapping(file: string): Mapping {
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    const version = database.prepare("PRAGMA user_version").get() as Row;
    if (version.user_version !== 1) throw new Error(`${file} has user_version ${version.user_version}`);
    const all = (sql: string, ...values: number[]) => database.prepare(sql).all(...values) as Row[];
    const cursor = (table: "local" | "remote", idx: number): StoredCursor | null => {
      const [row] = all(`SELECT UIDVALIDITY, UIDNEXT FROM ${table} WHERE idx = ?`, idx);
      return row === undefined ? null : { uidValidity: Number(row.UIDVALIDITY), uidNext: Number(row.UIDNEXT) };
    };
    return new Map(
      all("SELECT idx, mailbox, subscribed, typeof(mailbox) AS type FROM mailboxes").map((row) => {
        if (!(row.mailbox instanceof Uint8Array)) throw new Error(`A mailbox is stored as ${row.type}, not as a BLOB`);
        const idx = Number(row.idx);
        return [toText(row.mailbox), {
          subscribed: row.subscribed === 1,
          local: cursor("local", idx),
          remote: cursor("remote", idx),
          pairs: all("SELECT lUID, rUID FROM mapping WHERE idx = ?", idx)
            .map((pair) => ({ local: Number(pair.lUID), remote: Number(pair.rUID) })),
        }];
      }),
    );
  } finally {
    database.close();
  }
}
