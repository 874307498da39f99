// The ports between the outside world and the client: a stream of octets, and what can be stacked on it.
// Nothing here knows IMAP.

/**
 * A two-way stream of octets, pulled. At most one `read` and one `write` are pending at a time.
 * Every implementation passes tests/support/stream_conformance.ts.
 */
export interface ByteStream {
  /**
   * The next octets, at least one; null at the end of the stream. The buffer belongs to the stream again
   * at the next `read`: what must last is copied by the caller.
   * @throws TransportError when the stream broke (a truncated TLS stream is null, not an error)
   */
  read(): Promise<Uint8Array | null>;
  /**
   * Resolves when the octets were taken over (by the kernel, or a bounded buffer); `bytes` may be reused then.
   * @throws TransportError when the peer is gone
   */
  write(bytes: Uint8Array): Promise<void>;
  /** Closes both directions at once; pending reads end with null or TransportError. Idempotent, never throws. */
  close(): void;
}

/** Octets that crossed one connection. `wire*` are set once compression is on. */
export interface Traffic {
  readonly received: number;
  readonly sent: number;
  readonly wireReceived: number | null;
  readonly wireSent: number | null;
}

/** An open connection, and the layers that the protocol may ask for later. Owned by who dialled. */
export interface Connected {
  /** The stream to speak IMAP on; metered. */
  readonly stream: ByteStream;
  /** True when nobody on the network can read or change it: TLS, or a tunnel command. */
  readonly confidential: boolean;
  /**
   * Wraps the connection in TLS (RFC 9051 6.2.1) and returns the stream to go on with. Verification and pins are
   * checked before it resolves.
   * @throws TlsError
   */
  startTls(): Promise<ByteStream>;
  /**
   * Wraps the connection in raw DEFLATE (RFC 4978). `rest`: octets received after the server's OK that belong to
   * the compressed stream.
   */
  startDeflate(rest: Uint8Array): Promise<ByteStream>;
  traffic(): Traffic;
  close(): void;
}
