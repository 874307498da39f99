// Property: whatever is done to it, the store in SQLite answers as the simple one in memory does.

import assert from "node:assert/strict";
import fc from "fast-check";
import { StateError } from "../../lib/errors.ts";
import { MAX_UID, UidSet } from "../../lib/protocol/uid_set.ts";
import type { Side, StateChange, Store } from "../../lib/state/mod.ts";
import { hugeUidSets } from "../support/generators.ts";
import { MemoryStore } from "../support/memory_store.ts";
import { withStateFile } from "../support/state_file.ts";

type Operation =
  | { readonly kind: "add"; readonly mailbox: string; readonly subscribed: boolean }
  | { readonly kind: "apply"; readonly changes: readonly StateChange[] }
  | { readonly kind: "reopen" };

const SIDES: readonly Side[] = ["local", "remote"];
const MAX_MAILBOXES = 3;
/** No row has it: changes that need one must fail. */
const NO_IDX = 77;

const idxs = fc.integer({ min: 1, max: MAX_MAILBOXES });
const sides = fc.constantFrom(...SIDES);
const uids = fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 1, max: 12 }) }, fc.constantFrom(0, MAX_UID));
const pairLists = fc.array(fc.record({ localUid: uids, remoteUid: uids }), { maxLength: 4 });

const cursors = fc.record({
  uidValidity: fc.constantFrom(1, 2, MAX_UID),
  uidNext: fc.oneof(fc.integer({ min: 0, max: 12 }), fc.constant(MAX_UID)),
  highestModSeq: fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.constantFrom(0n, 2n ** 63n - 1n, 2n ** 63n)),
});

const intents = fc.record({
  id: fc.integer({ min: 1, max: 5 }),
  idx: idxs,
  target: sides,
  sourceUidValidity: fc.constantFrom(1, MAX_UID),
  targetUidValidity: fc.constantFrom(1, MAX_UID),
  targetUidNext: fc.integer({ min: 1, max: 12 }),
  messages: fc.array(
    fc.record({
      sourceUid: fc.integer({ min: 1, max: MAX_UID }),
      octets: fc.nat({ max: 2 ** 40 }),
      internalDate: fc.integer(),
      headerDigest: fc.constantFrom("", "00ff"),
    }),
    { maxLength: 3 },
  ),
});

const kindIs = <Kind extends StateChange["kind"]>(kind: Kind) => fc.constant(kind);

const changes: fc.Arbitrary<StateChange> = fc.oneof(
  fc.record({ kind: kindIs("cursor"), idx: idxs, side: sides, cursor: cursors }),
  { weight: 4, arbitrary: fc.record({ kind: kindIs("pair"), idx: idxs, pairs: pairLists }) },
  fc.record({ kind: kindIs("pair"), idx: fc.constant(NO_IDX), pairs: fc.constant([{ localUid: 1, remoteUid: 1 }]) }),
  { weight: 2, arbitrary: fc.record({ kind: kindIs("unpair"), idx: idxs, pairs: pairLists }) },
  fc.record({
    kind: kindIs("unmapped"),
    idx: idxs,
    side: sides,
    uids: hugeUidSets(),
    reason: fc.constantFrom("r", "rs", "s"),
  }),
  fc.record({ kind: kindIs("forget-unmapped"), idx: idxs, side: sides, uids: hugeUidSets() }),
  fc.record({ kind: kindIs("forget-messages"), idx: idxs }),
  fc.record({ kind: kindIs("intend"), intent: intents }),
  fc.record({ kind: kindIs("settle"), id: fc.integer({ min: 1, max: 5 }) }),
  fc.record({ kind: kindIs("subscribed"), idx: idxs, subscribed: fc.boolean() }),
  fc.record({ kind: kindIs("rename-mailbox"), idx: idxs, mailbox: fc.constantFrom("a", "c", "a\0b") }),
  fc.record({ kind: kindIs("hold"), idx: idxs, side: sides, held: fc.boolean() }),
  fc.record({ kind: kindIs("compared"), idx: idxs, at: fc.nat() }),
  fc.record({ kind: kindIs("recount"), idx: idxs }),
  fc.record({ kind: kindIs("identity"), idx: idxs, side: sides, mailboxId: fc.constantFrom("M1", "M2") }),
);

const operations: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({
    kind: fc.constant("add" as const),
    mailbox: fc.constantFrom("a", "b", "a\0\xe9"),
    subscribed: fc.boolean(),
  }),
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant("apply" as const), changes: fc.array(changes, { maxLength: 4 }) }),
  },
  fc.record({ kind: fc.constant("reopen" as const) }),
);

/** Of a mailbox that there is not, only that it can have no pair is in the contract. */
function isDefined(change: StateChange, count: number): boolean {
  if (change.kind === "settle") return true;
  const idx = change.kind === "intend" ? change.intent.idx : change.idx;
  return idx <= count || (change.kind === "pair" && change.pairs.length > 0);
}

/** Whether the store took it. */
function perform(store: Store, operation: Exclude<Operation, { kind: "reopen" }>): boolean {
  const count = store.overview().length;
  try {
    if (operation.kind === "add") store.addMailbox(operation.mailbox, operation.subscribed);
    else store.apply(operation.changes.filter((change) => isDefined(change, count)));
    return true;
  } catch (error) {
    if (error instanceof StateError) return false;
    throw error;
  }
}

/** Which UIDs are unmapped for a reason that begins with "r", by reason. */
function reasons(store: Store, idx: number, side: Side): unknown {
  const found = new Map<string, UidSet>();
  for (const row of store.unmappedBecause("r")) {
    if (row.idx !== idx || row.side !== side) continue;
    found.set(row.reason, row.uids.union(found.get(row.reason) ?? UidSet.empty));
  }
  return [...found].map(([reason, uids]) => `${reason} ${uids}`).sort();
}

/** Everything that the store can be asked, as plain objects (fast-check's have no prototype). */
function answers(store: Store, probe: UidSet): unknown {
  return structuredClone(
    store.overview().map((row) => ({
      ...row,
      own: store.cursors(row.idx),
      count: store.pairCount(row.idx),
      highest: store.highestPaired(row.idx),
      intents: store.intents(row.idx),
      sides: SIDES.map((side) => ({
        touching: store.pairsTouching(row.idx, side, probe),
        paired: [1, 5, MAX_UID].map((from) => store.pairedUids(row.idx, side, from).toString()),
        recent: store.recentUids(row.idx, side, 3),
        unmapped: store.unmapped(row.idx, side).toString(),
        because: reasons(store, row.idx, side),
        mailboxId: store.mailboxId(row.idx, side),
        isHeld: store.isHeld(row.idx, side),
      })),
    })),
  );
}

Deno.test("the store in SQLite answers as the one in memory when both are told the same", () =>
  withStateFile((file) => {
    const property = fc.property(fc.array(operations, { maxLength: 25 }), hugeUidSets(), (history, probe) => {
      file.close();
      Deno.writeFileSync(file.path, new Uint8Array());
      let store = file.store();
      const model = new MemoryStore();
      for (const name of ["a", "b"]) for (const each of [store, model]) each.addMailbox(name, true);
      for (const operation of history) {
        if (operation.kind === "reopen") {
          store.close();
          store = file.store();
        } else {
          assert.equal(perform(store, operation), perform(model, operation));
        }
        assert.deepEqual(answers(store, probe), answers(model, probe));
      }
    });
    fc.assert(property, { numRuns: 150 });
  }));

Deno.test("`newIntentId()` of both stores gives no id twice, and none that an intent has", () =>
  withStateFile((file) => {
    for (const store of [file.store(), new MemoryStore()]) {
      const { idx } = store.addMailbox("a", true);
      const ids = new Set<number>();
      for (let i = 0; i < 5; i++) {
        const id = store.newIntentId();
        assert(!ids.has(id));
        ids.add(id);
        const place = { sourceUidValidity: 1, targetUidValidity: 1, targetUidNext: 1, messages: [] };
        store.apply([{ kind: "intend", intent: { id, idx, target: "local", ...place } }]);
      }
      assert.equal(store.intents(idx).length, 5);
    }
  }));
