// Counts the round trips that a program waits for, over any number of connections and whatever the speed of the
// machine. What a program sends goes on at once; what a distant server answers is held back until nothing else can
// happen: the program waits, and every server has answered all that it was sent. Then everything that is held is let
// through at once, and that is one round. The number of rounds is the length of the longest chain of answers that had
// to come one after the other. Connecting (one round trip more on a network) is not among them, the greeting is.
// For connections in clear text without compression; knows tags and literals, and no command.

import { isAtRest } from "./process_rest.ts";
import type { RelayTarget } from "./relay.ts";
import { announcesSynchronizing, Framer } from "./relay_framer.ts";

const READ_OCTETS = 65_536;
const COMMAND = /^(\S+) (UID \w+|\w+)/i;
const TAGGED = /^(\S+) (?:OK|NO|BAD)\b/i;

/** `far`: its answers are held back; `near`: they are not. */
export type Distance = "far" | "near";

/** What happened in one round. */
export interface Round {
  /** Names of the commands that came for far servers after the answers of this round, by connection. */
  readonly commands: readonly (readonly [connection: number, name: string])[];
}

/** One connection, with what is under way in it. */
class Link {
  readonly #client: Deno.Conn;
  readonly #server: Deno.Conn;
  readonly #distance: Distance;
  readonly #commanded: (name: string) => void;
  readonly #fromClient = new Framer();
  readonly #fromServer = new Framer();
  /** Commands without an answer. */
  readonly #open = new Set<string>();
  #tag = "";
  /** The server's greeting, or whatever it owes, has come, and nothing was sent since. */
  #answered = false;
  readonly #held: Uint8Array[] = [];
  #writing: Promise<unknown> = Promise.resolve();
  #serverEnded = false;
  /** The client has been told so. */
  #ended = false;
  /** Octets that have come, from whomever. */
  moved = 0;

  constructor(client: Deno.Conn, server: Deno.Conn, distance: Distance, commanded: (name: string) => void) {
    this.#client = client;
    this.#server = server;
    this.#distance = distance;
    this.#commanded = commanded;
  }

  /** Serves it until both ends are gone. */
  async run(): Promise<void> {
    await Promise.all([this.#pumpClient(), this.#pumpServer()]);
    await this.#writing;
    this.close();
  }

  /** The server owes nothing: it has answered all commands, or wants to be told more. */
  get isSettled(): boolean {
    return this.#serverEnded || this.#answered;
  }

  get holds(): boolean {
    return this.#held.length > 0 || (this.#serverEnded && !this.#ended);
  }

  /** Lets everything through that is held. */
  async release(): Promise<void> {
    for (const octets of this.#held.splice(0)) await this.#toClient(octets);
    if (this.#serverEnded && !this.#ended) {
      this.#ended = true;
      await this.#client.closeWrite().catch(() => {});
    }
  }

  close(): void {
    for (const end of [this.#client, this.#server]) {
      try {
        end.close();
      } catch {
        // closed already
      }
    }
    this.#serverEnded = this.#ended = true;
    this.#held.length = 0;
  }

  async #pumpClient(): Promise<void> {
    for await (const octets of chunksOf(this.#client)) {
      this.moved += octets.length;
      for (const { line, isStart, isEnd } of this.#fromClient.pieces(octets)) {
        if (line === null) continue;
        const [, tag, name] = isStart ? COMMAND.exec(line) ?? [] : [];
        if (tag !== undefined && name !== undefined) {
          this.#tag = tag;
          this.#commanded(name.toUpperCase());
        }
        if (!isEnd && !announcesSynchronizing(line)) continue;
        this.#open.add(this.#tag);
        this.#answered = false;
      }
      await writeAll(this.#server, octets);
    }
    await this.#server.closeWrite().catch(() => {});
  }

  async #pumpServer(): Promise<void> {
    for await (const octets of chunksOf(this.#server)) {
      this.moved += octets.length;
      for (const { line, isStart } of this.#fromServer.pieces(octets)) {
        if (line === null || !isStart) continue;
        const tag = TAGGED.exec(line)?.[1];
        if (tag !== undefined) this.#open.delete(tag);
        this.#answered = this.#open.size === 0 || line.startsWith("+");
      }
      if (this.#distance === "far") this.#held.push(octets);
      else await this.#toClient(octets);
    }
    this.#serverEnded = true;
    if (this.#distance === "near") await this.release();
  }

  #toClient(octets: Uint8Array): Promise<void> {
    const written = this.#writing.then(() => writeAll(this.#client, octets));
    this.#writing = written;
    return written;
  }
}

async function* chunksOf(from: Deno.Conn): AsyncGenerator<Uint8Array> {
  for (;;) {
    const buffer = new Uint8Array(READ_OCTETS);
    // A connection that was reset is at its end.
    const count = await from.read(buffer).catch(() => null);
    if (count === null) return;
    yield buffer.slice(0, count);
  }
}

/** Never throws: a receiver that is gone is nothing unusual. */
async function writeAll(to: Deno.Conn, octets: Uint8Array): Promise<void> {
  try {
    for (let at = 0; at < octets.length;) at += await to.write(octets.subarray(at));
  } catch {
    // gone
  }
}

/** Relays that share their rounds: one for each server of a program. */
export class RoundRelay implements AsyncDisposable {
  readonly #listeners: Deno.TcpListener[] = [];
  readonly #links = new Set<Link>();
  readonly #serving = new Set<Promise<void>>();
  readonly #rounds: [connection: number, name: string][][] = [[]];
  #accepted = 0;
  #connecting = 0;
  /** Octets and connections so far: while this stays the same, nothing happens. */
  #moved = 0;

  /** Listens for one server; returns where. */
  listen(target: RelayTarget, distance: Distance): { readonly port: number } {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#listeners.push(listener);
    this.#accept(listener, target, distance);
    return { port: listener.addr.port };
  }

  /** What was sent to far servers before anything came (the first), and after each time that answers came. */
  get rounds(): readonly Round[] {
    return this.#rounds.map((commands) => ({ commands }));
  }

  /** Lets rounds pass until the process has ended; how many there were. */
  async drive(pid: number, ended: Promise<unknown>): Promise<number> {
    const before = this.#rounds.length;
    const state = { running: true };
    ended.then(() => state.running = false, () => state.running = false);
    while (state.running) {
      if (!await this.#isQuiet(pid)) continue;
      const holding = [...this.#links].filter((link) => link.holds);
      if (holding.length === 0) continue;
      this.#rounds.push([]);
      await Promise.all(holding.map((link) => link.release()));
    }
    return this.#rounds.length - before;
  }

  /** Nothing moves, no server owes an answer, and the process waits. */
  async #isQuiet(pid: number): Promise<boolean> {
    const before = this.#total();
    // The time that this takes is enough to read what the process has sent before it went to sleep.
    if (!await isAtRest(pid)) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      return false;
    }
    return this.#total() === before && this.#connecting === 0 && [...this.#links].every((link) => link.isSettled);
  }

  #total(): number {
    return [...this.#links].reduce((sum, link) => sum + link.moved, this.#moved);
  }

  async #accept(listener: Deno.TcpListener, target: RelayTarget, distance: Distance): Promise<void> {
    for await (const client of listener) {
      const serving = this.#serve(client, target, distance).finally(() => this.#serving.delete(serving));
      this.#serving.add(serving);
    }
  }

  async #serve(client: Deno.TcpConn, target: RelayTarget, distance: Distance): Promise<void> {
    const number = ++this.#accepted;
    this.#moved++;
    this.#connecting++;
    const { hostname = "127.0.0.1", port } = target;
    const server = await Deno.connect({ hostname, port }).catch(() => null);
    this.#connecting--;
    // As if there were no relay.
    if (server === null) return client.close();
    client.setNoDelay(true);
    server.setNoDelay(true);
    const link = new Link(client, server, distance, (name) => {
      if (distance === "far") this.#rounds.at(-1)?.push([number, name]);
    });
    this.#links.add(link);
    await link.run();
    this.#links.delete(link);
    this.#moved += link.moved;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const listener of this.#listeners) listener.close();
    for (const link of this.#links) link.close();
    await Promise.all(this.#serving);
  }
}
