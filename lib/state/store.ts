// The Store over SQLite: domain verbs in, rows and SQL out. HIGHESTMODSEQ is unsigned outside and signed in the file;
// mailbox names are strings of octets outside and BLOBs in the file. Decides nothing about mail and checks nothing
// that the tables do not check themselves.

import { fromLatin1, latin1 } from "../base/bytes.ts";
import { type UidSet, UidSetBuilder } from "../protocol/uid_set.ts";
import type { Database, Statement } from "./database.ts";
import { Facts } from "./facts.ts";
import { PairRows } from "./pair_rows.ts";
import { Tallies } from "./tallies.ts";
import type {
  AppendIntent,
  Cursor,
  Cursors,
  MailboxOverview,
  MailboxRow,
  Pair,
  Side,
  StateChange,
  Store,
  UnmappedMessages,
} from "./types.ts";

/** UIDVALIDITY, UIDNEXT and HIGHESTMODSEQ of local, then of remote. */
export type CursorColumns = [...SideColumns, ...SideColumns];
type SideColumns = [bigint | null, bigint | null, bigint | null];

/** Of tables l and r, for `cursorsOf()`. */
export const SELECT_CURSORS = "l.UIDVALIDITY, l.UIDNEXT, l.HIGHESTMODSEQ, r.UIDVALIDITY, r.UIDNEXT, r.HIGHESTMODSEQ";

/** A pair above a UIDNEXT, or above none, or an intent. */
const INTERRUPTED = `
  EXISTS (SELECT 1 FROM mapping p WHERE p.idx = m.idx AND p.lUID >= COALESCE(l.UIDNEXT, 0))
  OR EXISTS (SELECT 1 FROM mapping p WHERE p.idx = m.idx AND p.rUID >= COALESCE(r.UIDNEXT, 0))
  OR m.idx IN (SELECT idx FROM interimap_intents)`;

/** Messages known on a side. */
const knownOn = (side: Side): string => `
  COALESCE(c.pairs, 0) + COALESCE(
    (SELECT SUM(u.lastUid - u.firstUid + 1) FROM interimap_unmapped u WHERE u.idx = m.idx AND u.side = '${side}'), 0)`;

/** UIDs in one JSON array: of a million it would take 30 MB for a moment. */
const PAIRED_AT_ONCE = 16_384;

/** The statements about the UIDs of one side. */
interface SideStatements {
  readonly setCursor: Statement<[]>;
  readonly touching: Statement<[localUid: number, remoteUid: number]>;
  // One row: the UIDs as a JSON array, which is three times as fast as a row for each.
  readonly paired: Statement<[uids: string]>;
  readonly recent: Statement<[uids: string]>;
}

/** The state file behind the port. The schema has to be up to date, and our own tables to be there. */
export class SqliteStore implements Store {
  readonly #database: Database;
  readonly #facts: Facts;
  readonly #tallies: Tallies;
  readonly #overview: Statement<[bigint, Uint8Array, bigint, ...CursorColumns, bigint, bigint, bigint, bigint | null]>;
  readonly #insertMailbox: Statement<[idx: number]>;
  readonly #setSubscribed: Statement<[]>;
  readonly #cursors: Statement<CursorColumns>;
  readonly #pairCount: Statement<[count: number]>;
  readonly #highestPaired: Statement<[localUid: number, remoteUid: number]>;
  /** In the order that the foreign keys ask for. */
  readonly #removeMailbox: readonly Statement<[]>[];
  readonly #removePairs: Statement<[]>;
  readonly #renameMailbox: Statement<[]>;
  readonly #pairRows: PairRows;
  /** One row when there was such a pair. */
  readonly #deletePair: Statement<[lUID: number]>;
  readonly #of: { readonly [side in Side]: SideStatements };

  constructor(database: Database) {
    this.#database = database;
    this.#facts = new Facts(database);
    this.#tallies = new Tallies(database);
    this.#overview = database.prepare(
      `SELECT m.idx, CAST(m.mailbox AS BLOB), m.subscribed, ${SELECT_CURSORS}, ${INTERRUPTED},
         ${knownOn("local")}, ${knownOn("remote")}, k.comparedAt
       FROM mailboxes m LEFT JOIN local l ON l.idx = m.idx LEFT JOIN remote r ON r.idx = m.idx
         LEFT JOIN interimap_counts c ON c.idx = m.idx LEFT JOIN interimap_checks k ON k.idx = m.idx
       ORDER BY m.mailbox`,
      { bigints: true },
    );
    this.#insertMailbox = database.prepare("INSERT INTO mailboxes (mailbox, subscribed) VALUES (?, ?) RETURNING idx");
    this.#setSubscribed = database.prepare("UPDATE mailboxes SET subscribed = ? WHERE idx = ?");
    this.#cursors = database.prepare(
      `SELECT ${SELECT_CURSORS} FROM local l JOIN remote r ON r.idx = l.idx WHERE l.idx = ?`,
      { bigints: true },
    );
    this.#pairCount = database.prepare("SELECT COUNT(*) FROM mapping WHERE idx = ?");
    this.#highestPaired = database.prepare(`
      SELECT COALESCE((SELECT MAX(lUID) FROM mapping WHERE idx = ?1), 0),
             COALESCE((SELECT MAX(rUID) FROM mapping WHERE idx = ?1), 0)`);
    this.#removeMailbox = ["mapping", "local", "remote", "mailboxes"].map((table) =>
      database.prepare(`DELETE FROM ${table} WHERE idx = ?`)
    );
    this.#removePairs = database.prepare("DELETE FROM mapping WHERE idx = ?");
    this.#renameMailbox = database.prepare("UPDATE mailboxes SET mailbox = ? WHERE idx = ?");
    this.#pairRows = new PairRows(database);
    this.#deletePair = database.prepare("DELETE FROM mapping WHERE idx = ? AND lUID = ? AND rUID = ? RETURNING lUID");
    this.#of = { local: prepareSide(database, "local", "lUID"), remote: prepareSide(database, "remote", "rUID") };
  }

  overview(): readonly MailboxOverview[] {
    return this.#overview.all().map(([idx, mailbox, subscribed, lv, ln, lm, rv, rn, rm, interrupted, ...tally]) => ({
      idx: Number(idx),
      mailbox: latin1(mailbox),
      subscribed: subscribed !== 0n,
      cursors: cursorsOf([lv, ln, lm, rv, rn, rm]),
      interrupted: interrupted !== 0n,
      known: { local: Number(tally[0]), remote: Number(tally[1]) },
      comparedAt: tally[2] === null ? null : Number(tally[2]),
    }));
  }

  /** The name is bound as octets: in SQLite a TEXT never equals a BLOB. */
  addMailbox(mailbox: string, subscribed: boolean): MailboxRow {
    const row = this.#database.transaction(() => this.#insertMailbox.all(fromLatin1(mailbox), subscribed ? 1 : 0))[0];
    return { idx: row?.[0] ?? 0, mailbox, subscribed };
  }

  cursors(idx: number): Cursors | null {
    const row = this.#cursors.get(idx);
    return row === null ? null : cursorsOf(row);
  }

  pairCount(idx: number): number {
    return this.#pairCount.get(idx)?.[0] ?? 0;
  }

  highestPaired(idx: number): { readonly local: number; readonly remote: number } {
    const [local, remote] = this.#highestPaired.get(idx) ?? [0, 0];
    return { local, remote };
  }

  pairsTouching(idx: number, side: Side, uids: UidSet): readonly Pair[] {
    const pairs: Pair[] = [];
    const { touching } = this.#of[side];
    for (const [first, last] of uids.ranges()) {
      for (const [localUid, remoteUid] of touching.all(idx, first, last)) pairs.push({ localUid, remoteUid });
    }
    return pairs;
  }

  pairedUids(idx: number, side: Side, from: number): UidSet {
    const uids = new UidSetBuilder();
    for (let next = from, count = PAIRED_AT_ONCE; count === PAIRED_AT_ONCE;) {
      const some = uidsFrom(this.#of[side].paired.get(idx, next, PAIRED_AT_ONCE));
      for (const uid of some) uids.add(uid);
      count = some.length;
      next = (some[count - 1] ?? 0) + 1;
    }
    return uids.build();
  }

  recentUids(idx: number, side: Side, limit: number): readonly number[] {
    return uidsFrom(this.#of[side].recent.get(idx, limit));
  }

  unmapped(idx: number, side: Side): UidSet {
    return this.#facts.unmapped(idx, side);
  }

  unmappedBecause(prefix: string): readonly UnmappedMessages[] {
    return this.#facts.unmappedBecause(prefix);
  }

  mailboxId(idx: number, side: Side): string | null {
    return this.#facts.mailboxId(idx, side);
  }

  isHeld(idx: number, side: Side): boolean {
    return this.#facts.isHeld(idx, side);
  }

  intents(idx: number): readonly AppendIntent[] {
    return this.#facts.intents(idx);
  }

  newIntentId(): number {
    return this.#facts.newIntentId();
  }

  apply(changes: readonly StateChange[]): void {
    if (changes.length === 0) return;
    this.#database.transaction(() => {
      for (const change of changes) this.#applyOne(change);
    });
  }

  close(): void {
    this.#database.close();
  }

  #applyOne(change: StateChange): void {
    switch (change.kind) {
      case "cursor":
        return this.#setCursor(change.idx, change.side, change.cursor);
      case "pair":
        this.#pairRows.insert(change.idx, change.pairs);
        return this.#tallies.addPairs(change.idx, change.pairs.length);
      case "unpair":
        return this.#unpair(change.idx, change.pairs);
      case "recount":
        return this.#tallies.recount(change.idx);
      case "compared":
        return this.#tallies.setCompared(change.idx, change.at);
      case "unmapped":
        return this.#facts.addUnmapped(change.idx, change.side, change.uids, change.reason);
      case "forget-unmapped":
        return this.#facts.forgetUnmapped(change.idx, change.side, change.uids);
      case "intend":
        return this.#facts.intend(change.intent);
      case "settle":
        return this.#facts.settle(change.id);
      case "subscribed":
        return this.#setSubscribed.run(change.subscribed ? 1 : 0, change.idx);
      case "forget-messages":
        this.#facts.forget(change.idx);
        return this.#removePairs.run(change.idx);
      case "remove-mailbox":
        this.#facts.drop(change.idx);
        for (const statement of this.#removeMailbox) statement.run(change.idx);
        return;
      case "rename-mailbox":
        return this.#renameMailbox.run(fromLatin1(change.mailbox), change.idx);
      case "hold":
        return this.#facts.setHeld(change.idx, change.side, change.held);
      case "identity":
        return this.#facts.setIdentity(change.idx, change.side, change.mailboxId);
      default:
        return change satisfies never;
    }
  }

  #unpair(idx: number, pairs: readonly Pair[]): void {
    let removed = 0;
    for (const { localUid, remoteUid } of pairs) removed += this.#deletePair.all(idx, localUid, remoteUid).length;
    this.#tallies.addPairs(idx, -removed);
  }

  #setCursor(idx: number, side: Side, { uidValidity, uidNext, highestModSeq }: Cursor): void {
    const stored = BigInt.asIntN(64, highestModSeq);
    this.#of[side].setCursor.run(idx, uidValidity, uidNext, stored);
    this.#facts.copyCursor(idx, side, uidValidity, uidNext, stored);
  }
}

function prepareSide(database: Database, side: Side, uid: "lUID" | "rUID"): SideStatements {
  return {
    setCursor: database.prepare(`
      INSERT INTO ${side} (idx, UIDVALIDITY, UIDNEXT, HIGHESTMODSEQ) VALUES (?, ?, ?, ?)
      ON CONFLICT (idx) DO UPDATE SET
        UIDVALIDITY = excluded.UIDVALIDITY, UIDNEXT = excluded.UIDNEXT, HIGHESTMODSEQ = excluded.HIGHESTMODSEQ`),
    touching: database.prepare(
      `SELECT lUID, rUID FROM mapping WHERE idx = ? AND ${uid} BETWEEN ? AND ? ORDER BY ${uid}`,
    ),
    paired: database.prepare(
      `SELECT json_group_array(${uid}) FROM
         (SELECT ${uid} FROM mapping WHERE idx = ? AND ${uid} >= ? ORDER BY ${uid} LIMIT ?)`,
    ),
    recent: database.prepare(
      `SELECT json_group_array(${uid}) FROM (SELECT ${uid} FROM mapping WHERE idx = ? ORDER BY ${uid} DESC LIMIT ?)`,
    ),
  };
}

function uidsFrom(row: readonly [uids: string] | null): readonly number[] {
  return JSON.parse(row?.[0] ?? "[]") as number[];
}

/** Null when a side has none. */
export function cursorsOf([lv, ln, lm, rv, rn, rm]: CursorColumns): Cursors | null {
  const local = cursorOf([lv, ln, lm]);
  const remote = cursorOf([rv, rn, rm]);
  return local === null || remote === null ? null : { local, remote };
}

function cursorOf([uidValidity, uidNext, stored]: SideColumns): Cursor | null {
  if (uidValidity === null || uidNext === null || stored === null) return null;
  return {
    uidValidity: Number(uidValidity),
    uidNext: Number(uidNext),
    highestModSeq: BigInt.asUintN(64, stored),
  };
}
