// Messages that are on both sides already and that no pair knows: a mailbox without state, one whose UIDs mean other
// messages now (UIDVALIDITY, RFC 9051 2.3.1.1; MAILBOXID, RFC 8474), mail that both sides got, a state file older than
// the mail. They are paired before anything is copied, so that nothing is doubled. What cannot be told apart for certain
// is copied. Deletes nothing. What is the same is match.ts's decision, what flags become is plan.ts's.

import { randomKey } from "../base/fingerprint.ts";
import type { MailboxSession } from "../client/mod.ts";
import type { Logger } from "../log/types.ts";
import { UidSet } from "../protocol/mod.ts";
import type { Side, StateChange, Store } from "../state/types.ts";
import { AgreementLog } from "./agreements.ts";
import { BlankState } from "./blank_state.ts";
import { type BothSides, onBothSides, SIDES } from "./both_sides.ts";
import { readBodies, readHeaders, readSizes } from "./evidence.ts";
import { pairEqual, pairUnique } from "./match.ts";
import { type Agreements, type Pair, uidOf } from "./model.ts";
import type { Observed } from "./observe.ts";
import { alike, type Sizes } from "./sizes.ts";
import type { RenumberedError } from "./renumbered_error.ts";

/** Messages that are the same, and the flags that each copy had when it was looked at, by that side's UIDs. */
export interface Recognition {
  readonly pairs: readonly Pair[];
  readonly flags: BothSides<Agreements>;
}

/**
 * Which of these messages of the selected mailboxes are on both sides. Asks nothing when one side has none. `early`: sizes
 * that were read already.
 */
export async function recognize(
  sessions: BothSides<MailboxSession>,
  arrived: BothSides<UidSet>,
  early: BothSides<Sizes | null> = { local: null, remote: null },
): Promise<Recognition> {
  if (SIDES.some((side) => arrived[side].isEmpty)) return nothingRecognized();
  const sizes = await onBothSides(async (side) => early[side] ?? await readSizes(sessions[side], arrived[side]));
  const uids = alike(arrived, sizes);
  if (SIDES.some((side) => uids[side].isEmpty)) return nothingRecognized();
  const key = randomKey();
  const { local, remote } = await onBothSides((side) => readHeaders(sessions[side], uids[side], key));
  const { pairs, doubtful } = pairUnique(local.evidence, remote.evidence);
  const flags = { local: local.flags, remote: remote.flags };
  if (doubtful.local.isEmpty) return { pairs, flags };
  const bodies = await onBothSides((side) => readBodies(sessions[side], doubtful[side], key));
  const more = pairEqual(bodies.local, bodies.remote);
  return { pairs: [...pairs, ...more].sort((a, b) => a.localUid - b.localUid), flags };
}

function nothingRecognized(): Recognition {
  return { pairs: [], flags: { local: new AgreementLog(), remote: new AgreementLog() } };
}

/** A mailbox whose old state is worth nothing: both sides are observed with a blank one, which then replaces it. */
export class Anew {
  readonly state: BlankState = new BlankState();

  constructor(readonly reason: RenumberedError) {}
}

export interface AdoptContext {
  readonly sessions: BothSides<MailboxSession>;
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
  const { sessions, store, idx, anew } = context;
  const arrived = { local: observed.local.arrived, remote: observed.remote.arrived };
  const sizes = { local: observed.local.sizes, remote: observed.remote.sizes };
  const { pairs, flags } = await recognize(sessions, arrived, sizes);
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
