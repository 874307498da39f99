// When the store is made ready: as soon as what the last run left tells enough, at the latest when the servers' delimiters
// are known. What is learned of the servers is written then. The lock on the file is somebody else's.

import type { Session } from "../client/mod.ts";
import type { Logger } from "../log/mod.ts";
import {
  type Database,
  type Delimiters,
  prepareStore,
  rememberDelimiters,
  rememberedDelimiters,
  type Side,
  type Store,
} from "../state/mod.ts";
import { type Habits, rememberLogins } from "./habits.ts";

/** The state as the last run left it. */
export interface RememberedState {
  readonly store: Store;
  readonly delimiters: Delimiters;
}

export class StateFile {
  readonly #database: Database;
  readonly #log: Logger;
  #store: Store | null = null;

  /** `database` is open, and stays the caller's. */
  constructor(database: Database, log: Logger) {
    this.#database = database;
    this.#log = log;
  }

  /** Null for a file that this program has not worked with before: it may have to be upgraded. @throws StateError */
  early(): RememberedState | null {
    const delimiters = rememberedDelimiters(this.#database);
    return delimiters === null ? null : { delimiters, store: this.#prepared(delimiters) };
  }

  /** The store for both servers. @throws StateError */
  open(delimiters: Delimiters, sessions: Readonly<Record<Side, Session>>, habits: Habits): Store {
    const store = this.#prepared(delimiters);
    const told = (side: Side) => sessions[side].toldAtLogin?.names ?? [];
    rememberLogins(this.#database, habits, { local: told("local"), remote: told("remote") });
    rememberDelimiters(this.#database, delimiters);
    return store;
  }

  #prepared(delimiters: Delimiters): Store {
    return this.#store ??= prepareStore(this.#database, delimiters, this.#log);
  }
}
