// One connection: a reader that turns octets into events and gives them to whoever they are for, and a writer that
// sends commands in the order in which they were submitted, as many at a time as the protocol allows (RFC 9051 5.5).
// Decides what may be in flight; knows neither what a command means nor what a mailbox is.

import type { Clock } from "../base/clock.ts";
import { ByeError, ProtocolError, TransportError } from "../errors.ts";
import type { Logger } from "../log/types.ts";
import {
  type Capabilities,
  type Data,
  type DecodeEvent,
  Decoder,
  describe,
  encode,
  type LiteralMode,
  literalMode,
  type StatusResponse,
} from "../protocol/mod.ts";
import type { ByteStream } from "../transport/types.ts";
import { GatheringWriter } from "./gathering_writer.ts";
import type { BodyReceiver, Request, Submitted } from "./request.ts";
import { WireLog } from "./wire_log.ts";

/** How long an answer that is due may take to send its next octet. */
export const ANSWER_TIMEOUT_MS = 5 * 60_000;
/** Commands sent and not answered. A bound on what a server has to remember, and on what is lost with a connection. */
const MAX_IN_FLIGHT = 64;

interface Entry {
  readonly tag: string;
  readonly request: Request;
  readonly written: PromiseWithResolvers<void>;
  readonly done: PromiseWithResolvers<StatusResponse>;
  complete: boolean;
  /** A refusal that came before the command was completely written. */
  refusal: StatusResponse | null;
}

/** What a connection tells its owner about data that no command asked for. */
export interface ConnectionEvents {
  /** Every untagged response, before it is offered to commands. */
  data(data: Data): void;
  /** Every status response, tagged or not, before its command is told. */
  status(status: StatusResponse): void;
}

export interface ConnectionOptions {
  readonly stream: ByteStream;
  readonly clock: Clock;
  readonly log: Logger;
  readonly component: string;
  readonly events: ConnectionEvents;
  /** The capabilities known now, for the way literals are sent. */
  readonly capabilities: () => Capabilities;
}

export class Connection {
  readonly greeting: Promise<StatusResponse>;
  readonly #options: ConnectionOptions;
  readonly #greeting = Promise.withResolvers<StatusResponse>();
  readonly #queue: Entry[] = [];
  readonly #inFlight: Entry[] = [];
  readonly #writer: GatheringWriter;
  #stream: ByteStream;
  #decoder = new Decoder();
  #wireLog: WireLog | null = null;
  #nextTag = 0;
  #writing = false;
  #greeted = false;
  #receiver: BodyReceiver | null = null;
  #continuation: PromiseWithResolvers<boolean> | null = null;
  #cancelTimeout: (() => void) | null = null;
  #bye: string | null = null;
  #closed: Error | null = null;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#stream = options.stream;
    this.#writer = new GatheringWriter(options.stream, () => this.#watch());
    this.greeting = this.#greeting.promise;
    this.greeting.catch(() => {});
    if (options.log.debugging) this.#wireLog = new WireLog((line) => options.log.debug(`S: ${line}`));
  }

  /** Starts to read. Not in the constructor, so that the owner is complete before the first event. */
  start(): void {
    void this.#read();
  }

  /** The error that ended the connection, or null. */
  get closed(): Error | null {
    return this.#closed;
  }

  /** Queues a command. The order of calls is the order on the wire. */
  submit(request: Request): Submitted {
    const entry: Entry = {
      tag: `${this.#nextTag++}`.padStart(6, "0"),
      request,
      written: Promise.withResolvers<void>(),
      done: Promise.withResolvers<StatusResponse>(),
      complete: false,
      refusal: null,
    };
    // Who does not care about a promise must not bring the program down when the connection is lost.
    entry.written.promise.catch(() => {});
    entry.done.promise.catch(() => {});
    if (this.#closed !== null) this.#reject(entry, this.#closed);
    else {
      this.#queue.push(entry);
      this.#resume();
    }
    return { written: entry.written.promise, done: entry.done.promise };
  }

  /** Ends the connection at once. Everything pending is rejected with `reason`, once. */
  close(reason: Error): void {
    if (this.#closed !== null) return;
    this.#closed = reason;
    this.#cancelTimeout?.();
    this.#stream.close();
    this.#greeting.reject(reason);
    this.#continuation?.reject(reason);
    for (const entry of [...this.#inFlight.splice(0), ...this.#queue.splice(0)]) this.#reject(entry, reason);
  }

  #reject(entry: Entry, reason: Error): void {
    entry.written.reject(reason);
    entry.done.reject(reason);
  }

  // ---- writing

  /** The only sender. */
  #resume(): void {
    if (this.#writing || this.#closed !== null || !this.#maySend()) return;
    this.#writing = true;
    this.#watch();
    this.#write().then(
      () => {
        this.#writing = false;
        this.#resume();
      },
      (error) => this.close(this.#wrap(error, "write")),
    );
  }

  #maySend(): boolean {
    const next = this.#queue[0];
    if (next === undefined || !this.#greeted) return false;
    if (this.#inFlight.length === 0) return true;
    // RFC 9051 6.2.1, 6.2.2, RFC 4978 3: the layer below changes, nothing else may be on the wire.
    if (next.request.alone === true || this.#inFlight.some((entry) => entry.request.alone === true)) return false;
    return this.#inFlight.length < MAX_IN_FLIGHT;
  }

  async #write(): Promise<void> {
    // What is submitted in the same turn goes out in one write.
    await Promise.resolve();
    while (this.#maySend()) {
      const entry = this.#queue.shift();
      if (entry === undefined) break;
      this.#inFlight.push(entry);
      await this.#writeCommand(entry);
    }
    await this.#writer.flush();
  }

  async #writeCommand(entry: Entry): Promise<void> {
    const { command, pump } = entry.request;
    const mode: LiteralMode = literalMode(this.#options.capabilities());
    const { log } = this.#options;
    if (log.debugging) {
      for (const line of describe(entry.tag, command, mode, log.debugLevel > 1).split("\n")) log.debug(`C: ${line}`);
    }
    for (const fragment of encode(entry.tag, command, mode)) {
      if (fragment.kind === "bytes") await this.#writer.put(fragment.bytes);
      else if (fragment.kind === "continuation") {
        if (!(await this.#awaitContinuation(entry))) break;
      } else {
        await this.#writer.flush();
        if (pump === undefined) throw new Error("a streamed literal needs a pump");
        await pump((bytes) => this.#writer.writeNow(bytes));
      }
    }
    // An answer that changes the layer, or an APPEND, must not wait for the next command.
    if (this.#queue.length === 0 || entry.request.alone === true) await this.#writer.flush();
    entry.complete = true;
    if (entry.refusal !== null) this.#finish(entry, entry.refusal);
    else entry.written.resolve();
  }

  /** False when the server refused the command instead of asking for its literal. */
  async #awaitContinuation(entry: Entry): Promise<boolean> {
    await this.#writer.flush();
    if (entry.refusal !== null) return false;
    this.#continuation = Promise.withResolvers<boolean>();
    try {
      return await this.#continuation.promise;
    } finally {
      this.#continuation = null;
    }
  }

  // ---- reading

  async #read(): Promise<void> {
    try {
      for (;;) {
        for (let event = this.#decoder.next(); event !== null; event = this.#decoder.next()) {
          const pause = this.#handle(event);
          if (pause !== undefined) await this.#pausing(pause);
          if (this.#closed !== null) return;
        }
        const chunk = await this.#stream.read();
        if (this.#closed !== null) return;
        if (chunk === null) throw this.#endOfStream();
        this.#watch();
        this.#wireLog?.feed(chunk);
        this.#decoder.feed(chunk);
      }
    } catch (error) {
      this.close(this.#wrap(error, "read"));
    }
  }

  /** Waits for the consumer of a body or for a layer: the server is not late meanwhile. */
  async #pausing(pause: Promise<void>): Promise<void> {
    this.#cancelTimeout?.();
    this.#cancelTimeout = null;
    await pause;
    this.#watch();
  }

  #handle(event: DecodeEvent): void | Promise<void> {
    switch (event.kind) {
      case "response":
        return this.#response(event.response);
      case "body-begin":
        this.#receiver = this.#inFlight.map((entry) => entry.request.bodies)
          .find((bodies) => bodies?.accepts(event.known) === true) ?? null;
        return this.#receiver?.begin(event.known, event.section, event.octets);
      case "body-data":
        return this.#receiver?.data(event.bytes);
      case "body-end": {
        const receiver = this.#receiver;
        this.#receiver = null;
        return receiver?.end();
      }
    }
  }

  #response(response: Extract<DecodeEvent, { kind: "response" }>["response"]): void | Promise<void> {
    if (response.kind === "status") return this.#status(response);
    if (!this.#greeted) throw new ProtocolError("The greeting is not that of an IMAP server", this.#where());
    if (response.kind === "continuation") return this.#continue(response.text);
    this.#options.events.data(response);
    for (const entry of this.#inFlight) if (entry.request.claim?.(response) === true) return;
  }

  #status(status: StatusResponse): void | Promise<void> {
    if (status.tag === null && status.status === "BYE") this.#bye = status.text;
    this.#options.events.status(status);
    if (status.tag !== null) return this.#tagged(status);
    if (this.#greeted) return;
    if (status.status !== "OK" && status.status !== "PREAUTH") return; // BYE: the end of the stream says the rest
    this.#greeted = true;
    this.#greeting.resolve(status);
    this.#resume();
  }

  #tagged(status: StatusResponse): void | Promise<void> {
    const entry = this.#inFlight.find((candidate) => candidate.tag === status.tag);
    if (entry === undefined) throw new ProtocolError("The server answered a command that was not sent", this.#where());
    if (entry.complete) return this.#finish(entry, status);
    if (status.status === "OK") throw new ProtocolError("The server answered half a command", this.#where());
    entry.refusal = status;
    this.#continuation?.resolve(false);
  }

  #finish(entry: Entry, status: StatusResponse): void | Promise<void> {
    this.#inFlight.splice(this.#inFlight.indexOf(entry), 1);
    entry.written.resolve();
    const { command, upgrade } = entry.request;
    if (upgrade !== undefined && status.status === "OK") return this.#upgrade(entry, upgrade, status);
    entry.done.resolve(status);
    if (status.status === "BAD" && command.parts.some((part) => typeof part !== "string")) {
      // Dovecot 2.3.19 does not skip a non-synchronizing literal after BAD: the message would run as commands.
      const reason = `The server answered BAD to ${command.name}; the connection was closed to be safe`;
      this.close(new ProtocolError(reason, this.#where()));
    }
    this.#watch();
    this.#resume();
  }

  async #upgrade(entry: Entry, upgrade: NonNullable<Request["upgrade"]>, status: StatusResponse): Promise<void> {
    try {
      this.#stream = await upgrade(this.#decoder.takeRest());
    } catch (error) {
      this.#reject(entry, error instanceof Error ? error : new Error(String(error)));
      throw error;
    }
    this.#writer.replaceStream(this.#stream);
    this.#decoder = new Decoder();
    entry.done.resolve(status);
    this.#resume();
  }

  #continue(text: string): void | Promise<void> {
    if (this.#continuation !== null) return this.#continuation.resolve(true);
    const entry = this.#inFlight[0];
    if (entry?.request.respond === undefined) {
      throw new ProtocolError("The server asked for more without need", this.#where());
    }
    return this.#writer.writeNow(Uint8Array.from(`${entry.request.respond(text)}\r\n`, (c) => c.charCodeAt(0)));
  }

  // ---- time and errors

  /** (Re)starts the deadline when something is due, stops it otherwise. */
  #watch(): void {
    this.#cancelTimeout?.();
    this.#cancelTimeout = null;
    if (this.#closed !== null || (this.#inFlight.length === 0 && this.#queue.length === 0)) return;
    this.#cancelTimeout = this.#options.clock.after(ANSWER_TIMEOUT_MS, () => {
      const text = `The server did not answer for ${ANSWER_TIMEOUT_MS / 60_000} minutes`;
      this.close(new TransportError("timeout", text, this.#where()));
    });
  }

  #endOfStream(): Error {
    if (this.#bye !== null) return new ByeError(`The server closed the connection: ${this.#bye}`, this.#where());
    const text = this.#greeted
      ? "The server closed the connection"
      : "The server closed the connection without an IMAP greeting";
    return new TransportError("read", text, this.#where());
  }

  #wrap(error: unknown, phase: "read" | "write"): Error {
    if (error instanceof ProtocolError && !this.#greeted) {
      return new ProtocolError("The greeting is not that of an IMAP server; check host, port and type", {
        ...this.#where(),
        cause: error,
      });
    }
    if (error instanceof TransportError && this.#bye !== null) {
      return new ByeError(`The server closed the connection (${phase}): ${this.#bye}`, this.#where());
    }
    return error instanceof Error ? error : new Error(String(error));
  }

  #where(): { component: string } {
    return { component: this.#options.component };
  }
}
