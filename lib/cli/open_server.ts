// From a section of the configuration to a session with that server which has all that is required. Decides nothing of its
// own: it joins what transport, client and configuration say.

import { type Opened, openSession, requireCapabilities, type Session } from "../client/mod.ts";
import { connect, connectDeadline, peerName } from "../transport/mod.ts";
import type { ServerOptions } from "./sessions.ts";

/** How a session is opened. */
export interface Opening {
  /** See `OpenOptions` of lib/client. */
  readonly expected: readonly string[] | null;
  /** See `OpenOptions` of lib/client. */
  readonly presume: boolean;
  /** See `OpenOptions` of lib/client. */
  readonly after?: Promise<readonly string[] | null>;
  /** See `Session.leavesSilently`. */
  readonly silent: boolean;
  /** See `OpenOptions` of lib/client. */
  readonly enable: boolean;
  /** See `OpenOptions` of lib/client. */
  readonly usable?: (session: Session) => void;
  /** Aborted: the session ends with the signal's reason, also later. */
  readonly signal: AbortSignal;
}

/** The caller owns the session. @throws InterimapError; nothing is left open then */
export async function openServer(
  component: "local" | "remote",
  options: Omit<ServerOptions, "signal">,
  { expected, presume, after, silent, enable, usable, signal }: Opening,
): Promise<Opened> {
  const checked = (session: Session): Session => {
    requireCapabilities(session);
    session.leavesSilently = silent;
    return session;
  };
  const { clock, log, env, keepAlive = false } = options;
  const server = options.config[component];
  const opened = await openSession({
    component,
    startTls: server.type === "imap" && server.startTls,
    allowPlaintext: server.type === "imap" && !server.startTls,
    compress: server.compress,
    expected,
    presume,
    ...(after === undefined ? {} : { after }),
    enable,
    usable: (session) => usable?.(checked(session)),
    auth: server.auth,
    username: server.username,
    password: server.password,
    clock,
    log,
    signal,
    deadline: connectDeadline({ clock, parent: signal, component, peer: peerName(server) }),
    connect: (until) =>
      connect(server, { component, log, clock, signal: until, keepAlive, debugging: log.debugging, env }),
  });
  try {
    checked(opened.session);
    return opened;
  } catch (error) {
    opened.connected.close();
    throw error;
  }
}
