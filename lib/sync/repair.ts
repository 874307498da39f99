// --repair of one mailbox: lists both sides whole, slice by slice, and carries out what reconcile.ts asks for: flags that
// were missed, pairs without messages, copies that disappeared without a word, messages without a pair. Deletes nothing:
// a removal that a server reported stays paired, and the ordinary run that has to follow proves it and carries it out.
// Also the way out when a server has lost its mod-sequences (RFC 7162 3.1.1).

import { digest } from "../base/digest.ts";
import { MailboxError } from "../errors.ts";
import type { Logger } from "../log/types.ts";
import { MAX_UID, UidSet } from "../protocol/mod.ts";
import type { Cursor, Cursors } from "../state/types.ts";
import { type BothSides, onBothSides, SIDES } from "./both_sides.ts";
import { execute } from "./execute.ts";
import { readSightings } from "./flag_listing.ts";
import { inMailbox, type MailboxContext, sideLogs } from "./mailbox_context.ts";
import { type Pair, type Side, uidOf } from "./model.ts";
import { noteText } from "./notes.ts";
import { keptBy } from "./read_only.ts";
import { reconcile, type RepairNote, type Repairs } from "./reconcile.ts";
import { RenumberedError } from "./renumbered_error.ts";
import { recoverIntents } from "./recovery.ts";
import { type Look, type Lost, repairLone } from "./repair_lone.ts";

/** Pairs that are compared at a time. */
const SLICE_PAIRS = 1000;

/**
 * Repairs one mailbox, which has to be synchronized afterwards. False: something was left undone, and said in the log.
 * A mailbox that was never synchronized, or that is another one now, has nothing to repair.
 * @throws MailboxError when the mailbox was given up; other errors end the run
 */
export async function repairMailbox(context: MailboxContext): Promise<boolean> {
  const { store, idx } = context;
  try {
    if (store.intents(idx).length > 0) await recoverIntents({ ...context, digest });
    const cursors = store.cursors(idx);
    if (cursors === null || SIDES.some((side) => cursors[side].highestModSeq === 0n)) return true;
    return await new MailboxRepair(context, cursors).run();
  } catch (error) {
    if (error instanceof RenumberedError) return true;
    throw inMailbox(error, context);
  }
}

class MailboxRepair {
  readonly #context: MailboxContext;
  readonly #cursors: Cursors;
  readonly #logs: BothSides<Logger>;
  #complete = true;

  constructor(context: MailboxContext, cursors: Cursors) {
    this.#context = context;
    this.#cursors = cursors;
    this.#logs = sideLogs(context);
  }

  async run(): Promise<boolean> {
    const looks = await onBothSides((side) => this.#look(side));
    const lost: Lost = { local: [], remote: [] };
    const { store, idx } = this.#context;
    for (const slice of store.pairedUids(idx, "local", 1).slices(SLICE_PAIRS)) {
      await this.#repairSlice(store.pairsTouching(idx, "local", slice), looks, lost);
    }
    const carryOut = (repairs: Repairs) => this.#carryOut(repairs, looks);
    const copied = await repairLone(lost, {
      ...this.#context,
      cursors: this.#cursors,
      logs: this.#logs,
      looks,
      carryOut,
    });
    this.#complete &&= copied;
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
    if (now === null || selected.noModSeq) {
      const where = { component: side, mailbox: names[side] };
      throw new MailboxError(`Mailbox ${names[side]} doesn't support MODSEQ.`, where);
    }
    if (selected.uidValidity !== uidValidity) throw new RenumberedError("UIDVALIDITY changed!");
    const id = store.mailboxId(idx, side);
    if (id !== null && selected.mailboxId !== null && id !== selected.mailboxId) {
      throw new RenumberedError("MAILBOXID changed!");
    }
    const wentBack = now < highestModSeq;
    const vanished = wentBack ? UidSet.empty : selected.vanished.intersect(knownUids);
    const next = Math.max(selected.uidNext ?? 0, found.last + 1, uidNext, 1);
    const permanentFlags = keptBy(selected);
    const { readOnly } = selected;
    return { uidValidity, uidNext: next, highestModSeq: now, found, vanished, permanentFlags, readOnly, wentBack };
  }

  // ---- pairs

  async #repairSlice(pairs: readonly Pair[], looks: BothSides<Look>, lost: Lost): Promise<void> {
    const { store, idx } = this.#context;
    const seen = await onBothSides((side) =>
      readSightings(
        this.#context.sessions[side],
        UidSet.of(pairs.map((pair) => uidOf(pair, side))),
        this.#cursors[side].highestModSeq,
      )
    );
    const repairs = reconcile(pairs, {
      local: { ...looks.local, seen: seen.local },
      remote: { ...looks.remote, seen: seen.remote },
    });
    if (repairs.forget.length > 0) store.apply([{ kind: "unpair", idx, pairs: repairs.forget }]);
    await this.#carryOut(repairs, looks);
    for (const side of SIDES) for (const pair of repairs.lost[side]) lost[side].push(pair);
  }

  async #carryOut({ stores, notes }: Repairs, looks: BothSides<Look>): Promise<void> {
    for (const note of notes) this.#tell(note);
    const done = await onBothSides((side) =>
      execute({ expunge: [], stores: stores[side] }, {
        session: this.#context.sessions[side],
        side,
        log: this.#logs[side],
        unchangedSince: looks[side].highestModSeq,
        permanentFlags: looks[side].permanentFlags,
        readOnly: looks[side].readOnly,
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
