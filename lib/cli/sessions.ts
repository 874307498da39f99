// What every command needs: the state file, locked before any network traffic, and a session with each server. Owns all
// three from opening to closing. Decides nothing about mail.

import type { Clock } from "../base/clock.ts";
import { type Opened, openSession, requireCapabilities, type Session } from "../client/mod.ts";
import type { Config, ServerConfig } from "../config/mod.ts";
import type { Logger } from "../log/mod.ts";
import { formatTraffic } from "../log/mod.ts";
import { type Delimiters, openDatabase, prepareStore, type Store } from "../state/mod.ts";
import type { MailboxView } from "../sync/mod.ts";
import { connect, connectDeadline, peerName } from "../transport/mod.ts";

export interface ServerOptions {
  readonly config: Config;
  readonly log: Logger;
  readonly clock: Clock;
  readonly env: (name: string) => string | undefined;
  /** Aborted: the run ends with the signal's reason, what is in flight is recorded. */
  readonly signal: AbortSignal;
}

/** Lent to one command. */
export interface Servers {
  readonly sessions: { readonly local: Session; readonly remote: Session };
  /** Which part of the servers the configuration asks for. */
  readonly view: MailboxView;
  /** Prepares the state file once the servers' delimiters are known. */
  readonly openStore: (delimiters: Delimiters) => Store;
}

/** Opens everything, lends it to `use`, says good-bye. @throws InterimapError when something could not be opened */
export async function withServers<Result>(
  options: ServerOptions,
  use: (servers: Servers) => Promise<Result>,
): Promise<Result> {
  const { config, log } = options;
  const database = openDatabase(config.database, { create: true });
  try {
    const { local, remote } = await openBoth(options);
    try {
      return await use({
        sessions: { local: local.session, remote: remote.session },
        view: viewOf(config),
        openStore: (delimiters) => prepareStore(database, delimiters, log),
      });
    } finally {
      await Promise.all([local.session.logout(), remote.session.logout()]);
      log.with({ component: "local" }).info(formatTraffic(local.connected.traffic()));
      log.with({ component: "remote" }).info(formatTraffic(remote.connected.traffic()));
    }
  } finally {
    database.close();
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

/** Both at the same time; when one fails the other is not waited for. */
async function openBoth(options: ServerOptions): Promise<{ readonly local: Opened; readonly remote: Opened }> {
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const attempt = async (component: "local" | "remote"): Promise<Opened> => {
    try {
      return await open(component, options.config[component], { ...options, signal });
    } catch (error) {
      stop.abort(error);
      throw error;
    }
  };
  const [local, remote] = await Promise.allSettled([attempt("local"), attempt("remote")]);
  if (local.status === "fulfilled" && remote.status === "fulfilled") {
    return { local: local.value, remote: remote.value };
  }
  for (const opened of [local, remote]) if (opened.status === "fulfilled") opened.value.connected.close();
  throw signal.reason;
}

async function open(component: string, server: ServerConfig, options: ServerOptions): Promise<Opened> {
  const { clock, log, env, signal } = options;
  const opened = await openSession({
    component,
    startTls: server.type === "imap" && server.startTls,
    compress: server.compress,
    auth: server.auth,
    username: server.username,
    password: server.password,
    clock,
    log,
    signal,
    deadline: connectDeadline({ clock, parent: signal, component, peer: peerName(server) }),
    connect: (until) =>
      connect(server, { component, log, clock, signal: until, keepAlive: false, debugging: log.debugging, env }),
  });
  try {
    requireCapabilities(opened.session);
    return opened;
  } catch (error) {
    opened.connected.close();
    throw error;
  }
}
