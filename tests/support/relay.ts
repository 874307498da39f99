// A TCP relay between the program and a server that understands just enough IMAP to tell lines from literals. A test
// can look at each line before it is passed on, do something at that very moment, swallow it, or cut the connection
// there or after a number of octets. For connections in clear text without compression.

import { toText } from "./live/imap_values.ts";

/** Who sent a line. */
export type Sender = "client" | "server";

/**
 * What becomes of a line: passed on, swallowed, or neither this line nor anything after it (the connection is cut).
 * `afterwards`: passed on, and nothing else is passed on either way until the promise of the function is settled.
 */
export type Verdict = "pass" | "drop" | "cut" | { readonly afterwards: () => Promise<void> };

export interface RelayRules {
  /** Called for every line (without CRLF, literals left out) before it is passed on; may take its time. */
  readonly line?: (sender: Sender, text: string) => Verdict | Promise<Verdict>;
  /** Cuts the connection after this many octets of one sender, counted over all connections. */
  readonly cutAfter?: { readonly sender: Sender; readonly octets: number; readonly also?: () => void };
}

/** The server behind a relay. */
export interface RelayTarget {
  /** Default: 127.0.0.1. */
  readonly hostname?: string;
  readonly port: number;
}

const LITERAL_END = /\{(\d+)\+?\}$/;

/** One direction of one connection: finds lines among the octets, and literals between them. */
class Framer {
  #line: number[] = [];
  #literal = 0;

  /** Cuts a chunk into pieces; a piece that ends a line has its text. */
  *pieces(chunk: Uint8Array): Generator<{ readonly octets: Uint8Array; readonly line: string | null }> {
    let start = 0;
    while (start < chunk.length) {
      if (this.#literal > 0) {
        const octets = chunk.subarray(start, start + this.#literal);
        this.#literal -= octets.length;
        start += octets.length;
        yield { octets, line: null };
        continue;
      }
      const end = chunk.indexOf(10, start);
      const octets = chunk.subarray(start, end < 0 ? chunk.length : end + 1);
      this.#line.push(...octets);
      start += octets.length;
      if (end < 0) break; // the rest of the line is still to come; it is passed on when it is whole
      const whole = Uint8Array.from(this.#line);
      this.#line = [];
      const line = toText(whole).replace(/\r?\n$/, "");
      this.#literal = Number(LITERAL_END.exec(line)?.[1] ?? 0);
      yield { octets: whole, line };
    }
  }
}

/** Returns false when the receiver is gone. */
async function writeAll(connection: Deno.Conn, octets: Uint8Array): Promise<boolean> {
  try {
    for (let sent = 0; sent < octets.length;) sent += await connection.write(octets.subarray(sent));
    return true;
  } catch {
    return false;
  }
}

/** Listens on loopback; `port` goes into the configuration in place of the server's. */
export class Relay implements AsyncDisposable {
  readonly #listener: Deno.TcpListener;
  readonly #target: RelayTarget;
  readonly #rules: RelayRules;
  readonly #connections = new Set<Promise<void>>();
  readonly #open = new Set<Deno.Conn>();
  readonly #accepting: Promise<void>;
  readonly #octets: Record<Sender, number> = { client: 0, server: 0 };
  #hold: Promise<void> = Promise.resolve();

  private constructor(listener: Deno.TcpListener, target: RelayTarget, rules: RelayRules) {
    this.#listener = listener;
    this.#target = target;
    this.#rules = rules;
    this.#accepting = this.#accept();
  }

  static start(target: RelayTarget, rules: RelayRules = {}): Relay {
    return new Relay(Deno.listen({ hostname: "127.0.0.1", port: 0 }), target, rules);
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  /** Octets passed on so far, by sender. */
  get octets(): Readonly<Record<Sender, number>> {
    return this.#octets;
  }

  async #accept(): Promise<void> {
    for await (const client of this.#listener) {
      const connection = this.#serve(client).finally(() => this.#connections.delete(connection));
      this.#connections.add(connection);
    }
  }

  async #serve(client: Deno.Conn): Promise<void> {
    const { hostname = "127.0.0.1", port } = this.#target;
    const server = await Deno.connect({ hostname, port });
    const cut = new AbortController();
    this.#open.add(client).add(server);
    try {
      // once both are cut, the server is still read to its end: what it was told is then done
      await Promise.all([
        this.#pump("client", client, server, cut),
        this.#pump("server", server, client, cut),
      ]);
    } finally {
      for (const connection of [client, server]) {
        this.#open.delete(connection);
        try {
          connection.close();
        } catch {
          // closed by a cut
        }
      }
    }
  }

  async #pump(sender: Sender, from: Deno.Conn, to: Deno.Conn, cut: AbortController): Promise<void> {
    const framer = new Framer();
    const buffer = new Uint8Array(65_536);
    const stopReading = () => sender === "client" ? from.close() : undefined;
    cut.signal.addEventListener("abort", stopReading);
    try {
      for (;;) {
        const count = await from.read(buffer);
        if (count === null) break;
        if (cut.signal.aborted) continue;
        for (const { octets, line } of framer.pieces(buffer.slice(0, count))) {
          if (!await this.#pass(sender, octets, line, to, cut)) break;
        }
      }
    } catch {
      // reset, or closed by the cut: the same as its end
    }
    cut.signal.removeEventListener("abort", stopReading);
    await to.closeWrite().catch(() => {});
  }

  /** Returns false when the connection was cut. */
  async #pass(
    sender: Sender,
    octets: Uint8Array,
    line: string | null,
    to: Deno.Conn,
    cut: AbortController,
  ): Promise<boolean> {
    await this.#hold;
    const verdict = line === null || this.#rules.line === undefined ? "pass" : await this.#rules.line(sender, line);
    if (cut.signal.aborted || verdict === "cut") {
      cut.abort();
      return false;
    }
    if (verdict === "drop") return true;
    const { cutAfter } = this.#rules;
    const left = cutAfter?.sender === sender ? cutAfter.octets - this.#octets[sender] : Infinity;
    const release = Promise.withResolvers<void>();
    if (verdict !== "pass") this.#hold = release.promise;
    const isPassed = await writeAll(to, octets.subarray(0, Math.max(0, left)));
    this.#octets[sender] += octets.length;
    if (verdict !== "pass") await verdict.afterwards().finally(release.resolve);
    if (isPassed && octets.length < left) return true;
    if (octets.length >= left) cutAfter?.also?.();
    cut.abort();
    return false;
  }

  /** Waits until no connection is left, and the servers are done with all they were told. */
  async settled(): Promise<void> {
    while (this.#connections.size > 0) await Promise.all(this.#connections);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#accepting;
    for (const connection of this.#open) {
      try {
        connection.close();
      } catch {
        // closed already
      }
    }
    await this.settled();
  }
}
