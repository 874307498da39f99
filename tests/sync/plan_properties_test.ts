// What holds for every plan, whatever happened on both sides: tried on random histories of two mailboxes.

import assert from "node:assert/strict";
import fc from "fast-check";
import { unionFlags } from "../../lib/protocol/flags.ts";
import type { FlagSet } from "../../lib/protocol/types.ts";
import { UidSet } from "../../lib/protocol/uid_set.ts";
import { otherSide, type Pair, type Plan, type PlanInput, type Side, uidOf } from "../../lib/sync/model.ts";
import { plan } from "../../lib/sync/plan.ts";
import { hugeUidSets, shuffled } from "../support/generators.ts";
import { AgreementMap, histories, MailModel } from "./mail_model.ts";

const SIDES: readonly Side[] = ["local", "remote"];

function mirrorPair(pair: Pair): Pair {
  return { localUid: pair.remoteUid, remoteUid: pair.localUid };
}

function mirrorSide(side: Plan["local"]): Plan["local"] {
  const stores = side.stores.map(({ flags, pairs }) => ({ flags, pairs: pairs.map(mirrorPair) }));
  return { expunge: side.expunge.map(mirrorPair), stores };
}

/** The plan with sides exchanged; what ascends by local UID in the one does not in the other, and is made comparable. */
function mirrorPlan(result: Plan): Plan {
  return {
    local: mirrorSide(result.remote),
    remote: mirrorSide(result.local),
    forget: result.forget.map(mirrorPair),
    pull: result.push,
    push: result.pull,
    notes: result.notes.map((note) =>
      note.kind === "conflict"
        ? { ...note, pair: mirrorPair(note.pair), local: note.remote, remote: note.local }
        : { ...note, side: otherSide(note.side) }
    ),
  };
}

function unordered(result: Plan): Plan {
  const byText = <T>(list: readonly T[]) => list.toSorted((a, b) => JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);
  return { ...result, forget: byText(result.forget), notes: byText(result.notes) };
}

function mirrorInput(input: PlanInput): PlanInput {
  const agreed = new AgreementMap();
  for (const { localUid, remoteUid } of input.pairs) {
    const flags = input.agreed.get(localUid);
    if (flags !== null) agreed.set(remoteUid, flags);
  }
  return { local: input.remote, remote: input.local, pairs: input.pairs.map(mirrorPair), agreed };
}

function storedPairs(result: Plan, side: Side): Pair[] {
  return result[side].stores.flatMap(({ pairs }) => [...pairs]);
}

function isQuiet(result: Plan): boolean {
  const nothing = SIDES.every((side) => result[side].expunge.length + result[side].stores.length === 0);
  const conflicts = result.notes.some(({ kind }) => kind === "conflict");
  return nothing && result.forget.length === 0 && result.pull.isEmpty && result.push.isEmpty && !conflicts;
}

Deno.test("plan() is the same for both sides when they are exchanged", () => {
  fc.assert(fc.property(histories(), (history) => {
    const input = new MailModel(history).input();
    assert.deepEqual(unordered(mirrorPlan(plan(input))), unordered(plan(mirrorInput(input))));
  }));
});

Deno.test("plan() does not depend on the order of what it is given", () => {
  const reordered = histories().chain((history) => {
    const input = new MailModel(history).input();
    return fc.record({
      input: fc.constant(input),
      pairs: shuffled([...input.pairs, ...input.pairs]),
      local: shuffled([...input.local.modified]),
      remote: shuffled([...input.remote.modified]),
    });
  });
  fc.assert(fc.property(reordered, ({ input, pairs, local, remote }) => {
    const other = plan({
      ...input,
      pairs,
      local: { ...input.local, modified: new Map(local) },
      remote: { ...input.remote, modified: new Map(remote) },
    });
    assert.deepEqual(other, plan(input));
  }));
});

Deno.test("plan() has nothing left to do when its plan was carried out", () => {
  fc.assert(fc.property(histories(), (history) => {
    const model = new MailModel(history);
    model.apply(plan(model.input()));
    model.agree();
    assert(isQuiet(plan(model.input())));
  }));
});

Deno.test("plan() leaves every pair with equal flags, and no pair with one copy, when its plan was carried out", () => {
  fc.assert(fc.property(histories(), (history) => {
    const model = new MailModel(history);
    model.apply(plan(model.input()));
    for (const { localUid, remoteUid } of model.pairs) {
      assert.equal(model.local.messages.get(localUid)?.key, model.remote.messages.get(remoteUid)?.key);
      assert.notEqual(model.local.messages.get(localUid), undefined);
    }
  }));
});

Deno.test("plan() reaches the same end when a part of its plan was carried out and it is made again", () => {
  const done = fc.array(fc.boolean(), { minLength: 40, maxLength: 40 });
  const crashes = fc.record({ history: histories(), done, sameRun: fc.boolean() });
  fc.assert(fc.property(crashes, ({ history, done, sameRun }) => {
    const input = (model: MailModel) => sameRun ? model.input() : model.input(new AgreementMap());
    const straight = new MailModel(history);
    straight.apply(plan(input(straight)));
    const crashed = new MailModel(history);
    crashed.apply(plan(input(crashed)), (step) => done[step] ?? false);
    crashed.apply(plan(input(crashed)));
    for (const { pair } of history.pairs) {
      assert.equal(crashed.local.messages.get(pair.localUid)?.key, straight.local.messages.get(pair.localUid)?.key);
      assert.equal(crashed.remote.messages.get(pair.remoteUid)?.key, straight.remote.messages.get(pair.remoteUid)?.key);
    }
  }));
});

Deno.test("plan() loses no flag that was added on one side", () => {
  fc.assert(fc.property(histories(), (history) => {
    const model = new MailModel(history);
    const before = model.input();
    model.apply(plan(before));
    for (const { pair, base } of history.pairs) {
      for (const side of SIDES) {
        const uid = uidOf(pair, side);
        const otherUid = uidOf(pair, otherSide(side));
        if (before[otherSide(side)].vanished.has(otherUid) || before[side].vanished.has(uid)) continue;
        const added = before[side].modified.get(uid)?.flags.filter((flag) => !base.flags.includes(flag)) ?? [];
        const flags = [model[side].messages.get(uid), model[otherSide(side)].messages.get(otherUid)];
        for (const flag of added) flags.forEach((set) => assert(set?.flags.includes(flag)));
      }
    }
  }));
});

Deno.test("plan() lets a removed flag go when the other side did not change", () => {
  fc.assert(fc.property(histories(), (history) => {
    const model = new MailModel(history);
    model.apply(plan(model.input()));
    for (const { pair, local, remote } of history.pairs) {
      if (local.kind !== "flags" || remote.kind !== "none") continue;
      const agreedAlready = model.agreed.get(pair.localUid)?.key === local.flags.key;
      if (!agreedAlready) assert.equal(model.remote.messages.get(pair.remoteUid)?.key, local.flags.key);
    }
  }));
});

Deno.test("plan() gives both copies the union when both changed and differ", () => {
  fc.assert(fc.property(histories(), (history) => {
    const model = new MailModel(history);
    const result = plan(model.input(new AgreementMap()));
    model.apply(result);
    const conflicts = new Map(
      result.notes.flatMap((note) => note.kind === "conflict" ? [[note.pair.localUid, note.union] as const] : []),
    );
    for (const { pair, local, remote } of history.pairs) {
      if (local.kind !== "flags" || remote.kind !== "flags") continue;
      const union: FlagSet = unionFlags(local.flags, remote.flags);
      const differ = local.flags.key !== remote.flags.key;
      assert.equal(conflicts.get(pair.localUid)?.key, differ ? union.key : undefined);
      assert.equal(model.local.messages.get(pair.localUid)?.key, union.key);
      assert.equal(model.remote.messages.get(pair.remoteUid)?.key, union.key);
    }
  }));
});

Deno.test("plan() never touches a message that has no pair", () => {
  fc.assert(fc.property(histories(), (history) => {
    const model = new MailModel(history);
    const untouched = new Map<Side, Map<number, FlagSet>>();
    for (const side of SIDES) {
      const strangers = new Map([...model[side].messages].filter(([uid]) => uid > 1000));
      untouched.set(side, strangers);
    }
    model.apply(plan(model.input()));
    for (const side of SIDES) {
      for (const [uid, flags] of untouched.get(side) ?? []) assert.equal(model[side].messages.get(uid), flags);
    }
  }));
});

Deno.test("plan() never plans two things for one pair, and nothing for a pair it was not given", () => {
  const doubtful = fc.record({ history: histories(), local: hugeUidSets(), remote: hugeUidSets() });
  fc.assert(fc.property(doubtful, ({ history, local, remote }) => {
    const honest = new MailModel(history).input();
    const input: PlanInput = {
      ...honest,
      local: { ...honest.local, vanished: local },
      remote: { ...honest.remote, vanished: remote },
    };
    const result = plan(input);
    const given = new Set(input.pairs);
    const removed = [...result.forget, ...result.local.expunge, ...result.remote.expunge];
    assert.equal(new Set(removed).size, removed.length);
    for (const side of SIDES) {
      const stored = storedPairs(result, side);
      assert.equal(new Set(stored).size, stored.length);
      for (const pair of [...stored, ...removed]) assert(given.has(pair));
      for (const pair of stored) assert(!removed.includes(pair));
    }
  }));
});

Deno.test("plan() expunges a copy only when the other one is gone and this one is not", () => {
  const doubtful = fc.record({ history: histories(), local: hugeUidSets(), remote: hugeUidSets() });
  fc.assert(fc.property(doubtful, ({ history, local, remote }) => {
    const honest = new MailModel(history).input();
    const input: PlanInput = {
      ...honest,
      local: { ...honest.local, vanished: local },
      remote: { ...honest.remote, vanished: remote },
    };
    const result = plan(input);
    for (const side of SIDES) {
      const vanished = input[otherSide(side)].vanished;
      const expected = input.pairs.filter((pair) =>
        vanished.has(uidOf(pair, otherSide(side))) && !input[side].vanished.has(uidOf(pair, side))
      );
      assert.equal(
        `${UidSet.of(result[side].expunge.map((pair) => uidOf(pair, side)))}`,
        `${UidSet.of(expected.map((pair) => uidOf(pair, side)))}`,
      );
    }
  }));
});
