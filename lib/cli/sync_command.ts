// The default command: lock the state file, connect to both servers at once, synchronize, say good-bye. Owns the state
// file and both connections from opening to closing. Decides nothing about mail.

import type { Clock } from "../base/clock.ts";
import { type Opened, openSession, requireCapabilities } from "../client/mod.ts";
import type { Config, ServerConfig } from "../config/mod.ts";
import type { Logger } from "../log/mod.ts";
import { formatTraffic } from "../log/mod.ts";
import { openDatabase, prepareStore } from "../state/mod.ts";
import { runOnce, type RunReport } from "../sync/mod.ts";
import { connect, connectDeadline, peerName } from "../transport/mod.ts";

export interface SyncOptions {
  readonly config: Config;
  readonly mailboxes: readonly string[];
  readonly log: Logger;
  readonly clock: Clock;
  readonly env: (name: string) => string | undefined;
  /** Aborted: the run ends with the signal's reason, what is in flight is recorded. */
  readonly signal: AbortSignal;
}

/** Synchronizes once. @throws InterimapError when the run could not be finished */
export async function synchronize(options: SyncOptions): Promise<RunReport> {
  const { config, mailboxes, log } = options;
  const database = openDatabase(config.database, { create: true });
  try {
    const { local, remote } = await openBoth(options);
    try {
      return await runOnce({
        sessions: { local: local.session, remote: remote.session },
        names: mailboxes,
        log,
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

/** Both at the same time; when one fails the other is not waited for. */
async function openBoth(options: SyncOptions): Promise<{ readonly local: Opened; readonly remote: Opened }> {
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

async function open(component: string, server: ServerConfig, options: SyncOptions): Promise<Opened> {
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
    connect: (until) => connect(server, { component, log, clock, signal: until, debugging: log.debugging, env }),
  });
  try {
    requireCapabilities(opened.session);
    return opened;
  } catch (error) {
    opened.connected.close();
    throw error;
  }
}
