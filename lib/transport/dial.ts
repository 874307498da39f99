// Opens the connection that a section of the configuration describes, and stacks its layers: the only file that
// knows the order (TCP, proxy or tunnel, then TLS, then compression; the meter above TLS and again above compression).
// It knows no IMAP: when STARTTLS and COMPRESS may be asked for is the client's business.

import type { Clock } from "../base/clock.ts";
import type { ServerConfig } from "../config/types.ts";
import { InterimapError, TransportError } from "../errors.ts";
import type { Logger } from "../log/types.ts";
import { parseCommand } from "./command_line.ts";
import { connectDeadline } from "./deadline.ts";
import { deflateStream } from "./deflate.ts";
import { type Counter, metered, newCounter } from "./metered.ts";
import { reasonOf } from "./reason.ts";
import { connectSocks, proxiedPeer } from "./socks.ts";
import { connectTcp, tcpPeer } from "./tcp.ts";
import { checkTlsOptions, preloadTls, tlsStream } from "./tls.ts";
import { loadTrustAnchors, type TrustAnchors } from "./trust.ts";
import { openTunnel } from "./tunnel.ts";
import type { ByteStream, Connected, Traffic } from "./types.ts";

/** What a connection needs from outside. */
export interface ConnectOptions {
  /** "local" or "remote". */
  readonly component: string;
  readonly log: Logger;
  readonly clock: Clock;
  /** Bounds resolving, connecting and TLS: usually of `connectDeadline()`, kept until the greeting has come. */
  readonly signal: AbortSignal;
  /** For a connection that lives long and is silent for long: the kernel probes it (SO_KEEPALIVE). */
  readonly keepAlive: boolean;
  /** With --debug the stderr of a tunnel is always shown. */
  readonly debugging: boolean;
  /** Reads SSL_CERT_FILE, SSL_CERT_DIR and PATH; undefined when unset. */
  readonly env: (name: string) => string | undefined;
}

/**
 * Connects to `server`: TCP or tunnel, and TLS with type=imaps. Octets may be spoken once it resolves.
 * @throws TransportError, TlsError; the signal's reason when it is one of our errors. Nothing stays open then.
 */
export async function connect(server: ServerConfig, options: ConnectOptions): Promise<Connected> {
  const connection = new Connection(server, options);
  try {
    await connection.open();
    return connection;
  } catch (error) {
    connection.close();
    throw asOurs(error, server, options.component);
  }
}

/** How messages call the other end: `HOST:PORT`, also which proxy, or the first word of the tunnel's command. */
export function peerName(server: ServerConfig): string {
  const { type, host, port, proxy } = server;
  if (type !== "tunnel") return proxy === null ? tcpPeer(host, port) : proxiedPeer(host, port, proxy);
  return `tunnel command '${parseCommand(server.command ?? "")?.name ?? ""}'`;
}

class Connection implements Connected {
  readonly #server: ServerConfig;
  readonly #options: ConnectOptions;
  /** TCP connection or tunnel; null before `open()`. */
  #base: ByteStream | null = null;
  #stream: ByteStream | null = null;
  #anchors: TrustAnchors = null;
  #confidential: boolean;
  /** Octets below compression and above TLS; without compression these are the octets of IMAP. */
  readonly #below: Counter = newCounter();
  #above: Counter | null = null;

  constructor(server: ServerConfig, options: ConnectOptions) {
    this.#server = server;
    this.#options = { ...options, log: options.log.with({ component: options.component }) };
    this.#confidential = server.type === "tunnel";
  }

  get stream(): ByteStream {
    if (this.#stream === null) throw new Error("bug: the connection is not open");
    return this.#stream;
  }

  get confidential(): boolean {
    return this.#confidential;
  }

  async open(): Promise<void> {
    const { component, signal, clock, env, keepAlive } = this.#options;
    const { type, command, host, port, startTls, proxy } = this.#server;
    if (type === "tunnel") {
      const nullStderr = this.#server.nullStderr && !this.#options.debugging;
      signal.throwIfAborted();
      this.#base = await openTunnel({ component, command: command ?? "", nullStderr, clock, env });
    } else {
      const willSecure = type === "imaps" || startTls;
      // So that an option that can't be honoured costs no connection.
      if (willSecure) await checkTlsOptions(this.#server.tls, component);
      if (willSecure) this.#anchors = await this.#trustAnchors();
      [this.#base] = await Promise.all([
        proxy === null
          ? connectTcp({ component, host, port, keepAlive, signal })
          : connectSocks({ component, proxy, host, port, keepAlive, signal }),
        willSecure ? preloadTls() : null,
      ]);
      if (type === "imaps") return await this.#secure(this.#base, signal);
    }
    this.#stream = metered(this.#base, this.#below);
  }

  async startTls(): Promise<ByteStream> {
    if (this.#base === null || this.#above !== null) throw new Error("bug: STARTTLS comes before compression");
    const { clock, signal, component } = this.#options;
    const deadline = connectDeadline({ clock, parent: signal, component, peer: peerName(this.#server) });
    try {
      await this.#secure(this.#base, deadline.signal);
      return this.stream;
    } catch (error) {
      this.close();
      throw asOurs(error, this.#server, component);
    } finally {
      deadline.clear();
    }
  }

  async startDeflate(rest: Uint8Array): Promise<ByteStream> {
    if (this.#above !== null) throw new Error("bug: compression is on already");
    // `rest` was counted when it was read; it is no IMAP yet, and is counted again when inflated.
    const above = { received: this.#below.received - rest.length, sent: this.#below.sent };
    this.#above = above;
    const inflated = await deflateStream(this.stream, { component: this.#options.component, rest });
    this.#stream = metered(inflated, above);
    return this.#stream;
  }

  traffic(): Traffic {
    if (this.#above === null) return { ...this.#below, wireReceived: null, wireSent: null };
    return { ...this.#above, wireReceived: this.#below.received, wireSent: this.#below.sent };
  }

  close(): void {
    this.#stream?.close();
    this.#base?.close();
  }

  async #secure(base: ByteStream, signal: AbortSignal): Promise<void> {
    const { component, clock, log } = this.#options;
    const { host, tls } = this.#server;
    const peer = peerName(this.#server);
    const anchors = this.#anchors;
    const secured = await tlsStream(base, { component, host, peer, tls, anchors, clock, log, signal });
    this.#confidential = true;
    this.#stream = metered(secured, this.#below);
  }

  async #trustAnchors(): Promise<TrustAnchors> {
    const { component, env, log, clock } = this.#options;
    const { verify, caFile, caPath } = this.#server.tls;
    return verify ? await loadTrustAnchors({ component, caFile, caPath, env, log, now: clock.now() }) : null;
  }
}

/** Our own errors as they are; another reason of the signal becomes a timeout, the rest is what was thrown. */
function asOurs(error: unknown, server: ServerConfig, component: string): unknown {
  if (error instanceof InterimapError || !(error instanceof DOMException)) return error;
  const message = `Can't connect to ${peerName(server)}: ${reasonOf(error)}`;
  return new TransportError("timeout", message, { component, cause: error });
}
