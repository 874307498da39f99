// What limit.ts knows when it begins: the tables that the original and its successor share, and nothing that only one of
// them keeps. Read, never written.

import { DatabaseSync } from "node:sqlite";
import { toText } from "../../tests/support/live/imap_values.ts";

export const SIDES = ["local", "remote"] as const;

export type Side = (typeof SIDES)[number];
export type Both<Value> = Readonly<Record<Side, Value>>;

/** A mailbox as its server tells it. */
export interface Status {
  readonly messages: number;
  readonly uidNext: number;
  readonly uidValidity: number;
  readonly modSeq: string;
}

/** What is known of a mailbox by the state file. */
export interface Known {
  readonly cursors: Both<Omit<Status, "messages">>;
  /** UIDs of the other side, by UIDs of this one. */
  readonly pairs: Both<ReadonlyMap<number, number>>;
}

/** The state that another tool has left, by mailbox; empty when there is none. */
export function readState(file: string): ReadonlyMap<string, Known> {
  try {
    Deno.statSync(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return new Map();
    throw error;
  }
  const database = new DatabaseSync(file, { readOnly: true });
  const rows = (sql: string): Record<string, unknown>[] => database.prepare(sql).all();
  const names = new Map(
    rows("SELECT idx, mailbox FROM mailboxes").map((row) => [Number(row.idx), toText(row.mailbox as Uint8Array)]),
  );
  const cursorsOf = (side: Side) =>
    new Map(
      rows(`SELECT idx, UIDVALIDITY, UIDNEXT, CAST(HIGHESTMODSEQ AS TEXT) AS modSeq FROM ${side}`).map((row) => [
        Number(row.idx),
        { uidValidity: Number(row.UIDVALIDITY), uidNext: Number(row.UIDNEXT), modSeq: String(row.modSeq) },
      ]),
    );
  const cursors = { local: cursorsOf("local"), remote: cursorsOf("remote") };
  const noPairs = () => ({ local: new Map<number, number>(), remote: new Map<number, number>() });
  const pairs = new Map([...names.keys()].map((idx) => [idx, noPairs()]));
  for (const row of rows("SELECT idx, lUID, rUID FROM mapping")) {
    const [idx = 0, local = 0, remote = 0] = [row.idx, row.lUID, row.rUID].map(Number);
    pairs.get(idx)?.local.set(local, remote);
    pairs.get(idx)?.remote.set(remote, local);
  }
  database.close();
  return new Map([...names].flatMap(([idx, name]) => {
    const [local, remote, both] = [cursors.local.get(idx), cursors.remote.get(idx), pairs.get(idx)];
    if (local === undefined || remote === undefined || both === undefined) return [];
    return [[name.replaceAll("\0", "/"), { cursors: { local, remote }, pairs: both }] as const];
  }));
}
