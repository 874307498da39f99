// What a listing of all UIDs makes of a server's word, and what two of them prove.

import assert from "node:assert/strict";
import fc from "fast-check";
import { MAX_UID, UidSet } from "../../lib/protocol/uid_set.ts";
import { accounts } from "../../lib/sync/accounting.ts";
import { brief, doubtIn, type Evidence, type Finding, provenMissing, weigh } from "../../lib/sync/proof.ts";
import { hugeUidSets, uidSets } from "../support/generators.ts";

function set(text: string): UidSet {
  return UidSet.of(text === "" ? [] : text.split(",").map(Number));
}

/** Messages 1 to 5 are paired, 6 is unmapped, UIDNEXT was 8; everything that is there was listed and counted. */
function finding(changes: { claimed?: string; listed?: string; exists?: number }): Finding {
  const { claimed = "", listed = "1,2,3,4,5,6" } = changes;
  const exists = changes.exists ?? set(listed).size;
  return weigh({
    paired: set("1,2,3,4,5"),
    unmapped: set("6"),
    since: 8,
    claimed: set(claimed),
    listed: set(listed),
    exists,
  });
}

const TABLE: readonly (readonly [
  title: string,
  changes: Parameters<typeof finding>[0],
  expected: {
    missing?: string;
    unreported?: string;
    alive?: string;
    arrived?: string;
    passedOver?: string;
    settled?: string;
  },
  doubt: RegExp | null,
])[] = [
  ["nothing happened", {}, {}, null],
  ["an honest expunge", { claimed: "2", listed: "1,3,4,5,6" }, { missing: "2" }, null],
  ["VANISHED of what nobody knew", { claimed: "2,7", listed: "1,3,4,5,6" }, { missing: "2" }, null],
  ["new mail", { listed: "1,2,3,4,5,6,8,9" }, { arrived: "8:9" }, null],
  ["a message that an earlier run passed over", { listed: "1,2,3,4,5,6,7" }, { passedOver: "7" }, null],
  ["an unmapped message that is gone", { listed: "1,2,3,4,5" }, { settled: "6" }, null],
  ["a silent loss", { listed: "1,2,4,5,6" }, { missing: "3", unreported: "3" }, /1 message\(s\) are missing \(UID 3\)/],
  ["an existing message named", { claimed: "1,2" }, { alive: "1:2" }, /reported UID\(s\) 1:2 as vanished that exist/],
  ["EXISTS that contradicts", { exists: 7 }, {}, /says EXISTS 7 and lists 6/],
  ["a number that is right by chance", { claimed: "1", listed: "1,2,3,4,6" }, {
    missing: "5",
    unreported: "5",
    alive: "1",
  }, /missing/],
];

for (const [title, changes, expected, doubt] of TABLE) {
  Deno.test(`weigh() tells of ${title}`, () => {
    const found = finding(changes);
    const { missing, unreported, alive, arrived, passedOver, settled } = found;
    const texts = { missing, unreported, alive, arrived, passedOver, settled };
    const shown = Object.fromEntries(Object.entries(texts).map(([name, uids]) => [name, `${uids}`]));
    const nothing = { missing: "", unreported: "", alive: "", arrived: "", passedOver: "", settled: "" };
    assert.deepEqual(shown, { ...nothing, ...expected });
    if (doubt === null) assert.equal(doubtIn(found), null);
    else assert.match(doubtIn(found) ?? "", doubt);
  });
}

const evidence: fc.Arbitrary<Evidence> = fc.record({
  paired: uidSets(),
  unmapped: uidSets(),
  since: fc.integer({ min: 0, max: 61 }),
  claimed: hugeUidSets(),
  listed: uidSets(),
  exists: fc.nat(30),
}).map((all) => ({ ...all, unmapped: all.unmapped.subtract(all.paired) }));

Deno.test("weigh() finds what an honest server would have said: it adds up, and what is listed is never missing", () => {
  fc.assert(fc.property(evidence, (all) => {
    const found = weigh(all);
    assert.ok(found.missing.intersect(all.listed).isEmpty);
    assert.ok(found.missing.subtract(all.paired).isEmpty);
    assert.ok(found.arrived.intersect(all.paired).isEmpty);
    const gone = all.unmapped.subtract(all.listed).size;
    assert.ok(accounts({
      known: all.paired.size + all.unmapped.size,
      knownVanished: found.missing.size + gone,
      arrived: found.arrived.size + found.passedOver.size,
      exists: all.listed.size,
    }));
  }));
});

Deno.test("doubtIn() is null only when the server named what is missing, nothing else, and counted right", () => {
  fc.assert(fc.property(evidence, (all) => {
    const found = weigh(all);
    const honest = all.claimed.intersect(all.paired).equals(found.missing) && all.listed.size === all.exists;
    assert.equal(doubtIn(found) === null, honest);
  }));
});

Deno.test("provenMissing() needs two listings, or one and a report; nothing that the second lists is in it", () => {
  fc.assert(fc.property(evidence, evidence, (one, two) => {
    const [first, second] = [weigh(one), weigh({ ...two, paired: one.paired })];
    const proven = provenMissing(first, second);
    assert.ok(proven.intersect(two.listed).isEmpty);
    assert.ok(proven.subtract(one.paired).isEmpty);
    for (let uid = 1; uid <= 60; uid++) {
      const twice = first.missing.has(uid) && second.missing.has(uid);
      const reported = second.missing.has(uid) && two.claimed.has(uid);
      assert.equal(proven.has(uid), twice || reported);
    }
  }));
});

Deno.test("brief() names as many UIDs as fit a line", () => {
  assert.equal(brief(UidSet.range(1, MAX_UID)), `1:${MAX_UID}`);
  const many = brief(UidSet.of(Array.from({ length: 500 }, (_, i) => 2 * i + 1)));
  assert.ok(many.length <= 210 && many.endsWith(",..."));
});
