// A server that executes an APPEND of a dead connection while the next run is under way: what is there in time is paired
// with its original, what comes too late is told, and nothing is lost or deleted. And copies whose dates the server has
// replaced are found again.

import assert from "node:assert/strict";
import { MemoryStore } from "../support/memory_store.ts";
import { ModelMailstore, type NewModelMessage } from "../support/model_mailstore.ts";
import { differences, finished, mappingProblems, memoryHome, Rig } from "../support/model_rig.ts";
import { mail, mails } from "../support/model_scenarios.ts";
import { ModelServer } from "../support/model_server.ts";

const NOW = 1_950_000_000;
const FUTURE = { seconds: 2_000_000_000, zone: 60 };
const NEWS: readonly NewModelMessage[] = [mail("one", ["\\Seen"]), mail("two"), mail("two")];
const FAR_NEWS: readonly NewModelMessage[] = NEWS.map((message) => ({ ...message, date: FUTURE }));

interface Scene {
  readonly rig: Rig;
  readonly state: MemoryStore;
}

/** Three old messages on both sides; `news` waits on the remote one. */
async function scene(news: readonly NewModelMessage[]): Promise<Scene> {
  const state = new MemoryStore();
  const remote = new ModelServer(new ModelMailstore({ delimiter: ".", firstUidValidity: 7 }));
  const local = new ModelServer(undefined, { now: () => NOW });
  const rig = new Rig(local, remote, memoryHome(state));
  local.lies.replacesFutureDates = true;
  rig.store("remote").mailbox("INBOX").append(mails("old", 3));
  assert.ok(finished(await rig.run()));
  rig.store("remote").mailbox("INBOX").append(news);
  return { rig, state };
}

/** The number of the run's APPEND among its commands. */
async function appendAt(news: readonly NewModelMessage[]): Promise<number> {
  const { rig } = await scene(news);
  let found = 0;
  await rig.run({ during: (number, name) => void (found = name === "APPEND" ? number : found) });
  assert.ok(found > 0);
  return found;
}

function count({ rig }: Scene, side: "local" | "remote"): number {
  return rig.store(side).mailbox("INBOX").count;
}

async function rests(s: Scene): Promise<void> {
  const last = await s.rig.run();
  assert.deepEqual(last.log, []);
  assert.deepEqual([...differences(s.rig), ...mappingProblems(s.rig, s.state)], []);
}

Deno.test("copies whose dates in the future were replaced are found again when the answer was lost", async () => {
  const at = await appendAt(FAR_NEWS);
  const s = await scene(FAR_NEWS);
  await s.rig.run({ killAt: { at, spared: Number.MAX_SAFE_INTEGER } });
  assert.equal(count(s, "local"), 6);
  assert.ok(finished(await s.rig.run()));
  assert.equal(count(s, "local"), 6);
  assert.equal(count(s, "remote"), 6);
  assert.deepEqual((await s.rig.run()).log, []);
});

Deno.test("a copy that is made at any moment of the next run is paired, or told as one more", async () => {
  const at = await appendAt(NEWS);
  const outcomes = { paired: 0, told: 0, next: 0 };
  for (let moment = 1, over = false; !over; moment++) {
    const s = await scene(NEWS);
    await s.rig.run({ killAt: { at, spared: 0 } });
    assert.equal(count(s, "local"), 3);
    let done = false;
    const second = await s.rig.run({
      during: (number) => {
        if (number !== moment) return;
        s.rig.store("local").mailbox("INBOX").append(NEWS);
        done = true;
      },
    });
    if (!done) {
      over = true;
      continue;
    }
    const context = `command ${moment}: ${second.log.join("\n")}`;
    assert.ok(finished(second), context);
    const told = second.log.filter((line) => line.includes("is one more copy of")).length;
    const more = count(s, "local") - 6;
    if (more === 0) outcomes.paired++;
    else if (told > 0) outcomes.told++;
    else outcomes.next++;
    // All or none: the server executes the whole command. Nothing that was there is deleted.
    assert.ok(more === 0 || more === 3, context);
    if (more === 0) assert.equal(told, 0, context);
    if (told > 0) assert.equal(told, 3, context);
    assert.ok(finished(await s.rig.run()), context);
    assert.equal(count(s, "remote"), 6 + more, context);
    await rests(s);
  }
  assert.ok(outcomes.paired > 5 && outcomes.told > 0, JSON.stringify(outcomes));
});

Deno.test("what was not found at the first look is looked for again after a second", async () => {
  const at = await appendAt(NEWS);
  const s = await scene(NEWS);
  await s.rig.run({ killAt: { at, spared: 0 } });
  assert.ok(finished(await s.rig.run()));
  assert.deepEqual(s.rig.clock.waits, [1000]);
  assert.equal(count(s, "local"), 6);
  await rests(s);
});

Deno.test("what was found at the first look is not waited for", async () => {
  const at = await appendAt(NEWS);
  const s = await scene(NEWS);
  await s.rig.run({ killAt: { at, spared: Number.MAX_SAFE_INTEGER } });
  assert.ok(finished(await s.rig.run()));
  assert.deepEqual(s.rig.clock.waits, []);
  assert.equal(count(s, "local"), 6);
  await rests(s);
});
