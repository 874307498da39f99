// Turns what node:sqlite throws into a StateError that says what happened to which file, in one line.
// Pure; knows SQLite's result codes (sqlite.org/rescode.html), and neither tables nor permissions.

import { utf8Octets } from "../base/bytes.ts";
import { LockedError, StateError } from "../errors.ts";

/** A StateError about the state file, with the component that the log shows. The message may hold any path. */
export function stateError(message: string, cause?: unknown): StateError {
  return new StateError(utf8Octets(message), { component: "database", cause });
}

/** The StateError for a failure of SQLite on the file `path`; anything else is given back as it is. */
export function translateSqliteError(path: string, error: unknown): unknown {
  if (!(error instanceof Error) || !("code" in error)) return error;
  if (error.code === "ERR_OUT_OF_RANGE") {
    return stateError(`Database ${path} is damaged: it holds a number that is too large for its column`, error);
  }
  if (error.code !== "ERR_SQLITE_ERROR") return error;
  const resultCode = "errcode" in error && typeof error.errcode === "number" ? error.errcode : 0;
  const text = describe(path, resultCode, error.message);
  return isLocked(resultCode)
    ? new LockedError(utf8Octets(text), { component: "database", cause: error })
    : stateError(text, error);
}

function isLocked(resultCode: number): boolean {
  return (resultCode & 0xff) === 5 || (resultCode & 0xff) === 6;
}

function describe(path: string, resultCode: number, message: string): string {
  switch (resultCode & 0xff) { // the upper bits only tell kinds of the same failure apart
    case 5: // SQLITE_BUSY
    case 6: // SQLITE_LOCKED
      return `Database is locked: ${path} is held by another run or a watcher`;
    case 8: // SQLITE_READONLY
      return `Database ${path} is read-only: make it and its directory writable`;
    case 10: // SQLITE_IOERR
      return `Database ${path} could not be read or written: ${message} (SQLite code ${resultCode}); check the disk`;
    case 11: // SQLITE_CORRUPT
      return `Database ${path} is damaged: ${message}; restore it from a backup`;
    case 13: // SQLITE_FULL
      return `Database ${path} could not be written: no space is left on its disk`;
    case 14: // SQLITE_CANTOPEN: the journal, once the file itself is open
      return `Database ${path} could not be written: its journal cannot be created; make its directory writable`;
    case 19: // SQLITE_CONSTRAINT
      return `Database ${path} refused a change that contradicts it: ${message}`;
    case 26: // SQLITE_NOTADB
      return `Database ${path} is not an SQLite file: name another one by the option "database"`;
    default:
      return `Database ${path} could not be used: ${message}`;
  }
}
