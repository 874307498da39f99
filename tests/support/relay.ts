// A TCP relay between the program and a server that understands just enough IMAP to tell lines from literals. A test
// can look at each line before it is passed on, do something at that very moment, or have the relay play a bad network
// or a bad server; relay_rules.ts has the vocabulary. For connections in clear text without compression.

import { toBytes } from "./live/imap_values.ts";
import { announcesSynchronizing, Framer, type Piece } from "./relay_framer.ts";
import { Outlet, sleep } from "./relay_outlet.ts";
import type { RelayRules, Sender, Verdict } from "./relay_rules.ts";

export type { RelayRules, Sender, Verdict } from "./relay_rules.ts";

/** The server behind a relay; looked at anew for each connection. */
export interface RelayTarget {
  /** Default: 127.0.0.1. */
  readonly hostname?: string;
  readonly port: number;
}

/** What came, and when it goes on. */
interface Arrival {
  readonly octets: Uint8Array;
  readonly due: number;
}

/** Reads ahead of a delay by no more than this. */
const ARRIVALS_AT_ONCE = 64;
const COMMAND = /^[^\s*+]\S* (UID \w+|\w+)/i;

/** One of the two directions of a connection. */
interface Direction {
  readonly sender: Sender;
  readonly from: Deno.Conn;
  readonly to: Outlet;
  /** Leads back to the sender. */
  readonly back: Outlet;
  readonly framer: Framer;
  readonly connection: Connection;
  /** The rest of what a swallowed line belongs to is swallowed as well. */
  isDropping: boolean;
  isStalled: boolean;
}

/** What both directions share. */
interface Connection {
  readonly number: number;
  readonly cut: AbortController;
  /** Who was the last: the client that has sent, or the server whose octets have been passed on. */
  last: Sender;
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
  readonly #commands: string[] = [];
  #turns = 0;
  #accepted = 0;
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

  /** Connections so far. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Octets passed on so far, by sender. */
  get octets(): Readonly<Record<Sender, number>> {
    return this.#octets;
  }

  /** Names of the commands that have come so far, such as `UID FETCH`, whatever became of them. */
  get commands(): readonly string[] {
    return this.#commands;
  }

  /**
   * Round trips so far: how often a client started to send after it was sent something. With a delay on both senders
   * this is exact; without, a server can be faster than the rest of a flight of commands.
   */
  get turns(): number {
    return this.#turns;
  }

  async #accept(): Promise<void> {
    for await (const client of this.#listener) {
      const connection = this.#serve(client).finally(() => this.#connections.delete(connection));
      this.#connections.add(connection);
    }
  }

  async #serve(client: Deno.TcpConn): Promise<void> {
    const number = ++this.#accepted;
    const { hostname = "127.0.0.1", port } = this.#target;
    const server = await Deno.connect({ hostname, port }).catch(() => null);
    // As if there were no relay.
    if (server === null) return client.close();
    client.setNoDelay(true);
    server.setNoDelay(true);
    const cut = new AbortController();
    const connection: Connection = { number, cut, last: "client" };
    const outlet = (receiver: Deno.Conn, sender: Sender) => {
      const { chunk, rate } = this.#rules;
      return new Outlet(receiver, { chunk: chunk?.[sender] ?? Infinity, rate: rate?.[sender] ?? Infinity }, cut.signal);
    };
    const [toServer, toClient] = [outlet(server, "client"), outlet(client, "server")];
    const common = { connection, isDropping: false, isStalled: false };
    this.#open.add(client).add(server);
    try {
      // once both are cut, the server is still read to its end: what it was told is then done
      await Promise.all([
        this.#pump(
          { ...common, sender: "client", from: client, to: toServer, back: toClient, framer: new Framer() },
          server,
        ),
        this.#pump(
          { ...common, sender: "server", from: server, to: toClient, back: toServer, framer: new Framer() },
          client,
        ),
      ]);
    } finally {
      for (const end of [client, server]) {
        this.#open.delete(end);
        close(end);
      }
    }
  }

  /** Reads ahead, so that what is under way does not hold up what follows. */
  #arrivals({ sender, from, connection }: Direction): ReadableStream<Arrival> {
    const buffer = new Uint8Array(65_536);
    const delay = this.#rules.delay?.[sender] ?? 0;
    return new ReadableStream<Arrival>({
      pull: async (controller) => {
        const count = await from.read(buffer);
        if (count === null) return controller.close();
        if (sender === "client" && connection.last === "server") this.#turns++;
        if (sender === "client") connection.last = "client";
        controller.enqueue({ octets: buffer.slice(0, count), due: delay === 0 ? 0 : performance.now() + delay });
      },
    }, { highWaterMark: ARRIVALS_AT_ONCE });
  }

  async #pump(direction: Direction, receiver: Deno.Conn): Promise<void> {
    const { sender, from, framer, connection: { cut } } = direction;
    const stopReading = () => sender === "client" ? close(from) : undefined;
    cut.signal.addEventListener("abort", stopReading);
    try {
      for await (const { octets, due } of this.#arrivals(direction)) {
        if (cut.signal.aborted || direction.isStalled) continue;
        if (due > 0) await sleep(Math.max(0, due - performance.now()));
        for (const piece of framer.pieces(octets)) {
          if (!await this.#pass(direction, piece)) break;
        }
      }
      if (!cut.signal.aborted && !direction.isStalled) await direction.to.write(framer.rest, true);
    } catch {
      // reset, or closed by the cut: the same as its end
    }
    cut.signal.removeEventListener("abort", stopReading);
    // A server that goes while it is stalled is not seen to go.
    if (sender === "client" || !direction.isStalled) await receiver.closeWrite().catch(() => {});
  }

  /** Returns false when nothing more is to be passed on. */
  async #pass(direction: Direction, piece: Piece): Promise<boolean> {
    const { sender, connection } = direction;
    await this.#hold;
    const verdict = await this.#judge(direction, piece);
    if (connection.cut.signal.aborted || verdict === "cut") {
      connection.cut.abort();
      return false;
    }
    if (verdict === "stall") {
      direction.isStalled = true;
      return false;
    }
    if (verdict === "pass") return await this.#forward(direction, piece, piece.octets);
    if (verdict === "drop" || "reply" in verdict) {
      direction.isDropping = !piece.isEnd;
      if (verdict === "drop") return true;
      if (announcesSynchronizing(piece.line ?? "")) {
        direction.framer.refuse();
        direction.isDropping = false;
      }
      await direction.back.insert(toBytes(`${verdict.reply}\r\n`));
      connection.last = sender === "client" ? "server" : connection.last;
      return true;
    }
    if ("instead" in verdict) {
      const isPassed = await this.#forward(
        direction,
        piece,
        toBytes(verdict.instead.map((line) => `${line}\r\n`).join("")),
      );
      if (verdict.cut !== true) return isPassed;
      connection.cut.abort();
      return false;
    }
    const release = Promise.withResolvers<void>();
    this.#hold = release.promise;
    const isPassed = await this.#forward(direction, piece, piece.octets);
    await verdict.afterwards().finally(release.resolve);
    return isPassed;
  }

  async #judge(direction: Direction, { line, isStart }: Piece): Promise<Verdict> {
    const { sender, connection } = direction;
    if (direction.isDropping) return "drop";
    if (line === null) return "pass";
    const command = sender === "client" && isStart ? COMMAND.exec(line)?.[1] : undefined;
    if (command !== undefined) this.#commands.push(command.toUpperCase());
    return await this.#rules.line?.(sender, line, connection.number) ?? "pass";
  }

  /** Returns false when the connection was cut. */
  async #forward({ sender, to, connection }: Direction, { isEnd }: Piece, octets: Uint8Array): Promise<boolean> {
    const { cutAfter } = this.#rules;
    const left = cutAfter?.sender === sender ? cutAfter.octets - this.#octets[sender] : Infinity;
    if (sender === "server") connection.last = "server";
    const isPassed = await to.write(octets.subarray(0, Math.max(0, left)), isEnd);
    this.#octets[sender] += octets.length;
    if (isPassed && octets.length < left) return true;
    if (octets.length >= left) cutAfter?.also?.();
    connection.cut.abort();
    return false;
  }

  /** Cuts every connection there is. */
  cutAll(): void {
    for (const connection of this.#open) close(connection);
  }

  /** Waits until no connection is left, and the servers are done with all they were told. */
  async settled(): Promise<void> {
    while (this.#connections.size > 0) await Promise.all(this.#connections);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#accepting;
    this.cutAll();
    await this.settled();
  }
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // closed already
  }
}
