// plan() by its rules, one case each; the properties are in plan_properties_test.ts.

import assert from "node:assert/strict";
import { makeFlagSet, NO_FLAGS } from "../../lib/protocol/flags.ts";
import type { FlagSet } from "../../lib/protocol/types.ts";
import { MAX_UID, UidSet } from "../../lib/protocol/uid_set.ts";
import type { Observation, Pair, Plan, PlanInput } from "../../lib/sync/model.ts";
import { plan } from "../../lib/sync/plan.ts";
import { AgreementMap } from "./mail_model.ts";

const SEEN = makeFlagSet(["\\Seen"]);
const FLAGGED = makeFlagSet(["\\Flagged"]);
const BOTH = makeFlagSet(["\\Seen", "\\Flagged"]);
const PAIR: Pair = { localUid: 3, remoteUid: 30 };

function seen(changes: Partial<Observation> = {}): Observation {
  const nothing = {
    vanished: UidSet.empty,
    modified: new Map(),
    arrived: UidSet.empty,
    permanentFlags: null,
    readOnly: false,
  };
  return { uidValidity: 1, uidNext: 100, highestModSeq: 9n, ...nothing, ...changes };
}

function planned(input: Partial<PlanInput>): Plan {
  return plan({ local: seen(), remote: seen(), pairs: [PAIR], agreed: new AgreementMap(), ...input });
}

function modified(...entries: [number, FlagSet][]): Observation {
  return seen({ modified: new Map(entries) });
}

function vanished(...uids: number[]): Observation {
  return seen({ vanished: UidSet.of(uids) });
}

function agreed(flags: FlagSet): AgreementMap {
  const agreements = new AgreementMap();
  agreements.set(PAIR.localUid, flags);
  return agreements;
}

const EMPTY_SIDE = { expunge: [], stores: [] };
const EMPTY: Plan = {
  local: EMPTY_SIDE,
  remote: EMPTY_SIDE,
  forget: [],
  pull: UidSet.empty,
  push: UidSet.empty,
  notes: [],
};

Deno.test("plan() does nothing when nothing happened", () => {
  assert.deepEqual(planned({}), EMPTY);
});

Deno.test("plan() leaves a copy the flags that the changed one has no room for", () => {
  const work = makeFlagSet(["work"]);
  const held = { local: new Map([[3, work]]), remote: new Map<number, FlagSet>() };
  const { local } = planned({ remote: modified([30, SEEN]), held });
  assert.deepEqual(local.stores, [{ flags: makeFlagSet(["\\Seen", "work"]), pairs: [PAIR] }]);
  const { remote } = planned({ local: modified([3, SEEN]), held });
  assert.deepEqual(remote.stores, [{ flags: SEEN, pairs: [PAIR] }]);
});

Deno.test("plan() forgets a pair when both copies are gone", () => {
  assert.deepEqual(planned({ local: vanished(3), remote: vanished(30) }), { ...EMPTY, forget: [PAIR] });
});

Deno.test("plan() expunges remotely when the local message vanished, and the other way round", () => {
  const side = { expunge: [PAIR], stores: [] };
  assert.deepEqual(planned({ local: vanished(3) }), { ...EMPTY, remote: side });
  assert.deepEqual(planned({ remote: vanished(30) }), { ...EMPTY, local: side });
});

Deno.test("plan() ignores flag changes of either copy when one is gone", () => {
  const local = seen({ vanished: UidSet.of([3]), modified: new Map([[3, SEEN]]) });
  const result = planned({ local, remote: modified([30, FLAGGED]) });
  assert.deepEqual(result, { ...EMPTY, remote: { expunge: [PAIR], stores: [] } });
});

Deno.test("plan() stores on the other side when one side changed", () => {
  const side = { expunge: [], stores: [{ flags: SEEN, pairs: [PAIR] }] };
  assert.deepEqual(planned({ local: modified([3, SEEN]) }), { ...EMPTY, remote: side });
  assert.deepEqual(planned({ remote: modified([30, SEEN]) }), { ...EMPTY, local: side });
});

Deno.test("plan() propagates the removal of the last flag", () => {
  const result = planned({ local: modified([3, NO_FLAGS]), remote: modified([30, SEEN]), agreed: agreed(SEEN) });
  assert.deepEqual(result, { ...EMPTY, remote: { expunge: [], stores: [{ flags: NO_FLAGS, pairs: [PAIR] }] } });
});

Deno.test("plan() lets the changed side win when the other still has the agreed flags", () => {
  const result = planned({ local: modified([3, SEEN]), remote: modified([30, FLAGGED]), agreed: agreed(FLAGGED) });
  assert.deepEqual(result, { ...EMPTY, remote: { expunge: [], stores: [{ flags: SEEN, pairs: [PAIR] }] } });
});

Deno.test("plan() does nothing when a modified message has the agreed flags", () => {
  assert.deepEqual(planned({ local: modified([3, SEEN]), agreed: agreed(SEEN) }), EMPTY);
  assert.deepEqual(planned({ local: modified([3, SEEN]), remote: modified([30, SEEN]), agreed: agreed(SEEN) }), EMPTY);
});

Deno.test("plan() does nothing when both sides changed to equal flags", () => {
  assert.deepEqual(planned({ local: modified([3, SEEN]), remote: modified([30, SEEN]) }), EMPTY);
});

Deno.test("plan() stores the union on both sides when both changed and differ", () => {
  const result = planned({ local: modified([3, SEEN]), remote: modified([30, FLAGGED]) });
  const side = { expunge: [], stores: [{ flags: BOTH, pairs: [PAIR] }] };
  const note = { kind: "conflict", pair: PAIR, local: SEEN, remote: FLAGGED, union: BOTH };
  assert.deepEqual(result, { ...EMPTY, local: side, remote: side, notes: [note] });
});

Deno.test("plan() leaves the side alone that has the union already", () => {
  const result = planned({ local: modified([3, SEEN]), remote: modified([30, BOTH]) });
  assert.deepEqual(result.remote, EMPTY_SIDE);
  assert.deepEqual(result.local.stores, [{ flags: BOTH, pairs: [PAIR] }]);
  assert.equal(result.notes[0]?.kind, "conflict");
});

Deno.test("plan() notes what no pair knows, and does nothing to it", () => {
  const local = seen({ vanished: UidSet.of([3, 5, 6]), modified: new Map([[9, SEEN], [8, SEEN], [6, SEEN]]) });
  const result = planned({ local, remote: vanished(30) });
  assert.deepEqual(result, {
    ...EMPTY,
    forget: [PAIR],
    notes: [
      { kind: "unmatched-vanished", side: "local", uids: UidSet.of([5, 6]) },
      { kind: "unmatched-modified", side: "local", uid: 8 },
      { kind: "unmatched-modified", side: "local", uid: 9 },
    ],
  });
});

Deno.test("plan() does not walk through a huge VANISHED", () => {
  const pairs = [PAIR, { localUid: 4, remoteUid: 40 }];
  const all = UidSet.range(1, MAX_UID);
  const result = planned({ pairs, local: seen({ vanished: all }), remote: modified([40, SEEN]) });
  assert.deepEqual(result.remote.expunge, pairs);
  assert.deepEqual(result.notes, [
    { kind: "unmatched-vanished", side: "local", uids: all.subtract(UidSet.of([3, 4])) },
  ]);
});

Deno.test("plan() groups stores by flags, in order of their keys and of the side's own UIDs", () => {
  const pairs = [1, 2, 3, 4].map((n) => ({ localUid: n, remoteUid: 100 - n }));
  const local = modified([4, SEEN], [1, FLAGGED], [2, SEEN], [3, NO_FLAGS]);
  const result = planned({ pairs: pairs.toReversed(), local });
  assert.deepEqual(
    result.remote.stores.map(({ flags, pairs }) => [flags.key, pairs.map((pair) => pair.remoteUid)]),
    [["", [97]], ["\\Flagged", [99]], ["\\Seen", [96, 98]]],
  );
});

Deno.test("plan() copies what has arrived", () => {
  const result = planned({ local: seen({ arrived: UidSet.of([7]) }), remote: seen({ arrived: UidSet.of([50, 51]) }) });
  assert.deepEqual(result, { ...EMPTY, push: UidSet.of([7]), pull: UidSet.of([50, 51]) });
});

Deno.test("plan() takes a pair once when it is given twice", () => {
  const local = seen({ vanished: UidSet.of([3]) });
  assert.deepEqual(planned({ pairs: [PAIR, { ...PAIR }], local }).remote.expunge, [PAIR]);
});
