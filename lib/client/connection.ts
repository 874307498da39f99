// One connection: a reader that turns octets into events and gives them to whoever they are for, and a writer that
// sends commands in the order in which they were submitted. What may be in flight is pipeline.ts's decision, how long
// and how much a server may talk answer_watch.ts's; neither what a command means nor what a mailbox is, is known here.

import type { Clock } from "../base/clock.ts";
import { ProtocolError } from "../errors.ts";
import type { Logger } from "../log/types.ts";
import { type Capabilities, type Data, type DecodeEvent, Decoder, type StatusResponse } from "../protocol/mod.ts";
import type { ByteStream } from "../transport/types.ts";
import { AnswerWatch } from "./answer_watch.ts";
import { MAX_ANSWER_OCTETS, shortText } from "./bounds.ts";
import { CommandWriter } from "./command_writer.ts";
import { endingError, endOfStream, type Situation } from "./ending.ts";
import { DONE, type Entry, newEntry, rejectEntry } from "./entry.ts";
import { GatheringWriter } from "./gathering_writer.ts";
import { Pipeline } from "./pipeline.ts";
import type { BodyReceiver, Request, Submitted } from "./request.ts";
import { WireLog } from "./wire_log.ts";

/** Stands for what a server says that has the password in it: some repeat what they do not take. */
const HIDDEN = "(not shown, for the password is in it)";

/** What a connection tells its owner about data that no command asked for. */
export interface ConnectionEvents {
  /** Every untagged response, before it is offered to commands. */
  data(data: Data): void;
  /** Every untagged response that was for no command. */
  unclaimed(data: Data): void;
  /** Every status response, tagged or not, before its command is told. */
  status(status: StatusResponse): void;
  /** The connection has ended. */
  ended(): void;
}

export interface ConnectionOptions {
  readonly stream: ByteStream;
  readonly clock: Clock;
  readonly log: Logger;
  readonly component: string;
  readonly events: ConnectionEvents;
  /** The capabilities known now, for the way literals are sent. */
  readonly capabilities: () => Capabilities;
  /** Octets between two tagged answers, bodies not counted; default MAX_ANSWER_OCTETS. */
  readonly maxAnswerOctets?: number;
}

export class Connection {
  readonly greeting: Promise<StatusResponse>;
  readonly #options: ConnectionOptions;
  readonly #greeting = Promise.withResolvers<StatusResponse>();
  readonly #pipeline = new Pipeline();
  readonly #watch: AnswerWatch;
  readonly #wireLog: WireLog | null;
  readonly #writer: GatheringWriter;
  readonly #commands: CommandWriter;
  #stream: ByteStream;
  #decoder = new Decoder();
  #nextTag = 0;
  #writing = false;
  #greeted = false;
  #receiver: BodyReceiver | null = null;
  #bye: string | null = null;
  #closed: Error | null = null;
  #fastestMs = Infinity;
  readonly #createdAt: number;
  /** Why nothing more may be sent while answers are still waited for. */
  #draining: Error | null = null;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const { stream, clock, log, component, capabilities, maxAnswerOctets = MAX_ANSWER_OCTETS } = options;
    this.#stream = stream;
    this.#createdAt = clock.now();
    this.#watch = new AnswerWatch({
      clock,
      component,
      maxOctets: maxAnswerOctets,
      isDue: () => this.#pipeline.isAnswerDue,
      expired: (reason) => this.close(reason),
    });
    this.#writer = new GatheringWriter(stream, () => this.#watch.restart());
    this.#wireLog = log.debugging ? new WireLog((line) => log.debug(`S: ${line}`)) : null;
    this.#commands = new CommandWriter({ writer: this.#writer, log, wireLog: this.#wireLog, capabilities });
    this.greeting = this.#greeting.promise;
    this.greeting.catch(() => {});
  }

  /** Starts to read. Not in the constructor, so that the owner is complete before the first event. */
  start(): void {
    void this.#read();
  }

  /** The error that ended the connection, or null. */
  get closed(): Error | null {
    return this.#closed;
  }

  /** Commands that were not answered yet. */
  get unanswered(): number {
    return this.#pipeline.unanswered;
  }

  /** Of the command that was sent first of those not answered yet. */
  get oldestTag(): string | null {
    return this.#pipeline.first?.tag ?? null;
  }

  /** The shortest time that an answer, or the greeting, has taken, in milliseconds: about one round trip. */
  get fastestMs(): number {
    return this.#fastestMs;
  }

  /** Queues a command. The order of calls is the order on the wire. */
  submit(request: Request): Submitted {
    const entry = newEntry(`${this.#nextTag++}`.padStart(6, "0"), request);
    const over = this.#closed ?? this.#draining;
    if (over !== null) rejectEntry(entry, over);
    else {
      this.#pipeline.add(entry);
      this.#resume();
    }
    return { written: entry.written.promise, done: entry.done.promise };
  }

  /** Ends the connection at once. Everything pending is rejected with `reason`, once. */
  close(reason: Error): void {
    if (this.#closed !== null) return;
    this.#closed = reason;
    this.#watch.stop();
    this.#stream.close();
    this.#greeting.reject(reason);
    this.#commands.fail(reason);
    for (const entry of this.#pipeline.clear()) rejectEntry(entry, reason);
    this.#options.events.ended();
  }

  /**
   * Ends the connection as soon as every APPEND that was sent is answered, at the latest after `graceMs`: whether a
   * message arrived should be known. Everything else is rejected with `reason` now.
   */
  drain(reason: Error, graceMs: number): void {
    if (this.#closed !== null || this.#draining !== null) return;
    this.#draining = reason;
    for (const entry of this.#pipeline.abandon()) rejectEntry(entry, reason);
    if (this.#pipeline.isDrained) this.close(reason);
    else this.#watch.endAfter(graceMs, reason);
  }

  // ---- writing

  /** The only sender. */
  #resume(): void {
    if (this.#writing || this.#closed !== null || !this.#greeted || !this.#pipeline.maySend) return;
    this.#writing = true;
    this.#watch.restart();
    this.#write().then(
      () => {
        this.#writing = false;
        this.#resume();
      },
      (error) => this.close(this.#wrap(error, "write")),
    );
  }

  async #write(): Promise<void> {
    // What is submitted in the same turn goes out in one write.
    await Promise.resolve();
    for (let entry = this.#pipeline.take(); entry !== null; entry = this.#pipeline.take()) {
      await this.#writeCommand(entry);
    }
    await this.#writer.flush();
  }

  async #writeCommand(entry: Entry): Promise<void> {
    await this.#commands.write(entry);
    // An answer that changes the layer, or an APPEND, must not wait for the next command.
    if (this.#pipeline.isQueueEmpty || entry.request.barrier !== undefined) await this.#writer.flush();
    entry.complete = true;
    entry.sentAt = this.#options.clock.now();
    if (entry.refusal !== null) this.#finish(entry, entry.refusal);
    else entry.written.resolve();
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
        // Behind what was decoded: the bodies in it are taken off again.
        this.#watch.checkOctets();
        const chunk = await this.#stream.read();
        if (this.#closed !== null) return;
        if (chunk === null) throw endOfStream(this.#situation());
        this.#watch.received(chunk.length);
        this.#wireLog?.feed(chunk);
        this.#decoder.feed(chunk);
      }
    } catch (error) {
      this.close(this.#wrap(error, "read"));
    }
  }

  /** Waits for the consumer of a body or for a layer: the server is not late meanwhile. */
  async #pausing(pause: Promise<void>): Promise<void> {
    this.#watch.pause();
    await pause;
    this.#watch.restart();
  }

  #handle(event: DecodeEvent): void | Promise<void> {
    switch (event.kind) {
      case "response":
        return this.#response(event.response);
      case "body-begin":
        this.#receiver = this.#pipeline.receiverOf(event.known);
        return this.#receiver?.begin(event.known, event.section, event.octets);
      case "body-data":
        this.#watch.receivedBody(event.bytes.length);
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
    this.#watch.heardData();
    this.#options.events.data(response);
    if (!this.#pipeline.claim(response)) this.#options.events.unclaimed(response);
  }

  #status(told: StatusResponse): void | Promise<void> {
    const status = this.#pipeline.hides(told.text) ? { ...told, text: HIDDEN } : told;
    if (status.tag === null && status.status === "BYE") this.#bye = shortText(status.text);
    this.#options.events.status(status);
    if (status.tag !== null) return this.#tagged(status.tag, status);
    if (this.#greeted) return this.#watch.heardEmptyTalk(this.#pipeline.inFlight);
    if (status.status === "BYE") throw endOfStream(this.#situation()); // some servers linger
    if (status.status !== "OK" && status.status !== "PREAUTH") {
      throw new ProtocolError("The greeting is not that of an IMAP server", this.#where());
    }
    this.#greeted = true;
    this.#fastestMs = this.#options.clock.now() - this.#createdAt;
    this.#greeting.resolve(status);
    this.#resume();
  }

  #tagged(tag: string, status: StatusResponse): void | Promise<void> {
    this.#watch.heardAnswer();
    const entry = this.#pipeline.find(tag);
    if (entry === null) throw new ProtocolError("The server answered a command that was not sent", this.#where());
    if (entry.complete) return this.#finish(entry, status);
    if (status.status === "OK") throw new ProtocolError("The server answered half a command", this.#where());
    entry.refusal = status;
    this.#commands.refused();
  }

  #finish(entry: Entry, status: StatusResponse): void | Promise<void> {
    this.#pipeline.remove(entry);
    if (entry.complete) this.#fastestMs = Math.min(this.#fastestMs, this.#options.clock.now() - entry.sentAt);
    entry.written.resolve();
    const { command, upgrade } = entry.request;
    entry.request.answered?.(status);
    if (upgrade !== undefined && status.status === "OK") return this.#upgrade(entry, upgrade, status);
    entry.done.resolve(status);
    if (this.#draining !== null && this.#pipeline.isDrained) return this.close(this.#draining);
    if (status.status === "BAD" && command.parts.some((part) => typeof part !== "string")) {
      // Dovecot 2.3.19 does not skip a non-synchronizing literal after BAD: the message would run as commands.
      const reason = `The server answered BAD to ${command.name}; the connection was closed to be safe`;
      this.close(new ProtocolError(reason, this.#where()));
    }
    this.#watch.restart();
    this.#resume();
  }

  /** What was asked for before COMPRESS may be answered behind it. Before TLS nothing is in flight. */
  async #upgrade(entry: Entry, upgrade: NonNullable<Request["upgrade"]>, status: StatusResponse): Promise<void> {
    try {
      this.#stream = await upgrade(this.#decoder.takeRest());
    } catch (error) {
      rejectEntry(entry, error instanceof Error ? error : new Error(String(error)));
      throw error;
    }
    this.#writer.replaceStream(this.#stream);
    this.#decoder = new Decoder();
    entry.done.resolve(status);
    this.#resume();
  }

  #continue(text: string): void | Promise<void> {
    if (this.#commands.proceed()) return;
    const entry = this.#pipeline.first;
    if (entry?.request.until !== undefined) return this.#idle(entry, entry.request.until);
    if (entry?.request.respond === undefined) {
      throw new ProtocolError("The server asked for more without need", this.#where());
    }
    return this.#writer.writeNow(Uint8Array.from(`${entry.request.respond(text)}\r\n`, (c) => c.charCodeAt(0)));
  }

  #idle(entry: Entry, until: Promise<void>): void {
    entry.idle = true;
    this.#watch.restart();
    until.then(async () => {
      if (this.#closed !== null) return;
      entry.idle = false;
      this.#watch.restart();
      await this.#writer.writeNow(DONE);
    }).catch((error) => this.close(this.#wrap(error, "write")));
  }

  // ---- errors

  #wrap(error: unknown, phase: "read" | "write"): Error {
    return endingError(error, phase, this.#situation());
  }

  #situation(): Situation {
    const { component } = this.#options;
    return { component, greeted: this.#greeted, bye: this.#bye, loggingIn: this.#pipeline.hasLogin };
  }

  #where(): { component: string } {
    return { component: this.#options.component };
  }
}
