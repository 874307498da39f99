// The option proxy: `SCHEME://[USER:PASSWORD@]HOST[:PORT]` -> a SOCKS 5 proxy (RFC 1928, RFC 1929). Pure. User and
// password stand as they are, without percent-encoding, as in the original: the last `@` ends them, so that a password
// may contain one. No error text shows the value: it may hold a password.

import { findService, parseHost, parsePort } from "./address.ts";
import type { ProxyConfig } from "./types.ts";

const DEFAULT_PORT = 1080;

const URI = /^([A-Za-z0-9]+):\/\/(?:(.*)@)?(\[[^\]]+\]|[^:/[\]]+)(?::([A-Za-z0-9-]+))?$/;

const RESOLVE: ReadonlyMap<string, ProxyConfig["resolve"]> = new Map([["socks5", "here"], ["socks5h", "there"]]);

/** RFC 1929 has one octet for the length of each. */
const MAX_CREDENTIAL_OCTETS = 255;

/** The proxy, or what is wrong with the value, to be read after "Invalid option proxy: ". */
export type ProxyResult =
  | { readonly kind: "proxy"; readonly proxy: ProxyConfig }
  | { readonly kind: "invalid"; readonly expected: string };

/** @param services the text of /etc/services, asked for only when the port is a name */
export function parseProxy(value: string, services: () => string): ProxyResult {
  const parts = URI.exec(value);
  if (parts === null) return invalid("expected socks5://[USER:PASSWORD@]HOST[:PORT] or socks5h://...");
  const [, scheme = "", credentials, hostText = "", portText] = parts;
  const resolve = RESOLVE.get(scheme);
  if (resolve === undefined) return invalid(`the protocol ${scheme} is not supported: expected socks5 or socks5h`);
  const host = parseHost(hostText);
  if (host.kind === "bad-literal") return invalid("Invalid IP literal");
  const port = portText === undefined ? DEFAULT_PORT : parsePort(portText);
  if (port === null) return invalid("expected a port from 1 to 65535");
  const number = port === "name" ? findService(services(), portText ?? "") : port;
  if (number === null) return invalid("the port is no TCP service of /etc/services: write its number");
  const login = credentials === undefined ? null : split(credentials);
  if (login !== null && (login.user === "" || isTooLong(login.user) || isTooLong(login.password))) {
    return invalid("expected a user of 1 to 255 octets, and a password of at most 255");
  }
  return { kind: "proxy", proxy: { resolve, host: host.host, port: number, credentials: login } };
}

function split(credentials: string): { readonly user: string; readonly password: string } {
  const colon = credentials.indexOf(":");
  if (colon < 0) return { user: credentials, password: "" };
  return { user: credentials.slice(0, colon), password: credentials.slice(colon + 1) };
}

function isTooLong(text: string): boolean {
  return new TextEncoder().encode(text).length > MAX_CREDENTIAL_OCTETS;
}

function invalid(expected: string): ProxyResult {
  return { kind: "invalid", expected };
}
