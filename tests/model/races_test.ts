// What others do while a run is at work, at every command of it: between our look and our STORE, between two of our
// SELECTs, to messages and to whole mailboxes. Nothing is lost or doubled, and the next run ends it.

import assert from "node:assert/strict";
import type { Side } from "../../lib/state/types.ts";
import { finished, type Rig, SIDES } from "../support/model_rig.ts";
import type { ModelMailbox, ModelMailstore } from "../support/model_mailstore.ts";
import { CAPABILITIES } from "../support/model_options.ts";
import { assertQuiet, before, emptyScene, firstRun, messages, type ModelScene } from "../support/model_scene.ts";

/** INBOX and box with four messages on both sides, UIDs 1 to 4. */
async function scene(capabilities: readonly string[] = CAPABILITIES): Promise<ModelScene> {
  const { rig, state } = emptyScene({ capabilities });
  rig.store("remote").create("box");
  for (const name of ["INBOX", "box"]) box(rig, "remote", name).append(messages("a", "b", "c", "d"));
  await firstRun(rig);
  return { rig, state };
}

function box(rig: Rig, side: Side, name = "box"): ModelMailbox {
  return rig.store(side).mailbox(name);
}

/** Runs that nothing disturbs come to rest: both sides equal and paired, the last one silent. */
async function settles(s: ModelScene): Promise<void> {
  for (let i = 0; i < 2; i++) {
    const result = await s.rig.run();
    assert.ok(finished(result));
    assert.equal(result.report?.problems, 0, result.log.join("\n"));
  }
  await assertQuiet(s);
}

Deno.test("a message that is expunged between our look and our STORE is expunged on the source", async () => {
  for (const target of SIDES) {
    const source: Side = target === "local" ? "remote" : "local";
    const s = await scene();
    box(s.rig, source).store([2, 3], { mode: "add", flags: ["\\Seen"] });
    const result = await s.rig.run(before("UID STORE", target, () => box(s.rig, target).expunge([2])));
    assert.ok(finished(result));
    assert.equal(result.report?.problems, 0, result.log.join("\n"));
    await settles(s);
    assert.equal(box(s.rig, source).get(2), null);
    assert.deepEqual(box(s.rig, target).get(3)?.flags, ["\\Seen"]);
  }
});

Deno.test("a message that is expunged on the source between our look and our STORE to its copy is expunged there", async () => {
  const s = await scene();
  box(s.rig, "remote").store([2], { mode: "add", flags: ["\\Seen"] });
  assert.ok(finished(await s.rig.run(before("UID STORE", "local", () => box(s.rig, "remote").expunge([2])))));
  await settles(s);
  assert.equal(box(s.rig, "local").count, 3);
});

Deno.test("a copy of an interrupted run that is flagged or expunged before the next one is no exception", async () => {
  let pairedAboveCursor = 0;
  for (const isExpunged of [false, true]) {
    for (let at = 1;; at++) {
      const s = await scene();
      const { rig, state } = s;
      box(rig, "remote").append(messages("new"));
      const { killed } = await rig.run({ storeFault: { at, how: "kill-after" } });
      if (!killed) break;
      const row = state.overview().find(({ mailbox }) => mailbox === "box");
      if (state.highestPaired(row?.idx ?? 0).local >= (row?.cursors?.local.uidNext ?? 0)) pairedAboveCursor++;
      const isPaired = state.highestPaired(row?.idx ?? 0).local === 5;
      if (isExpunged) box(rig, "local").expunge([5]);
      else box(rig, "local").store([5], { mode: "add", flags: ["\\Seen"] });
      await settles(s);
      if (!isPaired) continue;
      if (isExpunged) assert.equal(box(rig, "remote").get(5), null, `write ${at}`);
      else assert.deepEqual(box(rig, "remote").get(5)?.flags, ["\\Seen"], `write ${at}`);
    }
  }
  assert.ok(pairedAboveCursor > 0);
});

Deno.test("a message that is flagged on the target between the proof and our EXPUNGE is gone: the source deleted it", async () => {
  const s = await scene();
  box(s.rig, "remote").expunge([2]);
  const flag = () => box(s.rig, "local").store([2], { mode: "add", flags: ["\\Flagged"] });
  assert.ok(finished(await s.rig.run(before("UID EXPUNGE", "local", flag))));
  await settles(s);
  assert.equal(box(s.rig, "local").count, 3);
});

Deno.test("a flag change at any command of a run is there in the end, and so are ours", async () => {
  for (const side of SIDES) {
    for (let at = 1;; at++) {
      const s = await scene();
      box(s.rig, "remote").store([1], { mode: "add", flags: ["ours"] });
      box(s.rig, "local").store([2], { mode: "add", flags: ["ours"] });
      box(s.rig, "remote").expunge([4]);
      let done = false;
      const result = await s.rig.run({
        during: (number) => {
          if (number !== at) return;
          done = true;
          box(s.rig, side).store([1, 2, 3], { mode: "add", flags: ["late"] });
        },
      });
      assert.ok(finished(result));
      if (!done) {
        assert.ok(at > 10);
        break;
      }
      await settles(s);
      const flags = box(s.rig, "local").messages.map((message) => message.flags.join(" "));
      assert.deepEqual(flags, ["late ours", "late ours", "late"], `${side} ${at}`);
    }
  }
});

Deno.test("an expunge at any command of a run is carried out, and nothing else goes", async () => {
  for (const side of SIDES) {
    for (let at = 1;; at++) {
      const s = await scene();
      box(s.rig, "remote").store([1], { mode: "add", flags: ["ours"] });
      box(s.rig, "local").append(messages("new"));
      box(s.rig, "remote").expunge([4]);
      let done = false;
      const result = await s.rig.run({
        during: (number) => {
          if (number !== at) return;
          done = true;
          box(s.rig, side).expunge([1]);
        },
      });
      assert.ok(finished(result));
      if (!done) break;
      await settles(s);
      const ids = box(s.rig, "local").messages.map(({ body }) =>
        /Subject: (\w+)/.exec(new TextDecoder().decode(body))?.[1]
      );
      assert.deepEqual(ids, ["b", "c", "new"], `${side} ${at}`);
    }
  }
});

Deno.test("our own changes come back as echoes and cause no further traffic", async () => {
  const s = await scene();
  box(s.rig, "remote").store([1, 2], { mode: "add", flags: ["\\Seen"] });
  box(s.rig, "local").store([3], { mode: "add", flags: ["\\Flagged"] });
  box(s.rig, "remote").append(messages("new"));
  const result = await s.rig.run();
  assert.ok(finished(result));
  for (const side of SIDES) assert.equal(result.commands[side].filter((name) => name === "UID STORE").length, 1, side);
  await settles(s);
});

Deno.test("a mailbox that is deleted or renamed behind our LIST is reported, and the others are done", async () => {
  const acts: readonly ((store: ModelMailstore) => void)[] = [
    (store) => store.delete("box"),
    (store) => store.rename("box", "moved"),
  ];
  for (const side of SIDES) {
    for (const act of acts) {
      const s = await scene();
      for (const name of ["INBOX", "box"]) box(s.rig, "remote", name).append(messages("new"));
      box(s.rig, "local").store([1], { mode: "add", flags: ["\\Seen"] });
      const result = await s.rig.run(before("SELECT", side, () => act(s.rig.store(side))));
      assert.ok(finished(result), result.log.join("\n"));
      assert.equal(result.report?.problems, 1, result.log.join("\n"));
      assert.equal(box(s.rig, "local", "INBOX").count, 5);
      const other: Side = side === "local" ? "remote" : "local";
      assert.ok(box(s.rig, other).count >= 4, "what is left is not touched");
    }
  }
});

Deno.test("a mailbox that is created behind our LIST has its turn in the next run", async () => {
  const s = await scene();
  box(s.rig, "remote").append(messages("new"));
  const create = () => void s.rig.store("remote").create("late").append(messages("x"));
  assert.ok(finished(await s.rig.run(before("SELECT", "local", create))));
  await settles(s);
  assert.equal(box(s.rig, "local", "late").count, 1);
});

Deno.test("a mailbox whose CREATE is refused has no row, and is adopted by the next run", async () => {
  const s = await scene();
  s.rig.store("remote").create("late").append(messages("x"));
  const result = await s.rig.run(before("CREATE", "local", () => void s.rig.store("local").create("late")));
  assert.ok(finished(result));
  assert.equal(result.report?.problems, 1, result.log.join("\n"));
  assert.ok(!s.state.overview().some(({ mailbox }) => mailbox === "late"));
  await settles(s);
  assert.equal(box(s.rig, "local", "late").count, 1);
});

/** Replaces "box" by another with the same UIDs. With OBJECTID also of the same UIDVALIDITY, as Cyrus 3.6 gives it. */
function remake({ rig }: ModelScene, side: Side): void {
  const store = rig.store(side);
  const { uidValidity } = store.mailbox("box");
  store.delete("box");
  const made = store.create("box");
  made.append(messages("other 1", "other 2", "other 3", "other 4", "other 5"));
  if (rig.servers[side].has("OBJECTID")) Object.defineProperty(made, "uidValidity", { value: uidValidity });
}

function flagCounts(messages: readonly { readonly flags: readonly string[] }[]): readonly number[] {
  return messages.map(({ flags }) => flags.length);
}

Deno.test("a mailbox that is deleted and made again between our LIST and our SELECT gets nothing that was meant for the old one", async () => {
  for (const capabilities of [CAPABILITIES, [...CAPABILITIES, "OBJECTID"]]) {
    for (const side of SIDES) {
      const other: Side = side === "local" ? "remote" : "local";
      const s = await scene(capabilities);
      box(s.rig, other).store([1, 2], { mode: "add", flags: ["\\Seen"] });
      box(s.rig, other).expunge([3]);
      const result = await s.rig.run(before("SELECT", side, () => remake(s, side)));
      assert.ok(finished(result), result.log.join("\n"));
      assert.match(result.log.join("\n"), /(?:UIDVALIDITY|MAILBOXID) changed!/);
      assert.deepEqual(flagCounts(box(s.rig, side).messages.slice(0, 5)), [0, 0, 0, 0, 0]);
      assert.equal(box(s.rig, side).count, 8, "what the other side still had is copied");
      assert.equal(box(s.rig, other).count, 8);
    }
  }
});

Deno.test("a mailbox made again between two of our SELECTs, or before any other command, gets nothing meant for the old one", async () => {
  for (const capabilities of [CAPABILITIES, [...CAPABILITIES, "OBJECTID"]]) {
    for (const side of SIDES) {
      const other: Side = side === "local" ? "remote" : "local";
      for (let at = 1;; at++) {
        const s = await scene(capabilities);
        box(s.rig, other).store([1], { mode: "add", flags: ["\\Seen"] });
        box(s.rig, side).store([2], { mode: "add", flags: ["\\Flagged"] });
        box(s.rig, other).expunge([3]);
        let [seen, done] = [0, false];
        const result = await s.rig.run({
          during: (_number, _name, on) => {
            if (on !== side || ++seen !== at) return;
            done = true;
            remake(s, side);
          },
        });
        if (!done) {
          assert.ok(at > 5);
          break;
        }
        // A server may hang up when the selected mailbox goes.
        assert.ok(result.error !== null || (result.report?.problems ?? 0) <= 1, result.log.join("\n"));
        const next = await s.rig.run();
        assert.ok(finished(next));
        assert.deepEqual(flagCounts(box(s.rig, side).messages.slice(0, 5)), [0, 0, 0, 0, 0], `${side} ${at}`);
        assert.ok(box(s.rig, other).count >= 3, `${side} ${at}: the other side is not touched`);
      }
    }
  }
});
