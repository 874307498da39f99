// Messages that are on both sides already and that no pair knows: a mailbox without state, one whose UIDs mean other
// messages now (UIDVALIDITY, RFC 9051 2.3.1.1; MAILBOXID, RFC 8474), mail that both sides got, a state file older than
// the mail. They are paired before anything is copied, so that nothing is doubled. What cannot be told apart for certain
// is copied. Deletes nothing. What is the same is match.ts's decision, what flags become is plan.ts's.

import type { FingerprintKey } from "../base/fingerprint.ts";
import type { MailboxSession } from "../client/mod.ts";
import type { Logger } from "../log/types.ts";
import { UidSet } from "../protocol/mod.ts";
import type { Side, StateChange, Store } from "../state/types.ts";
import { AgreementLog } from "./agreements.ts";
import { BlankState } from "./blank_state.ts";
import { type BothSides, onBothSides, SIDES } from "./both_sides.ts";
import { areFew, readBodies, readHeaders, readMessageIds, readSizes } from "./evidence.ts";
import { type Evidence, pairEqual, pairUnique, withSharedKeys } from "./match.ts";
import { type Agreements, type Pair, uidOf } from "./model.ts";
import type { Observed } from "./observe.ts";
import { type Alike, alike, type Sizes } from "./sizes.ts";
import type { RenumberedError } from "./renumbered_error.ts";

/** A share of a mailbox. */
const MOST = 3 / 4;

/** Messages that are the same, and the flags that each copy had when it was looked at, by that side's UIDs. */
export interface Recognition {
  readonly pairs: readonly Pair[];
  readonly flags: BothSides<Agreements>;
}

export interface Recognizing {
  readonly sessions: BothSides<MailboxSession>;
  /** With which messages were distinguished that were looked at already. */
  readonly key: FingerprintKey;
  /** What was read of them. */
  readonly early: BothSides<Sizes | null>;
}

/** Which of these messages of the selected mailboxes are on both sides. Asks nothing when one side has none. */
export async function recognize(arrived: BothSides<UidSet>, recognizing: Recognizing): Promise<Recognition> {
  if (SIDES.some((side) => arrived[side].isEmpty)) return nothingRecognized();
  const { sessions, key, early } = recognizing;
  const sizes = await onBothSides(async (side) => early[side] ?? await readSizes(sessions[side], arrived[side]));
  const uids = await withoutStrangers(arrived, alike(arrived, sizes), { ...recognizing, early: sizes });
  if (SIDES.some((side) => uids[side].isEmpty)) return nothingRecognized();
  const { local, remote } = await onBothSides((side) => readHeaders(sessions[side], uids[side], key));
  const { pairs, doubtful } = pairUnique(local.evidence, remote.evidence);
  const flags = { local: local.flags, remote: remote.flags };
  if (doubtful.local.isEmpty) return { pairs, flags };
  const bodies = await onBothSides((side) => readBodies(sessions[side], doubtful[side], key));
  const more = pairEqual(bodies.local, bodies.remote);
  return { pairs: [...pairs, ...more].sort((a, b) => a.localUid - b.localUid), flags };
}

/**
 * Of messages that are alike those that can still be on both sides by their Message-IDs. These are asked for when most
 * messages of both mailboxes are on one side only, to judge by their sizes, and when the headers of the others would take
 * longer than one more round trip.
 */
async function withoutStrangers(
  arrived: BothSides<UidSet>,
  { all, likely }: Alike,
  { sessions, key, early }: Recognizing,
): Promise<BothSides<UidSet>> {
  if (all.local.isEmpty || all.remote.isEmpty) return all;
  const [local, remote] = [early.local?.messageIds ?? null, early.remote?.messageIds ?? null];
  if (local !== null && remote !== null) return withSharedKeys(all, { local, remote });
  const few = areFew({ local: all.local.size, remote: all.remote.size }, "headers", sessions);
  if (few || SIDES.some((side) => all[side].size > MOST * arrived[side].size)) return all;
  const first = await readKeys(likely, sessions, key);
  if (SIDES.every((side) => first[side].knowsAll(likely[side]) && !first[side].hasDetails)) {
    return withSharedKeys(likely, first);
  }
  return withSharedKeys(all, await readKeys(all, sessions, key));
}

/** Message-IDs as keys. */
function readKeys(
  uids: BothSides<UidSet>,
  sessions: BothSides<MailboxSession>,
  key: FingerprintKey,
): Promise<BothSides<Evidence>> {
  return onBothSides((side) => readMessageIds(sessions[side], uids[side], key));
}

function nothingRecognized(): Recognition {
  return { pairs: [], flags: { local: new AgreementLog(), remote: new AgreementLog() } };
}

/** A mailbox whose old state is worth nothing: both sides are observed with a blank one, which then replaces it. */
export class Anew {
  readonly state: BlankState = new BlankState();

  constructor(readonly reason: RenumberedError) {}
}

export interface AdoptContext extends Omit<Recognizing, "early"> {
  /** The name on each server. */
  readonly names: BothSides<string>;
  readonly store: Store;
  readonly idx: number;
  readonly log: Logger;
  readonly anew: Anew | null;
}

export interface Adoption {
  /** What was observed, without the arrived messages that are paired now. Where flags differ, both count as modified. */
  readonly observed: BothSides<Observed>;
  /** Local UIDs of the new pairs. */
  readonly recognized: UidSet;
}

/**
 * Pairs the arrived messages of both sides that are the same, and replaces the old state if it is to be replaced: all of
 * it in one transaction, before which nothing is written. One message may have arrived on both sides at any time, so
 * every observation comes through here; it costs something only when both sides have news.
 */
export async function adopt(observed: BothSides<Observed>, context: AdoptContext): Promise<Adoption> {
  const { sessions, key, store, idx, anew } = context;
  const arrived = { local: observed.local.arrived, remote: observed.remote.arrived };
  const early = { local: observed.local.sizes, remote: observed.remote.sizes };
  const { pairs, flags } = await recognize(arrived, { sessions, key, early });
  const changes: StateChange[] = [];
  if (anew !== null) {
    changes.push({ kind: "forget-messages", idx }, ...anew.state.waiting);
    for (const side of SIDES) {
      const { uidValidity } = observed[side];
      changes.push({ kind: "cursor", idx, side, cursor: { uidValidity, uidNext: 0, highestModSeq: 0n } });
    }
  }
  if (pairs.length > 0) changes.push({ kind: "pair", idx, pairs });
  if (changes.length > 0) store.apply(changes);
  tell(pairs.length, observed, context);
  if (pairs.length === 0) return { observed, recognized: UidSet.empty };
  const recognized = UidSet.of(pairs.map(({ localUid }) => localUid));
  return { observed: withoutPaired(observed, pairs, flags), recognized };
}

function tell(recognized: number, { local, remote }: BothSides<Observed>, context: AdoptContext): void {
  const { anew, log, names } = context;
  if (anew === null) {
    if (recognized > 0) log.info(`Recognized ${recognized} message(s) of ${names.local} that are on both sides`);
    return;
  }
  const { component, mailbox, message } = anew.reason;
  const where = { ...(component === null ? {} : { component }), ...(mailbox === null ? {} : { mailbox }) };
  log.with(where).warn(
    `${message}  Compared the messages anew: ${recognized} of ${local.arrived.size} local and ` +
      `${remote.arrived.size} remote ones are on both sides; the others are copied. ` +
      "None is deleted, and those that were deleted on one side since the last run come back.",
  );
}

/** Where flags differ there is no common history: the plan gives both copies all of them. */
function withoutPaired(
  observed: BothSides<Observed>,
  pairs: readonly Pair[],
  flags: BothSides<Agreements>,
): BothSides<Observed> {
  const modified = { local: new Map(observed.local.modified), remote: new Map(observed.remote.modified) };
  for (const pair of pairs) {
    const local = flags.local.get(pair.localUid);
    const remote = flags.remote.get(pair.remoteUid);
    if (local === null || remote === null || local.key === remote.key) continue;
    modified.local.set(pair.localUid, local);
    modified.remote.set(pair.remoteUid, remote);
  }
  const of = (side: Side): Observed => {
    const paired = UidSet.of(pairs.map((pair) => uidOf(pair, side)));
    return { ...observed[side], arrived: observed[side].arrived.subtract(paired), modified: modified[side] };
  };
  return { local: of("local"), remote: of("remote") };
}
