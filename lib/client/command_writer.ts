// Turns commands into octets on the wire, one after the other, and waits where the server has to agree to a literal
// (RFC 9051 4.3). Shows them with --debug. When a command is sent, and what its answer means, others decide.

import type { Logger } from "../log/types.ts";
import { type Capabilities, describe, encode, literalMode } from "../protocol/mod.ts";
import type { Entry } from "./entry.ts";
import type { GatheringWriter } from "./gathering_writer.ts";
import type { WireLog } from "./wire_log.ts";

export interface CommandWriterOptions {
  readonly writer: GatheringWriter;
  readonly log: Logger;
  /** Where answers are shown; null: nowhere. */
  readonly wireLog: WireLog | null;
  /** The capabilities known now, for the way literals are sent. */
  readonly capabilities: () => Capabilities;
}

export class CommandWriter {
  readonly #options: CommandWriterOptions;
  #continuation: PromiseWithResolvers<boolean> | null = null;

  constructor(options: CommandWriterOptions) {
    this.#options = options;
  }

  /** Writes one command, or less when it is refused meanwhile. Small ones may stay in the GatheringWriter. */
  async write(entry: Entry): Promise<void> {
    const { writer, log, wireLog, capabilities } = this.#options;
    const { command, pump } = entry.request;
    const mode = literalMode(capabilities());
    if (command.secret && log.debugLevel < 2) wireLog?.hideUntil(entry.tag);
    if (log.debugging) {
      for (const line of describe(entry.tag, command, mode, log.debugLevel > 1).split("\n")) log.debug(`C: ${line}`);
    }
    for (const fragment of encode(entry.tag, command, mode)) {
      if (fragment.kind === "text" || fragment.kind === "bytes") {
        const waiting = fragment.kind === "text" ? writer.putText(fragment.text) : writer.put(fragment.bytes);
        if (waiting !== undefined) await waiting; // most do not, and a turn for each message would add up
      } else if (fragment.kind === "continuation") {
        if (!(await this.#awaitContinuation(entry))) return;
      } else {
        await writer.flush();
        if (pump === undefined) throw new Error("a streamed literal needs a pump");
        await pump((bytes) => writer.writeNow(bytes));
      }
    }
  }

  /** The server asks for the literal. False: no command waits for that. */
  proceed(): boolean {
    this.#continuation?.resolve(true);
    return this.#continuation !== null;
  }

  /** The server has refused the command that is being written. */
  refused(): void {
    this.#continuation?.resolve(false);
  }

  /** The connection has ended. */
  fail(reason: Error): void {
    this.#continuation?.reject(reason);
  }

  /** False when the server refused the command instead of asking for its literal. */
  async #awaitContinuation(entry: Entry): Promise<boolean> {
    await this.#options.writer.flush();
    if (entry.refusal !== null) return false;
    this.#continuation = Promise.withResolvers<boolean>();
    try {
      return await this.#continuation.promise;
    } finally {
      this.#continuation = null;
    }
  }
}
