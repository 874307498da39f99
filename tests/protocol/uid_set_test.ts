// UidSet held against plain Sets of numbers, and at the ends of what a UID can be.

import assert from "node:assert/strict";
import fc from "fast-check";
import { MAX_UID, UidSet, UidSetBuilder } from "../../lib/protocol/uid_set.ts";

const MAX_SMALL = 40;

type Range = readonly [from: number, to: number];

/** Ranges of small UIDs in any order, overlapping or not. */
const ranges: fc.Arbitrary<Range[]> = fc.array(
  fc.tuple(fc.integer({ min: 1, max: MAX_SMALL }), fc.integer({ min: 0, max: 6 })).map(([from, length]): Range => [
    from,
    from + length,
  ]),
  { maxLength: 12 },
);

/** Ranges anywhere, the highest UID among them. */
const wideRanges: fc.Arbitrary<Range[]> = fc.array(
  fc.tuple(fc.integer({ min: 1, max: MAX_UID }), fc.oneof(fc.nat({ max: 5 }), fc.nat({ max: MAX_UID })))
    .map(([from, length]): Range => [from, Math.min(MAX_UID, from + length)]),
  { maxLength: 8 },
);

function build(list: readonly Range[]): UidSet {
  const builder = new UidSetBuilder();
  for (const [from, to] of list) builder.add(from, to);
  return builder.build();
}

/** The naive model: every UID by itself. */
function expand(list: readonly Range[]): Set<number> {
  const uids = new Set<number>();
  for (const [from, to] of list) for (let uid = from; uid <= to; uid++) uids.add(uid);
  return uids;
}

function ascending(uids: Iterable<number>): number[] {
  return [...uids].sort((a, b) => a - b);
}

/** Checks the form that every UidSet has: ascending, disjoint, not adjacent ranges of UIDs. */
function assertCanonical(set: UidSet): void {
  assert.equal(set.bounds.length % 2, 0);
  let previous = -1;
  for (const [first, last] of set.ranges()) {
    assert(first > previous + 1 && last >= first && first >= 1 && last <= MAX_UID, `${set.bounds}`);
    previous = last;
  }
}

/** Checks that the set is what the model says, in every way in which it can be read. */
function assertIs(set: UidSet, model: ReadonlySet<number>): void {
  assertCanonical(set);
  const uids = ascending(model);
  assert.deepEqual([...set], uids);
  assert.equal(set.size, uids.length);
  assert.equal(set.isEmpty, uids.length === 0);
  assert.equal(set.first, uids[0] ?? 0);
  assert.equal(set.last, uids.at(-1) ?? 0);
  for (let uid = 0; uid <= MAX_SMALL + 10; uid++) assert.equal(set.has(uid), model.has(uid), `${uid} in ${set}`);
}

/** Reads a sequence-set again, as RFC 9051 writes it. */
function parse(text: string): UidSet {
  return build(
    text === "" ? [] : text.split(",").map((word): Range => {
      const [from, to] = word.split(":").map(Number);
      return [from ?? 0, to ?? from ?? 0];
    }),
  );
}

Deno.test("`UidSetBuilder` builds the union of what was added, in any order", () => {
  fc.assert(fc.property(ranges, (list) => assertIs(build(list), expand(list))));
});

Deno.test("`UidSetBuilder` goes on after build() without changing what it built", () => {
  fc.assert(fc.property(ranges, ranges, (first, more) => {
    const builder = new UidSetBuilder();
    for (const [from, to] of first) builder.add(from, to);
    const built = builder.build();
    for (const [from, to] of more) builder.add(from, to);
    assertIs(built, expand(first));
    assertIs(builder.build(), expand([...first, ...more]));
  }));
});

Deno.test("`UidSet.of()` takes UIDs in any order, doubles included", () => {
  fc.assert(fc.property(fc.array(fc.integer({ min: 1, max: MAX_SMALL })), (uids) => {
    assertIs(UidSet.of(uids), new Set(uids));
  }));
});

Deno.test("`UidSet.range()` is empty when it ends before it begins", () => {
  assertIs(UidSet.range(3, 5), new Set([3, 4, 5]));
  assertIs(UidSet.range(5, 5), new Set([5]));
  assert.equal(UidSet.range(6, 5), UidSet.empty);
});

Deno.test("`union()`, `intersect()`, `subtract()` and `equals()` do what they do to Sets", () => {
  fc.assert(fc.property(ranges, ranges, (a, b) => {
    const [left, right] = [build(a), build(b)];
    const [lefts, rights] = [expand(a), expand(b)];
    assertIs(left.union(right), lefts.union(rights));
    assertIs(left.intersect(right), lefts.intersection(rights));
    assertIs(left.subtract(right), lefts.difference(rights));
    assert.equal(left.equals(right), lefts.symmetricDifference(rights).size === 0);
    assertIs(left, lefts);
    assertIs(right, rights);
  }));
});

Deno.test("`union()`, `intersect()` and `subtract()` keep the laws of sets when ranges are huge", () => {
  fc.assert(fc.property(wideRanges, wideRanges, (a, b) => {
    const [left, right] = [build(a), build(b)];
    const [both, common, rest] = [left.union(right), left.intersect(right), left.subtract(right)];
    for (const set of [left, right, both, common, rest]) assertCanonical(set);
    assert.equal(both.size, left.size + right.size - common.size);
    assert.equal(rest.size, left.size - common.size);
    assert(rest.union(common).equals(left));
    assert(rest.intersect(right).isEmpty);
    assert(both.subtract(right).equals(rest));
    assert(common.equals(right.intersect(left)));
    assert(both.equals(right.union(left)));
    for (const bound of left.bounds) assert(left.has(bound) && both.has(bound));
    for (const bound of common.bounds) assert(left.has(bound) && right.has(bound));
    for (const bound of rest.bounds) assert(left.has(bound) && !right.has(bound));
  }));
});

Deno.test("`UidSet` is never expanded when it holds every UID", () => {
  const all = UidSet.range(1, MAX_UID);
  assert.equal(all.size, MAX_UID);
  assert(all.has(1) && all.has(MAX_UID) && !all.has(0) && !all.has(MAX_UID + 1));
  assert.equal(all.subtract(UidSet.of([1, 7, MAX_UID])).toString(), `2:6,8:${MAX_UID - 1}`);
  assert(UidSet.of([5]).subtract(all).isEmpty);
  assert.equal(all.union(UidSet.of([3])).toString(), `1:${MAX_UID}`);
  assert.equal(all.intersect(UidSet.of([MAX_UID, 2])).toString(), `2,${MAX_UID}`);
  assert.deepEqual([...all.slices(2 ** 31)].map(String), [`1:${2 ** 31}`, `${2 ** 31 + 1}:${MAX_UID}`]);
  assert.deepEqual([...all.chunks(21)].map(String), [`1:${MAX_UID}`]);
});

Deno.test("`toString()` is the shortest sequence-set, and reads back as the same set", () => {
  assert.equal(build([[7, 7], [1, 2], [3, 3], [9, 10]]).toString(), "1:3,7,9:10");
  assert.equal(UidSet.empty.toString(), "");
  fc.assert(fc.property(wideRanges, (list) => {
    const set = build(list);
    assert(parse(set.toString()).equals(set));
    assert(UidSet.fromBounds(set.bounds).equals(set));
  }));
});

Deno.test("`slices()` cuts the set into consecutive parts that are full but for the last", () => {
  fc.assert(fc.property(ranges, fc.integer({ min: 1, max: 7 }), (list, count) => {
    const set = build(list);
    const parts = [...set.slices(count)];
    for (const part of parts) assertCanonical(part);
    assert.deepEqual(parts.flatMap((part) => [...part]), [...set]);
    assert(parts.slice(0, -1).every((part) => part.size === count));
    assert(parts.every((part) => part.size >= 1 && part.size <= count));
  }));
});

Deno.test("`chunks()` cuts the set into consecutive parts whose text is as long as it may be", () => {
  fc.assert(fc.property(wideRanges, fc.integer({ min: 21, max: 60 }), (list, octets) => {
    const set = build(list);
    const texts = [...set.chunks(octets)].map(String);
    assert(texts.every((text) => text.length >= 1 && text.length <= octets), texts.join(" "));
    assert.equal(texts.join(","), set.toString());
    texts.slice(1).forEach((text, i) => {
      const word = text.split(",")[0] ?? "";
      assert(`${texts[i]},${word}`.length > octets, `${word} had room in ${texts[i]}`);
    });
  }));
});

Deno.test("iterating yields a UID at a time, so that a huge set can be left early", () => {
  const seen: number[] = [];
  for (const uid of UidSet.range(MAX_UID - 1000, MAX_UID)) {
    seen.push(uid);
    if (seen.length === 3) break;
  }
  assert.deepEqual(seen, [MAX_UID - 1000, MAX_UID - 999, MAX_UID - 998]);
  assert.equal([...UidSet.range(MAX_UID - 1, MAX_UID)].at(-1), MAX_UID);
});

Deno.test("`UidSetBuilder.addAll()` adds every range of a set to those that are there", () => {
  const builder = new UidSetBuilder();
  builder.add(4);
  builder.addAll(UidSet.range(1, 2).union(UidSet.range(5, 9)));
  builder.addAll(UidSet.empty);
  assert.deepEqual([...builder.build().bounds], [1, 2, 4, 9]);
});
