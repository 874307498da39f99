// Which way to log in, by the configuration and what the server offers (RFC 9051 6.2.2, 6.2.3, RFC 4959, RFC 4616).
// Credentials go nowhere but into the command that needs them.

import { AuthenticationError, CommandError } from "../errors.ts";
import { authenticatePlain, type Capabilities, login } from "../protocol/mod.ts";
import type { Session } from "./session.ts";

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
    const mechanism = chooseMechanism(credentials.auth, session.capabilities);
    const { username, password } = credentials;
    if (username === null) throw new AuthenticationError("Missing option username");
    if (password === null) throw new AuthenticationError("Missing option password");
    // RFC 9051 6.2.2: the list may change; the server may send the new one with its answer.
    const before = session.capabilities;
    session.capabilitiesKnown = false;
    await (mechanism === "LOGIN"
      ? session.run(login(username, password), { alone: true })
      : plain(session, before, btoa(`\0${username}\0${password}`)));
  } catch (error) {
    throw explain(error, session.component);
  }
}

async function plain(session: Session, capabilities: Capabilities, response: string): Promise<void> {
  if (capabilities.has("SASL-IR")) await session.run(authenticatePlain(response), { alone: true });
  else await session.run(authenticatePlain(null), { alone: true, respond: () => response });
}

function explain(error: unknown, component: string): unknown {
  if (error instanceof AuthenticationError) error.component = component;
  if (!(error instanceof CommandError)) return error;
  const code = error.code === null ? "" : `[${error.code}] `;
  return new AuthenticationError(`The server refused the login: ${error.status} ${code}${error.text}`, {
    component,
    hints: ["check username and password"],
    cause: error,
  });
}
