// What we know beyond the original's four tables, in tables of our own that it tolerates and ignores: append intents,
// messages that are deliberately not mapped, mailbox identities, deletions that wait, and a copy of the cursors as we last
// wrote them.
// When a copy differs from the original's row, another program went on with that mailbox, and our facts are dropped.
// No foreign keys: one from here to `mailboxes` would make the original's --delete fail.

import { UidSet, UidSetBuilder } from "../protocol/uid_set.ts";
import type { Database, Statement } from "./database.ts";
import { DELIMITERS_TABLE, SERVERS_TABLE, SILENT_LEAVERS_TABLE } from "./servers.ts";
import { countPairs, TALLY_DEFINITIONS } from "./tallies.ts";
import type { AppendIntent, IntendedMessage, Side, UnmappedMessages } from "./types.ts";

/** The columns are those of `local` and `remote`; WITHOUT ROWID: the primary key is the table. */
const DEFINITIONS: readonly string[] = [
  `interimap_cursors (
    idx INTEGER NOT NULL, side TEXT NOT NULL,
    UIDVALIDITY INTEGER NOT NULL, UIDNEXT INTEGER NOT NULL, HIGHESTMODSEQ INTEGER NOT NULL,
    PRIMARY KEY (idx, side)
  ) WITHOUT ROWID`,
  `interimap_intents (
    id INTEGER PRIMARY KEY, idx INTEGER NOT NULL, target TEXT NOT NULL,
    sourceUidValidity INTEGER NOT NULL, targetUidValidity INTEGER NOT NULL, targetUidNext INTEGER NOT NULL,
    messages TEXT NOT NULL
  )`,
  `interimap_unmapped (
    idx INTEGER NOT NULL, side TEXT NOT NULL, firstUid INTEGER NOT NULL, lastUid INTEGER NOT NULL, reason TEXT NOT NULL,
    PRIMARY KEY (idx, side, firstUid)
  ) WITHOUT ROWID`,
  `interimap_identities (
    idx INTEGER NOT NULL, side TEXT NOT NULL, mailboxId TEXT NOT NULL,
    PRIMARY KEY (idx, side)
  ) WITHOUT ROWID`,
  SERVERS_TABLE,
  SILENT_LEAVERS_TABLE,
  DELIMITERS_TABLE,
  `interimap_held (
    idx INTEGER NOT NULL, side TEXT NOT NULL,
    PRIMARY KEY (idx, side)
  ) WITHOUT ROWID`,
  ...TALLY_DEFINITIONS,
];

const FACT_TABLES: readonly string[] = [
  "interimap_intents",
  "interimap_unmapped",
  "interimap_identities",
  "interimap_held",
  "interimap_counts",
];
/** With what stays true whoever went on with a mailbox. */
const ALL_TABLES: readonly string[] = [...FACT_TABLES, "interimap_cursors", "interimap_checks"];
const SIDES: readonly Side[] = ["local", "remote"];

/**
 * Creates our tables where they are missing, purges what belongs to no mailbox, and drops the facts about mailboxes
 * that another program went on with; returns the latter's number. To be called inside a transaction.
 */
export function prepareFacts(database: Database): number {
  for (const definition of DEFINITIONS) database.execute(`CREATE TABLE IF NOT EXISTS ${definition}`);
  for (const table of ALL_TABLES) {
    database.execute(`DELETE FROM ${table} WHERE idx NOT IN (SELECT idx FROM mailboxes)`);
  }
  const overtaken = database.prepare<[idx: number]>(`
    SELECT m.idx FROM mailboxes m
      LEFT JOIN local l ON l.idx = m.idx
      LEFT JOIN remote r ON r.idx = m.idx
      LEFT JOIN interimap_cursors lc ON lc.idx = m.idx AND lc.side = 'local'
      LEFT JOIN interimap_cursors rc ON rc.idx = m.idx AND rc.side = 'remote'
    WHERE (l.UIDVALIDITY, l.UIDNEXT, l.HIGHESTMODSEQ) IS NOT (lc.UIDVALIDITY, lc.UIDNEXT, lc.HIGHESTMODSEQ)
       OR (r.UIDVALIDITY, r.UIDNEXT, r.HIGHESTMODSEQ) IS NOT (rc.UIDVALIDITY, rc.UIDNEXT, rc.HIGHESTMODSEQ)
  `).all();
  if (overtaken.length > 0) dropFacts(database, overtaken.map(([idx]) => idx));
  countPairs(database);
  return overtaken.length;
}

/** The copies are renewed at once: facts that this run adds must not be dropped by the next one. */
function dropFacts(database: Database, overtaken: readonly number[]): void {
  const drop = [...FACT_TABLES, "interimap_cursors"].map((table) =>
    database.prepare(`DELETE FROM ${table} WHERE idx = ?`)
  );
  const renew = SIDES.map((side) =>
    database.prepare(`
      INSERT INTO interimap_cursors (idx, side, UIDVALIDITY, UIDNEXT, HIGHESTMODSEQ)
      SELECT idx, '${side}', UIDVALIDITY, UIDNEXT, HIGHESTMODSEQ FROM ${side} WHERE idx = ?`)
  );
  for (const idx of overtaken) {
    for (const statement of drop) statement.run(idx);
    for (const statement of renew) statement.run(idx);
  }
}

type PackedMessage = readonly [
  sourceUid: number,
  octets: number,
  internalDate: number,
  headerDigest: string,
  sentAt?: number,
];
type UnmappedRow = [firstUid: number, lastUid: number, reason: string];

/** Reads and writes our own tables. What writes is to be called inside a transaction. */
export class Facts {
  readonly #forget: readonly Statement<[]>[];
  readonly #drop: readonly Statement<[]>[];
  readonly #copyCursor: Statement<[]>;
  readonly #intend: Statement<[]>;
  readonly #settle: Statement<[]>;
  readonly #intents: Statement<[number, Side, number, number, number, string]>;
  readonly #addUnmapped: Statement<[]>;
  readonly #unmapped: Statement<[firstUid: number, lastUid: number]>;
  readonly #unmappedBecause: Statement<[idx: number, side: Side, ...UnmappedRow]>;
  readonly #unmappedFromBelow: Statement<UnmappedRow>;
  readonly #shortenUnmapped: Statement<[]>;
  readonly #deleteUnmapped: Statement<[]>;
  readonly #setIdentity: Statement<[]>;
  readonly #identity: Statement<[mailboxId: string]>;
  readonly #hold: Statement<[]>;
  readonly #release: Statement<[]>;
  readonly #held: Statement<[idx: number]>;
  #nextIntentId: number;

  constructor(database: Database) {
    this.#forget = FACT_TABLES.map((table) => database.prepare(`DELETE FROM ${table} WHERE idx = ?`));
    this.#drop = ALL_TABLES.map((table) => database.prepare(`DELETE FROM ${table} WHERE idx = ?`));
    this.#copyCursor = database.prepare("INSERT OR REPLACE INTO interimap_cursors VALUES (?, ?, ?, ?, ?)");
    this.#intend = database.prepare("INSERT INTO interimap_intents VALUES (?, ?, ?, ?, ?, ?, ?)");
    this.#settle = database.prepare("DELETE FROM interimap_intents WHERE id = ?");
    this.#intents = database.prepare(`
      SELECT id, target, sourceUidValidity, targetUidValidity, targetUidNext, messages
      FROM interimap_intents WHERE idx = ? ORDER BY id`);
    this.#addUnmapped = database.prepare("INSERT INTO interimap_unmapped VALUES (?, ?, ?, ?, ?)");
    this.#unmapped = database.prepare(`
      SELECT firstUid, lastUid FROM interimap_unmapped WHERE idx = ? AND side = ? ORDER BY firstUid`);
    this.#unmappedBecause = database.prepare(`
      SELECT idx, side, firstUid, lastUid, reason FROM interimap_unmapped
      WHERE substr(reason, 1, length(?1)) = ?1 ORDER BY idx, side, firstUid`);
    this.#unmappedFromBelow = database.prepare(`
      SELECT firstUid, lastUid, reason FROM interimap_unmapped
      WHERE idx = ? AND side = ? AND firstUid < ? ORDER BY firstUid DESC LIMIT 1`);
    this.#shortenUnmapped = database.prepare(
      "UPDATE interimap_unmapped SET lastUid = ? WHERE idx = ? AND side = ? AND firstUid = ?",
    );
    this.#deleteUnmapped = database.prepare(
      "DELETE FROM interimap_unmapped WHERE idx = ? AND side = ? AND firstUid BETWEEN ? AND ?",
    );
    this.#setIdentity = database.prepare("INSERT OR REPLACE INTO interimap_identities VALUES (?, ?, ?)");
    this.#identity = database.prepare("SELECT mailboxId FROM interimap_identities WHERE idx = ? AND side = ?");
    this.#hold = database.prepare("INSERT OR REPLACE INTO interimap_held VALUES (?, ?)");
    this.#release = database.prepare("DELETE FROM interimap_held WHERE idx = ? AND side = ?");
    this.#held = database.prepare("SELECT idx FROM interimap_held WHERE idx = ? AND side = ?");
    const last = database.prepare<[id: number]>("SELECT COALESCE(MAX(id), 0) FROM interimap_intents").get();
    this.#nextIntentId = (last?.[0] ?? 0) + 1;
  }

  /** `highestModSeq`: as it is stored, signed. */
  copyCursor(idx: number, side: Side, uidValidity: number, uidNext: number, highestModSeq: bigint): void {
    this.#copyCursor.run(idx, side, uidValidity, uidNext, highestModSeq);
  }

  /** Forgets everything about a mailbox. */
  drop(idx: number): void {
    for (const statement of this.#drop) statement.run(idx);
  }

  /** The same without the copies of its cursors, which say that the facts noted from here on are ours. */
  forget(idx: number): void {
    for (const statement of this.#forget) statement.run(idx);
  }

  newIntentId(): number {
    return this.#nextIntentId++;
  }

  /** One row whatever the number of messages: a first copy must not be slowed by its own insurance. */
  intend(intent: AppendIntent): void {
    const messages = intent.messages.map(packMessage);
    this.#intend.run(
      intent.id,
      intent.idx,
      intent.target,
      intent.sourceUidValidity,
      intent.targetUidValidity,
      intent.targetUidNext,
      JSON.stringify(messages),
    );
  }

  settle(id: number): void {
    this.#settle.run(id);
  }

  intents(idx: number): readonly AppendIntent[] {
    return this.#intents.all(idx).map(([id, target, sourceUidValidity, targetUidValidity, targetUidNext, text]) => ({
      id,
      idx,
      target,
      sourceUidValidity,
      targetUidValidity,
      targetUidNext,
      messages: unpackMessages(text),
    }));
  }

  addUnmapped(idx: number, side: Side, uids: UidSet, reason: string): void {
    for (const [from, to] of uids.ranges()) {
      this.#cutUnmapped(idx, side, from, to);
      this.#addUnmapped.run(idx, side, from, to, reason);
    }
  }

  forgetUnmapped(idx: number, side: Side, uids: UidSet): void {
    for (const [from, to] of uids.ranges()) this.#cutUnmapped(idx, side, from, to);
  }

  unmapped(idx: number, side: Side): UidSet {
    const uids = new UidSetBuilder();
    for (const [firstUid, lastUid] of this.#unmapped.all(idx, side)) uids.add(firstUid, lastUid);
    return uids.build();
  }

  unmappedBecause(prefix: string): readonly UnmappedMessages[] {
    return this.#unmappedBecause.all(prefix).map(([idx, side, firstUid, lastUid, reason]) => ({
      idx,
      side,
      uids: UidSet.range(firstUid, lastUid),
      reason,
    }));
  }

  setIdentity(idx: number, side: Side, mailboxId: string): void {
    this.#setIdentity.run(idx, side, mailboxId);
  }

  mailboxId(idx: number, side: Side): string | null {
    return this.#identity.get(idx, side)?.[0] ?? null;
  }

  setHeld(idx: number, side: Side, held: boolean): void {
    (held ? this.#hold : this.#release).run(idx, side);
  }

  isHeld(idx: number, side: Side): boolean {
    return this.#held.get(idx, side) !== null;
  }

  /** The rows are disjoint, so only the last that begins below a bound can reach across it. */
  #cutUnmapped(idx: number, side: Side, from: number, to: number): void {
    const before = this.#unmappedFromBelow.get(idx, side, from);
    const tail = this.#unmappedFromBelow.get(idx, side, to + 1);
    this.#deleteUnmapped.run(idx, side, from, to);
    if (before !== null && before[1] >= from) this.#shortenUnmapped.run(from - 1, idx, side, before[0]);
    if (tail !== null && tail[1] > to) this.#addUnmapped.run(idx, side, to + 1, tail[1], tail[2]);
  }
}

function packMessage(message: IntendedMessage): PackedMessage {
  const { sourceUid, octets, internalDate, headerDigest, sentAt } = message;
  const always = [sourceUid, octets, internalDate, headerDigest] as const;
  return sentAt === undefined ? always : [...always, sentAt];
}

function unpackMessages(text: string): readonly IntendedMessage[] {
  return (JSON.parse(text) as PackedMessage[]).map(([sourceUid, octets, internalDate, headerDigest, sentAt]) => ({
    sourceUid,
    octets,
    internalDate,
    headerDigest,
    ...(sentAt === undefined ? {} : { sentAt }),
  }));
}
