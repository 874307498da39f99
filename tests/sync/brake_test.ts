// The delete brake as arithmetic: how many deletions are too many, and what is left of a plan then.

import assert from "node:assert/strict";
import fc from "fast-check";
import { UidSet } from "../../lib/protocol/uid_set.ts";
import {
  allowedDeletes,
  type BrakeMemory,
  DEFAULT_LIMIT,
  type DeleteLimit,
  heldText,
  MailboxBrake,
  NO_LIMIT,
} from "../../lib/sync/brake.ts";
import type { Pair, Plan, Side } from "../../lib/sync/model.ts";
import { makeFlagSet } from "../../lib/protocol/flags.ts";

const SIDES: readonly Side[] = ["local", "remote"];

const count = (value: number): DeleteLimit => ({ count: value, percent: null });
const percent = (value: number): DeleteLimit => ({ count: null, percent: value });

/** Pairs whose remote UID is 100 above the local one. */
function pairs(...localUids: readonly number[]): readonly Pair[] {
  return localUids.map((localUid) => ({ localUid, remoteUid: localUid + 100 }));
}

function upTo(last: number): readonly number[] {
  return Array.from({ length: last }, (_, i) => i + 1);
}

const OTHER_WORK = {
  stores: [{ flags: makeFlagSet(["\\Seen"]), pairs: pairs(70) }],
  forget: pairs(80),
  pull: UidSet.range(190, 195),
  push: UidSet.range(90, 95),
} as const;

/** Of a mailbox with so many pairs; `held`: the sides on which deletions wait. */
function memory(countOfPairs: number, held: Side[] = []): BrakeMemory {
  return {
    countPairs: () => countOfPairs,
    isHeld: (side) => held.includes(side),
    hold: (side) => void held.push(side),
  };
}

/** A plan with other work, and with these deletions (local UIDs). */
function planOf(local: readonly number[], remote: readonly number[]): Plan {
  const { stores, forget, pull, push } = OTHER_WORK;
  return {
    local: { expunge: pairs(...local), stores },
    remote: { expunge: pairs(...remote), stores },
    forget,
    pull,
    push,
    notes: [],
  };
}

const ALLOWED: readonly (readonly [what: string, limit: DeleteLimit, pairs: number, allowed: number])[] = [
  ["the default in an empty mailbox", DEFAULT_LIMIT, 0, 1000],
  ["the default in a mailbox of 20", DEFAULT_LIMIT, 20, 1000],
  ["the default in a mailbox of 21, rounded down", DEFAULT_LIMIT, 21, 10],
  ["the default in a mailbox of 22", DEFAULT_LIMIT, 22, 11],
  ["the default where both are the same", DEFAULT_LIMIT, 2000, 1000],
  ["the default below", DEFAULT_LIMIT, 1999, 999],
  ["the default in a large mailbox", DEFAULT_LIMIT, 1_000_000, 1000],
  ["no deletion", count(0), 5, 0],
  ["a number, whatever the mailbox", count(7), 21, 7],
  ["a share of nothing", percent(0), 21, 0],
  ["a share of nothing in a small mailbox", percent(0), 20, Infinity],
  ["a third, rounded down", percent(33), 100, 33],
  ["a third of 21", percent(33), 21, 6],
  ["everything", percent(100), 500, 500],
  ["no limit", NO_LIMIT, 5000, Infinity],
];

for (const [what, limit, mailbox, allowed] of ALLOWED) {
  Deno.test(`\`allowedDeletes()\` knows ${what}`, () => assert.equal(allowedDeletes(limit, mailbox), allowed));
}

Deno.test("`apply()` gives back the same plan when exactly as many deletions are planned as are allowed", () => {
  const plan = planOf(upTo(10), upTo(10));
  const brake = new MailboxBrake(count(10), memory(100));
  assert.equal(brake.apply(plan).local, plan.local);
  assert.equal(brake.apply(plan).remote, plan.remote);
  assert.ok(SIDES.every((side) => brake.held(side).isEmpty && !brake.holdsNewsOf(side)));
});

Deno.test("`apply()` holds all deletions of a side, and nothing else, when one is too many", () => {
  const plan = planOf([1], upTo(11));
  const brake = new MailboxBrake(count(10), memory(100));
  assert.deepEqual(brake.apply(plan), { ...plan, remote: { ...plan.remote, expunge: [] } });
  assert.equal(brake.held("remote").toString(), "101:111");
  assert.ok(brake.held("local").isEmpty);
  // What is gone from local is not on remote yet.
  assert.ok(brake.holdsNewsOf("local"));
  assert.ok(!brake.holdsNewsOf("remote"));
});

Deno.test("`apply()` counts the passes of a run together, a message that is planned twice once", () => {
  const brake = new MailboxBrake(count(10), memory(100));
  for (const uids of [upTo(6), upTo(10)]) {
    assert.equal(brake.apply(planOf([], uids)).remote.expunge.length, uids.length);
  }
  const third = brake.apply(planOf([], [9, 10, 11]));
  assert.deepEqual(third.remote.expunge, pairs(9, 10));
  assert.equal(brake.held("remote").toString(), "111");
});

Deno.test("`apply()` lets nothing new through once something is held", () => {
  const brake = new MailboxBrake(count(10), memory(100));
  brake.apply(planOf([], upTo(30)));
  assert.deepEqual(brake.apply(planOf([], upTo(3))).remote.expunge, []);
  assert.deepEqual(brake.apply(planOf(upTo(3), [])).local.expunge, pairs(1, 2, 3));
});

Deno.test("`apply()` remembers what it holds, and goes on holding what an earlier run held, unless there is no limit", () => {
  const held: Side[] = [];
  new MailboxBrake(count(10), memory(100, held)).apply(planOf(upTo(3), upTo(11)));
  assert.deepEqual(held, ["remote"]);
  const next = new MailboxBrake(count(10), memory(100, held));
  const left = next.apply(planOf(upTo(3), upTo(2)));
  assert.deepEqual(left.remote.expunge, []);
  assert.equal(left.local.expunge.length, 3);
  assert.equal(next.held("remote").toString(), "101:102");
  assert.deepEqual(held, ["remote"]);
  const confirmed = new MailboxBrake(NO_LIMIT, memory(100, held));
  assert.equal(confirmed.apply(planOf([], upTo(11))).remote.expunge.length, 11);
});

Deno.test("`apply()` counts the pairs once, before the first deletion, and only when there is one", () => {
  let asked = 0;
  const brake = new MailboxBrake(percent(50), { ...memory(0), countPairs: () => 30 - 10 * asked++ });
  brake.apply(planOf([], []));
  assert.equal(asked, 0);
  assert.equal(brake.apply(planOf([], upTo(15))).remote.expunge.length, 15);
  assert.equal(brake.apply(planOf([], upTo(16))).remote.expunge.length, 15);
  assert.equal(asked, 1);
  assert.equal(brake.pairs, 30);
});

Deno.test("`apply()` never lets more through than is allowed, holds nothing without need, and leaves the rest alone", () => {
  const limits = fc.record({
    count: fc.option(fc.nat(40), { nil: null }),
    percent: fc.option(fc.nat(100), { nil: null }),
  });
  const uids = fc.uniqueArray(fc.integer({ min: 1, max: 60 }), { maxLength: 40 });
  const passes = fc.array(fc.record({ local: uids, remote: uids }), { minLength: 1, maxLength: 3 });
  fc.assert(fc.property(limits, fc.integer({ min: 60, max: 90 }), passes, (limit, mailbox, planned) => {
    const brake = new MailboxBrake(limit, memory(mailbox));
    const allowed = allowedDeletes(limit, mailbox);
    const through: Record<Side, Set<number>> = { local: new Set(), remote: new Set() };
    const asked: Record<Side, Set<number>> = { local: new Set(), remote: new Set() };
    for (const one of planned) {
      const plan = planOf(one.local, one.remote);
      const left = brake.apply(plan);
      for (const side of SIDES) {
        for (const pair of left[side].expunge) through[side].add(pair.localUid);
        for (const pair of plan[side].expunge) asked[side].add(pair.localUid);
        assert.ok(left[side].expunge.every((pair) => plan[side].expunge.includes(pair)));
        assert.equal(left[side].stores, plan[side].stores);
      }
      assert.deepEqual({ ...left, local: null, remote: null }, { ...plan, local: null, remote: null });
    }
    for (const side of SIDES) {
      const offset = side === "local" ? 0 : 100;
      assert.ok(through[side].size <= allowed);
      const held = [...brake.held(side)].map((uid) => uid - offset);
      assert.equal(held.length === 0, asked[side].size <= allowed);
      assert.deepEqual(new Set([...held, ...through[side]]), asked[side]);
      assert.ok(held.every((uid) => !through[side].has(uid)));
    }
  }));
});

Deno.test("`heldText()` says how many of how many, where, which, and both ways on", () => {
  assert.equal(
    heldText(UidSet.range(101, 130), "remote", 32, "INBOX"),
    "Delete brake: 30 of 32 messages are gone from local and would be deleted here (UID 101:130). These deletions " +
      "wait. To carry them out run `interimap --confirm-deletes=INBOX`; to copy the messages back to local run " +
      "`interimap --target=database --delete INBOX`, then `interimap`.",
  );
});

Deno.test("`heldText()` names a few of many messages, and quotes a name for the shell", () => {
  const held = UidSet.of(upTo(200).map((i) => 2 * i));
  const text = heldText(held, "local", 300, "it's a/`b`");
  assert.match(text, /^Delete brake: 200 of 300 messages are gone from remote .* \(UID 2,4,6[\d,]*,\.\.\.\)/);
  assert.ok(text.includes("--confirm-deletes='it'\\''s a/`b`'`"), text);
  assert.ok(text.length < 500);
});
