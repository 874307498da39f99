// When the store is made ready: when the servers' delimiters are known, or before, if nothing has to be written. What is
// learned of the servers is written then. The lock on the file is somebody else's.

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
  storeAsItIs,
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

  /**
   * Null when something has to be written first, as after the original: a run that comes to nothing leaves the file as it
   * was. @throws StateError
   */
  early(): RememberedState | null {
    const delimiters = rememberedDelimiters(this.#database);
    if (delimiters === null) return null;
    this.#store ??= storeAsItIs(this.#database);
    return this.#store === null ? null : { delimiters, store: this.#store };
  }

  /** The store for both servers. @throws StateError */
  open(delimiters: Delimiters, sessions: Readonly<Record<Side, Session>>, habits: Habits): Store {
    const store = this.#store ??= prepareStore(this.#database, delimiters, this.#log);
    const told = (side: Side) => sessions[side].toldAtLogin?.names ?? [];
    rememberLogins(this.#database, habits, { local: told("local"), remote: told("remote") });
    rememberDelimiters(this.#database, delimiters);
    return store;
  }
}
