// AgreementLog against a plain map, in and out of order.

import assert from "node:assert/strict";
import fc from "fast-check";
import { makeFlagSet, NO_FLAGS } from "../../lib/protocol/flags.ts";
import { MAX_UID } from "../../lib/protocol/uid_set.ts";
import { AgreementLog } from "../../lib/sync/agreements.ts";
import { flagSets, uids } from "../support/generators.ts";

const SEEN = makeFlagSet(["\\Seen"]);

Deno.test("AgreementLog.get() is null for what was never set", () => {
  const log = new AgreementLog();
  assert.equal(log.get(1), null);
  log.set(5, SEEN);
  assert.equal(log.get(4), null);
  assert.equal(log.get(6), null);
});

Deno.test("AgreementLog.get() tells no flags from no agreement", () => {
  const log = new AgreementLog();
  log.set(MAX_UID, NO_FLAGS);
  assert.equal(log.get(MAX_UID), NO_FLAGS);
});

Deno.test("AgreementLog.set() replaces what was agreed before", () => {
  const log = new AgreementLog();
  for (const uid of [1, 2, 3]) log.set(uid, NO_FLAGS);
  log.set(2, SEEN);
  assert.deepEqual([1, 2, 3].map((uid) => log.get(uid)?.key), ["", "\\Seen", ""]);
});

Deno.test("AgreementLog.delete() forgets, until it is set again", () => {
  const log = new AgreementLog();
  for (const uid of [1, 2, 3]) log.set(uid, SEEN);
  log.delete(2);
  log.delete(9);
  assert.deepEqual([1, 2, 3].map((uid) => log.get(uid)), [SEEN, null, SEEN]);
  log.set(2, NO_FLAGS);
  assert.equal(log.get(2), NO_FLAGS);
});

Deno.test("AgreementLog answers as a map when it is used in any order", () => {
  const step = fc.record({ verb: fc.constantFrom("set", "set", "set", "delete"), uid: uids(40), flags: flagSets() });
  fc.assert(fc.property(fc.array(step, { maxLength: 200, size: "max" }), (steps) => {
    const log = new AgreementLog();
    const map = new Map<number, string>();
    for (const { verb, uid, flags } of steps) {
      if (verb === "set") {
        log.set(uid, flags);
        map.set(uid, flags.key);
      } else {
        log.delete(uid);
        map.delete(uid);
      }
    }
    for (let uid = 1; uid <= 41; uid++) assert.equal(log.get(uid)?.key, map.get(uid));
  }));
});

Deno.test("AgreementLog keeps thousands of copies when pull and push both ascend", () => {
  const log = new AgreementLog();
  const flags = ["a", "b", "c"].map((keyword) => makeFlagSet([keyword]));
  const of = (uid: number) => flags[uid % 3] ?? NO_FLAGS;
  for (let uid = 50_001; uid <= 60_000; uid++) log.set(uid, of(uid));
  for (let uid = 1; uid <= 20_000; uid += 2) log.set(uid, of(uid));
  for (let uid = 60_001; uid <= 61_000; uid++) log.set(uid, of(uid));
  for (let uid = 1; uid <= 62_000; uid++) {
    const expected = (uid <= 20_000 && uid % 2 === 1) || (uid > 50_000 && uid <= 61_000);
    assert.equal(log.get(uid), expected ? of(uid) : null);
  }
});

Deno.test("AgreementLog keeps apart more flag sets than it has numbers for", () => {
  const log = new AgreementLog();
  const key = (uid: number) => `k${uid}`;
  for (let uid = 1; uid <= 70_000; uid++) log.set(uid, makeFlagSet([key(uid)]));
  for (const uid of [1, 65_535, 65_536, 70_000]) assert.equal(log.get(uid)?.key, key(uid));
  log.set(70_000, makeFlagSet([key(1)]));
  log.delete(69_999);
  assert.deepEqual([70_000, 69_999].map((uid) => log.get(uid)?.key), ["k1", undefined]);
  log.delete(70_000);
  assert.equal(log.get(70_000), null);
  log.set(1, makeFlagSet(["new"]));
  assert.equal(log.get(1)?.key, "new");
});
