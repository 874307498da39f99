// match.ts: which messages of two sides are one. Never two that differ, the same whichever side is which, and as many as
// there are on both sides.

import assert from "node:assert/strict";
import fc from "fast-check";
import { UidSet } from "../../lib/protocol/uid_set.ts";
import { Evidence, pairEqual, pairUnique, type Strength, withSharedKeys } from "../../lib/sync/match.ts";
import type { Pair } from "../../lib/sync/model.ts";

interface Message {
  readonly uid: number;
  readonly key: number;
  readonly detail: number;
  readonly strength: Strength;
}

const message = (uid: number, key: number, detail = 100, strength: Strength = "strong"): Message => ({
  uid,
  key,
  detail,
  strength,
});

function evidence(messages: readonly Message[]): Evidence {
  const result = new Evidence(UidSet.of(messages.map(({ uid }) => uid)));
  for (const { uid, key, detail, strength } of messages) {
    // Keys that differ in either half, and share slots of the table.
    result.set(uid, { high: key % 3, low: Math.floor(key / 3) * 1024 }, detail, strength);
  }
  return result;
}

function unique(local: readonly Message[], remote: readonly Message[]) {
  const { pairs, doubtful } = pairUnique(evidence(local), evidence(remote));
  return { pairs: shown(pairs), local: doubtful.local.toString(), remote: doubtful.remote.toString() };
}

function equal(local: readonly Message[], remote: readonly Message[]): readonly string[] {
  return shown(pairEqual(evidence(local), evidence(remote)));
}

function shown(pairs: readonly Pair[]): readonly string[] {
  return pairs.map(({ localUid, remoteUid }) => `${localUid}=${remoteUid}`);
}

Deno.test("pairUnique() pairs what is there once on each side", () => {
  const result = unique([message(1, 7), message(2, 8), message(5, 9)], [message(1, 9), message(2, 7), message(3, 6)]);
  assert.deepEqual(result, { pairs: ["1=2", "5=1"], local: "", remote: "" });
});

Deno.test("pairUnique() leaves to the octets what is there more than once on either side", () => {
  assert.deepEqual(unique([message(1, 7), message(2, 7)], [message(4, 7)]), { pairs: [], local: "1:2", remote: "4" });
  assert.deepEqual(unique([message(1, 7)], [message(4, 7), message(6, 7)]), { pairs: [], local: "1", remote: "4,6" });
});

Deno.test("pairUnique() asks for nothing of what is on one side only, however often", () => {
  const result = unique([message(1, 7), message(2, 7), message(3, 1)], [message(1, 8, 100, "weak")]);
  assert.deepEqual(result, { pairs: [], local: "", remote: "" });
});

for (
  const [what, other] of [
    ["has another size", message(4, 7, 101)],
    ["has weak evidence", message(4, 7, 100, "weak")],
  ] as const
) {
  Deno.test(`pairUnique() leaves to the octets what ${what}`, () => {
    assert.deepEqual(unique([message(1, 7)], [other]), { pairs: [], local: "1", remote: "4" });
    assert.deepEqual(unique([other], [message(1, 7)]), { pairs: [], local: "4", remote: "1" });
  });
}

Deno.test("pairUnique() passes over messages of which nothing is known", () => {
  assert.deepEqual(unique([message(1, 7), message(2, 7, 100, "unknown")], [message(1, 7)]).pairs, ["1=1"]);
  assert.deepEqual(unique([message(1, 7, 100, "unknown")], [message(1, 7, 100, "unknown")]).pairs, []);
});

Deno.test("pairEqual() pairs as many as there are on both sides, in the order of their UIDs", () => {
  const three = [message(1, 7), message(2, 7), message(3, 7)];
  assert.deepEqual(equal(three, [message(8, 7), message(9, 7)]), ["1=8", "2=9"]);
  assert.deepEqual(equal([message(8, 7), message(9, 7)], three), ["8=1", "9=2"]);
});

Deno.test("pairEqual() prefers the same date, and pairs the others nevertheless", () => {
  const local = [message(1, 7, 10), message(2, 7, 20), message(3, 7, 30)];
  assert.deepEqual(equal(local, [message(5, 7, 99), message(6, 7, 20)]), ["1=5", "2=6"]);
});

Deno.test("a message that is told twice counts once, and one that was not asked for does not count", () => {
  const local = new Evidence(UidSet.of([3, 4]));
  for (const uid of [3, 3, 5, 1]) local.set(uid, { high: 1, low: 2 }, 0, "strong");
  assert.deepEqual(shown(pairUnique(local, evidence([])).pairs), []);
  const remote = new Evidence(UidSet.of([9]));
  remote.set(9, { high: 1, low: 2 }, 0, "strong");
  assert.deepEqual(shown(pairUnique(local, remote).pairs), ["3=9"]);
});

Deno.test("pairUnique() and pairEqual() keep pace with very many messages, equal or not", () => {
  const many = 300_000;
  const of = (key: (i: number) => number, strength: Strength) => {
    const result = new Evidence(UidSet.range(1, many));
    for (let i = 0; i < many; i++) {
      result.set(i + 1, { high: key(i), low: Math.imul(key(i), 2654435761) >>> 0 }, i, strength);
    }
    return result;
  };
  const different = [of((i) => i, "strong"), of((i) => many - 1 - i, "strong")] as const;
  // Details differ, and so each is in doubt, but one.
  const apart = pairUnique(...different);
  assert.equal(apart.doubtful.local.size + apart.pairs.length, many);
  assert.equal(pairEqual(...different).length, many);
  const all = { local: UidSet.range(1, many), remote: UidSet.range(1, many) };
  const [local, remote] = [of(() => 1, "weak"), of((i) => i & 1, "weak")];
  assert.equal(withSharedKeys(all, { local, remote }).remote.size, many / 2);
  assert.equal(pairEqual(of(() => 1, "weak"), of(() => 1, "weak")).length, many);
});

const strengths = fc.constantFrom<Strength>("strong", "strong", "strong", "weak", "unknown");
const messages = fc.uniqueArray(
  fc.record({ uid: fc.integer({ min: 1, max: 40 }), key: fc.nat(8), detail: fc.nat(2), strength: strengths }),
  { selector: ({ uid }) => uid, maxLength: 20 },
);

function assertOneToOne(pairs: readonly Pair[]): void {
  assert.equal(new Set(pairs.map(({ localUid }) => localUid)).size, pairs.length);
  assert.equal(new Set(pairs.map(({ remoteUid }) => remoteUid)).size, pairs.length);
}

function mirrored(pairs: readonly Pair[]): readonly Pair[] {
  return pairs.map(({ localUid, remoteUid }) => ({ localUid: remoteUid, remoteUid: localUid }))
    .sort((a, b) => a.localUid - b.localUid);
}

Deno.test("pairEqual() pairs only what is equal, one to one, as many as possible, and the same from the other side", () => {
  fc.assert(fc.property(messages, messages, (local, remote) => {
    const pairs = pairEqual(evidence(local), evidence(remote));
    assertOneToOne(pairs);
    assert.deepEqual(mirrored(pairEqual(evidence(remote), evidence(local))), pairs);
    const known = (list: readonly Message[], key: number, detail: number | null) =>
      list.filter((one) => one.strength !== "unknown" && one.key === key && (detail === null || one.detail === detail))
        .length;
    const of = (list: readonly Message[], uid: number) => list.find((one) => one.uid === uid);
    for (const pair of pairs) assert.equal(of(local, pair.localUid)?.key, of(remote, pair.remoteUid)?.key);
    for (let key = 0; key <= 8; key++) {
      const mine = pairs.filter(({ localUid }) => of(local, localUid)?.key === key);
      assert.equal(mine.length, Math.min(known(local, key, null), known(remote, key, null)));
      const sameDetail = mine.filter((pair) => of(local, pair.localUid)?.detail === of(remote, pair.remoteUid)?.detail);
      const possible = [0, 1, 2].map((detail) => Math.min(known(local, key, detail), known(remote, key, detail)));
      assert.ok(sameDetail.length >= possible.reduce((sum, count) => sum + count));
    }
  }));
});

/** What the Message-IDs of the messages would be: equal for equal keys, and now and then for others. */
const ids = (list: readonly Message[]) => evidence(list.map((one) => ({ ...one, key: one.key % 5, strength: "weak" })));
const uidsOf = (list: readonly Message[]) => UidSet.of(list.map(({ uid }) => uid));

Deno.test("withSharedKeys() leaves out only what is on one side, and changes nothing of what is found then", () => {
  fc.assert(fc.property(messages, messages, (local, remote) => {
    const uids = { local: uidsOf(local), remote: uidsOf(remote) };
    const shared = withSharedKeys(uids, { local: ids(local), remote: ids(remote) });
    const has = (list: readonly Message[], key: number) => list.some((other) => other.key % 5 === key % 5);
    for (const { uid, key } of local) assert.equal(shared.local.has(uid), has(remote, key));
    for (const { uid, key } of remote) assert.equal(shared.remote.has(uid), has(local, key));
    const left = (list: readonly Message[], of: UidSet) => list.filter(({ uid }) => of.has(uid));
    assert.deepEqual(unique(left(local, shared.local), left(remote, shared.remote)), unique(local, remote));
    assert.deepEqual(equal(left(local, shared.local), left(remote, shared.remote)), equal(local, remote));
  }));
});

Deno.test("withSharedKeys() leaves out nothing while a message is unknown, for that may be the same as any", () => {
  const [local, remote] = [[message(1, 1), message(2, 2)], [message(5, 2), message(6, 4)]];
  const uids = { local: uidsOf(local), remote: uidsOf(remote) };
  const unknown = ids(remote.slice(0, 1));
  assert.equal(withSharedKeys(uids, { local: ids(local), remote: unknown }), uids);
  assert.equal(withSharedKeys(uids, { local: unknown, remote: ids(remote) }), uids);
  const some = { local: UidSet.of([2]), remote: UidSet.of([5]) };
  assert.deepEqual(withSharedKeys(some, { local: ids(local), remote: unknown }), some);
});

Deno.test("pairUnique() pairs only what nothing else could be, and doubts everything else that may be on both sides", () => {
  fc.assert(fc.property(messages, messages, (local, remote) => {
    const { pairs, doubtful } = pairUnique(evidence(local), evidence(remote));
    assertOneToOne(pairs);
    const swapped = pairUnique(evidence(remote), evidence(local));
    assert.deepEqual(mirrored(swapped.pairs), pairs);
    assert.deepEqual([swapped.doubtful.remote, swapped.doubtful.local], [doubtful.local, doubtful.remote]);
    for (let key = 0; key <= 8; key++) {
      const [here, there] = [local, remote].map((list) =>
        list.filter((one) => one.strength !== "unknown" && one.key === key)
      );
      const [mine, theirs] = [here?.[0], there?.[0]];
      const certain = here?.length === 1 && there?.length === 1 && mine?.strength === "strong" &&
        theirs?.strength === "strong" && mine.detail === theirs.detail;
      const found = pairs.some(({ localUid, remoteUid }) => localUid === mine?.uid && remoteUid === theirs?.uid);
      assert.equal(found, certain);
      const doubted = here?.length !== 0 && there?.length !== 0 && !certain;
      for (const { uid } of here ?? []) assert.equal(doubtful.local.has(uid), doubted);
      for (const { uid } of there ?? []) assert.equal(doubtful.remote.has(uid), doubted);
    }
  }));
});
