// The loop of one mailbox: observe both sides, plan, execute, commit, until nothing is left to do (design B 2.8, A14).
// Decides which values may become the new cursors; what to do is plan.ts's, how is execute.ts's and copy.ts's.

import { type Digest, loadDigest } from "../base/digest.ts";
import type { Session } from "../client/mod.ts";
import { CommandError, MailboxError } from "../errors.ts";
import type { Logger } from "../log/types.ts";
import { type FlagSet, UidSet } from "../protocol/mod.ts";
import type { Pair, StateChange, Store } from "../state/types.ts";
import { AgreementLog } from "./agreements.ts";
import { type BothSides, onBothSides, SIDES } from "./both_sides.ts";
import { copyMessages } from "./copy.ts";
import { execute, type Executed } from "./execute.ts";
import { type Observation, otherSide, type Plan, type Side, uidOf } from "./model.ts";
import { noteText } from "./notes.ts";
import { observe } from "./observe.ts";
import { plan } from "./plan.ts";
import { recoverIntents } from "./recovery.ts";

/** What still comes after so many passes is the next run's business. */
const MAX_PASSES = 3;

export interface MailboxContext {
  readonly sessions: BothSides<Session>;
  readonly store: Store;
  readonly idx: number;
  /** The name on each server. */
  readonly names: BothSides<string>;
  /** Without context. */
  readonly log: Logger;
}

/**
 * Synchronizes one mailbox. False: something was left undone, and said in the log.
 * @throws MailboxError when the mailbox was given up; other errors end the run
 */
export async function synchronizeMailbox(context: MailboxContext): Promise<boolean> {
  try {
    return await new MailboxSync(context).run();
  } catch (error) {
    throw inMailbox(error, context);
  }
}

class MailboxSync {
  readonly #context: MailboxContext;
  readonly #logs: BothSides<Logger>;
  /** The same agreements by local and by remote UID. */
  readonly #agreed: BothSides<AgreementLog> = { local: new AgreementLog(), remote: new AgreementLog() };
  /** Messages of each side that could not be copied in this run. */
  readonly #uncopied: Record<Side, UidSet> = { local: UidSet.empty, remote: UidSet.empty };
  #digest: Digest | null = null;

  constructor(context: MailboxContext) {
    this.#context = context;
    const { log, names } = context;
    this.#logs = {
      local: log.with({ component: "local", mailbox: names.local }),
      remote: log.with({ component: "remote", mailbox: names.remote }),
    };
  }

  async run(): Promise<boolean> {
    const { store, idx, log, sessions, names } = this.#context;
    if (store.intents(idx).length > 0) {
      await recoverIntents({ sessions, names, store, idx, log, digest: await this.#loadDigest() });
    }
    let look: readonly Side[] = SIDES;
    let last: BothSides<Observation> | null = null;
    let complete = true;
    for (let pass = 0; pass < MAX_PASSES && look.length > 0; pass++) {
      const observed = await this.#observe(look, last);
      const planned = this.#plan(observed, pass === 0);
      const done = await this.#carryOut(planned, observed);
      this.#commit(look, observed, done);
      complete &&= SIDES.every((side) => !done[side].failed);
      look = SIDES.filter((side) => done[side].touched || !done[side].propagated);
      last = observed;
    }
    return complete;
  }

  // ---- looking

  async #observe(look: readonly Side[], last: BothSides<Observation> | null): Promise<BothSides<Observation>> {
    const { store, idx, sessions, names } = this.#context;
    const observed = await onBothSides(async (side): Promise<Observation> => {
      if (last !== null && !look.includes(side)) return quiet(last[side]);
      const observation = await observe({
        session: sessions[side],
        side,
        store,
        idx,
        mailbox: names[side],
        log: this.#logs[side],
        news: (uid, flags) => this.#agreed[side].get(uid)?.key !== flags.key,
      });
      return { ...observation, arrived: observation.arrived.subtract(this.#uncopied[side]) };
    });
    if (store.cursors(idx) === null) {
      store.apply(SIDES.map((side) => ({
        kind: "cursor",
        idx,
        side,
        cursor: { uidValidity: observed[side].uidValidity, uidNext: 0, highestModSeq: 0n },
      })));
    }
    return await this.#prove(observed);
  }

  /** Before anything is expunged, its source is asked for it in the selection in which it was missed (design A10). */
  async #prove(observed: BothSides<Observation>): Promise<BothSides<Observation>> {
    const { store, idx, sessions } = this.#context;
    return await onBothSides(async (side) => {
      const observation = observed[side];
      const other = observed[otherSide(side)];
      const doomed = store.pairsTouching(idx, side, observation.vanished)
        .filter((pair) => !other.vanished.has(uidOf(pair, otherSide(side))));
      if (doomed.length === 0) return observation;
      const present = await sessions[side].search(UidSet.of(doomed.map((pair) => uidOf(pair, side))));
      if (present.isEmpty) return observation;
      this.#logs[side].warn(`The server reported UID(s) ${present} as vanished that exist. Ignoring.`);
      return { ...observation, vanished: observation.vanished.subtract(present) };
    });
  }

  #plan(observed: BothSides<Observation>, first: boolean): Plan {
    const { local, remote } = observed;
    const pairs = this.#pairsOf(observed);
    const planned = plan({ local, remote, pairs, agreed: this.#agreed.local });
    for (const note of planned.notes) {
      // What we expunged ourselves vanishes too.
      if (note.kind === "unmatched-vanished" && !first) continue;
      const { component, text } = noteText(note, this.#context.names.local);
      (component === null ? this.#context.log : this.#logs[component]).warn(text);
    }
    return planned;
  }

  /** Every pair that an observation touches, once. */
  #pairsOf(observed: BothSides<Observation>): readonly Pair[] {
    const { store, idx } = this.#context;
    const found = new Map<number, Pair>();
    for (const side of SIDES) {
      const touched = observed[side].vanished.union(UidSet.of(observed[side].modified.keys()));
      for (const pair of store.pairsTouching(idx, side, touched)) found.set(pair.localUid, pair);
    }
    return [...found.values()];
  }

  // ---- doing

  async #carryOut(planned: Plan, observed: BothSides<Observation>): Promise<BothSides<SideOutcome>> {
    const { sessions, store, idx } = this.#context;
    const executed = await onBothSides((side) =>
      execute(planned[side], {
        session: sessions[side],
        side,
        log: this.#logs[side],
        unchangedSince: observed[side].highestModSeq,
        permanentFlags: observed[side].permanentFlags,
      })
    );
    this.#agreeOnStored(planned, executed);
    const gone = [...planned.forget, ...executed.local.removed, ...executed.remote.removed];
    if (gone.length > 0) store.apply([{ kind: "unpair", idx, pairs: gone }]);
    // Bodies flow one way at a time on a pair of sessions.
    const pulled = await this.#copy(planned.pull, "remote", observed);
    const pushed = await this.#copy(planned.push, "local", observed);
    return {
      local: outcomeOf("local", planned, executed, pushed),
      remote: outcomeOf("remote", planned, executed, pulled),
    };
  }

  /** False when some messages stayed behind. */
  async #copy(uids: UidSet, source: Side, observed: BothSides<Observation>): Promise<boolean> {
    if (uids.isEmpty) return true;
    const { sessions, store, idx, names } = this.#context;
    const target = otherSide(source);
    const uncopied = await copyMessages(uids, {
      from: sessions[source],
      to: sessions[target],
      source,
      target,
      idx,
      mailbox: names[target],
      sourceUidValidity: observed[source].uidValidity,
      targetUidValidity: observed[target].uidValidity,
      targetUidNext: observed[target].uidNext,
      store,
      log: this.#logs[target],
      sourceLog: this.#logs[source],
      digest: await this.#loadDigest(),
      permanentFlags: observed[target].permanentFlags,
      agree: (pair, original, copy) => {
        this.#agreed[source].set(uidOf(pair, source), original);
        this.#agreed[target].set(uidOf(pair, target), copy);
      },
    });
    this.#uncopied[source] = this.#uncopied[source].union(uncopied);
    return uncopied.isEmpty;
  }

  /**
   * The new cursors: what was observed on a side, when all of it is now on the other. Only a value received in a
   * selection after everything up to it was seen; our own changes are seen by the next pass. `looked`: the sides that
   * were observed in this pass.
   */
  #commit(looked: readonly Side[], observed: BothSides<Observation>, outcome: BothSides<SideOutcome>): void {
    const { store, idx } = this.#context;
    const before = store.cursors(idx);
    const changes: StateChange[] = [];
    for (const side of looked) {
      const { uidValidity, highestModSeq } = observed[side];
      const { propagated } = outcome[side];
      const uncopied = this.#uncopied[side];
      const uidNext = uncopied.isEmpty ? observed[side].uidNext : Math.min(observed[side].uidNext, uncopied.first);
      const old = before?.[side];
      const cursor = {
        uidValidity,
        uidNext,
        highestModSeq: propagated ? highestModSeq : old?.highestModSeq ?? 0n,
      };
      if (old?.uidNext === cursor.uidNext && old.highestModSeq === cursor.highestModSeq) continue;
      changes.push({ kind: "cursor", idx, side, cursor });
    }
    if (changes.length > 0) store.apply(changes);
  }

  /**
   * Both copies are known to agree only when everything planned for them was confirmed: of a union that one side took
   * and the other refused, nothing is known.
   */
  #agreeOnStored(planned: Plan, executed: BothSides<Executed>): void {
    const agreements = new Map<number, Agreement>();
    for (const { flags, pairs } of SIDES.flatMap((side) => planned[side].stores)) {
      for (const pair of pairs) {
        const agreement = agreements.get(pair.localUid) ?? { pair, flags, planned: 0, kept: {} };
        agreement.planned++;
        agreements.set(pair.localUid, agreement);
      }
    }
    for (const side of SIDES) {
      for (const { kept, pairs } of executed[side].stored) {
        for (const { localUid } of pairs) {
          const agreement = agreements.get(localUid);
          if (agreement !== undefined) agreement.kept[side] = kept;
        }
      }
    }
    for (const { pair, flags, planned, kept } of agreements.values()) {
      const confirmed = Object.keys(kept).length;
      for (const side of SIDES) {
        if (confirmed === planned) this.#agreed[side].set(uidOf(pair, side), kept[side] ?? flags);
        else if (confirmed > 0) this.#agreed[side].delete(uidOf(pair, side));
      }
    }
  }

  async #loadDigest(): Promise<Digest> {
    this.#digest ??= await loadDigest();
    return this.#digest;
  }
}

/** How far the flags planned for a pair have got. */
interface Agreement {
  readonly pair: Pair;
  readonly flags: FlagSet;
  /** Sides on which a store was planned, and what those that confirmed have kept. */
  planned: number;
  readonly kept: Partial<Record<Side, FlagSet>>;
}

/** What became of one side's news. */
interface SideOutcome {
  /** We changed messages of this side: it has to be looked at again to learn its mod-sequence. */
  readonly touched: boolean;
  /** Its removals and flags are on the other side. If not, they have to meet what changes there meanwhile. */
  readonly propagated: boolean;
  readonly failed: boolean;
}

function outcomeOf(side: Side, planned: Plan, executed: BothSides<Executed>, copied: boolean): SideOutcome {
  const other = executed[otherSide(side)];
  const received = side === "local" ? planned.pull : planned.push;
  return {
    touched: planned[side].expunge.length > 0 || planned[side].stores.length > 0 || !received.isEmpty,
    propagated: !other.retry && !other.failed,
    failed: other.failed || !copied,
  };
}

/** The same state, with nothing new in it. */
function quiet(observation: Observation): Observation {
  return { ...observation, vanished: UidSet.empty, modified: new Map(), arrived: UidSet.empty };
}

/** A refused command concerns this mailbox only; everything else goes up as it is. */
function inMailbox(error: unknown, context: MailboxContext): unknown {
  if (!(error instanceof CommandError)) return error;
  const side: Side = error.component === "remote" ? "remote" : "local";
  const code = error.code === null ? "" : `[${error.code}] `;
  const text = `The server refused ${error.command}: ${error.status} ${code}${error.text}`;
  return new MailboxError(text, { component: side, mailbox: context.names[side], cause: error });
}
