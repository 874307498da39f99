// Copies on their way to one mailbox: intents before APPEND, confirmations after it, several batches in flight
// (design A16). Nothing is sent before its intent is durable, and no pair is recorded that the server did not confirm.
// Does not know where the messages come from.

import type { Appended, Session } from "../client/mod.ts";
import { CommandError, MailboxError } from "../errors.ts";
import type { Logger } from "../log/types.ts";
import { type AppendMessage, type FlagSet, type InternalDate, keptFlags } from "../protocol/mod.ts";
import type { IntendedMessage, Pair, Side, StateChange, Store } from "../state/types.ts";

/** Batches sent and not answered: enough for 16 MiB a round trip. */
const MAX_BATCHES_IN_FLIGHT = 16;
/** After so many refusals in a row that concern the mailbox and not one message, it is given up for this run. */
const MAX_MAILBOX_REFUSALS = 8;
/** The same for refusals that may concern each message: those behind bad ones have to get their turn. */
const MAX_MESSAGE_REFUSALS = 128;
const MAILBOX_CODES: ReadonlySet<string> = new Set(["OVERQUOTA", "LIMIT", "NOPERM", "INUSE", "UNAVAILABLE"]);

/** A message to append. `body`: the octets, or their number when they are streamed. */
export interface OutgoingMessage {
  readonly uid: number;
  readonly flags: FlagSet;
  readonly internalDate: InternalDate;
  readonly headerDigest: string;
  readonly body: Uint8Array | number;
}

export interface AppendQueueContext {
  readonly session: Session;
  readonly target: Side;
  readonly idx: number;
  /** The mailbox's name on the target. */
  readonly mailbox: string;
  readonly sourceUidValidity: number;
  readonly targetUidValidity: number;
  readonly targetUidNext: number;
  readonly store: Store;
  readonly log: Logger;
  /** The flags that the target's mailbox keeps: others stay where they are. */
  readonly permanentFlags: readonly string[] | null;
  /** Called for each confirmed copy, with the flags of the original and of the copy. */
  readonly agree: (pair: Pair, original: FlagSet, copy: FlagSet) => void;
}

/** Writes the octets of one streamed message, then `end`; exactly as many as were announced. */
export interface StreamWriter {
  write(bytes: Uint8Array): Promise<void>;
  end(): void;
  /** The source failed: the target connection is closed, a message is never padded. */
  fail(error: Error): void;
}

export class AppendQueue {
  /** Source UIDs of batches that were refused as a whole: to be sent again one by one. */
  readonly retry: number[] = [];
  /** Source UIDs that the server does not take. */
  readonly refused: number[] = [];
  readonly #context: AppendQueueContext;
  readonly #confirmed: StateChange[] = [];
  readonly #inFlight: Promise<void>[] = [];
  #uidNext: number;
  #refusedInARow = 0;
  #failure: Error | null = null;

  constructor(context: AppendQueueContext) {
    this.#context = context;
    this.#uidNext = context.targetUidNext;
  }

  /** Why nothing more can be sent, or null. */
  get failure(): Error | null {
    return this.#failure;
  }

  /** Adds a change to the next transaction. */
  record(change: StateChange): void {
    this.#confirmed.push(change);
  }

  /** Sends held messages. Resolves when their octets are written: the buffers may be reused then. */
  async send(messages: readonly OutgoingMessage[]): Promise<void> {
    if (this.#failure !== null || messages.length === 0) return;
    await this.#room();
    const intent = this.#intend(messages);
    const groups = this.#context.session.capabilities.has("MULTIAPPEND") ? [messages] : messages.map((one) => [one]);
    const sent = groups.map((group) => ({ group, ...this.#append(group) }));
    this.#track(this.#settle(intent, sent.map(({ group, done }) => ({ group, done }))));
    await Promise.all(sent.map(({ written }) => written.catch(() => {})));
  }

  /** Begins a streamed message; null when the server refused it before it was sent. */
  async stream(message: OutgoingMessage): Promise<StreamWriter | null> {
    if (this.#failure !== null) return null;
    await this.#room();
    const intent = this.#intend([message]);
    const ready = Promise.withResolvers<(bytes: Uint8Array) => Promise<void>>();
    const finished = Promise.withResolvers<void>();
    finished.promise.catch(() => {});
    const { done } = this.#append([message], (write) => {
      ready.resolve(write);
      return finished.promise;
    });
    this.#track(this.#settle(intent, [{ group: [message], done }]));
    const write = await Promise.race([ready.promise, done.then(() => null, () => null)]);
    return write === null ? null : { write, end: () => finished.resolve(), fail: (error) => finished.reject(error) };
  }

  /** Waits for all answers and commits what they confirmed. @throws the failure, if there was one */
  async finish(): Promise<void> {
    await Promise.all(this.#inFlight);
    this.#commit([]);
    if (this.#failure !== null) throw this.#failure;
  }

  async #room(): Promise<void> {
    // Answers come in the order of the commands: the oldest is the next to be done.
    while (this.#inFlight.length >= MAX_BATCHES_IN_FLIGHT) await this.#inFlight[0];
  }

  #track(work: Promise<void>): void {
    const tracked: Promise<void> = work.catch((error) => {
      this.#failure ??= error instanceof Error ? error : new Error(String(error));
    }).finally(() => {
      this.#inFlight.splice(this.#inFlight.indexOf(tracked), 1);
    });
    this.#inFlight.push(tracked);
  }

  /** Makes durable, together with everything confirmed so far, what is about to be sent. */
  #intend(messages: readonly OutgoingMessage[]): number {
    const { idx, target, sourceUidValidity, targetUidValidity, store } = this.#context;
    const id = store.newIntentId();
    const intended = messages.map(intendedMessage);
    this.#commit([{
      kind: "intend",
      intent: {
        id,
        idx,
        target,
        sourceUidValidity,
        targetUidValidity,
        targetUidNext: this.#uidNext,
        messages: intended,
      },
    }]);
    return id;
  }

  #commit(changes: readonly StateChange[]): void {
    const all = [...this.#confirmed.splice(0), ...changes];
    if (all.length > 0) this.#context.store.apply(all);
  }

  #append(
    messages: readonly OutgoingMessage[],
    pump?: Parameters<Session["append"]>[2],
  ): ReturnType<Session["append"]> {
    const outgoing = messages.map((message): AppendMessage => ({
      flags: keptFlags(message.flags, this.#context.permanentFlags).flags,
      internalDate: message.internalDate,
      body: message.body,
    }));
    return this.#context.session.append(this.#context.mailbox, outgoing, pump);
  }

  async #settle(
    intent: number,
    sent: readonly { group: readonly OutgoingMessage[]; done: Promise<Appended | null> }[],
  ): Promise<void> {
    for (const { group, done } of sent) {
      try {
        this.#confirm(group, await done);
      } catch (error) {
        if (!(error instanceof CommandError) || error.status !== "NO") throw error;
        this.#refuse(group, error);
      }
    }
    this.#confirmed.push({ kind: "settle", id: intent });
  }

  #confirm(group: readonly OutgoingMessage[], appended: Appended | null): void {
    const { target, idx, mailbox, targetUidValidity, agree, log } = this.#context;
    const where = { component: target, mailbox };
    if (appended === null) {
      throw new MailboxError("The server did not tell the UIDs of appended messages (APPENDUID)", where);
    }
    const { uidValidity, uids } = appended;
    if (uidValidity !== targetUidValidity) {
      const text = `UIDVALIDITY changed! (${uidValidity} != ${targetUidValidity})  ` +
        `Need to invalidate the UID cache for ${mailbox}.`;
      throw new MailboxError(text, where);
    }
    if (uids.size !== group.length) {
      const text = `SET contains ${uids.size} elements while ${group.length} messages were appended.`;
      throw new MailboxError(text, where);
    }
    const targetUids = [...uids];
    const pairs = group.map(({ uid }, i): Pair => {
      const other = targetUids[i] ?? 0;
      return target === "local" ? { localUid: other, remoteUid: uid } : { localUid: uid, remoteUid: other };
    });
    this.#refusedInARow = 0;
    this.#confirmed.push({ kind: "pair", idx, pairs });
    this.#uidNext = Math.max(this.#uidNext, uids.last + 1);
    group.forEach(({ flags }, i) => {
      const pair = pairs[i];
      if (pair !== undefined) agree(pair, flags, keptFlags(flags, this.#context.permanentFlags));
    });
    const sources = inOrder(group.map(({ uid }) => uid));
    log.info(`Added ${group.length} UID(s) ${target === "local" ? `${uids} <- ${sources}` : `${sources} -> ${uids}`}`);
  }

  #refuse(group: readonly OutgoingMessage[], error: CommandError): void {
    const { mailbox, target, log } = this.#context;
    if (error.code === "TRYCREATE") {
      throw new MailboxError(`The mailbox does not exist any more: ${error.text}`, { component: target, mailbox });
    }
    if (group.length > 1) return void this.retry.push(...group.map(({ uid }) => uid));
    const [message] = group;
    if (message === undefined) return;
    this.refused.push(message.uid);
    const code = error.code === null ? "" : `[${error.code}] `;
    log.warn(`The server refused the copy of UID ${message.uid}: ${code}${error.text}. It will be tried again.`);
    this.#refusedInARow++;
    if (this.#refusedInARow >= (concernsMailbox(error) ? MAX_MAILBOX_REFUSALS : MAX_MESSAGE_REFUSALS)) {
      const text = `${this.#refusedInARow} messages in a row were refused; leaving the rest`;
      throw new MailboxError(text, { component: target, mailbox });
    }
  }
}

/** Whether the next message will most likely be refused, too. Cyrus 3.6 says "Over quota" without a code. */
function concernsMailbox(error: CommandError): boolean {
  return error.code === null ? /\bquota\b/i.test(error.text) : MAILBOX_CODES.has(error.code);
}

/** A compact list that keeps the order: "7,1:3". */
function inOrder(uids: readonly number[]): string {
  const words: string[] = [];
  for (let i = 0; i < uids.length;) {
    const first = uids[i] ?? 0;
    let last = first;
    for (i++; uids[i] === last + 1; i++) last++;
    words.push(first === last ? `${first}` : `${first}:${last}`);
  }
  return words.join(",");
}

function intendedMessage(message: OutgoingMessage): IntendedMessage {
  return {
    sourceUid: message.uid,
    octets: typeof message.body === "number" ? message.body : message.body.length,
    internalDate: message.internalDate.seconds,
    headerDigest: message.headerDigest,
  };
}
