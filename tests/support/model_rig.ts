// The engine between two model servers, in one process: a run is lib/cli/sync_command.ts without files and sockets. A run
// can be watched command by command and killed at a chosen one. Also says in what two mail stores differ, and whether
// the state agrees with them.

import { type Opened, openSession, requireCapabilities, type Session } from "../../lib/client/mod.ts";
import type { Side, Store } from "../../lib/state/types.ts";
import { WHOLE_VIEW } from "../../lib/sync/listing.ts";
import { type BrakeOptions, Foresight, type RunContext, runOnce, type RunReport } from "../../lib/sync/mod.ts";
import { otherSide } from "../../lib/sync/model.ts";
import { deflateStream } from "../../lib/transport/deflate.ts";
import type { ByteStream, Connected } from "../../lib/transport/types.ts";
import { type DuplexOptions, duplexPair } from "./duplex.ts";
import { FakeClock, HastyClock } from "./fake_clock.ts";
import { FaultyStore, Killed, Life, MortalStream, type StoreFault } from "./faults.ts";
import { MemoryStore } from "./memory_store.ts";
import type { ModelMailbox, ModelMailstore, ModelMessage } from "./model_mailstore.ts";
import type { Gate } from "./model_options.ts";
import { ModelServer } from "./model_server.ts";
import { textOf } from "./model_values.ts";
import { KeepingLog } from "./quiet_log.ts";

export const SIDES: readonly Side[] = ["local", "remote"];

/** Where the state lives between runs. */
export interface StateHome {
  open(delimiters: { readonly local: string | null; readonly remote: string | null }): Store;
  /** Called at the end of a run, also of a killed one. */
  close(): void;
}

export function memoryHome(store: MemoryStore): StateHome {
  return { open: () => store, close: () => {} };
}

/** Death at a server command. */
export interface CommandKill {
  /** Number of the command, of both servers together, the first is 1. */
  readonly at: number;
  /** So many of the commands that were sent, from that one on, are executed nevertheless. */
  readonly spared: number;
}

/** A round trip to a server that is far away: so long that few messages are told of more than many at a time. */
const FAR_MS = 25;

export interface RunOptions {
  readonly names?: readonly string[];
  readonly repair?: boolean;
  readonly brake?: BrakeOptions;
  readonly fullCheck?: RunContext["fullCheck"];
  /** Sessions with each server at most, opened as soon as a mailbox has to wait; default 1. */
  readonly connections?: number;
  /** The server that is so far away that the other one has listed its mailboxes before it is there; null, and default: none. */
  readonly far?: Side | null;
  /** Instead of synchronizing. */
  readonly command?: (context: Pick<RunContext, "sessions" | "log" | "openStore">) => Promise<number>;
  readonly killAt?: CommandKill;
  readonly storeFault?: StoreFault;
  /** Called before each server command is executed, with its number. */
  readonly during?: (number: number, name: string, side: Side) => void;
  readonly wrap?: (stream: ByteStream, side: Side) => ByteStream;
  readonly duplex?: DuplexOptions;
  readonly debug?: boolean;
}

export interface RunResult {
  /** Null when the run ended with an error. */
  readonly report: RunReport | null;
  readonly error: unknown;
  readonly killed: boolean;
  readonly log: readonly string[];
  /** Names of the commands that each server executed. */
  readonly commands: Readonly<Record<Side, readonly string[]>>;
  /** Commands that reached a server, and writes to the state. */
  readonly counts: { readonly commands: number; readonly writes: number };
}

export class Rig {
  readonly servers: Readonly<Record<Side, ModelServer>>;
  readonly home: StateHome;
  readonly clock = new HastyClock();

  constructor(local: ModelServer, remote: ModelServer, home: StateHome = memoryHome(new MemoryStore())) {
    this.servers = { local, remote };
    this.home = home;
  }

  store(side: Side): ModelMailstore {
    return this.servers[side].store;
  }

  /** Synchronizes once. Resolves when both servers have done what reached them. */
  async run(options: RunOptions = {}): Promise<RunResult> {
    const life = new Life();
    const log = new KeepingLog(options.debug === true ? 1 : 0);
    const gate = new RunGate(life, options);
    const before = { local: this.servers.local.commands.length, remote: this.servers.remote.commands.length };
    const faulty: FaultyStore[] = [];
    for (const side of SIDES) this.servers[side].gate = gate.of(side);
    let report: RunReport | null = null;
    let error: unknown = null;
    try {
      report = await this.#synchronize(life, log, options, (store) => {
        const wrapped = new FaultyStore(store, life, options.storeFault ?? null);
        faulty.push(wrapped);
        return wrapped;
      });
    } catch (failure) {
      error = failure;
    } finally {
      await Promise.all(SIDES.map((side) => this.servers[side].idle()));
      for (const side of SIDES) this.servers[side].gate = {};
      this.home.close();
    }
    const executed = (side: Side) => this.servers[side].commands.slice(before[side]);
    return {
      report,
      error,
      killed: life.dead,
      log: log.lines,
      commands: { local: executed("local"), remote: executed("remote") },
      counts: { commands: gate.count, writes: faulty[0]?.writes ?? 0 },
    };
  }

  #foresight(lent: Pick<RunContext, "connections" | "log" | "openStore">): Foresight {
    const delimiters = { local: this.store("local").delimiter, remote: this.store("remote").delimiter };
    const rows = () => lent.openStore(delimiters).overview();
    return new Foresight({
      connections: lent.connections ?? null,
      trusted: { local: true, remote: true },
      cursors: () =>
        new Map(rows().flatMap(({ mailbox, cursors }) => cursors === null ? [] : [[mailbox, cursors] as const])),
      remembered: () => ({ store: lent.openStore(delimiters), delimiters }),
      view: WHOLE_VIEW,
      log: lent.log,
      clock: this.clock,
    });
  }

  async #synchronize(
    life: Life,
    log: KeepingLog,
    options: RunOptions,
    wrap: (store: Store) => Store,
  ): Promise<RunReport> {
    const opening: Promise<Opened>[] = [];
    const open = async (side: Side) => {
      const wrap = (stream: ByteStream) => {
        const mortal = new MortalStream(stream, life);
        return options.wrap?.(mortal, side) ?? mortal;
      };
      const { duplex = {} } = options;
      const one = openModelSession(this.servers[side], { side, log, duplex, wrap });
      opening.push(one);
      const { session } = await one;
      // The clock of the model stands still.
      if (side === options.far) Object.defineProperty(session, "roundTripMs", { value: FAR_MS });
      return session;
    };
    const { names = [], repair = false, brake, fullCheck = null, connections: limit = 1, far = null } = options;
    const connections = {
      limit: { local: limit, remote: limit },
      open: async (side: Side, usable: (session: Session) => void = () => {}) => {
        const session = await open(side);
        const enabling = session.enableQresync();
        usable(session);
        await enabling;
        return session;
      },
      wanted: () => 1,
    };
    const openStore: RunContext["openStore"] = once((delimiters) => wrap(this.home.open(delimiters)));
    const foresight = far === null ? null : this.#foresight({ connections, log, openStore });
    try {
      const sessions = await openBoth(open, foresight, far);
      if (options.command !== undefined) {
        return { problems: await options.command({ sessions, log, openStore }), held: 0 };
      }
      const context = { sessions, connections, names, repair, fullCheck, log, openStore, clock: this.clock, foresight };
      return await runOnce({ ...context, ...(brake === undefined ? {} : { brake }) });
    } finally {
      const opened = (await Promise.allSettled(opening)).flatMap((one) =>
        one.status === "fulfilled" ? [one.value] : []
      );
      await Promise.all(opened.map(({ session }) => session.logout()));
      for (const { connected } of opened) connected.close();
    }
  }
}

/** The second call gets what the first one made. */
function once<A, B>(make: (argument: A) => B): (argument: A) => B {
  let made: { readonly value: B } | null = null;
  return (argument) => (made ??= { value: make(argument) }).value;
}

/** Both at the same time, or the far one when the other has listed its mailboxes. */
async function openBoth(
  open: (side: Side) => Promise<Session>,
  foresight: Foresight | null,
  far: Side | null,
): Promise<Record<Side, Session>> {
  const sessions: Partial<Record<Side, Session>> = {};
  const attempt = async (side: Side): Promise<void> => {
    const session = sessions[side] = await open(side);
    foresight?.opened(side, session);
  };
  const attempts = far === null ? SIDES.map(attempt) : fromAfar(attempt, foresight, far);
  const both = await Promise.allSettled(attempts);
  for (const one of both) if (one.status === "rejected") throw one.reason;
  const { local, remote } = sessions;
  if (local === undefined || remote === undefined) throw new Error("two sessions were opened");
  return { local, remote };
}

function fromAfar(attempt: (side: Side) => Promise<void>, foresight: Foresight | null, far: Side): Promise<void>[] {
  const near = attempt(otherSide(far));
  const listed = near.then(() => foresight?.list(otherSide(far))?.catch(() => {}));
  return [near, listed.then(() => attempt(far))];
}

/** What a session with a model server is opened with. */
export interface SessionOptions {
  readonly side: Side;
  readonly log: KeepingLog;
  readonly clock?: FakeClock;
  readonly duplex?: DuplexOptions;
  /** Around the client's end of the stream. */
  readonly wrap?: (stream: ByteStream) => ByteStream;
}

/** A session that is ready for the engine. The caller closes it. */
export async function openModelSession(server: ModelServer, options: SessionOptions): Promise<Opened> {
  const { side, log, clock = new FakeClock(), wrap = (stream) => stream } = options;
  const login = server.options.login ?? null;
  const opened = await openSession({
    component: side,
    startTls: false,
    allowPlaintext: false,
    compress: true,
    expected: null,
    auth: ["PLAIN", "LOGIN"],
    username: login?.user ?? null,
    password: login?.password ?? null,
    clock,
    log,
    signal: new AbortController().signal,
    deadline: { signal: new AbortController().signal, clear: () => {} },
    connect: () => {
      const [client, end] = duplexPair({ ...options.duplex, component: side });
      void server.serve(end);
      return Promise.resolve(connectedTo(wrap(client), side));
    },
  });
  requireCapabilities(opened.session);
  return opened;
}

function connectedTo(stream: ByteStream, component: string): Connected {
  let top = stream;
  return {
    stream,
    confidential: true,
    startTls: () => Promise.reject(new Error("a model server has no TLS")),
    startDeflate: async (rest) => top = await deflateStream(stream, { component, rest }),
    traffic: () => ({ received: 0, sent: 0, wireReceived: null, wireSent: null }),
    close: () => top.close(),
  };
}

/** Counts the commands of both servers, and kills at the chosen one. */
class RunGate {
  count = 0;
  readonly #life: Life;
  readonly #options: RunOptions;
  #spared: number;

  constructor(life: Life, options: RunOptions) {
    this.#life = life;
    this.#options = options;
    this.#spared = options.killAt?.spared ?? 0;
  }

  of(side: Side): Gate {
    return {
      before: (name) => {
        this.count++;
        if (this.count === this.#options.killAt?.at) this.#life.kill();
        if (!this.#life.dead) this.#options.during?.(this.count, name, side);
        return !this.#life.dead || this.#spared-- > 0;
      },
    };
  }
}

/** Whether the run ended by itself, without an error. A mistake of the test or a bug is thrown. */
export function finished(result: RunResult): boolean {
  const { error } = result;
  if (error !== null && !result.killed && !(error instanceof Killed)) throw error;
  return error === null;
}

// ---- what the two mail stores hold

/** A mailbox name without the server's delimiter. */
export function internalName(store: ModelMailstore, name: string): string {
  return name.replaceAll(store.delimiter, "\0");
}

/** The name of a mailbox on a server. */
export function nameOn(store: ModelMailstore, internal: string): string {
  return internal.replaceAll("\0", store.delimiter);
}

/** A message without its UID: what has to be equal on both sides. */
export function describeMessage({ flags, date, body }: ModelMessage): string {
  return `(${flags.join(" ")}) ${date.seconds} ${body.length} octets ${textOf(body.subarray(0, 300))}`;
}

function contents(mailbox: ModelMailbox): readonly string[] {
  return mailbox.messages.map(describeMessage).sort();
}

/** In what the two sides differ; empty: in nothing. Mailboxes in `except` (internal names) do not count. */
export function differences(rig: Rig, except: ReadonlySet<string> = new Set()): string[] {
  const found: string[] = [];
  const [local, remote] = [rig.store("local"), rig.store("remote")];
  const names = new Set([local, remote].flatMap((store) => store.names.map((name) => internalName(store, name))));
  for (const name of names) {
    if (except.has(name)) continue;
    const here = local.find(nameOn(local, name));
    const there = remote.find(nameOn(remote, name));
    if (here === null || there === null) found.push(`${name}: is missing on ${here === null ? "local" : "remote"}`);
    else {
      found.push(...onlyIn(contents(here), contents(there)).map((line) => `${name}: only on local: ${line}`));
      found.push(...onlyIn(contents(there), contents(here)).map((line) => `${name}: only on remote: ${line}`));
    }
    const [isHere, isThere] = [local, remote].map((store) => store.subscribed.has(nameOn(store, name)));
    if (isHere !== isThere) found.push(`${name}: subscribed on ${isHere ? "local" : "remote"} only`);
  }
  return found;
}

/** Lines of `one` that `other` does not have as often. */
function onlyIn(one: readonly string[], other: readonly string[]): string[] {
  const left = [...other];
  return one.filter((line) => {
    const at = left.indexOf(line);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

/** Where the pairs are no bijection between the messages of both sides, pairs of equal messages. */
export function mappingProblems(rig: Rig, store: Store, except: ReadonlySet<string> = new Set()): string[] {
  const found: string[] = [];
  for (const row of store.overview()) {
    if (except.has(row.mailbox)) continue;
    if (row.interrupted) found.push(`${row.mailbox}: still interrupted`);
    const [here, there] = SIDES.map((side) => rig.store(side).find(nameOn(rig.store(side), row.mailbox)));
    if (!here || !there) continue;
    const paired = store.pairedUids(row.idx, "local", 1);
    if (store.pairCount(row.idx) !== here.count) {
      found.push(`${row.mailbox}: ${store.pairCount(row.idx)} pairs, ${here.count} messages`);
    }
    for (const { localUid, remoteUid } of store.pairsTouching(row.idx, "local", paired)) {
      const [mine, theirs] = [here.get(localUid), there.get(remoteUid)];
      if (mine === null || theirs === null) found.push(`${row.mailbox}: pair of a message that is gone`);
      else if (describeMessage(mine) !== describeMessage(theirs)) found.push(`${row.mailbox}: a pair of two messages`);
    }
  }
  return found;
}
