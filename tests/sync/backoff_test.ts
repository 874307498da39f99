import assert from "node:assert/strict";
import {
  AuthenticationError,
  ByeError,
  CapabilityError,
  CommandError,
  ConfigError,
  Interrupted,
  MailboxError,
  ProtocolError,
  StateError,
  TlsError,
  TransportError,
} from "../../lib/errors.ts";
import { isTemporary, retryDelay } from "../../lib/sync/backoff.ts";

Deno.test("`retryDelay()` doubles from 1 s to 15 min, and is at least half of that", () => {
  const rows: readonly (readonly [failures: number, whole: number])[] = [
    [1, 1000],
    [2, 2000],
    [3, 4000],
    [10, 512_000],
    [11, 900_000],
    [12, 900_000],
    [100_000, 900_000],
  ];
  for (const [failures, whole] of rows) {
    assert.equal(retryDelay(failures, 1), whole);
    assert.equal(retryDelay(failures, 0), whole / 2);
    assert.equal(retryDelay(failures, 0.5), whole * 0.75);
  }
});

function refused(code: string | null, status: "NO" | "BAD" = "NO"): CommandError {
  return new CommandError("AUTHENTICATE PLAIN", status, code, "refused");
}

function login(cause: Error): AuthenticationError {
  return new AuthenticationError("The server refused the login", { cause });
}

const ROWS: readonly (readonly [what: string, error: unknown, first: boolean, later: boolean])[] = [
  ["a name that does not resolve", new TransportError("resolve", "x"), true, true],
  ["a refused connection", new TransportError("connect", "x"), true, true],
  ["a proxy that is away", new TransportError("proxy", "x"), true, true],
  ["a broken handshake", new TransportError("tls", "x"), true, true],
  ["a lost connection", new TransportError("read", "x"), true, true],
  ["a timeout", new TransportError("timeout", "x"), true, true],
  ["a tunnel command that does not exist", new TransportError("tunnel", "x"), false, true],
  ["BYE", new ByeError("x"), true, true],
  ["something that is no IMAP server", new ProtocolError("x"), false, true],
  ["a refused password", login(refused("AUTHENTICATIONFAILED")), false, false],
  ["a login refused without a code", login(refused(null)), false, false],
  ["a login that is BAD", login(refused("UNAVAILABLE", "BAD")), false, false],
  ["a login refused for now", login(refused("UNAVAILABLE")), true, true],
  ["too many logins", login(refused("LIMIT")), true, true],
  ["a mailbox in use at login", login(refused("INUSE")), true, true],
  ["no mechanism", new AuthenticationError("x"), false, false],
  ["a command refused for now", refused("SERVERBUG"), true, true],
  ["a command refused", refused(null), false, true],
  ["a certificate or pin that does not match", new TlsError("x"), false, false],
  ["a missing capability", new CapabilityError("x"), false, false],
  ["the configuration", new ConfigError("x"), false, false],
  ["the state file", new StateError("x"), false, false],
  ["names that no server has", new MailboxError("x"), false, true],
  ["a signal", new Interrupted("SIGTERM"), false, false],
  ["a bug", new Error("x"), false, false],
];

for (const [what, error, first, later] of ROWS) {
  Deno.test(`\`isTemporary()\` knows whether to try again after ${what}`, () => {
    assert.equal(isTemporary(error, false), first);
    assert.equal(isTemporary(error, true), later);
  });
}
