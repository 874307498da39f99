// From a configuration to a session that can be used: connect, greeting, STARTTLS, login, COMPRESS, in that order, and
// what is refused on the way (RFC 9051 6.2, 11; RFC 4978). Decides no synchronization.

import { type Clock, wait } from "../base/clock.ts";
import { CapabilityError, CommandError, ProtocolError, StaleCapabilitiesError, TlsError } from "../errors.ts";
import type { Logger } from "../log/types.ts";
import { Capabilities, capability, compressDeflate, startTls, type StatusResponse } from "../protocol/mod.ts";
import type { Connected } from "../transport/types.ts";
import type { Expectation } from "./assumption.ts";
import { authenticate, authenticateAssuming, type Credentials, mayAssume } from "./auth.ts";
import { Connection } from "./connection.ts";
import { Session } from "./session.ts";

/** Of what it reads together with AUTHENTICATE Cyrus 3.6 takes notice when more comes, and not before. */
const APART_MS = 5;

export interface OpenOptions extends Credentials {
  readonly component: string;
  /** STARTTLS is to be used before anything else is said; false for imaps and tunnels, or when switched off. */
  readonly startTls: boolean;
  /** A password may go over a connection that others can read: `STARTTLS = NO` was written. */
  readonly allowPlaintext: boolean;
  readonly compress: boolean;
  /**
   * What the server told with its answer to the last run's login: what depends on it is sent without waiting. Null:
   * everything is waited for.
   */
  readonly expected: readonly string[] | null;
  /**
   * Nothing is known of the server: when its greeting shows that it is a modern one, what interimap cannot do without is
   * expected of it; default false.
   */
  readonly presume?: boolean;
  /**
   * Another login to the same server that has to succeed before credentials are sent; when nothing is `expected` yet, what
   * the server told with its answer is. Default: none.
   */
  readonly after?: Promise<readonly string[] | null>;
  /** QRESYNC is required, enabled and waited for; default false. */
  readonly enable?: boolean;
  /**
   * Given the session when commands may be sent in it, and ENABLE or COMPRESS will be waited for: what is asked for at once
   * comes in the same flight, and is not compressed.
   */
  readonly usable?: (session: Session) => void;
  readonly clock: Clock;
  readonly log: Logger;
  /** Aborted: the session ends with the signal's reason. */
  readonly signal: AbortSignal;
  /** Bounds everything up to the greeting, which clears it. */
  readonly deadline: { readonly signal: AbortSignal; clear(): void };
  readonly connect: (signal: AbortSignal) => Promise<Connected>;
}

export interface Opened {
  readonly session: Session;
  readonly connected: Connected;
}

/**
 * Connects and logs in. The caller owns the session; on an error nothing is left open. With `expected`, the login may
 * not be answered yet: when it is refused, or the server has changed, that is why the session ends.
 */
export async function openSession(options: OpenOptions): Promise<Opened> {
  const { signal, deadline } = options;
  let connected: Connected | null = null;
  try {
    connected = await options.connect(deadline.signal);
    const session = attach(options, connected);
    const [stop, abort] = [() => session.stop(signal.reason), () => session.abort(deadline.signal.reason)];
    for (const [end, act] of [[signal, stop], [deadline.signal, abort]] as const) {
      if (end.aborted) act();
      end.addEventListener("abort", act, { once: true });
    }
    const greeting = await session.connection.greeting;
    deadline.clear();
    await prepare(session, connected, greeting, options);
    return { session, connected };
  } catch (error) {
    connected?.close();
    throw signal.aborted ? signal.reason : error;
  } finally {
    deadline.clear();
  }
}

function attach(options: OpenOptions, connected: Connected): Session {
  const { component, clock } = options;
  const log = options.log.with({ component });
  const session = new Session(component, log);
  const connection = new Connection({
    stream: connected.stream,
    clock,
    log,
    component,
    events: session,
    capabilities: (): Capabilities => session.capabilities,
  });
  session.attach(connection);
  connection.start();
  return session;
}

async function prepare(
  session: Session,
  connected: Connected,
  greeting: StatusResponse,
  options: OpenOptions,
): Promise<void> {
  const { component } = options;
  const more = options.enable === true || options.compress;
  if (options.startTls) {
    if (greeting.status === "PREAUTH") {
      const text = 'PREAUTH greeting on plaintext connection? MiTM in action? Aborting, set "STARTTLS = NO" to ignore.';
      throw new TlsError(text, { component });
    }
    await learnCapabilities(session);
    await upgradeToTls(session, connected);
  }
  await learnCapabilities(session);
  if (!session.capabilities.has("IMAP4REV1")) {
    throw new CapabilityError("Missing IMAP4rev1 CAPABILITY.  Not an IMAP4 server?", { component });
  }
  if (greeting.status === "OK") {
    if (!connected.confidential && !options.allowPlaintext) {
      throw new TlsError("The connection is not encrypted, and no password is sent over it", { component });
    }
    const isAnswered = await logIn(session, options);
    if (!isAnswered && more) await wait(APART_MS, options.clock);
  }
  const enabled = options.enable === true ? enable(session) : null;
  if (more) options.usable?.(session);
  if (options.compress) await compress(session, connected, options.log);
  await enabled;
}

/** In one flight with COMPRESS, for it is sent before it. */
function enable(session: Session): Promise<void> {
  requireCapabilities(session);
  const enabled = session.enableQresync();
  // Where COMPRESS fails the session ends anyway, and nobody waits.
  enabled.catch(() => {});
  return enabled;
}

/** False: what the server will say is assumed. */
async function logIn(session: Session, options: OpenOptions): Promise<boolean> {
  const told = options.expected ?? await options.after ?? null;
  const expected = told !== null ? asBefore(told, session) : mayPresume(session, options) ? enough(session) : null;
  if (expected !== null && mayAssume(session, options)) {
    authenticateAssuming(session, options, expected, options.clock);
    return false;
  }
  await authenticate(session, options);
  if (session.capabilitiesKnown) session.toldAtLogin = session.capabilities;
  await learnCapabilities(session);
  return true;
}

function asBefore(told: readonly string[], { component }: Session): Expectation {
  const missing = (name: string) => new StaleCapabilitiesError(`The server has no ${name}`, true, { component });
  return { capabilities: new Capabilities(told), missing };
}

/** What interimap cannot do without. */
function enough({ component }: Session): Expectation {
  return { capabilities: new Capabilities(REQUIRED), missing: (name) => lacking(name, component) };
}

/** Whether COMPRESS is offered, which would have to be sent behind the login, cannot be foreseen. */
function mayPresume({ capabilities }: Session, { presume, after, compress }: OpenOptions): boolean {
  return presume === true && after === undefined && !compress && capabilities.has("ENABLE");
}

/** Asks for the capabilities unless the server has told them unasked. */
async function learnCapabilities(session: Session): Promise<void> {
  if (!session.capabilitiesKnown) await session.run(capability());
}

async function upgradeToTls(session: Session, connected: Connected): Promise<void> {
  const { component } = session;
  if (!session.capabilities.has("STARTTLS")) {
    throw new TlsError("Server did not advertise STARTTLS capability.", { component });
  }
  try {
    await session.run(startTls(), {
      barrier: "alone",
      upgrade: (rest) => {
        // What came in the clear after the OK is somebody else's (CVE-2011-0411 and its kind).
        if (rest.length > 0) {
          throw new ProtocolError("Octets between STARTTLS and TLS: is somebody injecting?", { component });
        }
        return connected.startTls();
      },
    });
  } catch (error) {
    if (error instanceof CommandError) throw new TlsError(`The server refused STARTTLS: ${error.text}`, { component });
    throw error;
  }
  // RFC 9051 6.2.1: what was said in the clear must be forgotten.
  session.forgetCapabilities();
}

async function compress(session: Session, connected: Connected, log: Logger): Promise<void> {
  const algorithms = session.capabilities.values("COMPRESS");
  if (algorithms.length === 0) return;
  if (!algorithms.includes("DEFLATE")) {
    const text = "Couldn't find a suitable compression algorithm. Not enabling compression.";
    log.with({ component: session.component }).warn(text);
    return;
  }
  try {
    await session.run(compressDeflate(), { barrier: "last", upgrade: (rest) => connected.startDeflate(rest) });
  } catch (error) {
    // RFC 4978 3: TLS may compress already.
    if (error instanceof CommandError && error.code === "COMPRESSIONACTIVE") return;
    if (error instanceof CommandError) {
      log.with({ component: session.component }).warn(`The server refused COMPRESS: ${error.text}`);
      return;
    }
    throw error;
  }
}

const REQUIRED = ["ENABLE", "QRESYNC", "LIST-EXTENDED", "UIDPLUS", "LIST-STATUS"];

/** Whether a server has what interimap cannot do without. @throws CapabilityError */
export function requireCapabilities({ component, capabilities }: Session): void {
  const missing = REQUIRED.find((name) => !capabilities.has(name));
  if (missing !== undefined) throw lacking(missing, component);
}

/** With the words of the original. */
function lacking(name: string, component: string): CapabilityError {
  const words = new Map([
    ["ENABLE", "Server did not advertise ENABLE (RFC 5161) capability."],
    ["QRESYNC", "Server did not advertise QRESYNC capability."],
  ]);
  return new CapabilityError(words.get(name) ?? `Non ${name}-capable IMAP server.`, { component });
}
