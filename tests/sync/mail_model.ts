// Two mailboxes and what became of them since the last synchronization, as plain maps: the ground truth against which
// plans are tested. Knows the rules of flags and of UIDs, nothing of protocols.

import fc from "fast-check";
import { NO_FLAGS } from "../../lib/protocol/flags.ts";
import type { FlagSet } from "../../lib/protocol/types.ts";
import { UidSet } from "../../lib/protocol/uid_set.ts";
import { otherSide, uidOf } from "../../lib/sync/model.ts";
import type { Agreements, Observation, Pair, Plan, PlanInput, Side } from "../../lib/sync/model.ts";
import { flagSets, pairings } from "../support/generators.ts";

/** What happened to one copy since the cursor. "touched": reported as modified, with the flags that it had. */
export type Change =
  | { readonly kind: "none" | "touched" | "vanish" }
  | { readonly kind: "flags"; readonly flags: FlagSet };

export interface PairHistory {
  readonly pair: Pair;
  /** The flags that both copies had at the cursor. */
  readonly base: FlagSet;
  /** Whether this run knows `base` as agreed. */
  readonly agreed: boolean;
  readonly local: Change;
  readonly remote: Change;
}

export interface History {
  readonly pairs: readonly PairHistory[];
  /** Messages that existed before the cursor and that no pair knows. */
  readonly strangers: Readonly<Record<Side, readonly { readonly uid: number; readonly change: Change }[]>>;
  readonly arrived: Readonly<Record<Side, readonly number[]>>;
}

const changes: fc.Arbitrary<Change> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Change>({ kind: "none" }) },
  { weight: 1, arbitrary: fc.constant<Change>({ kind: "touched" }) },
  { weight: 2, arbitrary: fc.constant<Change>({ kind: "vanish" }) },
  { weight: 5, arbitrary: flagSets().map((flags): Change => ({ kind: "flags", flags })) },
);

/** UIDs of strangers are from 1001, those of arrived messages from 2001, so that nothing collides. */
export function histories(): fc.Arbitrary<History> {
  const details = fc.record({ base: flagSets(), agreed: fc.boolean(), local: changes, remote: changes });
  const strangers = fc.array(changes, { maxLength: 4 }).map((list) =>
    list.map((change, i) => ({ uid: 1001 + 2 * i, change }))
  );
  const arrived = fc.nat(4).map((count) => Array.from({ length: count }, (_, i) => 2001 + i));
  return pairings().chain((pairs) =>
    fc.record({
      pairs: fc.tuple(...pairs.map((pair) => details.map((detail): PairHistory => ({ pair, ...detail })))),
      strangers: fc.record({ local: strangers, remote: strangers }),
      arrived: fc.record({ local: arrived, remote: arrived }),
    })
  );
}

/** Agreements as a map, with the verbs that tests need. */
export class AgreementMap implements Agreements {
  readonly #flags = new Map<number, FlagSet>();

  set(localUid: number, flags: FlagSet): void {
    this.#flags.set(localUid, flags);
  }

  delete(localUid: number): void {
    this.#flags.delete(localUid);
  }

  get(localUid: number): FlagSet | null {
    return this.#flags.get(localUid) ?? null;
  }
}

const SIDES: readonly Side[] = ["local", "remote"];

/** What became of the stores of each pair: one, or two when the union went to both sides. */
class StoreOutcomes {
  readonly #pairs = new Map<number, { readonly flags: FlagSet; planned: number; done: number }>();

  add({ localUid }: Pair, flags: FlagSet, done: boolean): void {
    const outcome = this.#pairs.get(localUid) ?? { flags, planned: 0, done: 0 };
    outcome.planned++;
    if (done) outcome.done++;
    this.#pairs.set(localUid, outcome);
  }

  record(agreed: AgreementMap): void {
    for (const [localUid, { flags, planned, done }] of this.#pairs) {
      if (done === planned) agreed.set(localUid, flags);
      else if (done > 0) agreed.delete(localUid);
    }
  }
}

/** One mailbox on one server. */
interface Copies {
  readonly messages: Map<number, FlagSet>;
  readonly vanished: Set<number>;
  readonly modified: Set<number>;
  readonly arrived: Set<number>;
}

/** Both mailboxes, the pairs, and what has changed since the cursor. */
export class MailModel {
  readonly local: Copies = { messages: new Map(), vanished: new Set(), modified: new Set(), arrived: new Set() };
  readonly remote: Copies = { messages: new Map(), vanished: new Set(), modified: new Set(), arrived: new Set() };
  readonly agreed = new AgreementMap();
  pairs: Pair[] = [];

  constructor(history: History) {
    for (const { pair, base, agreed, local, remote } of history.pairs) {
      this.pairs.push(pair);
      if (agreed) this.agreed.set(pair.localUid, base);
      this.#begin("local", pair.localUid, base, local);
      this.#begin("remote", pair.remoteUid, base, remote);
    }
    for (const side of SIDES) {
      for (const { uid, change } of history.strangers[side]) this.#begin(side, uid, NO_FLAGS, change);
      for (const uid of history.arrived[side]) {
        this[side].messages.set(uid, NO_FLAGS);
        this[side].arrived.add(uid);
      }
    }
  }

  /** What an honest server with QRESYNC reports of everything since the cursor, echoes of our own doing included. */
  observe(side: Side): Observation {
    const { messages, vanished, modified, arrived } = this[side];
    const flags = new Map<number, FlagSet>();
    for (const uid of modified) flags.set(uid, messages.get(uid) ?? NO_FLAGS);
    return {
      uidValidity: 1,
      uidNext: 5000,
      highestModSeq: 1n,
      vanished: UidSet.of(vanished),
      modified: flags,
      arrived: UidSet.of(arrived),
      permanentFlags: null,
      readOnly: false,
    };
  }

  /** With every pair that something was reported of. */
  input(agreed: Agreements = this.agreed): PlanInput {
    const local = this.observe("local");
    const remote = this.observe("remote");
    const pairs = this.pairs.filter(({ localUid, remoteUid }) =>
      local.vanished.has(localUid) || local.modified.has(localUid) ||
      remote.vanished.has(remoteUid) || remote.modified.has(remoteUid)
    );
    return { local, remote, pairs, agreed };
  }

  /**
   * Does what a plan says, as the executor would: pairs of expunged messages are dropped, agreements kept, copies
   * paired. `does(step)` may leave steps out (a refusal or a crash); null does all of them.
   */
  apply(plan: Plan, does: ((step: number) => boolean) | null = null): void {
    let step = 0;
    const act = (action: () => void): boolean => {
      const done = does === null || does(step);
      if (done) action();
      step++;
      return done;
    };
    const stored = new StoreOutcomes();
    for (const side of SIDES) {
      act(() => plan[side].expunge.forEach((pair) => this.#expunge(side, pair)));
      for (const { flags, pairs } of plan[side].stores) {
        const done = act(() => pairs.forEach((pair) => this.#store(side, pair, flags)));
        for (const pair of pairs) stored.add(pair, flags, done);
      }
    }
    stored.record(this.agreed);
    act(() => plan.forget.forEach((pair) => this.#unpair(pair)));
    act(() => this.#copy("remote", [...plan.pull]));
    act(() => this.#copy("local", [...plan.push]));
  }

  /** Records as agreed whatever is equal on both sides now. */
  agree(): void {
    for (const { localUid, remoteUid } of this.pairs) {
      const flags = this.local.messages.get(localUid);
      if (flags !== undefined && flags.key === this.remote.messages.get(remoteUid)?.key) {
        this.agreed.set(localUid, flags);
      }
    }
  }

  #begin(side: Side, uid: number, base: FlagSet, change: Change): void {
    const copies = this[side];
    if (change.kind === "vanish") {
      copies.vanished.add(uid);
      return;
    }
    copies.messages.set(uid, change.kind === "flags" ? change.flags : base);
    if (change.kind !== "none") copies.modified.add(uid);
  }

  #expunge(side: Side, pair: Pair): void {
    const uid = uidOf(pair, side);
    this[side].messages.delete(uid);
    this[side].modified.delete(uid);
    this[side].vanished.add(uid);
    this.#unpair(pair);
  }

  #store(side: Side, pair: Pair, flags: FlagSet): void {
    this[side].messages.set(uidOf(pair, side), flags);
    this[side].modified.add(uidOf(pair, side));
  }

  #unpair(pair: Pair): void {
    this.pairs = this.pairs.filter((other) => other.localUid !== pair.localUid);
    this.local.vanished.delete(pair.localUid);
    this.remote.vanished.delete(pair.remoteUid);
  }

  #copy(from: Side, uids: readonly number[]): void {
    for (const uid of uids) {
      const to = otherSide(from);
      const copy = 3001 + this[to].messages.size;
      this[to].messages.set(copy, this[from].messages.get(uid) ?? NO_FLAGS);
      this.pairs.push(
        from === "local" ? { localUid: uid, remoteUid: copy } : { localUid: copy, remoteUid: uid },
      );
      this[from].arrived.delete(uid);
    }
  }
}
