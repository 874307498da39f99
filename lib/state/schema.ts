// The four tables that are shared with InterIMAP 0.5.x (user_version 1), byte for byte compatible: what they look
// like, whether a file has them, how they are created, and how a file of version 0 becomes one of version 1.
// Knows nothing of our own tables (facts.ts) and nothing of mail.

import { utf8Octets } from "../base/bytes.ts";
import { StateError } from "../errors.ts";
import type { Logger } from "../log/types.ts";
import type { Database } from "./database.ts";
import { stateError } from "./sqlite_error.ts";

/** The hierarchy delimiters of both servers; null where the namespace is flat. */
export interface Delimiters {
  readonly local: string | null;
  readonly remote: string | null;
}

/** "none": an empty file. "0": written before InterIMAP 0.5. */
export type SchemaVersion = "none" | "0" | "1";

const MAILBOXES = `(
  idx        INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  mailbox    BLOB COLLATE BINARY NOT NULL CHECK (mailbox != '') UNIQUE,
  subscribed BOOLEAN NOT NULL
)`;

const SIDE = `(
  idx           INTEGER NOT NULL PRIMARY KEY REFERENCES mailboxes(idx),
  UIDVALIDITY   UNSIGNED INT NOT NULL CHECK (UIDVALIDITY > 0),
  UIDNEXT       UNSIGNED INT NOT NULL,
  HIGHESTMODSEQ UNSIGNED BIGINT NOT NULL
)`;

const MAPPING = `(
  idx  INTEGER NOT NULL REFERENCES mailboxes(idx),
  lUID UNSIGNED INT NOT NULL CHECK (lUID > 0),
  rUID UNSIGNED INT NOT NULL CHECK (rUID > 0),
  PRIMARY KEY (idx, lUID),
  UNIQUE (idx, rUID)
)`;

const TABLES: ReadonlyMap<string, { readonly definition: string; readonly columns: readonly string[] }> = new Map([
  ["mailboxes", { definition: MAILBOXES, columns: ["idx", "mailbox", "subscribed"] }],
  ["local", { definition: SIDE, columns: ["idx", "UIDVALIDITY", "UIDNEXT", "HIGHESTMODSEQ"] }],
  ["remote", { definition: SIDE, columns: ["idx", "UIDVALIDITY", "UIDNEXT", "HIGHESTMODSEQ"] }],
  ["mapping", { definition: MAPPING, columns: ["idx", "lUID", "rUID"] }],
]);

/**
 * Which version of the schema the file has. Changes nothing.
 * @throws StateError when the file belongs to something else, or to a newer version
 */
export function schemaVersion(database: Database): SchemaVersion {
  const version = pragma(database, "user_version");
  const applicationId = pragma(database, "application_id");
  if (version === 0 && applicationId === 0 && isEmpty(database)) return "none";
  const missing = missingColumn(database);
  if (missing !== null || version < 0 || (version === 0 && applicationId !== 0)) {
    const reason = missing === null ? "it bears another program's mark" : `it has no ${missing}`;
    throw stateError(`Database ${database.path} is not one of interimap's (${reason}), and is left untouched`);
  }
  if (version > 1) {
    throw stateError(
      `Database ${database.path} has version ${version}, newer than this program knows: run the program that wrote it`,
    );
  }
  return version === 0 ? "0" : "1";
}

/**
 * Creates the four tables, or brings them to version 1. To be called inside a transaction, with foreign keys off.
 * @throws StateError with the two refusals of the upgrade
 */
export function bringSchemaUpToDate(database: Database, delimiters: Delimiters, log: Logger): void {
  const version = schemaVersion(database);
  if (version === "1") return;
  if (version === "none") {
    log.notice(`Creating new schema in database file ${utf8Octets(database.path)}`);
    for (const [name, { definition }] of TABLES) database.execute(`CREATE TABLE ${name} ${definition}`);
  } else {
    log.notice(`Upgrading database version from ${version}`);
    upgradeFrom0(database, delimiters);
  }
  database.execute("PRAGMA user_version = 1");
}

/** Version 0 held the names as text, with the delimiter that both servers shared. */
function upgradeFrom0(database: Database, { local, remote }: Delimiters): void {
  if (local !== null && remote !== null && local !== remote) {
    // Spelled as InterIMAP 0.5.x does.
    throw new StateError(
      `Local and remote hierachy delimiters differ (local ${quote(local)}, remote ${quote(remote)}), ` +
        "refusing to update table `mailboxes`.",
    );
  }
  database.execute(`CREATE TABLE _tmp1_mailboxes ${MAILBOXES}`);
  const name = local === null ? "mailbox" : "REPLACE(mailbox, ?, x'00')";
  database.execute(
    `INSERT INTO _tmp1_mailboxes SELECT idx, CAST(${name} AS BLOB), subscribed FROM mailboxes`,
    ...(local === null ? [] : [local]),
  );
  database.execute("DROP TABLE mailboxes");
  database.execute("ALTER TABLE _tmp1_mailboxes RENAME TO mailboxes");
  if (database.prepare("PRAGMA foreign_key_check").get() !== null) {
    throw stateError("Broken referential integrity! Refusing to commit changes.");
  }
}

function pragma(database: Database, name: string): number {
  return database.prepare<[value: number]>(`PRAGMA ${name}`).get()?.[0] ?? 0;
}

/** Whether the file defines nothing, SQLite's own tables apart. */
function isEmpty(database: Database): boolean {
  const anything = "SELECT 1 FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' LIMIT 1";
  return database.prepare(anything).get() === null;
}

/** The first table or column of the four tables that the file lacks. */
function missingColumn(database: Database): string | null {
  const columnsOf = database.prepare<[name: string]>("SELECT name FROM pragma_table_info(?)");
  for (const [table, { columns }] of TABLES) {
    const found = columnsOf.all(table).map(([name]) => name.toLowerCase());
    if (found.length === 0) return `table ${table}`;
    const missing = columns.find((column) => !found.includes(column.toLowerCase()));
    if (missing !== undefined) return `column ${missing} in table ${table}`;
  }
  return null;
}

/** A delimiter as an IMAP quoted string. */
function quote(delimiter: string): string {
  return `"${delimiter.replace(/["\\]/, "\\$&")}"`;
}
