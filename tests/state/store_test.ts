import assert from "node:assert/strict";
import { MAX_UID, UidSet } from "../../lib/protocol/uid_set.ts";
import type { Cursor, Pair, Side, StateChange, Store } from "../../lib/state/mod.ts";
import { Database } from "../../lib/state/database.ts";
import { prepareStore } from "../../lib/state/mod.ts";
import { SqliteStore } from "../../lib/state/store.ts";
import { KeepingLog } from "../support/quiet_log.ts";
import { refusalOf, withStateFile } from "../support/state_file.ts";

const MAX_SIGNED = 2n ** 63n - 1n;

function cursorChanges(idx: number, local: Cursor, remote: Cursor = local): StateChange[] {
  return [{ kind: "cursor", idx, side: "local", cursor: local }, {
    kind: "cursor",
    idx,
    side: "remote",
    cursor: remote,
  }];
}

function pairs(...uids: (readonly [localUid: number, remoteUid: number])[]): Pair[] {
  return uids.map(([localUid, remoteUid]) => ({ localUid, remoteUid }));
}

/** A store with a mailbox that has these pairs. */
function storeWith(store: Store, ...uids: (readonly [number, number])[]): number {
  const { idx } = store.addMailbox("INBOX", true);
  store.apply([{ kind: "pair", idx, pairs: pairs(...uids) }]);
  return idx;
}

Deno.test("`addMailbox()` stores the name as octets when it holds NUL and 8-bit characters", () =>
  withStateFile((file) => {
    const database = file.open();
    const store = prepareStore(database, { local: "/", remote: "/" }, new KeepingLog());
    const name = "Entw\xfcrfe\0a.b\0\x80";
    const row = store.addMailbox(name, false);
    assert.deepEqual(row, { idx: 1, mailbox: name, subscribed: false });
    const stored = database.prepare(
      "SELECT typeof(mailbox), hex(mailbox), typeof(subscribed), subscribed FROM mailboxes",
    );
    assert.deepEqual(stored.get(), ["blob", "456E7477FC72666500612E620080", "integer", 0]);
    assert.deepEqual(store.overview().map(({ mailbox }) => mailbox), [name]);
  }));

Deno.test("`addMailbox()` refuses a second row of one name", () =>
  withStateFile((file) => {
    const store = file.store();
    store.addMailbox("a", true);
    assert.match(refusalOf(() => store.addMailbox("a", false)), /refused a change .*mailboxes\.mailbox$/);
    assert.deepEqual(store.overview().map(({ subscribed }) => subscribed), [true]);
  }));

Deno.test("`overview()` is ordered by the octets of the names", () =>
  withStateFile((file) => {
    const store = file.store();
    const names = ["b", "a", "\xe9", "a\0b", "INBOX", "a b", "Z"];
    for (const name of names) store.addMailbox(name, false);
    assert.deepEqual(store.overview().map(({ mailbox }) => mailbox), ["INBOX", "Z", "a", "a\0b", "a b", "b", "\xe9"]);
  }));

Deno.test("`overview()` tells which mailboxes were interrupted", () =>
  withStateFile((file) => {
    const store = file.store();
    const cursor = { uidValidity: 1, uidNext: 10, highestModSeq: 5n };
    const make = (name: string, changes: (idx: number) => StateChange[]) => {
      const { idx } = store.addMailbox(name, true);
      store.apply([...cursorChanges(idx, cursor), ...changes(idx)]);
    };
    const paired = (...uids: [number, number]) => (idx: number): StateChange[] => [
      { kind: "pair", idx, pairs: pairs([1, 1], uids) },
    ];
    make("below", paired(9, 9));
    make("local", paired(10, 9));
    make("remote", paired(9, MAX_UID));
    make("intent", (idx) => [{
      kind: "intend",
      intent: {
        id: store.newIntentId(),
        idx,
        target: "local",
        sourceUidValidity: 1,
        targetUidValidity: 1,
        targetUidNext: 10,
        messages: [],
      },
    }]);
    const { idx } = store.addMailbox("no cursors", true);
    store.addMailbox("nothing", true);
    store.apply([{ kind: "pair", idx, pairs: pairs([1, 1]) }]);
    assert.deepEqual(store.overview().filter(({ interrupted }) => interrupted).map(({ mailbox }) => mailbox), [
      "intent",
      "local",
      "no cursors",
      "remote",
    ]);
  }));

Deno.test("pairs are the same however many are applied at once", () =>
  withStateFile((file) => {
    const store = file.store();
    for (const count of [0, 1, 63, 64, 65, 127, 128, 200]) {
      const { idx } = store.addMailbox(`mailbox of ${count}`, true);
      // From the highest UIDs downwards, and crosswise.
      const made = pairs(...Array.from({ length: count }, (_, at) => [MAX_UID - at, 2 * at + 1] as const));
      store.apply([{ kind: "pair", idx, pairs: made }]);
      assert.equal(store.pairCount(idx), count);
      const found = store.pairsTouching(idx, "remote", UidSet.range(1, 1000));
      assert.deepEqual(found.toSorted((one, other) => one.remoteUid - other.remoteUid), made);
    }
    const { idx } = store.addMailbox("twice", true);
    for (const twice of [0, 63, 64, 69]) {
      const made = pairs(...Array.from({ length: 70 }, (_, at) => [at + 1, at === twice ? 100 : at + 1] as const));
      store.apply([{ kind: "pair", idx, pairs: pairs([100, 100]) }]);
      assert.match(refusalOf(() => store.apply([{ kind: "pair", idx, pairs: made }])), /mapping\.idx, mapping\.rUID$/);
      assert.equal(store.pairedUids(idx, "local", 1).toString(), "100");
      store.apply([{ kind: "unpair", idx, pairs: pairs([100, 100]) }]);
    }
  }));

Deno.test("`cursors()` gives back what was applied, up to the highest values there are", () =>
  withStateFile((file) => {
    const database = file.open();
    const store = prepareStore(database, { local: "/", remote: "/" }, new KeepingLog());
    const { idx } = store.addMailbox("INBOX", true);
    const modSeqs = [0n, 1n, 2n ** 53n + 1n, 9223372036854775800n, MAX_SIGNED, MAX_SIGNED + 1n, 2n ** 64n - 1n];
    for (const highestModSeq of modSeqs) {
      const local = { uidValidity: MAX_UID, uidNext: MAX_UID, highestModSeq };
      const remote = { uidValidity: 1, uidNext: 0, highestModSeq: 0n };
      store.apply(cursorChanges(idx, local, remote));
      assert.deepEqual(store.cursors(idx), { local, remote });
      assert.deepEqual(store.overview()[0]?.cursors, { local, remote });
    }
    const types = "SELECT typeof(UIDVALIDITY), typeof(UIDNEXT), typeof(HIGHESTMODSEQ), HIGHESTMODSEQ FROM local";
    assert.deepEqual(database.prepare(types, { bigints: true }).get(), ["integer", "integer", "integer", -1n]);
  }));

Deno.test("`cursors()` is null until both sides were written", () =>
  withStateFile((file) => {
    const store = file.store();
    const { idx } = store.addMailbox("INBOX", true);
    assert.equal(store.cursors(idx), null);
    const [local, remote] = cursorChanges(idx, { uidValidity: 1, uidNext: 0, highestModSeq: 0n });
    assert(local !== undefined && remote !== undefined);
    store.apply([local]);
    assert.equal(store.cursors(idx), null);
    assert.equal(store.overview()[0]?.cursors, null);
    store.apply([remote]);
    assert.notEqual(store.cursors(idx), null);
  }));

Deno.test("`apply()` keeps nothing of a list when one change of it fails", () =>
  withStateFile((file) => {
    const store = file.store();
    const idx = storeWith(store, [1, 1], [2, 2]);
    const cursor = { uidValidity: 7, uidNext: 3, highestModSeq: 9n };
    const intent = {
      id: store.newIntentId(),
      idx,
      target: "remote" as const,
      sourceUidValidity: 7,
      targetUidValidity: 7,
      targetUidNext: 3,
      messages: [],
    };
    const good: StateChange[] = [
      ...cursorChanges(idx, cursor),
      { kind: "subscribed", idx, subscribed: false },
      { kind: "unpair", idx, pairs: pairs([1, 1]) },
      { kind: "unmapped", idx, side: "local", uids: UidSet.range(5, 9), reason: "empty" },
      { kind: "identity", idx, side: "local", mailboxId: "M1" },
      { kind: "intend", intent },
    ];
    const bad: readonly (readonly [change: StateChange, said: RegExp])[] = [
      [{ kind: "pair", idx, pairs: pairs([3, 3], [2, 4]) }, /mapping\.idx, mapping\.lUID$/],
      [{ kind: "pair", idx, pairs: pairs([3, 3], [4, 2]) }, /mapping\.idx, mapping\.rUID$/],
      [{ kind: "pair", idx, pairs: pairs([0, 3]) }, /CHECK constraint failed: lUID > 0/],
      [{ kind: "pair", idx: 99, pairs: pairs([3, 3]) }, /FOREIGN KEY constraint failed/],
      [{ kind: "cursor", idx: 99, side: "local", cursor }, /FOREIGN KEY constraint failed/],
      [{ kind: "cursor", idx, side: "local", cursor: { ...cursor, uidValidity: 0 } }, /UIDVALIDITY > 0/],
      [{ kind: "intend", intent }, /interimap_intents\.id$/],
    ];
    for (const [change, said] of bad) {
      assert.match(refusalOf(() => store.apply([...good, change])), said);
      assert.equal(store.cursors(idx), null);
      assert.deepEqual(store.overview(), [
        {
          idx,
          mailbox: "INBOX",
          subscribed: true,
          cursors: null,
          interrupted: true,
          known: { local: 2, remote: 2 },
          comparedAt: null,
        },
      ]);
      assert.equal(store.pairedUids(idx, "local", 1).toString(), "1:2");
      assert.equal(store.unmapped(idx, "local").toString(), "");
      assert.equal(store.mailboxId(idx, "local"), null);
      assert.deepEqual(store.intents(idx), []);
    }
    store.apply(good);
    assert.deepEqual(store.cursors(idx), { local: cursor, remote: cursor });
    assert.equal(store.pairCount(idx), 1);
    assert.deepEqual(store.intents(idx), [intent]);
  }));

Deno.test("`apply()` removes only the pair that is named", () =>
  withStateFile((file) => {
    const store = file.store();
    const idx = storeWith(store, [1, 11], [2, 12]);
    store.apply([{ kind: "unpair", idx, pairs: pairs([1, 12], [2, 12], [3, 13]) }]);
    assert.deepEqual(store.pairsTouching(idx, "local", UidSet.range(1, 9)), pairs([1, 11]));
  }));

Deno.test("`apply()` takes changes in their order", () =>
  withStateFile((file) => {
    const store = file.store();
    const idx = storeWith(store, [1, 11]);
    store.apply([
      { kind: "unpair", idx, pairs: pairs([1, 11]) },
      { kind: "pair", idx, pairs: pairs([1, 12], [2, 11]) },
    ]);
    assert.deepEqual(store.pairsTouching(idx, "remote", UidSet.range(1, 99)), pairs([2, 11], [1, 12]));
  }));

Deno.test("`pairedUids()` tells of as many pairs as there are", () =>
  withStateFile((file) => {
    const store = file.store();
    for (const count of [16_384, 16_385, 40_000]) {
      const { idx } = store.addMailbox(`${count}`, true);
      const many = Array.from({ length: count }, (_, i): Pair => ({ localUid: 2 * i + 1, remoteUid: i + 5 }));
      store.apply([{ kind: "pair", idx, pairs: many }]);
      assert.equal(store.pairedUids(idx, "local", 1).size, count);
      assert.equal(store.pairedUids(idx, "remote", 6).toString(), `6:${count + 4}`);
    }
  }));

Deno.test("`pairsTouching()` and `pairedUids()` reach the highest UIDs when the sets are huge ranges", () =>
  withStateFile((file) => {
    const store = file.store();
    const idx = storeWith(store, [1, MAX_UID], [5, 7], [6, 8], [MAX_UID, 1]);
    store.apply([{ kind: "pair", idx: store.addMailbox("other", true).idx, pairs: pairs([5, 5]) }]);
    const all = UidSet.range(1, MAX_UID);
    assert.deepEqual(
      store.pairsTouching(idx, "local", all),
      pairs([1, MAX_UID], [5, 7], [6, 8], [MAX_UID, 1]),
    );
    assert.deepEqual(
      store.pairsTouching(idx, "remote", UidSet.of([1, 7]).union(UidSet.range(9, MAX_UID))),
      pairs([MAX_UID, 1], [5, 7], [1, MAX_UID]),
    );
    assert.deepEqual(store.pairsTouching(idx, "local", UidSet.empty), []);
    assert.equal(store.pairedUids(idx, "local", 1).toString(), `1,5:6,${MAX_UID}`);
    assert.equal(store.pairedUids(idx, "remote", 8).toString(), `8,${MAX_UID}`);
    assert.equal(store.pairedUids(idx, "remote", MAX_UID + 1).toString(), "");
    assert.deepEqual(store.highestPaired(idx), { local: MAX_UID, remote: MAX_UID });
    assert.deepEqual(store.recentUids(idx, "local", 2), [MAX_UID, 6]);
    assert.deepEqual(store.recentUids(idx, "remote", 99), [MAX_UID, 8, 7, 1]);
    assert.equal(store.pairCount(idx), 4);
  }));

Deno.test("`pairCount()` and its like answer 0 or nothing when the mailbox has no pair", () =>
  withStateFile((file) => {
    const store = file.store();
    const { idx } = store.addMailbox("INBOX", true);
    assert.equal(store.pairCount(idx), 0);
    assert.deepEqual(store.highestPaired(idx), { local: 0, remote: 0 });
    assert.deepEqual(store.recentUids(idx, "local", 5), []);
    assert.equal(store.pairedUids(idx, "local", 1).isEmpty, true);
  }));

/** Every statement that `action` prepares. */
function statementsOf(database: Database, action: () => unknown): readonly string[] {
  const seen: string[] = [];
  const spy = {
    value: (sql: string, options?: { bigints?: boolean }) => {
      seen.push(sql);
      return Database.prototype.prepare.call(database, sql, options);
    },
    configurable: true,
  };
  Object.defineProperty(database, "prepare", spy);
  action();
  Reflect.deleteProperty(database, "prepare");
  return seen;
}

Deno.test("the indices that the tables have serve every statement of the store", () =>
  withStateFile((file) => {
    const database = file.open();
    prepareStore(database, { local: "/", remote: "/" }, new KeepingLog());
    const statements = statementsOf(database, () => new SqliteStore(database));
    assert(statements.length > 20);
    for (const sql of statements) {
      const steps = database.prepare<[number, number, number, string]>(`EXPLAIN QUERY PLAN ${sql}`).all();
      const plan = steps.map(([, , , detail]) => detail).join("; ");
      // The rows of `mailboxes` are wanted all and in the order of an index; intents are a handful, reasons are read once a run.
      assert.doesNotMatch(
        plan,
        /SCAN (?!m USING INDEX|interimap_intents|interimap_unmapped|\(subquery|CONSTANT)|TEMP B-TREE/,
        sql,
      );
    }
  }));

Deno.test("`intents()` gives back every fact when the store was opened again", () =>
  withStateFile((file) => {
    const store = file.store();
    const { idx } = store.addMailbox("INBOX", true);
    const other = store.addMailbox("other", true).idx;
    const make = (id: number, mailbox: number, target: Side) => ({
      id,
      idx: mailbox,
      target,
      sourceUidValidity: MAX_UID,
      targetUidValidity: 3,
      targetUidNext: MAX_UID,
      messages: [
        { sourceUid: MAX_UID, octets: 2 ** 40, internalDate: -1, headerDigest: "ab".repeat(32) },
        { sourceUid: 1, octets: 0, internalDate: 4102444800, headerDigest: "" },
        { sourceUid: 2, octets: 1, internalDate: 4102444800, headerDigest: "cd", sentAt: 1_800_000_000 },
      ],
    });
    const ids = [store.newIntentId(), store.newIntentId(), store.newIntentId()];
    assert.equal(new Set(ids).size, 3);
    const [a, b, c] = [
      make(ids[0] ?? 0, idx, "local"),
      make(ids[1] ?? 0, idx, "remote"),
      make(ids[2] ?? 0, other, "local"),
    ];
    store.apply([c, a, b].map((intent) => ({ kind: "intend", intent })));
    store.apply([...cursorChanges(idx, { uidValidity: 1, uidNext: 0, highestModSeq: 0n })]);
    file.close();
    const again = file.store();
    assert.deepEqual(again.intents(idx), [a, b]);
    assert.deepEqual(again.intents(other), [c]);
    assert(!ids.includes(again.newIntentId()), "an id is given twice");
    again.apply([{ kind: "settle", id: a.id }, { kind: "settle", id: 12345 }]);
    assert.deepEqual(again.intents(idx), [b]);
  }));

Deno.test("`unmapped()` costs as much as its ranges when they are huge", () =>
  withStateFile((file) => {
    const store = file.store();
    const { idx } = store.addMailbox("INBOX", true);
    const change = (kind: "unmapped" | "forget-unmapped", uids: UidSet): StateChange =>
      kind === "unmapped"
        ? { kind, idx, side: "remote", uids, reason: "refused" }
        : { kind, idx, side: "remote", uids };
    store.apply([change("unmapped", UidSet.range(1, MAX_UID))]);
    assert.equal(store.unmapped(idx, "remote").toString(), `1:${MAX_UID}`);
    store.apply([change("forget-unmapped", UidSet.of([1, 7, 8, MAX_UID]))]);
    assert.equal(store.unmapped(idx, "remote").toString(), `2:6,9:${MAX_UID - 1}`);
    store.apply([change("unmapped", UidSet.range(5, 10))]);
    assert.equal(store.unmapped(idx, "remote").toString(), `2:${MAX_UID - 1}`);
    assert.equal(store.unmapped(idx, "local").isEmpty, true);
    store.apply([change("forget-unmapped", UidSet.range(1, MAX_UID))]);
    assert.equal(store.unmapped(idx, "remote").isEmpty, true);
    store.apply([change("unmapped", UidSet.range(20, 30)), change("forget-unmapped", UidSet.range(20, 29))]);
    assert.equal(store.unmapped(idx, "remote").toString(), "30");
    store.apply([change("unmapped", UidSet.range(30, 40)), change("forget-unmapped", UidSet.range(31, 40))]);
    assert.equal(store.unmapped(idx, "remote").toString(), "30");
  }));

Deno.test("`apply()` of remove-mailbox leaves nothing of the mailbox in any table, and all of the others", () =>
  withStateFile((file) => {
    const database = file.open();
    const store = prepareStore(database, { local: "/", remote: "." }, new KeepingLog());
    const cursor = { uidValidity: 1, uidNext: 9, highestModSeq: 5n };
    const place = { sourceUidValidity: 1, targetUidValidity: 1, targetUidNext: 1, messages: [] };
    const fill = (idx: number): StateChange[] => [
      { kind: "pair", idx, pairs: pairs([1, 1], [2, 3]) },
      ...cursorChanges(idx, cursor),
      { kind: "unmapped", idx, side: "local", uids: UidSet.of([5]), reason: "zero-length" },
      { kind: "identity", idx, side: "remote", mailboxId: "M" },
      { kind: "hold", idx, side: "remote", held: true },
      { kind: "intend", intent: { id: store.newIntentId(), idx, target: "local", ...place } },
    ];
    const [gone, kept] = [store.addMailbox("gone", true).idx, store.addMailbox("kept", true).idx];
    store.apply([...fill(gone), ...fill(kept)]);
    const tables = ["mailboxes", "mapping", "local", "remote", "interimap_cursors", "interimap_intents"];
    const all = [...tables, "interimap_unmapped", "interimap_identities", "interimap_held"];
    const counts = (idx: number) =>
      all.map((table) => database.prepare<[number]>(`SELECT COUNT(*) FROM ${table} WHERE idx = ?`).get(idx)?.[0]);
    const before = counts(kept);
    assert.ok(before.every((count) => count !== undefined && count > 0));
    store.apply([{ kind: "remove-mailbox", idx: gone }]);
    assert.deepEqual(counts(gone), all.map(() => 0));
    assert.deepEqual(counts(kept), before);
  }));

Deno.test("`apply()` of rename-mailbox changes the octets of the name alone, and refuses a name that another row has", () =>
  withStateFile((file) => {
    const database = file.open();
    const store = prepareStore(database, { local: "/", remote: "." }, new KeepingLog());
    const idx = storeWith(store, [1, 2]);
    store.addMailbox("other", false);
    store.apply([{ kind: "rename-mailbox", idx, mailbox: "n\0\xe9" }]);
    const row = database.prepare("SELECT typeof(mailbox), hex(mailbox) FROM mailboxes WHERE idx = ?").get(idx);
    assert.deepEqual(row, ["blob", "6E00E9"]);
    assert.equal(store.pairCount(idx), 1);
    assert.match(refusalOf(() => store.apply([{ kind: "rename-mailbox", idx, mailbox: "other" }])), /refused a change/);
    assert.deepEqual(store.overview().map(({ mailbox }) => mailbox), ["n\0\xe9", "other"]);
  }));
