// Copies on their way to one mailbox: intents before APPEND, confirmations after it, several batches in flight
// (design A16). Nothing is sent before its intent is durable, and no pair is recorded that the server did not confirm.
// Does not know where the messages come from.

import type { Clock } from "../base/clock.ts";
import type { Appended, MailboxSession } from "../client/mod.ts";
import { CommandError, MailboxError } from "../errors.ts";
import { type AppendMessage, type FlagSet, keptFlags, makeFlagSet } from "../protocol/mod.ts";
import type { Pair, StateChange } from "../state/types.ts";
import { added } from "./added.ts";
import { Leaving, type LeavingContext } from "./leaving.ts";
import { intendedMessage, type OutgoingMessage, type StreamWriter } from "./outgoing.ts";
import { judge, type Refusal } from "./refusal.ts";
import { Resends } from "./resends.ts";

/** Batches sent and not answered: enough for 16 MiB a round trip. */
const MAX_BATCHES_IN_FLIGHT = 8;
/** After so many refusals in a row that concern the mailbox and not one message, the rest is left behind untried. */
const MAX_MAILBOX_REFUSALS = 8;
/** The same for refusals that may concern each message: those behind bad ones have to get their turn. */
const MAX_MESSAGE_REFUSALS = 128;

export interface AppendQueueContext extends LeavingContext {
  readonly clock: Clock;
  readonly session: MailboxSession;
  /** The mailbox's name on the target. */
  readonly mailbox: string;
  readonly sourceUidValidity: number;
  readonly targetUidValidity: number;
  readonly targetUidNext: number;
  /** The flags that the target's mailbox keeps: others stay where they are. */
  readonly permanentFlags: readonly string[] | null;
  /** Called for each confirmed copy, with the flags of the original and of the copy. */
  readonly agree: (pair: Pair, original: FlagSet, copy: FlagSet) => void;
}

export class AppendQueue {
  /** What has to be sent again, in another way or later. */
  readonly resends: Resends = new Resends();
  /** What stays behind. */
  readonly leaving: Leaving;
  readonly #context: AppendQueueContext;
  readonly #confirmed: StateChange[] = [];
  readonly #inFlight: Promise<void>[] = [];
  /** What the target keeps of a set of flags: a mailbox has few different ones. */
  readonly #kept = new WeakMap<FlagSet, FlagSet>();
  #uidNext: number;
  #copied = 0;
  #reduced = false;
  #refusedInARow = 0;
  #closedBy: Refusal | null = null;
  #failure: Error | null = null;

  constructor(context: AppendQueueContext) {
    this.#context = context;
    this.#uidNext = context.targetUidNext;
    this.leaving = new Leaving(context, (change) => this.#confirmed.push(change));
  }

  /** Why the mailbox takes no more messages in this run, or null. */
  get closedBy(): Refusal | null {
    return this.#closedBy;
  }

  /** Nothing more is sent. */
  get stopped(): boolean {
    return this.#failure !== null || this.#closedBy !== null;
  }

  /** Why nothing more can be sent, or null. */
  get failure(): Error | null {
    return this.#failure;
  }

  /** Some copies have not all the flags of the original. */
  get reduced(): boolean {
    return this.#reduced;
  }

  /** Messages that were copied. */
  get copied(): number {
    return this.#copied;
  }

  /** Sends held messages. Resolves when their octets are written: the buffers may be reused then. */
  async send(messages: readonly OutgoingMessage[]): Promise<void> {
    if (messages.length === 0) return;
    await this.#room();
    if (this.stopped) return;
    const intent = this.#intend(messages);
    const groups = this.#context.session.capabilities.has("MULTIAPPEND") ? [messages] : messages.map((one) => [one]);
    const sent = groups.map((group) => ({ group, ...this.#append(group) }));
    this.#track(this.#settle(intent, sent.map(({ group, done }) => ({ group, done }))));
    await Promise.all(sent.map(({ written }) => written.catch(() => {})));
  }

  /** Begins a streamed message; null when the server refused it before it was sent. */
  async stream(message: OutgoingMessage): Promise<StreamWriter | null> {
    await this.#room();
    if (this.stopped) return null;
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
    this.leaving.tell();
    this.#commit([]);
    if (this.#failure !== null) throw this.#failure;
  }

  async #room(): Promise<void> {
    // Answers come in the order of the commands: the oldest is the next to be done.
    while (this.#inFlight.length >= MAX_BATCHES_IN_FLIGHT) await this.#inFlight[0];
  }

  #track(work: Promise<void>): void {
    const tracked: Promise<void> = work.then(() => {
      // The source is the slower one: what was confirmed does not wait for it. Should the original have the next turn, it
      // knows nothing of intents, and would copy once more what is not recorded.
      if (this.#inFlight.length === 1) this.#commit([]);
    }).catch((error) => {
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
    const now = Math.floor(this.#context.clock.now() / 1000);
    const intended = messages.map((message) => intendedMessage(message, now));
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
    pump?: Parameters<MailboxSession["append"]>[2],
  ): ReturnType<MailboxSession["append"]> {
    const outgoing = messages.map((message): AppendMessage => ({
      flags: this.#flagsFor(message).flags,
      internalDate: message.internalDate,
      body: message.body,
    }));
    return this.#context.session.append(this.#context.mailbox, outgoing, pump);
  }

  /** The flags that the target is given. */
  #flagsFor({ uid, flags }: OutgoingMessage): FlagSet {
    let kept = this.#kept.get(flags);
    if (kept === undefined) {
      kept = keptFlags(flags, this.#context.permanentFlags);
      this.#kept.set(flags, kept);
    }
    return this.resends.bare.has(uid) ? makeFlagSet(kept.flags.filter((flag) => flag.startsWith("\\"))) : kept;
  }

  async #settle(
    intent: number,
    sent: readonly { group: readonly OutgoingMessage[]; done: Promise<Appended | null> }[],
  ): Promise<void> {
    for (const { group, done } of sent) {
      try {
        this.#confirm(group, await done);
      } catch (error) {
        if (!(error instanceof CommandError)) throw error;
        if (error.status === "BAD") this.#suspect(group, error);
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
    this.#copied += group.length;
    this.#confirmed.push({ kind: "pair", idx, pairs });
    this.leaving.copied(group.map(({ uid }) => uid));
    this.#uidNext = Math.max(this.#uidNext, uids.last + 1);
    group.forEach((message, i) => {
      const pair = pairs[i];
      const flags = this.#flagsFor(message);
      this.#reduced ||= flags.key !== message.flags.key;
      if (pair !== undefined) agree(pair, message.flags, flags);
    });
    for (const line of added(target, pairs)) log.info(line);
  }

  /** What a refused APPEND means for its messages and for those behind it. */
  #refuse(group: readonly OutgoingMessage[], error: CommandError): void {
    const { mailbox, target } = this.#context;
    const uids = group.map(({ uid }) => uid);
    const verdict = judge(error, group.some((message) => this.#flagsFor(message).flags.some(isKeyword)));
    if (verdict.scope === "gone") {
      throw new MailboxError(`The mailbox does not exist any more: ${error.text}`, { component: target, mailbox });
    }
    if (verdict.scope === "later") return this.resends.later(uids, verdict.waitMs, error.text);
    const [message] = group;
    if (message === undefined) return;
    // MULTIAPPEND is all or nothing and does not say which message was at fault.
    if (group.length > 1) return this.resends.narrow(uids, verdict.scope === "mailbox");
    if (verdict.scope === "keywords") return this.resends.withoutKeywords(message.uid);
    const refusal = this.leaving.refused(message.uid, message.octets, verdict.kind, error);
    this.#refusedInARow++;
    if (verdict.scope === "mailbox" && this.#refusedInARow >= MAX_MAILBOX_REFUSALS) this.#closedBy = refusal;
    else if (this.#refusedInARow >= MAX_MESSAGE_REFUSALS) {
      const text = `${this.#refusedInARow} messages in a row were refused; leaving the rest`;
      throw new MailboxError(text, { component: target, mailbox });
    }
  }

  /**
   * After BAD the connection is closed, and nobody says which message it was: the next run sends them one by one, and
   * a message that was alone is not sent again. Made durable at once, there may be no other time.
   */
  #suspect(group: readonly OutgoingMessage[], error: CommandError): never {
    const [message] = group;
    if (group.length === 1 && message !== undefined) {
      const verdict = judge(error, false);
      const kind = verdict.scope === "message" ? verdict.kind : "content";
      this.leaving.refused(message.uid, message.octets, kind === "other" ? "content" : kind, error);
    } else {
      for (const one of group) this.leaving.refused(one.uid, one.octets, "suspect", error);
    }
    this.#commit([]);
    throw error;
  }
}

function isKeyword(flag: string): boolean {
  return !flag.startsWith("\\");
}
