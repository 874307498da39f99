// Which way to log in, by the configuration and what the server offers (RFC 9051 6.2.2, 6.2.3, RFC 4959, RFC 4616).
// Credentials go nowhere but into the command that needs them.

import type { Clock } from "../base/clock.ts";
import { AuthenticationError, CommandError } from "../errors.ts";
import { authenticatePlain, type Capabilities, login, noop, type StatusResponse } from "../protocol/mod.ts";
import { Assumption, type Expectation } from "./assumption.ts";
import type { Session } from "./session.ts";

const LATER = "try again later";
/** What to do about a login that was refused for another reason than who logs in, by response code (RFC 5530 3). */
const REMEDIES: ReadonlyMap<string, string> = new Map([
  ["UNAVAILABLE", LATER],
  ["INUSE", LATER],
  ["SERVERBUG", LATER],
  ["LIMIT", "try again later, or close connections of other programs"],
  ["EXPIRED", "ask your provider for a new password"],
  ["CONTACTADMIN", "ask your provider"],
  ["PRIVACYREQUIRED", "the server wants an encrypted connection"],
]);

export interface Credentials {
  /** Mechanisms in order of preference, upper case. */
  readonly auth: readonly string[];
  /** One character per octet. */
  readonly username: string | null;
  readonly password: string | null;
}

/** The first wanted mechanism that the server offers; the LOGIN command needs no offer. @throws AuthenticationError */
export function chooseMechanism(wanted: readonly string[], capabilities: Capabilities): "PLAIN" | "LOGIN" {
  const offered = new Set(["LOGIN", ...capabilities.values("AUTH")]);
  const mechanism = wanted.find((name) => offered.has(name));
  if (mechanism === undefined) throw new AuthenticationError("Failed to choose an authentication mechanism");
  if (mechanism !== "PLAIN" && mechanism !== "LOGIN") {
    throw new AuthenticationError(`Unsupported authentication mechanism: ${mechanism}`);
  }
  if (capabilities.has("LOGINDISABLED")) throw new AuthenticationError("Logins are disabled.");
  return mechanism;
}

/** Logs in. @throws AuthenticationError */
export async function authenticate(session: Session, credentials: Credentials): Promise<void> {
  try {
    const { mechanism, username, password } = choose(session, credentials);
    // RFC 9051 6.2.2: the list may change; the server may send the new one with its answer.
    const before = session.capabilities;
    session.capabilitiesKnown = false;
    await (mechanism === "LOGIN"
      ? session.run(login(username, password), { barrier: "alone", hides: hiding(username, password) })
      : plain(session, before, username, password));
  } catch (error) {
    throw explain(error, session.component);
  }
}

/** Whether the login is one line that the server answers at once, so that something may be sent behind it. */
export function mayAssume(session: Session, credentials: Credentials): boolean {
  const { capabilities } = session;
  return capabilities.has("SASL-IR") && choose(session, credentials).mechanism === "PLAIN";
}

/**
 * Logs in without waiting for the answer, by what the server offers in this session (see `mayAssume()`). The session ends
 * with AuthenticationError when the server refuses, with the error of `expected` when a capability is missing, and with
 * StaleCapabilitiesError when it tells none.
 */
export function authenticateAssuming(
  session: Session,
  credentials: Credentials,
  expected: Expectation,
  clock: Clock,
): void {
  const { component } = session;
  const { username, password } = choose(session, credentials);
  const command = authenticatePlain(plainResponse(username, password));
  const refusal = (status: StatusResponse): Error => explained(session.refusalOf(command, status), component);
  const end = (reason: Error): void => session.abort(reason);
  const isLogin = (tag: string | null): boolean => tag === session.connection.oldestTag;
  // The login itself is not answered then.
  const isFollowed = (): boolean => session.connection.unanswered > 1;
  const nudge = (): Promise<unknown> => session.run(noop());
  session.assume(
    expected.capabilities,
    new Assumption({ component, expected, clock, isLogin, refusal, isFollowed, nudge, end }),
  );
  session.connection.submit({ command, hides: hiding(username, password) });
}

/** @throws AuthenticationError */
function choose(
  session: Session,
  { auth, username, password }: Credentials,
): { readonly mechanism: "PLAIN" | "LOGIN"; readonly username: string; readonly password: string } {
  const mechanism = chooseMechanism(auth, session.capabilities);
  if (username === null) throw new AuthenticationError("Missing option username");
  if (password === null) throw new AuthenticationError("Missing option password");
  return { mechanism, username, password };
}

function plainResponse(username: string, password: string): string {
  return btoa(`\0${username}\0${password}`);
}

async function plain(session: Session, capabilities: Capabilities, username: string, password: string): Promise<void> {
  const response = plainResponse(username, password);
  const request = { barrier: "alone", hides: hiding(username, password) } as const;
  if (capabilities.has("SASL-IR")) await session.run(authenticatePlain(response), request);
  else await session.run(authenticatePlain(null), { ...request, respond: () => response });
}

/** Whether a text has the password in it, in one of the forms in which it is sent. */
function hiding(username: string, password: string): (text: string) => boolean {
  const forms = [password, password.replace(/["\\]/g, "\\$&"), plainResponse(username, password)];
  return (text) => forms.some((form) => text.includes(form));
}

function explain(error: unknown, component: string): unknown {
  if (error instanceof AuthenticationError) error.component = component;
  return error instanceof CommandError ? explained(error, component) : error;
}

function explained(error: CommandError, component: string): AuthenticationError {
  const code = error.code === null ? "" : `[${error.code}] `;
  return new AuthenticationError(`The server refused the login: ${error.status} ${code}${error.text}`, {
    component,
    hints: [REMEDIES.get(error.code ?? "") ?? "check username and password"],
    cause: error,
  });
}
