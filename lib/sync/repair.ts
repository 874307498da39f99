// --repair of one mailbox: lists both sides whole, slice by slice, and carries out what reconcile.ts asks for: flags that
// were missed, pairs without messages, copies that disappeared without a word, messages without a pair. Deletes nothing:
// a removal that a server reported stays paired, and the ordinary run that has to follow proves it and carries it out.
// Also the way out when a server has lost its mod-sequences (RFC 7162 3.1.1).

import { type Digest, loadDigest } from "../base/digest.ts";
import { CommandError, MailboxError } from "../errors.ts";
import type { Logger } from "../log/types.ts";
import { formatInternalDate, MAX_UID, type ModSeq, UidSet } from "../protocol/mod.ts";
import type { Cursor, Cursors } from "../state/types.ts";
import { type BothSides, onBothSides, SIDES } from "./both_sides.ts";
import { type ReadCandidate, readCandidates } from "./candidates.ts";
import { copyMessages } from "./copy.ts";
import { execute } from "./execute.ts";
import type { MailboxContext } from "./mailbox.ts";
import { otherSide, type Pair, type Side, uidOf } from "./model.ts";
import { noteText } from "./notes.ts";
import { matchUnpaired, reconcile, type RepairNote, type Repairs, type Sighting } from "./reconcile.ts";
import { recoverIntents } from "./recovery.ts";

/** Pairs that are compared at a time. */
const SLICE_PAIRS = 1000;

/**
 * Repairs one mailbox, which has to be synchronized afterwards. False: something was left undone, and said in the log.
 * A mailbox that was never synchronized has nothing to repair.
 * @throws MailboxError when the mailbox was given up; other errors end the run
 */
export async function repairMailbox(context: MailboxContext): Promise<boolean> {
  const { store, idx, names } = context;
  try {
    if (store.intents(idx).length > 0) await recoverIntents({ ...context, digest: await loadDigest() });
    const cursors = store.cursors(idx);
    if (cursors === null || SIDES.some((side) => cursors[side].highestModSeq === 0n)) return true;
    return await new MailboxRepair(context, cursors).run();
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const side: Side = error.component === "remote" ? "remote" : "local";
    const code = error.code === null ? "" : `[${error.code}] `;
    const text = `The server refused ${error.command}: ${error.status} ${code}${error.text}`;
    throw new MailboxError(text, { component: side, mailbox: names[side], cause: error });
  }
}

/** One side as it was selected. */
interface Look {
  readonly uidValidity: number;
  readonly uidNext: number;
  readonly highestModSeq: ModSeq;
  readonly found: UidSet;
  readonly vanished: UidSet;
  readonly permanentFlags: readonly string[] | null;
  /** The server counts from anew: what it calls changed or vanished means nothing. */
  readonly wentBack: boolean;
}

/** Pairs that lost a copy without a word, by the side that lost it. */
type Lost = Record<Side, Pair[]>;

class MailboxRepair {
  readonly #context: MailboxContext;
  readonly #cursors: Cursors;
  readonly #logs: BothSides<Logger>;
  #complete = true;

  constructor(context: MailboxContext, cursors: Cursors) {
    this.#context = context;
    this.#cursors = cursors;
    const { log, names } = context;
    this.#logs = {
      local: log.with({ component: "local", mailbox: names.local }),
      remote: log.with({ component: "remote", mailbox: names.remote }),
    };
  }

  async run(): Promise<boolean> {
    const looks = await onBothSides((side) => this.#look(side));
    const lost: Lost = { local: [], remote: [] };
    const { store, idx } = this.#context;
    for (const slice of store.pairedUids(idx, "local", 1).slices(SLICE_PAIRS)) {
      await this.#repairSlice(store.pairsTouching(idx, "local", slice), looks, lost);
    }
    await this.#repairLone(looks, lost);
    this.#restartCursors(looks);
    return this.#complete;
  }

  // ---- looking

  async #look(side: Side): Promise<Look> {
    const { sessions, names, store, idx } = this.#context;
    const session = sessions[side];
    const { uidValidity, uidNext, highestModSeq } = this.#cursors[side];
    const highest = Math.max(uidNext - 1, store.highestPaired(idx)[side]);
    const knownUids = UidSet.range(1, Math.max(highest, 1));
    const [selected, found] = await Promise.all([
      session.select(names[side], { uidValidity, modSeq: highestModSeq, knownUids, sample: null }, () => false),
      session.search(UidSet.range(1, MAX_UID), { freeze: true }),
    ]);
    const now = selected.highestModSeq;
    if (now === null || selected.noModSeq) this.#refuse(side, `Mailbox ${names[side]} doesn't support MODSEQ.`);
    if (selected.uidValidity !== uidValidity) {
      const text = `UIDVALIDITY changed! (${selected.uidValidity} != ${uidValidity})  ` +
        `Need to invalidate the UID cache for ${names[side]}.`;
      this.#refuse(side, text);
    }
    const id = store.mailboxId(idx, side);
    if (id !== null && selected.mailboxId !== null && id !== selected.mailboxId) {
      this.#refuse(side, `MAILBOXID changed! ${names[side]} is another mailbox now, with the same UIDVALIDITY.`);
    }
    const wentBack = now < highestModSeq;
    const vanished = wentBack ? UidSet.empty : selected.vanished.intersect(knownUids);
    const next = Math.max(selected.uidNext ?? 0, found.last + 1, uidNext, 1);
    const { permanentFlags } = selected;
    return { uidValidity, uidNext: next, highestModSeq: now, found, vanished, permanentFlags, wentBack };
  }

  #refuse(side: Side, text: string): never {
    throw new MailboxError(text, { component: side, mailbox: this.#context.names[side] });
  }

  // ---- pairs

  async #repairSlice(pairs: readonly Pair[], looks: BothSides<Look>, lost: Lost): Promise<void> {
    const { store, idx } = this.#context;
    const seen = await onBothSides((side) => this.#see(side, UidSet.of(pairs.map((pair) => uidOf(pair, side)))));
    const repairs = reconcile(pairs, {
      local: { ...looks.local, seen: seen.local },
      remote: { ...looks.remote, seen: seen.remote },
    });
    for (const note of repairs.notes) this.#tell(note);
    if (repairs.forget.length > 0) store.apply([{ kind: "unpair", idx, pairs: repairs.forget }]);
    await this.#store(repairs, looks);
    for (const side of SIDES) for (const pair of repairs.lost[side]) lost[side].push(pair);
  }

  async #see(side: Side, uids: UidSet): Promise<Map<number, Sighting>> {
    const seen = new Map<number, Sighting>();
    const { highestModSeq } = this.#cursors[side];
    await this.#context.sessions[side].fetch(uids, "(UID FLAGS MODSEQ)", {
      message: ({ uid, flags, modSeq }) => {
        if (uid !== null && flags !== null) {
          seen.set(uid, { flags, changed: modSeq !== null && modSeq > highestModSeq });
        }
      },
    });
    return seen;
  }

  async #store({ stores }: Repairs, looks: BothSides<Look>): Promise<void> {
    const done = await onBothSides((side) =>
      execute({ expunge: [], stores: stores[side] }, {
        session: this.#context.sessions[side],
        side,
        log: this.#logs[side],
        unchangedSince: looks[side].highestModSeq,
        permanentFlags: looks[side].permanentFlags,
      })
    );
    // What was refused because it changed meanwhile, the run that follows will see.
    if (SIDES.some((side) => done[side].failed)) this.#complete = false;
  }

  #tell(note: RepairNote): void {
    const { log, names } = this.#context;
    if (note.kind === "conflict") return log.warn(noteText(note, names.local).text);
    const { localUid, remoteUid } = note.pair;
    const which = `(lUID,rUID) = (${localUid},${remoteUid})`;
    if (note.kind === "missed") log.warn(`Missed flag update in ${names.local} for ${which}. Repairing.`);
    else log.warn(`Pair ${which} vanished from ${names.local}. Repairing.`);
  }

  // ---- messages without a copy

  /** Pairs those that are on both sides, and copies the others. Takes memory for these messages, not for the mailbox. */
  async #repairLone(looks: BothSides<Look>, lost: Lost): Promise<void> {
    const { sessions } = this.#context;
    const unpaired = { local: this.#unpaired("local", looks), remote: this.#unpaired("remote", looks) };
    const kept = {
      local: UidSet.of(lost.remote.map((pair) => pair.localUid)),
      remote: UidSet.of(lost.local.map((pair) => pair.remoteUid)),
    };
    if (SIDES.every((side) => unpaired[side].isEmpty && kept[side].isEmpty)) return;
    const digest = await loadDigest();
    const lone = await onBothSides(async (side) => {
      const read = await readCandidates(sessions[side], unpaired[side].union(kept[side]), digest);
      // A message without octets cannot be appended.
      return read.filter(({ octets }) => octets > 0);
    });
    const pairs = matchUnpaired(lone);
    this.#recordMatches(pairs, lone, lost);
    await this.#alignFlags(pairs, lone, looks);
    const matched = {
      local: new Map(pairs.map((pair) => [pair.localUid, pair])),
      remote: new Map(pairs.map((pair) => [pair.remoteUid, pair])),
    };
    for (const source of SIDES) {
      this.#announce(source, lone[source], matched, lost[otherSide(source)]);
      const left = lone[source].filter(({ uid }) => !matched[source].has(uid));
      await this.#copy(source, UidSet.of(left.map(uidOfRead)), looks, digest);
    }
    // The copies lie above new mail, which the next observation would take for known messages without a pair.
    if (pairs.length < Math.max(lone.local.length, lone.remote.length)) {
      for (const source of SIDES) await this.#copy(source, this.#arrived(source, looks), looks, digest);
    }
  }

  /** Messages below UIDNEXT that no pair knows; those above it are new, and the run that follows copies them. */
  #unpaired(side: Side, looks: BothSides<Look>): UidSet {
    const { store, idx } = this.#context;
    const { uidNext } = this.#cursors[side];
    if (uidNext <= 1) return UidSet.empty;
    return looks[side].found.intersect(UidSet.range(1, uidNext - 1)).subtract(store.pairedUids(idx, side, 1));
  }

  #arrived(side: Side, looks: BothSides<Look>): UidSet {
    const { store, idx } = this.#context;
    const since = Math.max(this.#cursors[side].uidNext, 1);
    const arrived = looks[side].found.intersect(UidSet.range(since, MAX_UID));
    return arrived.subtract(store.pairedUids(idx, side, since)).subtract(store.unmapped(idx, side));
  }

  /**
   * Dissolves the pairs that lost a copy, and records what matches: one transaction, so that a message that only has
   * another UID is never seen without a pair. What stays without one is found again should this run be interrupted.
   */
  #recordMatches(pairs: readonly Pair[], lone: BothSides<readonly ReadCandidate[]>, lost: Lost): void {
    const { store, idx } = this.#context;
    const uids = { local: UidSet.of(lone.local.map(uidOfRead)), remote: UidSet.of(lone.remote.map(uidOfRead)) };
    const dissolved = SIDES.flatMap((side) => {
      const keeper = otherSide(side);
      return lost[side].filter((pair) => uids[keeper].has(uidOf(pair, keeper)));
    });
    store.apply([
      { kind: "unpair", idx, pairs: dissolved },
      { kind: "pair", idx, pairs },
      { kind: "forget-unmapped", idx, side: "local", uids: uids.local },
      { kind: "forget-unmapped", idx, side: "remote", uids: uids.remote },
    ]);
  }

  /** What was matched had no common history: where flags differ, both copies get all of them. */
  async #alignFlags(
    pairs: readonly Pair[],
    lone: BothSides<readonly ReadCandidate[]>,
    looks: BothSides<Look>,
  ): Promise<void> {
    const listing = (side: Side) => ({
      ...looks[side],
      seen: new Map(lone[side].map(({ uid, flags }) => [uid, { flags, changed: true }])),
    });
    const repairs = reconcile(pairs, { local: listing("local"), remote: listing("remote") });
    for (const note of repairs.notes) this.#tell(note);
    await this.#store(repairs, looks);
  }

  /** Says what becomes of each message of `source`; `lost`: the pairs of which it holds the copy that is left. */
  #announce(
    source: Side,
    lone: readonly ReadCandidate[],
    matched: BothSides<ReadonlyMap<number, Pair>>,
    lost: readonly Pair[],
  ): void {
    const target = otherSide(source);
    const log = this.#logs[target];
    const partners = new Map(lost.map((pair) => [uidOf(pair, source), uidOf(pair, target)]));
    for (const { uid, from, date } of lone) {
      const gone = partners.get(uid);
      const match = matched[source].get(uid);
      const fate = match === undefined ? "Redownloading" : `It is ${target} UID ${uidOf(match, target)}`;
      if (gone !== undefined) {
        const end = match === undefined ? `Redownloading ${source} UID ${uid}` : fate;
        log.warn(`UID ${gone} disappeared. ${end}.`);
      } else if (match === undefined || source === "local") {
        log.warn(`No match for modified ${source} UID ${uid}. ${fate}.`);
      }
      if (match === undefined) this.#logs[source].info(`UID ${uid} from <${from}> (${formatInternalDate(date)})`);
    }
  }

  async #copy(source: Side, uids: UidSet, looks: BothSides<Look>, digest: Digest): Promise<void> {
    if (uids.isEmpty) return;
    const { sessions, store, idx, names } = this.#context;
    const target = otherSide(source);
    const uncopied = await copyMessages(uids, {
      from: sessions[source],
      to: sessions[target],
      source,
      target,
      idx,
      mailbox: names[target],
      sourceUidValidity: looks[source].uidValidity,
      targetUidValidity: looks[target].uidValidity,
      targetUidNext: looks[target].uidNext,
      store,
      log: this.#logs[target],
      sourceLog: this.#logs[source],
      digest,
      permanentFlags: looks[target].permanentFlags,
      agree: () => {},
    });
    if (!uncopied.isEmpty) this.#complete = false;
  }

  // ---- cursors

  /**
   * Where a server counts from anew, so do we: everything up to that mod-sequence was compared here. Everywhere else the
   * cursor stays, and the run that follows propagates what was reported since.
   */
  #restartCursors(looks: BothSides<Look>): void {
    const { store, idx } = this.#context;
    for (const side of SIDES) {
      const { wentBack, highestModSeq } = looks[side];
      if (!wentBack || !this.#complete) continue;
      const cursor: Cursor = { ...this.#cursors[side], highestModSeq };
      store.apply([{ kind: "cursor", idx, side, cursor }]);
      this.#logs[side].warn(
        `The server has lost track of its changes. Compared all messages, starting anew from there.`,
      );
    }
  }
}

function uidOfRead({ uid }: ReadCandidate): number {
  return uid;
}
