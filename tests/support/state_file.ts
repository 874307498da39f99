// State files for the tests of lib/state: in folders of their own, opened as the program does.

import { StateError } from "../../lib/errors.ts";
import { type Database, type Delimiters, openDatabase, prepareStore, type Store } from "../../lib/state/mod.ts";
import { KeepingLog } from "./quiet_log.ts";

/** What a test may do with a state file. Stores that are left open are closed at the end. */
export class StateFile {
  readonly path: string;
  readonly #open: { close(): void }[] = [];

  constructor(path: string) {
    this.path = path;
  }

  /** Opens the file, creating it when it is missing. Without waiting for the disk: the tests do not cut its power. */
  open(): Database {
    const database = openDatabase(this.path, { create: true });
    database.execute("PRAGMA synchronous = OFF");
    this.#open.push(database);
    return database;
  }

  store(delimiters: Delimiters = { local: "/", remote: "." }, log = new KeepingLog()): Store {
    return prepareStore(this.open(), delimiters, log);
  }

  /** Closes what is open, so that others can look at the file. */
  close(): void {
    for (const opened of this.#open.splice(0)) opened.close();
  }
}

/** Runs `body` with a path in a new folder, which is removed afterwards. */
export async function withStateFile(body: (file: StateFile) => void | Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "interimap-state-" });
  const file = new StateFile(`${folder}/state.db`);
  try {
    await body(file);
  } finally {
    file.close();
    await Deno.remove(folder, { recursive: true });
  }
}

/** The message of the StateError that `action` throws, with its component in front. */
export function refusalOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (!(error instanceof StateError)) throw error;
    return `${error.component ?? ""}: ${error.message}`;
  }
  throw new Error("No StateError was thrown");
}
