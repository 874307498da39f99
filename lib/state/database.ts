// The SQLite file as such: the rules by which it is created, opened and locked, prepared statements, transactions.
// Knows no table. The only file of this folder that touches the file system.
//
// While a Database is open nothing else in this process may open and close the same file: POSIX drops every lock
// that a process holds on a file as soon as the process closes any descriptor of it.

import { DatabaseSync, type StatementSync } from "node:sqlite";
import { stateError, translateSqliteError } from "./sqlite_error.ts";

const BUSY_TIMEOUT_MS = 250;

/** Deno 2.9 has this method and leaves it out of its types. */
type ArrayStatement = StatementSync & { setReturnArrays(enabled: boolean): void };

/** What SQLite stores. A number is bound as REAL: fine into a column of integers, 1.0 in an expression without one. */
export type SqlValue = number | bigint | string | Uint8Array | null;

/** One prepared statement; `Row` is the tuple of its columns. All methods throw StateError. */
export class Statement<Row extends readonly SqlValue[]> {
  readonly #path: string;
  readonly #statement: StatementSync;

  constructor(path: string, statement: StatementSync) {
    this.#path = path;
    this.#statement = statement;
  }

  run(...values: SqlValue[]): void {
    try {
      this.#statement.run(...values);
    } catch (error) {
      throw translateSqliteError(this.#path, error);
    }
  }

  all(...values: SqlValue[]): readonly Row[] {
    try {
      return this.#statement.all(...values) as unknown as Row[];
    } catch (error) {
      throw translateSqliteError(this.#path, error);
    }
  }

  /** The first row, or null. */
  get(...values: SqlValue[]): Row | null {
    try {
      return (this.#statement.get(...values) as unknown as Row | undefined) ?? null;
    } catch (error) {
      throw translateSqliteError(this.#path, error);
    }
  }
}

/** An open file that this process has locked for itself until `close`. Foreign keys are not enforced at first. */
export class Database {
  readonly path: string;
  readonly #connection: DatabaseSync;
  /** The file was not there before. */
  readonly #created: boolean;
  readonly #begin: Statement<[]>;
  readonly #commit: Statement<[]>;
  readonly #rollback: Statement<[]>;

  private constructor(path: string, connection: DatabaseSync, created: boolean) {
    this.path = path;
    this.#created = created;
    this.#connection = connection;
    this.#begin = this.prepare("BEGIN IMMEDIATE");
    this.#commit = this.prepare("COMMIT");
    this.#rollback = this.prepare("ROLLBACK");
  }

  /**
   * Opens and locks `path`; a missing file is created empty, readable by its owner only, when `create` says so.
   * @throws StateError
   */
  static open(path: string, options: { readonly create: boolean }): Database {
    const created = requireFile(path, options.create);
    const connection = connect(path);
    try {
      const database = new Database(path, connection, created);
      database.#lock();
      return database;
    } catch (error) {
      connection.close();
      throw translateSqliteError(path, error);
    }
  }

  /** A statement that is compiled once. With `bigints` every integer of its rows is a bigint. */
  prepare<Row extends readonly SqlValue[]>(sql: string, options: { readonly bigints?: boolean } = {}): Statement<Row> {
    try {
      const statement = this.#connection.prepare(sql) as ArrayStatement;
      statement.setReturnArrays(true);
      statement.setReadBigInts(options.bigints ?? false);
      return new Statement(this.path, statement);
    } catch (error) {
      throw translateSqliteError(this.path, error);
    }
  }

  /** Compiles and runs a statement that returns nothing and is needed once. */
  execute(sql: string, ...values: SqlValue[]): void {
    this.prepare(sql).run(...values);
  }

  /** All that `body` changes is written at once, or nothing of it when it throws. `body` waits for nothing. */
  transaction<Result>(body: () => Result): Result {
    this.#begin.run();
    try {
      const result = body();
      this.#commit.run();
      return result;
    } catch (error) {
      this.#undo();
      throw error;
    }
  }

  /** Makes sure that a transaction could be written: fails for a read-only file or directory. Writes nothing. */
  checkWritable(): void {
    const version = this.#pragma("user_version");
    const synchronous = this.#pragma("synchronous");
    this.execute("PRAGMA synchronous = OFF"); // an idle run must not wait for a disk: the journal is made to be undone
    this.#begin.run();
    try {
      this.execute(`PRAGMA user_version = ${version}`);
    } finally {
      this.#undo();
      this.execute(`PRAGMA synchronous = ${synchronous}`);
    }
  }

  /** Gives the lock back. A file that was created here and never written goes again. Idempotent. */
  close(): void {
    if (!this.#connection.isOpen) return;
    // All that is left to do is to remove a journal that holds nothing: not worth waiting for the disk.
    if (!this.#connection.isTransaction) this.execute("PRAGMA synchronous = OFF");
    const useless = this.#created && this.prepare("SELECT 1 FROM sqlite_schema LIMIT 1").get() === null;
    this.#connection.close();
    if (useless) Deno.removeSync(this.path);
  }

  #pragma(name: string): number {
    return this.prepare<[value: number]>(`PRAGMA ${name}`).get()?.[0] ?? 0;
  }

  /** SQLite rolls back by itself after some failures, a full disk for one. */
  #undo(): void {
    if (this.#connection.isTransaction) this.#rollback.run();
  }

  /** In exclusive mode the lock that this transaction takes is kept when it ends. */
  #lock(): void {
    this.prepare("PRAGMA locking_mode = EXCLUSIVE").get();
    this.execute("BEGIN EXCLUSIVE");
    this.#commit.run();
  }
}

function connect(path: string): DatabaseSync {
  try {
    return new DatabaseSync(path, {
      timeout: BUSY_TIMEOUT_MS,
      enableForeignKeyConstraints: false,
      enableDoubleQuotedStringLiterals: false,
    });
  } catch (error) {
    throw openingError(path, whyNotOpened(path) ?? error);
  }
}

/** True when it was created: node:sqlite would do so whatever it is told, and not with the mode that is wanted. */
function requireFile(path: string, create: boolean): boolean {
  if (exists(path)) return false;
  if (!create) {
    throw stateError(`Database ${path} does not exist: run interimap once without --watch and --notify to create it`);
  }
  try {
    Deno.openSync(path, { write: true, createNew: true, mode: 0o600 }).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw openingError(path, error);
    throw stateError(`Can't create ${path}: ${systemText(error)}`, error);
  }
}

function exists(path: string): boolean {
  try {
    if (Deno.statSync(path).isFile) return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw openingError(path, error);
  }
  throw stateError(`Cannot open database ${path}: it is not a regular file`);
}

/** The system's reason for which the file cannot be opened, which SQLite does not tell; null when it can. */
function whyNotOpened(path: string): unknown {
  try {
    Deno.openSync(path, { read: true, write: true }).close();
    return null;
  } catch (error) {
    return error;
  }
}

function openingError(path: string, error: unknown): Error {
  if (!(error instanceof Deno.errors.NotCapable)) {
    return stateError(`Cannot open database ${path}: ${systemText(error)}`, error);
  }
  const remedy = error.message.includes("--allow-all")
    ? "Deno needs all permissions (--allow-all) for files under /dev and /proc"
    : "Deno needs the permissions to read and write it (--allow-read, --allow-write)";
  return stateError(`Cannot open database ${path}: ${remedy}`, error);
}

/** "No such file or directory" of Deno's "No such file or directory (os error 2): open '...'". */
function systemText(error: unknown): string {
  return error instanceof Error ? error.message.replace(/ \(os error .*$/s, "") : String(error);
}
