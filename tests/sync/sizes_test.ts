// Which messages can be the same by their sizes.

import assert from "node:assert/strict";
import { UidSet } from "../../lib/protocol/mod.ts";
import { MBSYNC_LINE_OCTETS } from "../../lib/sync/mbsync_header.ts";
import { alike, Sizes } from "../../lib/sync/sizes.ts";

function sizes(of: Readonly<Record<number, number>>, limit = 1000): Sizes {
  const known = new Sizes(limit);
  for (const [uid, size] of Object.entries(of)) known.set(Number(uid), size);
  return known;
}

function found(local: Sizes, remote: Sizes, which: "all" | "likely" = "all"): readonly string[] {
  const uids = UidSet.range(1, 5);
  const arrived = { local: local.uids.intersect(uids), remote: remote.uids.intersect(uids) };
  const { local: here, remote: there } = alike(arrived, { local, remote })[which];
  return [here.toString(), there.toString()];
}

Deno.test("`alike()` finds messages of one size, and those that the line of mbsync makes different", () => {
  const line = MBSYNC_LINE_OCTETS;
  assert.deepEqual(found(sizes({ 1: 100, 2: 200 }), sizes({ 3: 200, 4: 300 })), ["2", "3"]);
  assert.deepEqual(found(sizes({ 1: 100, 2: 200 }), sizes({ 3: 100 + line, 4: 200 - line })), ["1:2", "3:4"]);
  assert.deepEqual(found(sizes({ 1: 100 }), sizes({ 3: 101, 4: 100 + 2 * line })), ["", ""]);
  assert.deepEqual(found(sizes({ 1: 100, 9: 300 }), sizes({ 3: 100, 4: 300 })), ["1", "3:4"]);
});

Deno.test("likely are those that are equally large, and those that are longer by the line of mbsync", () => {
  const line = MBSYNC_LINE_OCTETS;
  assert.deepEqual(found(sizes({ 1: 100, 2: 200 }), sizes({ 3: 200, 4: 300 }), "likely"), ["2", "3"]);
  assert.deepEqual(found(sizes({ 1: 100, 2: 200 }), sizes({ 3: 100 + line, 4: 200 - line }), "likely"), ["2", "3"]);
});

Deno.test("`alike()` keeps all messages when the size of one is not known", () => {
  const uids = { local: UidSet.range(1, 3), remote: UidSet.range(4, 5) };
  const whole = { all: uids, likely: uids };
  assert.deepEqual(alike(uids, { local: sizes({ 1: 100, 2: 100 }), remote: sizes({ 4: 7, 5: 8 }) }), whole);
  assert.deepEqual(alike(uids, { local: sizes({ 1: 1, 2: 2, 3: 3 }), remote: sizes({ 4: 7 }) }), whole);
});

Deno.test("`Sizes` takes no more than it was asked to", () => {
  const many = sizes(Object.fromEntries(Array.from({ length: 500 }, (_, i) => [i + 1, i])), 300);
  assert.equal(many.uids.toString(), "1:300");
  assert.deepEqual([...many.sorted()].slice(-2), [298, 299]);
});
