// Messages that stay behind while others of their mailbox are copied: has the reasons recorded, and tells what no earlier
// run has told. Why a message stays is refusal.ts's judgement; when the records are committed is the queue's.

import type { Logger } from "../log/types.ts";
import { UidSet, UidSetBuilder } from "../protocol/mod.ts";
import type { Side, StateChange, Store } from "../state/types.ts";
import { otherSide } from "./model.ts";
import { type Answer, formatRefusal, type Refusal, type RefusalKind, wordsOf } from "./refusal.ts";
import type { RefusedMessages } from "./refused_messages.ts";

export interface LeavingContext {
  readonly target: Side;
  readonly idx: number;
  readonly store: Store;
  /** Of the target. */
  readonly log: Logger;
  /** The target's APPENDLIMIT, or null. */
  readonly appendLimit: number | null;
  /** What earlier runs remembered of messages of the source: the same refusal again is no news. */
  readonly refused: RefusedMessages;
}

export class Leaving {
  readonly #context: LeavingContext;
  readonly #record: (change: StateChange) => void;
  /** Messages of the source that earlier runs left behind. */
  readonly #left: UidSet;
  /** Messages that have a pair now, or a reason to have none. */
  readonly #done = new UidSetBuilder();
  /** What has to be told, by its text: refusals of a full mailbox come in numbers. */
  readonly #news = new Map<string, UidSetBuilder>();
  #complete = true;

  /** `record` is given changes for the next transaction. */
  constructor(context: LeavingContext, record: (change: StateChange) => void) {
    this.#context = context;
    this.#record = record;
    this.#left = context.store.unmapped(context.idx, otherSide(context.target));
  }

  /** False: something is told that no earlier run has told. */
  get complete(): boolean {
    return this.#complete;
  }

  /** Messages have a pair now. */
  copied(uids: readonly number[]): void {
    for (const uid of uids) this.#done.add(uid, uid);
    if (this.#left.isEmpty) return;
    const known = UidSet.of(uids).intersect(this.#left);
    const { idx, target } = this.#context;
    if (!known.isEmpty) this.#record({ kind: "forget-unmapped", idx, side: otherSide(target), uids: known });
  }

  /** A message that has no octets. */
  empty(uid: number): void {
    this.#leave(uid, "zero-length");
  }

  /** A message that the server does not take. */
  refused(uid: number, octets: number, kind: RefusalKind, answer: Pick<Answer, "code" | "text">): Refusal {
    const { appendLimit, refused } = this.#context;
    const text = wordsOf(answer);
    const refusal: Refusal = { kind, octets, limit: appendLimit, text };
    this.#leave(uid, formatRefusal(refusal));
    if (refused.find(uid)?.kind !== kind) {
      const told = this.#news.get(text) ?? new UidSetBuilder();
      told.add(uid, uid);
      this.#news.set(text, told);
      this.#complete = false;
    }
    return refusal;
  }

  /** Whether a message is larger than the server takes; then it stays. */
  isTooLarge(uid: number, octets: number): boolean {
    if (octets <= (this.#context.appendLimit ?? Infinity)) return false;
    this.refused(uid, octets, "size", { code: null, text: `${octets} octets are more than APPENDLIMIT` });
    return true;
  }

  /** All of `uids` that nothing was said of: they were not tried, for the reason that closed the mailbox. */
  untried(uids: UidSet, closedBy: Refusal): void {
    const { target, idx, refused, log } = this.#context;
    const news = uids.subtract(this.#done.build()).subtract(refused.ofKind(closedBy.kind));
    if (news.isEmpty) return;
    const reason = formatRefusal({ ...closedBy, octets: 0 });
    this.#record({ kind: "unmapped", idx, side: otherSide(target), uids: news, reason });
    this.#complete = false;
    log.warn(`${news.size} more message(s) stay behind untried: ${closedBy.text}`);
  }

  /** Says what is new. */
  tell(): void {
    for (const [text, uids] of this.#news) {
      this.#context.log.warn(`The server refused the copy of UID ${uids.build()}: ${text}. Left behind.`);
    }
    this.#news.clear();
  }

  #leave(uid: number, reason: string): void {
    const { idx, target } = this.#context;
    this.#done.add(uid, uid);
    this.#record({ kind: "unmapped", idx, side: otherSide(target), uids: UidSet.range(uid, uid), reason });
  }
}
