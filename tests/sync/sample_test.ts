// sample() against traces of the original and by its properties.

import assert from "node:assert/strict";
import fc from "fast-check";
import { MAX_UID, UidSet } from "../../lib/protocol/uid_set.ts";
import { MAX_SAMPLE_UIDS, sample } from "../../lib/sync/sample.ts";
import { ascendingUids } from "../support/generators.ts";

/** The UIDs of a set in descending order. */
function descending(set: UidSet): number[] {
  return [...set].toReversed();
}

/** A set of UIDs first, first + step, ... */
function spaced(first: number, count: number, step: number): UidSet {
  return UidSet.of(Array.from({ length: count }, (_, i) => first + i * step));
}

function texts(pairCount: number, recent: readonly number[]): string | null {
  const result = sample(pairCount, recent);
  return result === null ? null : `${result.seqs} ${result.uids}`;
}

Deno.test("sample() is null when nothing is paired", () => {
  assert.equal(sample(0, []), null);
});

Deno.test("sample() is null when there are more UIDs than pairs", () => {
  assert.equal(sample(1, [2, 1]), null);
});

const CASES: readonly (readonly [string, number, UidSet, string])[] = [
  ["one message", 1, UidSet.of([7]), "1 7"],
  ["a contiguous mailbox", 5, UidSet.range(1, 5), "1:5 1:5"],
  ["gaps", 4, UidSet.of([1, 3, 4, 9]), "1:4 1,3:4,9"],
  ["a mailbox larger than what is read", 3500, UidSet.range(2477, 3500), "2477:3500 2477:3500"],
  ["the highest UIDs there can be", 2, UidSet.range(MAX_UID - 1, MAX_UID), `1:2 ${MAX_UID - 1}:${MAX_UID}`],
];

for (const [what, pairCount, recent, expected] of CASES) {
  Deno.test(`sample() names ${expected} for ${what}`, () => {
    assert.equal(texts(pairCount, descending(recent)), expected);
  });
}

Deno.test("sample() names what InterIMAP 0.5.7 names for 3500 messages of which 1166 were deleted", () => {
  const kept = UidSet.range(1, 3500).subtract(spaced(2, 1166, 3));
  const pairs = Array.from({ length: 25 }, (_, i) => `${3423 + 3 * i}:${3424 + 3 * i}`);
  assert.equal(texts(kept.size, descending(kept)), `2282:2334 ${pairs.join(",")},3498:3500`);
});

Deno.test("sample() stops behind the range that makes the text longer than 256 octets", () => {
  // 51 UIDs of four digits with commas are 254 octets, the 52nd makes 259.
  const result = sample(2000, descending(spaced(2001, 300, 2)));
  assert.equal(result?.uids.size, 52);
  assert.equal(`${result?.uids}`.length, 259);
  assert.equal(`${result?.seqs}`, "1949:2000");
});

Deno.test("sample() goes on when the text is exactly 256 octets long", () => {
  // From above: 2600:2601 (9 octets), 49 single UIDs (5 octets each with their commas) and one of one digit (2) are 256.
  const fits = UidSet.range(2600, 2601).union(spaced(2400, 49, 2)).union(UidSet.of([9]));
  assert.equal(`${fits}`.length, 256);
  const oneMore = fits.union(UidSet.of([7]));
  assert.equal(texts(60, descending(oneMore)), `8:60 ${oneMore}`);
  assert.equal(texts(60, descending(oneMore.union(UidSet.of([5])))), `8:60 ${oneMore}`);
});

Deno.test("sample() looks at no more UIDs than the limit", () => {
  const result = sample(5000, descending(UidSet.range(1, 5000)));
  assert.equal(result?.uids.size, MAX_SAMPLE_UIDS);
});

Deno.test("sample() gives the highest UIDs with as many sequence numbers, up to the last message", () => {
  const recents = ascendingUids({ minLength: 1, maxLength: 200, max: 5000 });
  fc.assert(fc.property(recents, fc.nat(1000), (uids, older) => {
    const pairCount = uids.length + older;
    const result = sample(pairCount, uids.toReversed());
    assert(result !== null);
    assert.equal(result.seqs.size, result.uids.size);
    assert.equal(result.seqs.last, pairCount);
    assert.deepEqual([...result.uids], uids.slice(-result.uids.size));
    assert(`${result.uids}`.length <= 256 + 1 + 21);
    if (`${UidSet.of(uids)}`.length <= 256) assert.equal(result.uids.size, uids.length);
  }));
});
