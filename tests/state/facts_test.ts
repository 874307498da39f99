// Our own tables beside the original's: kept while we are alone, dropped for a mailbox that the original went on with.

import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { UidSet } from "../../lib/protocol/uid_set.ts";
import type { StateChange, Store } from "../../lib/state/mod.ts";
import { KeepingLog } from "../support/quiet_log.ts";
import { type StateFile, withStateFile } from "../support/state_file.ts";

const BOTH = { local: "/", remote: "." };

/** Changes the file as the original would, which knows nothing of our tables. */
function asTheOriginal(file: StateFile, sql: string): void {
  file.close();
  const connection = new DatabaseSync(file.path);
  connection.exec(sql);
  connection.close();
}

/** A mailbox with cursors and one fact of each kind. */
function fill(store: Store, name: string): number {
  const { idx } = store.addMailbox(name, true);
  const cursor = { uidValidity: 1, uidNext: 10, highestModSeq: 2n ** 63n + 5n };
  store.apply([
    { kind: "cursor", idx, side: "local", cursor },
    { kind: "cursor", idx, side: "remote", cursor },
    ...facts(store, idx),
  ]);
  return idx;
}

function facts(store: Store, idx: number): StateChange[] {
  return [
    { kind: "unmapped", idx, side: "local", uids: UidSet.of([3]), reason: "empty" },
    { kind: "identity", idx, side: "remote", mailboxId: "M1" },
    { kind: "hold", idx, side: "remote", held: true },
    {
      kind: "intend",
      intent: {
        id: store.newIntentId(),
        idx,
        target: "remote",
        sourceUidValidity: 1,
        targetUidValidity: 1,
        targetUidNext: 10,
        messages: [{ sourceUid: 9, octets: 1, internalDate: 2, headerDigest: "ff" }],
      },
    },
  ];
}

/** Which kinds of facts there are about a mailbox. */
function known(store: Store, idx: number): string {
  return [
    store.unmapped(idx, "local").isEmpty ? "" : "unmapped",
    store.mailboxId(idx, "remote") === null ? "" : "identity",
    store.isHeld(idx, "remote") ? "held" : "",
    store.intents(idx).length === 0 ? "" : "intent",
  ].filter((word) => word !== "").join(" ");
}

const ALL = "unmapped identity held intent";

Deno.test("`prepareStore()` keeps all facts when nobody else has changed the file", () =>
  withStateFile((file) => {
    const first = file.store();
    const idx = fill(first, "INBOX");
    const { idx: cursorless } = first.addMailbox("new", true);
    first.apply([{ kind: "identity", idx: cursorless, side: "remote", mailboxId: "M2" }]);
    for (let run = 0; run < 3; run++) {
      file.close();
      const log = new KeepingLog(1);
      const store = file.store(BOTH, log);
      assert.equal(known(store, idx), ALL);
      assert.equal(store.mailboxId(cursorless, "remote"), "M2");
      assert.deepEqual(log.lines, []);
    }
  }));

Deno.test("`prepareStore()` drops the facts about the mailboxes that the original went on with, and no others", () =>
  withStateFile((file) => {
    const first = file.store();
    const names = ["untouched", "local UIDNEXT", "remote HIGHESTMODSEQ", "UIDVALIDITY", "row gone"];
    const [untouched = 0, ...touched] = names.map((name) => fill(first, name));
    const [a = 0, b = 0, c = 0, d = 0] = touched;
    asTheOriginal(
      file,
      `UPDATE local SET UIDNEXT = 11 WHERE idx = ${a};
       UPDATE remote SET HIGHESTMODSEQ = HIGHESTMODSEQ + 1 WHERE idx = ${b};
       UPDATE remote SET UIDVALIDITY = 2 WHERE idx = ${c};
       DELETE FROM local WHERE idx = ${d};`,
    );
    const log = new KeepingLog(1);
    const store = file.store(BOTH, log);
    assert.equal(known(store, untouched), ALL);
    for (const idx of touched) assert.equal(known(store, idx), "");
    assert.deepEqual(log.lines, [
      "database: Another program has worked on 4 mailbox(es): what was noted about them before is dropped",
    ]);
    assert.equal(store.cursors(a)?.local.uidNext, 11);
  }));

Deno.test("`prepareStore()` keeps facts that were added after the original's turn, without a new cursor", () =>
  withStateFile((file) => {
    const idx = fill(file.store(), "INBOX");
    asTheOriginal(file, "UPDATE local SET UIDNEXT = 11");
    const store = file.store();
    assert.equal(known(store, idx), "");
    store.apply(facts(store, idx)); // and then this run is killed
    file.close();
    assert.equal(known(file.store(), idx), ALL);
  }));

Deno.test("`prepareStore()` purges what belongs to mailboxes that the original deleted", () =>
  withStateFile((file) => {
    const idx = fill(file.store(), "INBOX");
    asTheOriginal(
      file,
      `PRAGMA foreign_keys = ON;
       DELETE FROM mapping; DELETE FROM local; DELETE FROM remote; DELETE FROM mailboxes`,
    );
    const database = file.open();
    file.close();
    const store = file.store();
    assert.deepEqual(store.overview(), []);
    assert.equal(known(store, idx), "");
    assert.equal(store.addMailbox("INBOX", true).idx, idx + 1);
    file.close();
    const connection = new DatabaseSync(database.path);
    for (const table of ["cursors", "intents", "unmapped", "identities", "held", "counts", "checks"]) {
      const row = connection.prepare(`SELECT COUNT(*) AS n FROM interimap_${table}`).get();
      assert.deepEqual({ ...row }, { n: 0 }, table);
    }
    connection.close();
  }));

Deno.test("`prepareStore()` continues a file that has only the original's tables", () =>
  withStateFile((file) => {
    const idx = fill(file.store(), "INBOX");
    asTheOriginal(
      file,
      `DROP TABLE interimap_cursors; DROP TABLE interimap_intents;
       DROP TABLE interimap_unmapped; DROP TABLE interimap_identities; DROP TABLE interimap_held`,
    );
    const store = file.store();
    assert.equal(store.cursors(idx)?.remote.uidNext, 10);
    assert.equal(known(store, idx), "");
    store.apply(facts(store, idx));
    file.close();
    assert.equal(known(file.store(), idx), ALL);
  }));

Deno.test("`prepareStore()` counts pairs once, and anew where the original went on; a recount corrects what it left", () =>
  withStateFile((file) => {
    const first = file.store();
    const [a = 0, b = 0] = ["a", "b"].map((name) => fill(first, name));
    const pairs = (count: number) =>
      Array.from({ length: count }, (_, i) => ({ localUid: 100 + i, remoteUid: 100 + i }));
    first.apply([{ kind: "pair", idx: a, pairs: pairs(5) }, { kind: "pair", idx: b, pairs: pairs(2) }]);
    first.apply([{ kind: "unpair", idx: a, pairs: [...pairs(2), { localUid: 9999, remoteUid: 1 }] }]);
    const counts = (store: Store) => store.overview().map(({ known }) => known.local);
    const before = counts(first);
    assert.deepEqual(before, [a, b].map((idx) => first.pairCount(idx) + first.unmapped(idx, "local").size));
    asTheOriginal(file, `UPDATE local SET UIDNEXT = 500 WHERE idx = ${a}; DELETE FROM mapping WHERE lUID = 100`);
    const store = file.store();
    // Of a the facts are gone, and the pairs were counted; of b the old count stands.
    assert.deepEqual(counts(store), [store.pairCount(a), before[1]]);
    store.apply([{ kind: "recount", idx: b }]);
    assert.deepEqual(counts(store)[1], (before[1] ?? 0) - 1);
  }));

Deno.test("`prepareStore()` keeps when a mailbox was compared, whoever worked on it", () =>
  withStateFile((file) => {
    const first = file.store();
    const idx = fill(first, "INBOX");
    first.apply([{ kind: "compared", idx, at: 1_700_000_000 }]);
    asTheOriginal(file, "UPDATE local SET UIDNEXT = 11");
    assert.equal(file.store().overview()[0]?.comparedAt, 1_700_000_000);
  }));
