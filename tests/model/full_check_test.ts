// Every mailbox is compared whole now and then, one after the other: what servers never told is found.

import assert from "node:assert/strict";
import { MemoryStore } from "../support/memory_store.ts";
import {
  differences,
  finished,
  mappingProblems,
  memoryHome,
  Rig,
  type RunResult,
  SIDES,
} from "../support/model_rig.ts";
import { ModelMailstore } from "../support/model_mailstore.ts";
import { mail } from "../support/model_scenarios.ts";
import { ModelServer } from "../support/model_server.ts";

const DAY = 86_400_000;
const START = 1_800_000_000_000;
const NAMES = ["a", "b", "c", "d", "e", "f", "g", "h"];

interface Scene {
  readonly rig: Rig;
  readonly state: MemoryStore;
  /** A run so many days after the first. */
  readonly after: (days: number, period?: number) => Promise<RunResult>;
}

async function scene(names: readonly string[] = NAMES): Promise<Scene> {
  const state = new MemoryStore();
  const rig = new Rig(new ModelServer(), new ModelServer(new ModelMailstore({ delimiter: "." })), memoryHome(state));
  for (const name of names) rig.store("local").create(name).append([mail(`${name} 1`, []), mail(`${name} 2`, [])]);
  const after = async (days: number, period = 30): Promise<RunResult> => {
    const result = await rig.run({ fullCheck: { days: period, now: () => START + days * DAY } });
    assert.ok(finished(result), result.log.join("\n"));
    assert.equal(result.report?.problems, 0, result.log.join("\n"));
    return result;
  };
  await after(0);
  assert.deepEqual(differences(rig), []);
  return { rig, state, after };
}

/** Changes flags so that the server never tells. */
function unnoticed({ rig, state }: Scene): void {
  for (const { idx, mailbox, cursors } of state.overview()) {
    if (mailbox === "INBOX" || cursors === null) continue;
    const box = rig.store("local").mailbox(mailbox);
    box.store([1], { mode: "add", flags: ["\\Flagged"] });
    const cursor = { ...cursors.local, highestModSeq: box.highestModSeq };
    state.apply([{ kind: "cursor", idx, side: "local", cursor }]);
  }
}

/** After how many days the first mailbox but `a` is due. */
function firstDue({ state }: Scene): number {
  const rows = state.overview().filter(({ mailbox }) => mailbox !== "a");
  const noted = rows.map(({ comparedAt }) => comparedAt ?? 0).sort((a, b) => a - b);
  return ((noted[0] ?? 0) - START / 1000) / 86_400 + 30;
}

function looks(result: RunResult): number {
  return result.commands.local.filter((name) => name === "SELECT").length;
}

Deno.test("what no server told is found within the period, in a few mailboxes at a time, and each is compared once", async () => {
  const s = await scene();
  unnoticed(s);
  assert.equal(looks(await s.after(0.5)), 0);
  let found = 0;
  for (let day = 1; day <= 30; day++) {
    const result = await s.after(day);
    const conflicts = result.log.filter((line) => line.includes("Conflicting flag update")).length;
    assert.ok(conflicts <= 2, `day ${day}: ${conflicts}`);
    found += conflicts;
  }
  assert.equal(found, NAMES.length);
  assert.deepEqual(differences(s.rig), []);
  assert.deepEqual(mappingProblems(s.rig, s.state), []);
  // The next time is a period later.
  assert.equal(looks(await s.after(30.5)), 0);
});

Deno.test("with many mailboxes few runs that find nothing have to compare, and all are compared within the period", async () => {
  const many = Array.from({ length: 90 }, (_, i) => `box${i}`);
  const s = await scene(many);
  let looked = 0;
  let waited = 0;
  for (let hour = 2; hour <= 10 * 24; hour += 2) {
    const result = looks(await s.after(hour / 24));
    looked += result;
    waited += Number(result > 0);
  }
  assert.ok(looked >= 25, `${looked} mailboxes were compared`);
  assert.ok(waited <= 11, `in ${waited} runs`);
  const now = (START + 10 * DAY) / 1000;
  for (const { comparedAt } of s.state.overview()) assert.ok(now - (comparedAt ?? 0) < 30 * DAY / 1000);
});

Deno.test("a run that has something to do compares what is nearly due as well, and the runs after it need not", async () => {
  const s = await scene();
  const first = firstDue(s);
  s.rig.store("remote").mailbox("a").append([mail("something to do", [])]);
  const busy = await s.after(first - 0.5);
  assert.deepEqual(differences(s.rig), []);
  assert.ok(looks(busy) >= 2, `${looks(busy)}`);
  assert.equal(looks(await s.after(first + 0.1)), 0);
});

Deno.test("a comparison of what is in order changes and says nothing", async () => {
  const s = await scene();
  const result = await s.after(31);
  assert.deepEqual(result.log, []);
  assert.ok(looks(result) >= NAMES.length);
  for (const side of SIDES) assert.ok(!result.commands[side].some((name) => /STORE|EXPUNGE|APPEND/.test(name)));
  assert.equal(looks(await s.after(31.1)), 0);
});

Deno.test("a comparison finds messages whose numbers add up by chance", async () => {
  const s = await scene();
  const box = s.rig.store("remote").mailbox("a");
  box.lose([1]);
  // Another one below UIDNEXT, which nobody told either.
  const { uidNext } = box;
  box.uidNext = 1;
  box.append([mail("foundling", [])]);
  box.uidNext = uidNext;
  const idx = s.state.overview().find(({ mailbox }) => mailbox === "a")?.idx ?? 0;
  const cursor = { uidValidity: box.uidValidity, uidNext, highestModSeq: box.highestModSeq };
  s.state.apply([
    { kind: "cursor", idx, side: "remote", cursor },
    { kind: "unpair", idx, pairs: [{ localUid: 1, remoteUid: 1 }] },
    { kind: "pair", idx, pairs: [{ localUid: 1, remoteUid: 3 }] },
    { kind: "cursor", idx, side: "remote", cursor: { ...cursor, uidNext: 4 } },
  ]);
  box.uidNext = 4;
  const result = await s.after(31);
  assert.match(result.log.join("\n"), /remote\(a\): WARNING: .* 1 message\(s\) are missing \(UID 3\)/);
  assert.equal(s.rig.store("local").mailbox("a").get(1), null);
});

Deno.test("without the option nothing is compared by itself", async () => {
  const s = await scene();
  unnoticed(s);
  const result = await s.rig.run();
  assert.ok(finished(result));
  assert.equal(looks(result), 0);
});

Deno.test("a mailbox that was compared because its server was doubted is not due soon again", async () => {
  const s = await scene();
  s.rig.store("remote").mailbox("a").append([mail("grows", [])]);
  await s.after(20);
  s.rig.store("remote").mailbox("a").loseIndex();
  await s.after(29);
  const row = s.state.overview().find(({ mailbox }) => mailbox === "a");
  assert.equal(row?.comparedAt, (START + 29 * DAY) / 1000);
});
