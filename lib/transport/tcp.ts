// A TCP connection as a ByteStream: name resolution, connecting to each address in turn, octets in and out.
// It knows neither TLS nor IMAP, and sets no timer: the caller's AbortSignal bounds the connecting.

import { utf8Octets } from "../base/bytes.ts";
import { TransportError } from "../errors.ts";
import { reasonOf } from "./reason.ts";
import type { ByteStream } from "./types.ts";

/** Large reads cost a quarter of the CPU of small ones; two connections hold two buffers. */
const READ_BUFFER_OCTETS = 128 * 1024;

/** Where to connect, and on whose behalf. */
export interface TcpOptions {
  /** "local" or "remote", for errors. */
  readonly component: string;
  /** A name or an IP literal, the latter with or without square brackets. */
  readonly host: string;
  readonly port: number;
  /** The other end in errors once it is connected; default `HOST:PORT`. */
  readonly peer?: string;
  /**
   * Whether the kernel probes a connection that is silent (SO_KEEPALIVE). When it begins is the system's choice (Linux:
   * after 2 hours), for Deno cannot set TCP_KEEPIDLE.
   */
  readonly keepAlive: boolean;
  /** Ends the attempt; its reason is thrown as it is. */
  readonly signal: AbortSignal;
}

/**
 * Connects to the first address of `host` that answers (Deno tries all of them, RFC 8305).
 * @throws TransportError phase "resolve" or "connect"; the signal's reason when it is aborted
 */
export async function connectTcp(options: TcpOptions): Promise<ByteStream> {
  const { component, host, port, peer = tcpPeer(host, port), keepAlive, signal } = options;
  signal.throwIfAborted();
  let conn: Deno.TcpConn;
  try {
    conn = await Deno.connect({ hostname: host, port, signal });
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    const reason = reasonOf(error);
    if (isResolveFailure(error)) {
      throw new TransportError("resolve", `getaddrinfo(${utf8Octets(host)}): ${reason}`, { component, cause: error });
    }
    throw new TransportError("connect", `Can't connect to ${tcpPeer(host, port)}: ${reason}`, {
      component,
      cause: error,
    });
  }
  conn.setNoDelay(true); // commands are written whole, so waiting for more only adds delay
  if (keepAlive) conn.setKeepAlive(true);
  return new TcpStream(conn, peer, component);
}

/** `HOST:PORT` for messages; a bare IPv6 literal gets its brackets. */
export function tcpPeer(host: string, port: number): string {
  const name = utf8Octets(host);
  return name.includes(":") && !name.startsWith("[") ? `[${name}]:${port}` : `${name}:${port}`;
}

/** A host without the square brackets that an IPv6 literal may have. */
export function bareHost(host: string): string {
  return host.replace(/^\[(.*)\]$/, "$1");
}

/** Deno has no error code for a failed look-up, and a URIError for what cannot be a host name. */
function isResolveFailure(error: unknown): boolean {
  return error instanceof URIError ||
    (error instanceof Error && error.message.startsWith("failed to lookup address information"));
}

/** An open connection; `peer` names the other end in errors. */
export class TcpStream implements ByteStream {
  readonly #conn: Deno.Conn;
  readonly #peer: string;
  readonly #component: string;
  #buffer: Uint8Array | null = null;
  #closed = false;

  constructor(conn: Deno.Conn, peer: string, component: string) {
    this.#conn = conn;
    this.#peer = peer;
    this.#component = component;
  }

  async read(): Promise<Uint8Array | null> {
    if (this.#closed) return null;
    const buffer = this.#buffer ??= new Uint8Array(READ_BUFFER_OCTETS);
    try {
      let octets: number | null = 0;
      while (octets === 0) octets = await this.#conn.read(buffer); // zero octets are not the end
      return octets === null ? null : buffer.subarray(0, octets);
    } catch (error) {
      if (this.#closed) return null;
      throw this.#broken("read", error);
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    try {
      let taken = 0;
      while (taken < bytes.length) taken += await this.#conn.write(taken === 0 ? bytes : bytes.subarray(taken));
    } catch (error) {
      throw this.#broken("write", error);
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    try {
      this.#conn.close();
    } catch {
      // already gone, which is what was asked for
    }
  }

  #broken(phase: "read" | "write", error: unknown): TransportError {
    const reason = this.#closed ? "it was closed on our side" : reasonOf(error);
    return new TransportError(phase, `Lost the connection to ${this.#peer}: ${reason}`, {
      component: this.#component,
      cause: error,
    });
  }
}
