// The two steps by which the state file is opened: lock it before any network traffic, and make its tables ready once
// both servers are known. Knows the order, not the rules (database.ts, schema.ts, facts.ts).

import type { Logger } from "../log/types.ts";
import { Database } from "./database.ts";
import { prepareFacts } from "./facts.ts";
import { bringSchemaUpToDate, type Delimiters, schemaVersion } from "./schema.ts";
import { SqliteStore } from "./store.ts";
import type { Store } from "./types.ts";

/**
 * Opens and locks the file for this process alone, until it is closed. Unless `create` says so, a missing file is an
 * error. What is not ours is refused and left untouched, what cannot be written is refused here and not later.
 * @throws StateError
 */
export function openDatabase(path: string, options: { readonly create: boolean }): Database {
  const database = Database.open(path, options);
  try {
    schemaVersion(database);
    database.checkWritable();
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/**
 * Creates or upgrades the tables, all or nothing, and returns the store, which owns `database` from here on.
 * @throws StateError; `database` stays open then
 */
export function prepareStore(database: Database, delimiters: Delimiters, log: Logger): Store {
  const overtaken = database.transaction(() => {
    bringSchemaUpToDate(database, delimiters, log);
    return prepareFacts(database);
  });
  if (overtaken > 0) {
    log.with({ component: "database" }).debug(
      `Another program has worked on ${overtaken} mailbox(es): what was noted about them before is dropped`,
    );
  }
  database.execute("PRAGMA foreign_keys = ON");
  return new SqliteStore(database);
}

/** The same for a file with which nothing has to be done; null: something has, and was not. @throws StateError */
export function storeAsItIs(database: Database): Store | null {
  if (schemaVersion(database) !== "1" || !isUpToDate(database)) return null;
  database.execute("PRAGMA foreign_keys = ON");
  return new SqliteStore(database);
}

/** Tries, and takes it back. */
function isUpToDate(database: Database): boolean {
  const seen = database.prepare<[changes: number, schema: number]>(
    "SELECT total_changes(), (SELECT schema_version FROM pragma_schema_version)",
  );
  const state = () => seen.get()?.join();
  const undo = new Error("something would have to be changed");
  try {
    database.transaction(() => {
      const before = state();
      prepareFacts(database);
      if (state() !== before) throw undo;
    });
    return true;
  } catch (error) {
    if (error !== undo) throw error;
    return false;
  }
}
