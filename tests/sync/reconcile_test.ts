// Every row of the table by which --repair compares two full listings.

import assert from "node:assert/strict";
import { makeFlagSet, MAX_UID, UidSet } from "../../lib/protocol/mod.ts";
import type { Side } from "../../lib/state/types.ts";
import { reconcile, type Repairs, type SideListing } from "../../lib/sync/reconcile.ts";

const PAIR = { localUid: 3, remoteUid: 30 };

/** How one side's copy stands: flags older or newer than the cursor, or how it is missing. */
type State = readonly ["old" | "new", ...flags: string[]] | "vanished" | "disappeared" | "doubtful";

function listing(uid: number, state: State): SideListing {
  if (typeof state !== "string") {
    const [age, ...flags] = state;
    const seen = new Map([[uid, { flags: makeFlagSet(flags), changed: age === "new" }]]);
    return { seen, found: UidSet.of([uid]), vanished: UidSet.empty, permanentFlags: null };
  }
  const found = state === "doubtful" ? UidSet.of([uid]) : UidSet.empty;
  // As a server says it that has lost its log: all it can.
  const vanished = state === "vanished" ? UidSet.range(1, MAX_UID) : UidSet.empty;
  return { seen: new Map(), found, vanished, permanentFlags: null };
}

function repairs(local: State, remote: State): Repairs {
  return reconcile([PAIR], { local: listing(PAIR.localUid, local), remote: listing(PAIR.remoteUid, remote) });
}

/** What is done, in words. */
function summary({ stores, forget, lost, notes }: Repairs): string[] {
  const sides: readonly Side[] = ["local", "remote"];
  return [
    ...sides.flatMap((side) => stores[side].map(({ flags }) => `${side} := ${flags.key}`)),
    ...forget.map(() => "forget"),
    ...sides.flatMap((side) => lost[side].map(() => `lost on ${side}`)),
    ...notes.map(({ kind }) => kind),
  ];
}

const TABLE: readonly (readonly [local: State, remote: State, expected: readonly string[]])[] = [
  [["old", "\\Seen"], ["old", "\\Seen"], []],
  [["new", "\\Seen"], ["new", "\\Seen"], []],
  [["old", "\\Seen"], ["new"], ["local := "]],
  [["new", "\\Seen"], ["old"], ["remote := \\Seen"]],
  [["new", "\\Seen"], ["new", "a"], ["local := \\Seen a", "remote := \\Seen a", "conflict"]],
  [["old", "\\Seen"], ["old", "a"], ["local := \\Seen a", "remote := \\Seen a", "missed", "conflict"]],
  [["old", "\\Seen"], ["old"], ["remote := \\Seen", "missed", "conflict"]],
  ["disappeared", "disappeared", ["forget", "pair-vanished"]],
  ["vanished", "disappeared", ["forget", "pair-vanished"]],
  ["disappeared", "vanished", ["forget", "pair-vanished"]],
  // What was reported is the business of the ordinary run that follows.
  ["vanished", "vanished", []],
  ["vanished", ["old"], []],
  [["old"], "vanished", []],
  ["disappeared", ["old"], ["lost on local"]],
  [["new"], "disappeared", ["lost on remote"]],
  // UID SEARCH found it, FETCH did not answer: neither here nor gone.
  ["doubtful", ["old"], []],
  ["doubtful", "disappeared", []],
  [["old"], "doubtful", []],
];

for (const [local, remote, expected] of TABLE) {
  Deno.test(`\`reconcile()\` of local ${local} and remote ${remote} gives ${expected.join(", ") || "nothing"}`, () => {
    assert.deepEqual(summary(repairs(local, remote)), expected);
  });
}

Deno.test("`reconcile()` takes no flag from a copy because the other mailbox has no room for it", () => {
  const system = ["\\Seen", "\\Flagged"];
  const between = (local: State, remote: State) =>
    summary(reconcile([PAIR], {
      local: listing(PAIR.localUid, local),
      remote: { ...listing(PAIR.remoteUid, remote), permanentFlags: system },
    }));
  assert.deepEqual(between(["old", "work"], ["old"]), []);
  assert.deepEqual(between(["old", "work"], ["new"]), []);
  assert.deepEqual(between(["old", "work"], ["new", "\\Seen"]), ["local := \\Seen work"]);
  assert.deepEqual(between(["old", "work", "\\Flagged"], ["new"]), ["local := work"]);
  assert.deepEqual(between(["new", "\\Seen"], ["old", "odd"]), ["remote := \\Seen"]);
});

Deno.test("`reconcile()` groups stores by flags", () => {
  const pairs = [1, 2, 3].map((uid) => ({ localUid: uid, remoteUid: uid }));
  const seen = (age: boolean, flags: readonly string[]) =>
    new Map(pairs.map(({ localUid }, i) => [localUid, { flags: makeFlagSet(flags.slice(i, i + 1)), changed: age }]));
  const all = { found: UidSet.range(1, 3), vanished: UidSet.empty, permanentFlags: null };
  const { stores } = reconcile(pairs, {
    local: { ...all, seen: seen(true, ["b", "a", "b"]) },
    remote: { ...all, seen: seen(false, []) },
  });
  assert.deepEqual(stores.local, []);
  assert.deepEqual(stores.remote.map(({ flags, pairs }) => [flags.key, pairs.map((pair) => pair.localUid)]), [
    ["a", [2]],
    ["b", [1, 3]],
  ]);
});
