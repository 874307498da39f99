// matchIntents(): one to one, and every copy that was made is found.

import assert from "node:assert/strict";
import fc from "fast-check";
import type { AppendIntent, IntendedMessage } from "../../lib/state/types.ts";
import { type Pair, type Side, uidOf } from "../../lib/sync/model.ts";
import { type Candidate, matchIntents } from "../../lib/sync/recover.ts";
import { shuffled } from "../support/generators.ts";

const NOBODY = new Set<number>();

function message(sourceUid: number, look = "x"): IntendedMessage {
  return { sourceUid, octets: 10, internalDate: 1000, headerDigest: look };
}

function candidate(uid: number, look = "x"): Candidate {
  return { uid, octets: 10, internalDate: 1000, headerDigest: look };
}

function intent(id: number, targetUidNext: number, messages: IntendedMessage[], target: Side = "local"): AppendIntent {
  return { id, idx: 1, target, sourceUidValidity: 5, targetUidValidity: 6, targetUidNext, messages };
}

Deno.test("matchIntents() pairs each copy with its source", () => {
  const intents = [intent(1, 20, [message(7, "a"), message(8, "b")])];
  const candidates = [candidate(21, "a"), candidate(20, "b")];
  assert.deepEqual(matchIntents(intents, candidates, NOBODY, "local"), {
    pairs: [{ localUid: 20, remoteUid: 8 }, { localUid: 21, remoteUid: 7 }],
    settled: [1],
  });
});

Deno.test("matchIntents() turns pairs round when the target is remote", () => {
  const intents = [intent(1, 20, [message(7)], "remote")];
  assert.deepEqual(matchIntents(intents, [candidate(20)], NOBODY, "remote").pairs, [{ localUid: 7, remoteUid: 20 }]);
});

Deno.test("matchIntents() passes over intents for the other target", () => {
  const intents = [intent(1, 20, [message(7)], "remote"), intent(2, 20, [message(7)])];
  assert.deepEqual(matchIntents(intents, [candidate(20)], NOBODY, "local"), {
    pairs: [{ localUid: 20, remoteUid: 7 }],
    settled: [2],
  });
});

Deno.test("matchIntents() settles intents of which nothing arrived", () => {
  const intents = [intent(1, 20, [message(7)]), intent(2, 20, [message(8)])];
  assert.deepEqual(matchIntents(intents, [], NOBODY, "local"), { pairs: [], settled: [1, 2] });
});

Deno.test("matchIntents() demands size, date and header to be equal", () => {
  const intents = [intent(1, 20, [message(7)])];
  const near = [{ ...candidate(20), octets: 11 }, { ...candidate(21), internalDate: 1001 }, candidate(22, "y")];
  assert.deepEqual(matchIntents(intents, near, NOBODY, "local").pairs, []);
});

Deno.test("matchIntents() leaves alone what was there before the intent", () => {
  const intents = [intent(1, 20, [message(7)])];
  assert.deepEqual(matchIntents(intents, [candidate(19)], NOBODY, "local").pairs, []);
  assert.deepEqual(matchIntents(intents, [candidate(19), candidate(20)], NOBODY, "local").pairs, [
    { localUid: 20, remoteUid: 7 },
  ]);
});

Deno.test("matchIntents() pairs equal messages in the order of intents and UIDs", () => {
  const intents = [intent(1, 20, [message(9), message(7)]), intent(2, 22, [message(8)])];
  const candidates = [23, 20, 22].map((uid) => candidate(uid));
  assert.deepEqual(matchIntents(intents, candidates, NOBODY, "local").pairs, [
    { localUid: 20, remoteUid: 9 },
    { localUid: 22, remoteUid: 7 },
    { localUid: 23, remoteUid: 8 },
  ]);
});

Deno.test("matchIntents() pairs as many equal messages as it can when the limits do not ascend", () => {
  const intents = [intent(1, 30, [message(7)]), intent(2, 20, [message(8)])];
  assert.deepEqual(matchIntents(intents, [candidate(25), candidate(31)], NOBODY, "local").pairs, [
    { localUid: 25, remoteUid: 8 },
    { localUid: 31, remoteUid: 7 },
  ]);
});

Deno.test("matchIntents() skips sources that have a pair", () => {
  const intents = [intent(1, 20, [message(7), message(8)])];
  assert.deepEqual(matchIntents(intents, [candidate(20), candidate(21)], new Set([7]), "local").pairs, [
    { localUid: 20, remoteUid: 8 },
  ]);
});

Deno.test("matchIntents() pairs a source once when it stands in two intents", () => {
  const intents = [intent(1, 20, [message(7)]), intent(2, 20, [message(7), message(7, "y")])];
  const candidates = [candidate(20), candidate(21), candidate(22, "y")];
  assert.deepEqual(matchIntents(intents, candidates, NOBODY, "local").pairs, [{ localUid: 20, remoteUid: 7 }]);
});

Deno.test("matchIntents() takes a candidate once when it is given twice", () => {
  const intents = [intent(1, 20, [message(7), message(8)])];
  assert.deepEqual(matchIntents(intents, [candidate(20), candidate(20)], NOBODY, "local").pairs.length, 1);
});

Deno.test("matchIntents() keeps pace with very many equal messages", () => {
  const count = 50_000;
  const numbers = Array.from({ length: count }, (_, i) => i + 1);
  const intents = numbers.map((n) => intent(n, n, [message(n)]));
  const { pairs } = matchIntents(intents, numbers.map((n) => candidate(count + n)), NOBODY, "local");
  assert.equal(pairs.length, count);
});

interface Interruption {
  readonly intents: AppendIntent[];
  readonly candidates: Candidate[];
  readonly paired: Set<number>;
}

const looks = fc.constantFrom("a", "b");

/** Intents with any limits, any candidates: nothing of it needs to have happened. */
const anything: fc.Arbitrary<Interruption> = fc.record({
  intents: fc.array(
    fc.record({
      from: fc.integer({ min: 1, max: 12 }),
      messages: fc.array(fc.tuple(fc.integer({ min: 1, max: 12 }), looks).map(([uid, look]) => message(uid, look))),
    }),
    { maxLength: 4 },
  ).map((list) => list.map(({ from, messages }, i) => intent(i + 1, from, messages))),
  candidates: fc.array(fc.tuple(fc.integer({ min: 1, max: 16 }), looks).map(([uid, look]) => candidate(uid, look))),
  paired: fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 3 }).map((uids) => new Set(uids)),
});

Deno.test("matchIntents() pairs one to one, what looks alike, and settles every intent", () => {
  fc.assert(fc.property(anything, ({ intents, candidates, paired }) => {
    const { pairs, settled } = matchIntents(intents, candidates, paired, "local");
    assert.equal(new Set(pairs.map((pair) => pair.localUid)).size, pairs.length);
    assert.equal(new Set(pairs.map((pair) => pair.remoteUid)).size, pairs.length);
    assert.deepEqual(settled, intents.map(({ id }) => id));
    for (const { localUid, remoteUid } of pairs) {
      assert(!paired.has(remoteUid));
      const possible = intents.some(({ targetUidNext, messages }) =>
        targetUidNext <= localUid &&
        messages.some(({ sourceUid, headerDigest }) =>
          sourceUid === remoteUid &&
          candidates.some((one) => one.uid === localUid && one.headerDigest === headerDigest)
        )
      );
      assert(possible);
    }
  }));
});

/**
 * What happens: batches are appended one after the other, of each any part arrives (the last one's answer was lost),
 * others' mail comes in between, nothing was recorded.
 */
const interruptions = fc.array(
  fc.record({
    batch: fc.array(fc.record({ look: looks, made: fc.boolean() }), { minLength: 1, maxLength: 5 }),
    foreign: fc.nat(2),
  }),
  { minLength: 1, maxLength: 3 },
).map((batches) => {
  let uidNext = 10;
  let sourceUid = 1;
  const intents: AppendIntent[] = [];
  const copies: Candidate[] = [];
  const foreign: Candidate[] = [];
  batches.forEach(({ batch, foreign: others }, i) => {
    const messages = batch.map(({ look }) => message(sourceUid++, look));
    intents.push(intent(i + 1, uidNext, messages));
    for (let n = 0; n < others; n++) foreign.push(candidate(uidNext++, "other"));
    for (const { look, made } of batch) if (made) copies.push(candidate(uidNext++, look));
  });
  return { intents, copies, foreign };
});

Deno.test("matchIntents() finds every copy that was made, and nothing else, whichever they are", () => {
  const cases = interruptions.chain((interruption) =>
    fc.record({
      interruption: fc.constant(interruption),
      candidates: shuffled([...interruption.copies, ...interruption.foreign]),
    })
  );
  fc.assert(fc.property(cases, ({ interruption: { intents, copies }, candidates }) => {
    const { pairs } = matchIntents(intents, candidates, NOBODY, "local");
    const found = pairs.map((pair: Pair) => uidOf(pair, "local"));
    assert.deepEqual(found, copies.map(({ uid }) => uid));
  }));
});

Deno.test("matchIntents() takes the date of arrival for one in the future, and prefers the date itself", () => {
  const future = { ...message(7), internalDate: 5_000_000, sentAt: 1_000_000 };
  const dated = (uid: number, internalDate: number): Candidate => ({ ...candidate(uid), internalDate });
  const rows: readonly (readonly [candidates: readonly Candidate[], localUid: number | null])[] = [
    [[dated(20, 1_000_010)], 20],
    [[dated(20, 999_000)], 20], // the server's clock is behind
    [[dated(20, 1_000_010), dated(21, 5_000_000)], 21],
    [[dated(20, 5_000_001)], null],
    [[dated(20, 900_000)], null],
    [[dated(19, 1_000_010)], null],
    [[{ ...dated(20, 1_000_010), octets: 11 }], null],
    [[{ ...dated(20, 1_000_010), headerDigest: "y" }], null],
  ];
  for (const [candidates, localUid] of rows) {
    const { pairs } = matchIntents([intent(1, 20, [future])], candidates, NOBODY, "local");
    assert.deepEqual(pairs, localUid === null ? [] : [{ localUid, remoteUid: 7 }], JSON.stringify(candidates));
  }
  const past = [intent(1, 20, [{ ...message(7), internalDate: 5_000_000 }])];
  assert.deepEqual(matchIntents(past, [dated(20, 1_000_010)], NOBODY, "local").pairs, []);
  assert.deepEqual(matchIntents([intent(1, 20, [future])], [dated(20, 1_000_010)], new Set([7]), "local").pairs, []);
});

Deno.test("matchIntents() takes a later date for one before 1902", () => {
  const ancient = { ...message(7), internalDate: -50_000_000_000, sentAt: 1_000_000 };
  for (
    const [internalDate, isFound] of [[-2147483648, true], [-2177452800, true], [0, false], [1_000_000, false]] as const
  ) {
    const { pairs } = matchIntents([intent(1, 20, [ancient])], [{ ...candidate(20), internalDate }], NOBODY, "local");
    assert.equal(pairs.length === 1, isFound, `${internalDate}`);
  }
});

Deno.test("matchIntents() pairs equal messages with dates in the future one to one", () => {
  const future = (uid: number) => ({ ...message(uid), internalDate: 5_000_000, sentAt: 1_000_000 });
  const intents = [intent(1, 20, [future(7), future(8), future(9)])];
  const candidates = [20, 21].map((uid) => ({ ...candidate(uid), internalDate: 1_000_001 }));
  const { pairs } = matchIntents(intents, candidates, NOBODY, "local");
  assert.deepEqual(pairs, [{ localUid: 20, remoteUid: 7 }, { localUid: 21, remoteUid: 8 }]);
});
