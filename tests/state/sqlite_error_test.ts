import assert from "node:assert/strict";
import { LockedError, StateError } from "../../lib/errors.ts";
import { translateSqliteError } from "../../lib/state/sqlite_error.ts";

function sqliteError(errcode: number, message: string): Error {
  return Object.assign(new Error(message), { code: "ERR_SQLITE_ERROR", errcode });
}

Deno.test("`translateSqliteError()` says in one line what happened to which file when SQLite fails", () => {
  const cases: readonly (readonly [code: number, message: string, said: RegExp])[] = [
    [5, "database is locked", /^Database is locked: \/x\/y\.db is held by another run or a watcher$/],
    [261, "database is locked", /^Database is locked/], // SQLITE_BUSY_RECOVERY
    [8, "attempt to write a readonly database", /\/x\/y\.db is read-only/],
    [778, "disk I/O error", /\/x\/y\.db could not be read or written: disk I\/O error \(SQLite code 778\)/],
    [11, "database disk image is malformed", /\/x\/y\.db is damaged/],
    [13, "database or disk is full", /\/x\/y\.db could not be written: no space is left/],
    [14, "unable to open database file", /\/x\/y\.db could not be written: its journal/],
    [2067, "UNIQUE constraint failed: mapping.idx, mapping.lUID", /refused a change.*mapping\.lUID$/],
    [26, "file is not a database", /\/x\/y\.db is not an SQLite file/],
    [1, "no such column: z", /\/x\/y\.db could not be used: no such column: z$/],
  ];
  for (const [code, message, said] of cases) {
    const cause = sqliteError(code, message);
    const error = translateSqliteError("/x/y.db", cause);
    assert(error instanceof StateError);
    assert.match(error.message, said);
    assert.equal(error instanceof LockedError, (code & 0xff) === 5);
    assert.doesNotMatch(error.message, /\n|\.$/);
    assert.equal(error.component, "database");
    assert.equal(error.cause, cause);
  }
});

Deno.test("`translateSqliteError()` gives back what is not SQLite's", () => {
  const bug = new TypeError("x is undefined");
  assert.equal(translateSqliteError("/x", bug), bug);
  const state = new StateError("known");
  assert.equal(translateSqliteError("/x", state), state);
  assert.equal(translateSqliteError("/x", "text"), "text");
});
