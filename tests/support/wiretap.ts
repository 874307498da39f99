// What really goes over the wire: a TCP proxy on loopback that keeps all octets, and a reader of the TLS records among
// them (RFC 8446 5.1, 4.1.2; RFC 6066 3). Independent of the program under test and of every TLS library.

/** What a client sent and got on one connection. */
export interface TappedConnection {
  readonly client: Uint8Array;
  readonly server: Uint8Array;
}

/** Passes connections on to `target`, and keeps what is said. */
export class Wiretap implements AsyncDisposable {
  readonly #listener: Deno.TcpListener;
  readonly #serving: Promise<void>[] = [];
  readonly #accepting: Promise<void>;
  readonly #recorded: { client: number[]; server: number[] }[] = [];
  readonly #open = new Set<Deno.Conn>();

  private constructor(listener: Deno.TcpListener, target: { readonly hostname: string; readonly port: number }) {
    this.#listener = listener;
    this.#accepting = this.#accept(target);
  }

  /** `hostname` is where it listens, too, so that a certificate for the target is one for the wiretap. */
  static start(port: number, hostname = "127.0.0.1"): Wiretap {
    return new Wiretap(Deno.listen({ hostname, port: 0 }), { hostname, port });
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  /** The connections so far, in the order in which they were opened. */
  connections(): readonly TappedConnection[] {
    return this.#recorded.map(({ client, server }) => ({
      client: Uint8Array.from(client),
      server: Uint8Array.from(server),
    }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#accepting;
    for (const conn of this.#open) close(conn);
    await Promise.all(this.#serving);
  }

  async #accept(target: { readonly hostname: string; readonly port: number }): Promise<void> {
    for await (const conn of this.#listener) this.#serving.push(this.#serve(conn, target));
  }

  async #serve(client: Deno.Conn, target: { readonly hostname: string; readonly port: number }): Promise<void> {
    const kept = { client: [], server: [] };
    this.#recorded.push(kept);
    const server = await Deno.connect(target).catch(() => null);
    if (server === null) return close(client);
    for (const conn of [client, server]) this.#open.add(conn);
    await Promise.all([pass(client, server, kept.client), pass(server, client, kept.server)]);
    for (const conn of [client, server]) {
      this.#open.delete(conn);
      close(conn);
    }
  }
}

async function pass(from: Deno.Conn, to: Deno.Conn, kept: number[]): Promise<void> {
  const buffer = new Uint8Array(16_384);
  try {
    for (let count = await from.read(buffer); count !== null; count = await from.read(buffer)) {
      const bytes = buffer.subarray(0, count);
      for (const octet of bytes) kept.push(octet);
      for (let taken = 0; taken < count;) taken += await to.write(bytes.subarray(taken));
    }
    await (to as Deno.TcpConn).closeWrite();
  } catch {
    // one of them is gone; so is the other, in a moment
    close(to);
  }
}

function close(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // already closed
  }
}

/** A TLS record. Of type 23 (application data) are, in TLS 1.3, also the encrypted parts of the handshake and alerts. */
export interface TlsRecord {
  readonly type: number;
  readonly body: Uint8Array;
}

/** The TLS records of what one end sent, from the first ClientHello or ServerHello on; `clear`: what stands before. */
export function tlsRecords(sent: Uint8Array): { readonly clear: string; readonly records: readonly TlsRecord[] } {
  const start = sent.findIndex((octet, i) => octet === 22 && sent[i + 1] === 3 && (sent[i + 2] ?? 9) <= 4);
  const clear = new TextDecoder("latin1").decode(start < 0 ? sent : sent.subarray(0, start));
  const records: TlsRecord[] = [];
  for (let at = start; at >= 0 && at + 5 <= sent.length;) {
    const end = at + 5 + new DataView(sent.buffer, sent.byteOffset + at + 3).getUint16(0);
    records.push({ type: sent[at] ?? 0, body: sent.subarray(at + 5, end) });
    at = end;
  }
  return { clear, records };
}

/** What a client asks for. */
export interface ClientHello {
  /** Null: no SNI. */
  readonly serverName: string | null;
  /** 0x0304 is TLS 1.3; what it says it can speak. */
  readonly versions: readonly number[];
}

/** Reads the first ClientHello of what a client sent. */
export function clientHello(sent: Uint8Array): ClientHello {
  const hello = tlsRecords(sent).records[0]?.body ?? new Uint8Array();
  const view = new DataView(hello.buffer, hello.byteOffset, hello.byteLength);
  if (view.getUint8(0) !== 1) throw new Error("there is no ClientHello");
  let at = 4 + 2 + 32; // header, version, random
  at += 1 + view.getUint8(at); // session
  at += 2 + view.getUint16(at); // cipher suites
  at += 1 + view.getUint8(at); // compression
  const end = at + 2 + view.getUint16(at);
  let serverName: string | null = null;
  const versions: number[] = [];
  for (at += 2; at < end;) {
    const [type, length] = [view.getUint16(at), view.getUint16(at + 2)];
    const body = at + 4;
    if (type === 0) {
      serverName = new TextDecoder().decode(hello.subarray(body + 5, body + 5 + view.getUint16(body + 3)));
    }
    if (type === 43) { for (let i = 1; i < length; i += 2) versions.push(view.getUint16(body + i)); }
    at = body + length;
  }
  return { serverName, versions };
}
