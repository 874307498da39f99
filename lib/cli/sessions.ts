// What every command needs: the state file, locked before any network traffic, and a session with each server, more of
// them on request. Owns all from opening to closing; who watches holds the state file itself. Decides nothing about mail.

import type { Clock } from "../base/clock.ts";
import type { Opened, Session } from "../client/mod.ts";
import type { Config } from "../config/mod.ts";
import { ByeError } from "../errors.ts";
import type { Logger } from "../log/mod.ts";
import { formatTraffic, totalTraffic } from "../log/mod.ts";
import { type Cursors, type Delimiters, openDatabase, peekCursors, type Side, type Store } from "../state/mod.ts";
import type { MailboxView, MoreConnections } from "../sync/mod.ts";
import type { Traffic } from "../transport/types.ts";
import { type Habits, learnFrom, rememberedHabits } from "./habits.ts";
import { MoreSessions } from "./more_sessions.ts";
import { type Opening, openServer } from "./open_server.ts";
import { type RememberedState, StateFile } from "./state_file.ts";

export interface ServerOptions {
  readonly config: Config;
  readonly log: Logger;
  readonly clock: Clock;
  readonly env: (name: string) => string | undefined;
  /** Aborted: the run ends with the signal's reason, what is in flight is recorded. */
  readonly signal: AbortSignal;
  /** The sessions live long and are silent for long; default false. */
  readonly keepAlive?: boolean;
}

/** Lent to one command. */
export interface Servers {
  readonly sessions: { readonly local: Session; readonly remote: Session };
  /** More sessions, with QRESYNC enabled. They are logged out when the command ends, if not before. */
  readonly connections: MoreConnections;
  /** Which part of the servers the configuration asks for. */
  readonly view: MailboxView;
  /** Prepares the state file once the servers' delimiters are known. */
  readonly openStore: (delimiters: Delimiters) => Store;
}

/** What is there before the sessions are. */
export interface Beginning extends Pick<Servers, "connections" | "view"> {
  /** Servers of which the last run's login is known. */
  readonly trusted: Readonly<Record<Side, boolean>>;
  /** What the state knows already, by internal name. */
  readonly cursors: () => ReadonlyMap<string, Cursors>;
  /** The state itself, and the servers' delimiters in the last run; null: that is not to be had before they are known. */
  readonly remembered: () => RememberedState | null;
}

export interface Begun {
  /** A session can be used. */
  opened(side: Side, session: Session): void;
  /** The same, before `opened()`, where it can be used to ask for little before what follows is compressed. */
  usable(side: Side, session: Session): void;
}

/** Is told of each session as soon as it can be used. */
export type Begin = (beginning: Beginning) => Begun;

/** Opens everything, lends it to `use`, says good-bye. @throws InterimapError when something could not be opened */
export async function withServers<Result>(
  options: ServerOptions,
  use: (servers: Servers) => Promise<Result>,
  begin: Begin | null = null,
): Promise<Result> {
  const { config, log } = options;
  const database = openDatabase(config.database, { create: true });
  const state = new StateFile(database, log);
  let habits = rememberedHabits(database);
  try {
    for (;;) {
      try {
        return await withSessions(
          options,
          habits,
          (lent) => use({ ...lent, openStore: (delimiters) => state.open(delimiters, lent.sessions, habits) }),
          (beginning) =>
            begin?.({ ...beginning, cursors: () => peekCursors(database), remembered: () => state.early() }) ?? null,
        );
      } catch (error) {
        const learned = learnFrom(error, habits, database, log);
        if (learned === null) throw error;
        habits = learned;
      }
    }
  } finally {
    database.close();
  }
}

const SIDES = ["local", "remote"] as const;

type Lent = Omit<Servers, "openStore">;

/** As `withServers()`, without the state file. */
export async function withSessions<Result>(
  options: ServerOptions,
  habits: Habits,
  use: (servers: Lent) => Promise<Result>,
  begin: (beginning: Omit<Beginning, "cursors" | "remembered">) => Begun | null = () => null,
): Promise<Result> {
  const { config: { local, remote }, log, keepAlive = false } = options;
  const sides = { local: new ServerSide("local", options, habits), remote: new ServerSide("remote", options, habits) };
  const lent = {
    connections: {
      limit: { local: local.connections, remote: remote.connections },
      open: (side: Side, usable?: (session: Session) => void) => sides[side].others.more(usable),
    },
    view: viewOf(options.config),
  };
  const trusted = { local: habits.expected.local !== null, remote: habits.expected.remote !== null };
  const begun = begin({ ...lent, trusted });
  try {
    const sessions = await openBoth(options, sides, begun);
    return await use({ ...lent, sessions });
  } finally {
    await Promise.all(SIDES.map((side) => sides[side].close()));
    tellTraffic(sides, log, keepAlive);
  }
}

/** Nothing when they were not both there. */
function tellTraffic(sides: Readonly<Record<Side, ServerSide>>, log: Logger, quietly: boolean): void {
  const traffic = { local: sides.local.traffic(), remote: sides.remote.traffic() };
  if (traffic.local === null || traffic.remote === null) return;
  for (const [component, text] of [["local", traffic.local], ["remote", traffic.remote]] as const) {
    if (quietly) log.with({ component }).debug(formatTraffic(text));
    else log.with({ component }).info(formatTraffic(text));
  }
}

/** The sessions with one server, of which the first is opened for everybody. */
class ServerSide {
  readonly others: MoreSessions;
  readonly #first = Promise.withResolvers<Session>();
  readonly #open: (
    signal: AbortSignal,
    more: Pick<Opening, "enable" | "after" | "usable">,
  ) => Promise<Opened>;
  #opened: Opened | null = null;

  constructor(readonly side: Side, options: ServerOptions, { expected, presumed, silent }: Habits) {
    const habits = { expected: expected[side], presume: presumed[side], silent: silent[side] };
    this.#open = (signal, more) => openServer(side, options, { ...habits, ...more, signal });
    this.#first.promise.catch(() => {});
    const told = this.#first.promise.then(async (session) => {
      if (expected[side] === null) await session.loggedIn;
      return session.toldAtLogin === null ? null : [...session.toldAtLogin.names];
    });
    told.catch(() => {});
    this.others = new MoreSessions({
      first: this.#first.promise,
      component: side,
      signal: options.signal,
      // That its login succeeds shows when QRESYNC is enabled. A password is not tried twice before it was right once.
      open: (signal, usable) => this.#open(signal, { enable: true, after: told, usable }),
    });
  }

  async open(signal: AbortSignal, begun: Begun | null): Promise<Session> {
    const usable = (session: Session) => begun?.usable(this.side, session);
    this.#opened = await this.#open(signal, { enable: false, usable });
    const { session } = this.#opened;
    this.#first.resolve(session);
    begun?.opened(this.side, session);
    return session;
  }

  async close(): Promise<void> {
    this.#first.reject(new ByeError("Logged out", { component: this.side }));
    await Promise.all([this.#opened?.session.logout(), this.others.close()]);
  }

  /** What crossed all connections; null: there was none. */
  traffic(): Traffic | null {
    return this.#opened === null ? null : totalTraffic([this.#opened.connected.traffic(), this.others.traffic()]);
  }
}

function viewOf({ local, remote, listMailbox, listSelectOptions, ignoreMailbox }: Config): MailboxView {
  return {
    references: { local: local.listReference, remote: remote.listReference },
    patterns: listMailbox,
    selection: listSelectOptions,
    ignored: ignoreMailbox,
  };
}

/** Both at the same time; when one fails the other is not waited for. `begun` is told of each at once. */
async function openBoth(
  options: ServerOptions,
  sides: Readonly<Record<Side, ServerSide>>,
  begun: Begun | null,
): Promise<Servers["sessions"]> {
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const attempt = async (side: Side): Promise<Session> => {
    try {
      return await sides[side].open(signal, begun);
    } catch (error) {
      stop.abort(error);
      throw error;
    }
  };
  const [local, remote] = await Promise.allSettled([attempt("local"), attempt("remote")]);
  if (local.status === "fulfilled" && remote.status === "fulfilled") {
    return { local: local.value, remote: remote.value };
  }
  throw signal.reason;
}
