// A TCP connection through a SOCKS 5 proxy (RFC 1928, user and password by RFC 1929) as a ByteStream: which address the
// proxy is asked for, and what each way of not getting there is called. The messages are npm:socks'. No timer is set;
// neither TLS nor IMAP is known. An error of npm:socks goes no further than this file: it holds the password.

import type { SocksClient } from "socks";
import { utf8Octets } from "../base/bytes.ts";
import type { ProxyConfig } from "../config/types.ts";
import { TransportError } from "../errors.ts";
import { reasonOf } from "./reason.ts";
import { shakeHands } from "./socks_handshake.ts";
import { bareHost, connectTcp, tcpPeer } from "./tcp.ts";
import type { ByteStream } from "./types.ts";

/** RFC 1928 section 5: a name has one octet for its length. */
const NAME = /^[\x21-\x7e]{1,255}$/;

/** npm:socks has a timer of its own that can't be turned off; the caller's deadline comes first. */
const LATE_MS = 60_000;

/** The replies of RFC 1928 section 6 under npm:socks' names: what the proxy says by them, and what to do. */
const REPLIES: ReadonlyMap<string, readonly [text: string, hint: string]> = new Map([
  ["Failure", [
    "general SOCKS server failure",
    "check that the proxy can resolve and reach the host; its log may say more",
  ]],
  ["NotAllowed", ["connection not allowed by ruleset", "the proxy's rules have to allow this host and port"]],
  ["NetworkUnreachable", ["network unreachable", "the proxy has no route to the host"]],
  ["HostUnreachable", ["host unreachable", "check that the proxy can resolve and reach the host"]],
  ["ConnectionRefused", ["connection refused", "check host and port, as the proxy sees them"]],
  ["TTLExpired", ["TTL expired", "the proxy has no working route to the host"]],
  ["CommandNotSupported", ["command not supported", "this proxy makes no TCP connections, name another"]],
  ["AddressNotSupported", ["address type not supported", "try socks5 instead of socks5h, or the other way round"]],
]);

const CHECK_PROXY = "check that the option proxy names a SOCKS 5 proxy that serves this machine";

/** Where to connect, through what, and on whose behalf. */
export interface SocksOptions {
  readonly component: string;
  readonly proxy: ProxyConfig;
  /** A name or an IP literal, the latter with or without square brackets. */
  readonly host: string;
  readonly port: number;
  readonly keepAlive: boolean;
  /** Ends the attempt; its reason is thrown as it is. */
  readonly signal: AbortSignal;
}

/** `HOST:PORT (proxy HOST:PORT)`, for messages. */
export function proxiedPeer(host: string, port: number, proxy: ProxyConfig): string {
  return `${tcpPeer(host, port)} (proxy ${tcpPeer(proxy.host, proxy.port)})`;
}

/**
 * Connects to `host`; when names are resolved here, to each of its addresses in turn.
 * @throws TransportError phase "resolve" or "proxy"; the signal's reason when it is aborted
 */
export async function connectSocks(options: SocksOptions): Promise<ByteStream> {
  options.signal.throwIfAborted();
  const addresses = await destinations(options);
  for (const [index, address] of addresses.entries()) {
    const answer = await ask(address, options);
    if (!(answer instanceof TransportError)) return answer;
    if (index === addresses.length - 1) throw answer;
  }
  throw resolveError(options, "no address");
}

/** What the proxy is to be asked for, in this order. */
async function destinations(options: SocksOptions): Promise<readonly string[]> {
  const { isIP } = await import("node:net");
  const bare = bareHost(options.host);
  if (isIP(bare) !== 0) return [bare];
  if (!NAME.test(bare)) throw resolveError(options, "invalid host name");
  return options.proxy.resolve === "there" ? [bare] : await resolveHere(bare, options);
}

async function resolveHere(name: string, options: SocksOptions): Promise<readonly string[]> {
  const { lookup } = await import("node:dns/promises");
  const { signal } = options;
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort);
  try {
    signal.throwIfAborted();
    const found = await Promise.race([lookup(name, { all: true }), aborted]);
    return found.map(({ address }) => address);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    const isUnknown = error instanceof Error && "code" in error && error.code === "ENOTFOUND";
    throw resolveError(options, isUnknown ? "name or service not known" : reasonOf(error), error);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

function resolveError({ component, host, proxy }: SocksOptions, reason: string, cause?: unknown): TransportError {
  const hints = proxy.resolve === "here" ? ["write socks5h in the option proxy to let the proxy resolve it"] : [];
  return new TransportError("resolve", `getaddrinfo(${utf8Octets(host)}): ${reason}`, { component, hints, cause });
}

/**
 * Asks the proxy for one address. Returns its refusal: it may grant another address.
 * @throws TransportError for what another address does not change; the signal's reason
 */
async function ask(address: string, options: SocksOptions): Promise<ByteStream | TransportError> {
  const { signal } = options;
  const proxied = await connectToProxy(options);
  const close = () => proxied.close();
  signal.addEventListener("abort", close);
  try {
    const stream = await shakeHands(proxied, await makeClient(address, options));
    signal.throwIfAborted();
    if (stream === null) throw closedByProxy(options);
    return stream;
  } catch (error) {
    close();
    if (signal.aborted) throw signal.reason;
    if (error instanceof TransportError) throw closedByProxy(options, error);
    return refusal(error, options);
  } finally {
    signal.removeEventListener("abort", close);
  }
}

async function connectToProxy({ component, proxy, host, port, keepAlive, signal }: SocksOptions): Promise<ByteStream> {
  const peer = proxiedPeer(host, port, proxy);
  try {
    return await connectTcp({ component, host: proxy.host, port: proxy.port, peer, keepAlive, signal });
  } catch (error) {
    if (signal.aborted || !(error instanceof TransportError)) throw error;
    const hints = ["check that the proxy runs there"];
    throw new TransportError("proxy", `Option proxy: ${error.message}`, { component, hints, cause: error });
  }
}

async function makeClient(address: string, { proxy, port }: SocksOptions): Promise<SocksClient> {
  const { SocksClient } = await import("socks");
  const { credentials } = proxy;
  const login = credentials === null ? {} : { userId: credentials.user, password: credentials.password };
  return new SocksClient({
    proxy: { host: proxy.host, port: proxy.port, type: 5, ...login },
    command: "connect",
    destination: { host: address, port },
    timeout: LATE_MS,
  });
}

/** What an error of npm:socks means. Returns a reply of the proxy, and throws the rest. */
function refusal(error: unknown, options: SocksOptions): TransportError {
  const message = error instanceof Error ? error.message : "";
  const [text, hint] = REPLIES.get(/ rejected connection - (\w+)$/.exec(message)?.[1] ?? "") ?? [];
  if (text !== undefined && hint !== undefined) return proxyError(options, `the proxy says: ${text}`, hint);
  const wantsAnotherLogin = message.includes("authentication type");
  if (wantsAnotherLogin || message.includes("Authentication failed")) throw loginError(options, wantsAnotherLogin);
  throw proxyError(options, "the answer was not SOCKS 5", CHECK_PROXY);
}

function loginError(options: SocksOptions, wantsAnother: boolean): TransportError {
  if (options.proxy.credentials === null) {
    return proxyError(options, "the proxy wants a user and a password", "write USER:PASSWORD@ before its name");
  }
  return wantsAnother
    ? proxyError(options, "the proxy takes no password", "only user and password, or nothing, can be sent")
    : proxyError(options, "the proxy refused user and password", "they are taken as they stand in the option proxy");
}

function closedByProxy(options: SocksOptions, cause?: unknown): TransportError {
  return proxyError(options, "the proxy closed the connection", CHECK_PROXY, cause);
}

function proxyError(options: SocksOptions, reason: string, hint: string, cause?: unknown): TransportError {
  const { component, proxy, host, port } = options;
  const message = `Can't connect to ${proxiedPeer(host, port, proxy)}: ${reason}`;
  return new TransportError("proxy", message, { component, hints: [hint], cause });
}
