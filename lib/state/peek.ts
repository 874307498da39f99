// A look at the cursors before the state file is prepared: reads only, and only what the original's tables hold.

import { latin1 } from "../base/bytes.ts";
import type { Database } from "./database.ts";
import { schemaVersion } from "./schema.ts";
import { type CursorColumns, cursorsOf, SELECT_CURSORS } from "./store.ts";
import type { Cursors } from "./types.ts";

/** By internal name; empty when the file has to be made or upgraded first. @throws StateError */
export function peekCursors(database: Database): ReadonlyMap<string, Cursors> {
  const known = new Map<string, Cursors>();
  if (schemaVersion(database) !== "1") return known;
  const rows = database.prepare<[mailbox: Uint8Array, ...CursorColumns]>(
    `SELECT CAST(m.mailbox AS BLOB), ${SELECT_CURSORS} FROM mailboxes m JOIN local l ON l.idx = m.idx JOIN remote r ON r.idx = m.idx`,
    { bigints: true },
  );
  for (const [mailbox, ...columns] of rows.all()) {
    const cursors = cursorsOf(columns);
    if (cursors !== null) known.set(latin1(mailbox), cursors);
  }
  return known;
}
