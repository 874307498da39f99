// Messages without a copy, for --repair: those that no pair knows, and those whose copy disappeared without a word. The ones
// that are on both sides are paired, the others are copied. Deletes nothing. What was looked at before is repair.ts's.

import { type Digest, digest } from "../base/digest.ts";
import { randomKey } from "../base/fingerprint.ts";
import type { Logger } from "../log/types.ts";
import { formatInternalDate, MAX_UID, type ModSeq, UidSet } from "../protocol/mod.ts";
import type { Cursors } from "../state/types.ts";
import { type Recognition, recognize } from "./adopt.ts";
import { type BothSides, onBothSides, SIDES } from "./both_sides.ts";
import { type ReadCandidate, readCandidates } from "./candidates.ts";
import { CommonFate } from "./common_fate.ts";
import { copyAcross } from "./copy_across.ts";
import type { MailboxContext } from "./mailbox_context.ts";
import { otherSide, type Pair, type Side, uidOf } from "./model.ts";
import { reconcile, type Repairs, type Sighting } from "./reconcile.ts";
import { RefusedMessages } from "./refused_messages.ts";

/** One side as it was selected. */
export interface Look {
  readonly uidValidity: number;
  readonly uidNext: number;
  readonly highestModSeq: ModSeq;
  readonly found: UidSet;
  readonly vanished: UidSet;
  readonly permanentFlags: readonly string[] | null;
  readonly readOnly: boolean;
  /** The server counts from anew: what it calls changed or vanished means nothing. */
  readonly wentBack: boolean;
}

/** Pairs that lost a copy without a word, by the side that lost it. */
export type Lost = Record<Side, Pair[]>;

export interface LoneContext extends MailboxContext {
  readonly cursors: Cursors;
  readonly looks: BothSides<Look>;
  readonly logs: BothSides<Logger>;
  /** Stores flags, and says so. */
  readonly carryOut: (repairs: Repairs) => Promise<void>;
}

/**
 * Pairs the messages that are on both sides, and copies the others. Takes memory for these messages, not for the mailbox.
 * False: some could not be copied.
 */
export function repairLone(lost: Lost, context: LoneContext): Promise<boolean> {
  return new LoneRepair(context).run(lost);
}

class LoneRepair {
  readonly #context: LoneContext;
  #complete = true;

  constructor(context: LoneContext) {
    this.#context = context;
  }

  async run(lost: Lost): Promise<boolean> {
    const { sessions } = this.#context;
    const unpaired = { local: this.#unpaired("local"), remote: this.#unpaired("remote") };
    const kept = {
      local: UidSet.of(lost.remote.map((pair) => pair.localUid)),
      remote: UidSet.of(lost.local.map((pair) => pair.remoteUid)),
    };
    const lone = { local: unpaired.local.union(kept.local), remote: unpaired.remote.union(kept.remote) };
    if (SIDES.every((side) => lone[side].isEmpty)) return true;
    // What is new on the other side may be what is missing there: a state file that is older than the mail.
    const candidates = {
      local: lone.local.union(this.#arrived("local")),
      remote: lone.remote.union(this.#arrived("remote")),
    };
    const early = { local: null, remote: null };
    const recognition = await recognize(candidates, { sessions, key: randomKey(), early });
    const matched = byUid(recognition.pairs);
    const left = await onBothSides(async (side) => {
      const unmatched = lone[side].subtract(UidSet.of(matched[side].keys()));
      const read = await readCandidates(sessions[side], unmatched, digest);
      // A message without octets cannot be appended.
      return read.filter(({ octets }) => octets > 0);
    });
    this.#recordMatches(recognition.pairs, left, lost);
    await this.#alignFlags(recognition);
    for (const source of SIDES) {
      this.#announceMatches(source, lone[source], matched, lost[otherSide(source)]);
      this.#announceCopies(source, left[source], lost[otherSide(source)]);
      await this.#copy(source, UidSet.of(left[source].map(uidOfRead)), digest);
    }
    // The copies lie above new mail, which the next observation would take for known messages without a pair.
    if (SIDES.some((side) => left[side].length > 0)) {
      for (const source of SIDES) await this.#copy(source, this.#arrived(source), digest);
    }
    return this.#complete;
  }

  /**
   * Messages below UIDNEXT that no pair knows, and those above it that an interrupted run has left behind; the others there
   * are new, and the run that follows copies them.
   */
  #unpaired(side: Side): UidSet {
    const { store, idx, looks, cursors } = this.#context;
    const { uidNext } = cursors[side];
    const below = uidNext <= 1 ? UidSet.empty : UidSet.range(1, uidNext - 1);
    const known = below.union(store.unmapped(idx, side));
    return looks[side].found.intersect(known).subtract(store.pairedUids(idx, side, 1));
  }

  #arrived(side: Side): UidSet {
    const { store, idx, looks, cursors } = this.#context;
    const since = Math.max(cursors[side].uidNext, 1);
    const arrived = looks[side].found.intersect(UidSet.range(since, MAX_UID));
    return arrived.subtract(store.pairedUids(idx, side, since)).subtract(store.unmapped(idx, side));
  }

  /**
   * Dissolves the pairs that lost a copy, and records what matches: one transaction, so that a message that only has
   * another UID is never seen without a pair. What stays without one is found again should this run be interrupted.
   */
  #recordMatches(pairs: readonly Pair[], left: BothSides<readonly ReadCandidate[]>, lost: Lost): void {
    const { store, idx } = this.#context;
    const settled = (side: Side) =>
      UidSet.of([...pairs.map((pair) => uidOf(pair, side)), ...left[side].map(uidOfRead)]);
    const matchedUids = (side: Side) => UidSet.of(pairs.map((pair) => uidOf(pair, side)));
    const uids = { local: settled("local"), remote: settled("remote") };
    const dissolved = SIDES.flatMap((side) => {
      const keeper = otherSide(side);
      return lost[side].filter((pair) => uids[keeper].has(uidOf(pair, keeper)));
    });
    store.apply([
      { kind: "unpair", idx, pairs: dissolved },
      { kind: "pair", idx, pairs },
      { kind: "forget-unmapped", idx, side: "local", uids: matchedUids("local") },
      { kind: "forget-unmapped", idx, side: "remote", uids: matchedUids("remote") },
    ]);
  }

  /** What was matched had no common history: where flags differ, both copies get all of them. */
  async #alignFlags({ pairs, flags }: Recognition): Promise<void> {
    const { looks, carryOut } = this.#context;
    const listing = (side: Side) => {
      const seen = new Map<number, Sighting>();
      for (const pair of pairs) {
        const now = flags[side].get(uidOf(pair, side));
        if (now !== null) seen.set(uidOf(pair, side), { flags: now, changed: true });
      }
      return { ...looks[side], seen };
    };
    const repairs = reconcile(pairs, { local: listing("local"), remote: listing("remote") });
    await carryOut(repairs);
  }

  /** Says of the messages of `source` that were recognized where they are; `lost`: pairs whose other copy is gone. */
  #announceMatches(
    source: Side,
    lone: UidSet,
    matched: BothSides<ReadonlyMap<number, Pair>>,
    lost: readonly Pair[],
  ): void {
    const target = otherSide(source);
    const log = this.#context.logs[target];
    const partners = partnersOf(source, lost);
    for (const [uid, pair] of matched[source]) {
      const gone = partners.get(uid);
      const fate = `It is ${target} UID ${uidOf(pair, target)}.`;
      if (gone !== undefined) log.warn(`UID ${gone} disappeared. ${fate}`);
      else if (source === "local" && lone.has(uid)) log.warn(`No match for modified ${source} UID ${uid}. ${fate}`);
    }
  }

  /** Says of the messages of `source` that are on the other side no more, or never were, that they are copied. */
  #announceCopies(source: Side, left: readonly ReadCandidate[], lost: readonly Pair[]): void {
    const log = this.#context.logs[otherSide(source)];
    const partners = partnersOf(source, lost);
    for (const { uid, from, date } of left) {
      const gone = partners.get(uid);
      if (gone !== undefined) log.warn(`UID ${gone} disappeared. Redownloading ${source} UID ${uid}.`);
      else log.warn(`No match for modified ${source} UID ${uid}. Redownloading.`);
      this.#context.logs[source].info(`UID ${uid} from <${from}> (${formatInternalDate(date)})`);
    }
  }

  async #copy(source: Side, uids: UidSet, digest: Digest): Promise<void> {
    if (uids.isEmpty) return;
    const { complete } = await copyAcross(uids, source, {
      mailbox: this.#context,
      logs: this.#context.logs,
      selected: this.#context.looks,
      digest,
      // What earlier runs left behind is among the messages, and its refusal is told anew.
      refused: RefusedMessages.none,
      tryAgain: false,
      fate: new CommonFate(),
      sent: () => {},
      agree: () => {},
    });
    if (!complete) this.#complete = false;
  }
}

function uidOfRead({ uid }: ReadCandidate): number {
  return uid;
}

function byUid(pairs: readonly Pair[]): BothSides<ReadonlyMap<number, Pair>> {
  return {
    local: new Map(pairs.map((pair) => [pair.localUid, pair])),
    remote: new Map(pairs.map((pair) => [pair.remoteUid, pair])),
  };
}

/** UIDs of the other side by those of `side`. */
function partnersOf(side: Side, pairs: readonly Pair[]): ReadonlyMap<number, number> {
  return new Map(pairs.map((pair) => [uidOf(pair, side), uidOf(pair, otherSide(side))]));
}
