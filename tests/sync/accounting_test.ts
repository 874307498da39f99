// Whether EXISTS is explained, and what a full listing or a question about vanished UIDs says instead.

import assert from "node:assert/strict";
import fc from "fast-check";
import { MAX_UID, UidSet } from "../../lib/protocol/uid_set.ts";
import { accounts, confirmedVanished, recount, unexplained } from "../../lib/sync/accounting.ts";
import { hugeUidSets, uidSets } from "../support/generators.ts";

Deno.test("accounts() is true when nothing happened, and when everything adds up", () => {
  assert.equal(accounts({ known: 0, knownVanished: 0, arrived: 0, exists: 0 }), true);
  assert.equal(accounts({ known: 5, knownVanished: 0, arrived: 0, exists: 5 }), true);
  assert.equal(accounts({ known: 5, knownVanished: 2, arrived: 4, exists: 7 }), true);
});

Deno.test("accounts() is false when VANISHED names messages that are still there", () => {
  // VANISHED 1:26185 of a mailbox with 5393 messages
  const census = { known: 5393, knownVanished: 5393, arrived: 0, exists: 5393 };
  assert.equal(accounts(census), false);
  assert.equal(unexplained(census), 5393);
});

Deno.test("accounts() is false when messages are gone that VANISHED does not name", () => {
  const census = { known: 5, knownVanished: 0, arrived: 0, exists: 3 };
  assert.equal(accounts(census), false);
  assert.equal(unexplained(census), -2);
});

Deno.test("recount() finds what an honest server would have reported", () => {
  fc.assert(fc.property(uidSets(), uidSets(), (known, present) => {
    const { vanished, arrived } = recount(known, present);
    assert(known.subtract(vanished).union(arrived).equals(present));
    assert(vanished.subtract(known).isEmpty);
    assert(arrived.intersect(known).isEmpty);
    const counts = { known: known.size, knownVanished: vanished.size, arrived: arrived.size, exists: present.size };
    assert(accounts(counts));
  }));
});

Deno.test("confirmedVanished() leaves no UID that answered, however much VANISHED names", () => {
  assert.equal(`${confirmedVanished(UidSet.range(1, MAX_UID), UidSet.of([3]))}`, `1:2,4:${MAX_UID}`);
  fc.assert(fc.property(hugeUidSets(), uidSets(), (vanished, answered) => {
    const confirmed = confirmedVanished(vanished, answered);
    assert(confirmed.intersect(answered).isEmpty);
    assert(confirmed.union(vanished.intersect(answered)).equals(vanished));
  }));
});
