// What earlier runs learned about each server as a whole: the capabilities that it told with its answer to the login, so
// that the next run need not wait for them, its hierarchy delimiter, and whether it leaves mailboxes silently. Our own
// tables, which the original ignores. Decides nothing about logins or mailboxes.

import type { Database } from "./database.ts";
import type { Delimiters } from "./schema.ts";
import type { Side } from "./types.ts";

/** An empty list stands for a server that lost what was sent behind a login. */
export const SERVERS_TABLE =
  "interimap_servers (side TEXT NOT NULL PRIMARY KEY, capabilities TEXT NOT NULL) WITHOUT ROWID";

/** A row stands for a server that does not say [CLOSED]. */
export const SILENT_LEAVERS_TABLE = "interimap_silent_leavers (side TEXT NOT NULL PRIMARY KEY) WITHOUT ROWID";

/** NULL stands for a flat namespace. */
export const DELIMITERS_TABLE = "interimap_delimiters (side TEXT NOT NULL PRIMARY KEY, delimiter TEXT) WITHOUT ROWID";

/** What each server told with its answer to the last login; empty: that is waited for; null: not known. @throws StateError */
export function expectedCapabilities(database: Database): Readonly<Record<Side, readonly string[] | null>> {
  const expected: Record<Side, readonly string[] | null> = { local: null, remote: null };
  if (!hasTable(database, "interimap_servers")) return expected;
  const rows = database.prepare<[side: Side, capabilities: string]>("SELECT side, capabilities FROM interimap_servers");
  for (const [side, capabilities] of rows.all()) {
    expected[side] = capabilities === "" ? [] : capabilities.split(" ");
  }
  return expected;
}

/** Writes only what is new: an idle run writes nothing. @throws StateError */
export function rememberCapabilities(database: Database, side: Side, names: Iterable<string>): void {
  const capabilities = [...names].sort().join(" ");
  const known = database.prepare<[string]>("SELECT capabilities FROM interimap_servers WHERE side = ?").get(side)?.[0];
  if (capabilities === "" || known === "" || known === capabilities) return;
  write(database, side, capabilities);
}

/** What the last login has told counts no more: the next one is waited for. @throws StateError */
export function forgetLogin(database: Database, side: Side): void {
  database.transaction(() => database.execute("DELETE FROM interimap_servers WHERE side = ?", side));
}

/** From now on every answer to a login is waited for; to be called when the store is prepared. @throws StateError */
export function distrustLogin(database: Database, side: Side): void {
  write(database, side, "");
}

/** Which servers are known to leave mailboxes silently. @throws StateError */
export function silentLeavers(database: Database): Readonly<Record<Side, boolean>> {
  const silent: Record<Side, boolean> = { local: false, remote: false };
  if (!hasTable(database, "interimap_silent_leavers")) return silent;
  for (const [side] of database.prepare<[side: Side]>("SELECT side FROM interimap_silent_leavers").all()) {
    silent[side] = true;
  }
  return silent;
}

/** To be called when the store is prepared. @throws StateError */
export function rememberSilentLeaver(database: Database, side: Side): void {
  database.transaction(() => database.execute("INSERT OR REPLACE INTO interimap_silent_leavers VALUES (?)", side));
}

/** The hierarchy delimiters of the last run; null: they are not known. @throws StateError */
export function rememberedDelimiters(database: Database): Delimiters | null {
  if (!hasTable(database, "interimap_delimiters")) return null;
  const select = database.prepare<[side: Side, delimiter: string | null]>(
    "SELECT side, delimiter FROM interimap_delimiters",
  );
  const known = new Map(select.all());
  const [local, remote] = [known.get("local"), known.get("remote")];
  return local === undefined || remote === undefined ? null : { local, remote };
}

/** Writes only what is new; to be called when the store is prepared. @throws StateError */
export function rememberDelimiters(database: Database, { local, remote }: Delimiters): void {
  const known = rememberedDelimiters(database);
  if (known?.local === local && known.remote === remote) return;
  database.transaction(() => {
    for (const [side, delimiter] of [["local", local], ["remote", remote]] as const) {
      database.execute("INSERT OR REPLACE INTO interimap_delimiters VALUES (?, ?)", side, delimiter);
    }
  });
}

/** A file that was never written by us has none of our tables. */
function hasTable(database: Database, name: string): boolean {
  return database.prepare<[number]>("SELECT 1 FROM sqlite_schema WHERE name = ?").get(name) !== null;
}

function write(database: Database, side: Side, capabilities: string): void {
  database.transaction(() =>
    database.execute("INSERT OR REPLACE INTO interimap_servers VALUES (?, ?)", side, capabilities)
  );
}
