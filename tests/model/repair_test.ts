// --repair between two model servers: what ordinary runs cannot see is put right, nothing is doubled, nothing is deleted
// that was not reported and proven, and a second repair has nothing to say.

import assert from "node:assert/strict";
import fc from "fast-check";
import type { Side } from "../../lib/state/types.ts";
import { differences, finished, mappingProblems, type Rig, type RunOptions } from "../support/model_rig.ts";
import type { ModelMailbox } from "../support/model_mailstore.ts";
import {
  assertPaired,
  DATE,
  emptyScene,
  firstRun,
  messages,
  type ModelScene,
  numbered,
} from "../support/model_scene.ts";

const IDX = 1;

interface Scene extends ModelScene {
  readonly local: ModelMailbox;
  readonly remote: ModelMailbox;
}

/** INBOX with `count` messages on both sides; remote UID 101 is local UID 1, and so on. */
async function scene(count = 5): Promise<Scene> {
  const { rig, state } = emptyScene();
  const [local, remote] = [rig.store("local").mailbox("INBOX"), rig.store("remote").mailbox("INBOX")];
  remote.uidNext = 101;
  remote.append(numbered(count));
  await firstRun(rig);
  return { rig, state, local, remote };
}

async function repair(rig: Rig, options: RunOptions = {}): Promise<readonly string[]> {
  const result = await rig.run({ repair: true, ...options });
  assert.ok(finished(result), result.log.join("\n"));
  assert.equal(result.report?.problems, 0, result.log.join("\n"));
  return result.log;
}

/** Both sides equal, the pairs right, and neither another repair nor a run has anything to say. */
async function settled({ rig, state }: Scene): Promise<void> {
  assertPaired({ rig, state });
  assert.deepEqual(await repair(rig), []);
  const result = await rig.run();
  assert.ok(finished(result));
  assert.deepEqual(result.log, []);
}

const warnings = (log: readonly string[]) => log.filter((line) => line.includes("WARNING"));

/** Makes the server believe that these changes are older than the cursors. */
function unnoticed({ state }: Scene, side: Side, mailbox: ModelMailbox, change: () => void): void {
  change();
  const cursor = state.cursors(IDX)?.[side];
  assert.ok(cursor !== undefined);
  state.apply([{ kind: "cursor", idx: IDX, side, cursor: { ...cursor, highestModSeq: mailbox.highestModSeq } }]);
}

Deno.test("a repair of what is in order changes and says nothing", async () => {
  const s = await scene();
  const result = await s.rig.run({ repair: true });
  assert.ok(finished(result));
  assert.deepEqual(result.log, []);
  for (const side of ["local", "remote"] as const) {
    assert.deepEqual(result.commands[side].filter((name) => /STORE|EXPUNGE|APPEND/.test(name)), []);
  }
  await settled(s);
});

Deno.test("flags that no server counts as changed become the union", async () => {
  const s = await scene();
  unnoticed(s, "local", s.local, () => s.local.store([2], { mode: "add", flags: ["\\Seen"] }));
  unnoticed(s, "remote", s.remote, () => s.remote.store([102], { mode: "add", flags: ["a"] }));
  const log = await repair(s.rig);
  assert.deepEqual(warnings(log), [
    "WARNING: Missed flag update in INBOX for (lUID,rUID) = (2,102). Repairing.",
    "WARNING: Conflicting flag update in INBOX for local UID 2 (\\Seen) and remote UID 102 (a). " +
    "Setting both to the union (\\Seen a).",
  ]);
  assert.deepEqual(s.local.get(2)?.flags, ["\\Seen", "a"]);
  await settled(s);
});

Deno.test("changes since the last run are propagated as in an ordinary run, with one warning for a conflict", async () => {
  const s = await scene();
  s.local.store([1], { mode: "add", flags: ["one"] });
  s.remote.store([102], { mode: "add", flags: ["two"] });
  s.local.store([3], { mode: "add", flags: ["x"] });
  s.remote.store([103], { mode: "add", flags: ["y"] });
  s.local.expunge([4]);
  s.remote.append(messages("new"));
  const log = await repair(s.rig);
  assert.equal(warnings(log).length, 1, log.join("\n"));
  assert.deepEqual([1, 2, 3].map((uid) => s.local.get(uid)?.flags), [["one"], ["two"], ["x", "y"]]);
  assert.equal(s.remote.get(104), null);
  assert.equal(s.local.count, 5);
  await settled(s);
});

for (const side of ["local", "remote"] as const) {
  Deno.test(`a message that disappeared on ${side} without a word is copied again`, async () => {
    const s = await scene();
    const [uid, other] = side === "local" ? [2, "remote UID 102"] : [102, "local UID 2"];
    s.rig.servers[side].lies.forgetVanished = () => true;
    s[side].expunge([uid]);
    const log = await repair(s.rig);
    assert.deepEqual(warnings(log), [
      `${side}(INBOX): WARNING: UID ${uid} disappeared. Redownloading ${other}.`,
    ]);
    assert.equal(s.local.count, 5);
    await settled(s);
  });
}

Deno.test("a pair of which both messages disappeared is forgotten", async () => {
  const s = await scene();
  for (const side of ["local", "remote"] as const) s.rig.servers[side].lies.forgetVanished = () => true;
  s.local.expunge([2]);
  s.remote.expunge([102]);
  const log = await repair(s.rig);
  assert.deepEqual(warnings(log), ["WARNING: Pair (lUID,rUID) = (2,102) vanished from INBOX. Repairing."]);
  await settled(s);
});

Deno.test("a message below UIDNEXT without a pair is copied", async () => {
  const s = await scene();
  s.remote.expunge([102]);
  s.rig.servers.remote.lies.forgetVanished = () => true;
  s.state.apply([{ kind: "unpair", idx: IDX, pairs: [{ localUid: 2, remoteUid: 102 }] }]);
  const log = await repair(s.rig);
  assert.deepEqual(warnings(log), ["remote(INBOX): WARNING: No match for modified local UID 2. Redownloading."]);
  assert.equal(s.remote.count, 5);
  await settled(s);
});

Deno.test("messages that are on both sides without a pair are paired and not doubled, flags united", async () => {
  const s = await scene();
  s.state.apply([{
    kind: "unpair",
    idx: IDX,
    pairs: [{ localUid: 2, remoteUid: 102 }, { localUid: 3, remoteUid: 103 }],
  }]);
  s.local.store([3], { mode: "add", flags: ["\\Seen"] });
  s.remote.store([103], { mode: "add", flags: ["a"] });
  await repair(s.rig);
  assert.equal(s.local.count, 5);
  assert.equal(s.remote.count, 5);
  assert.deepEqual(s.remote.get(103)?.flags, ["\\Seen", "a"]);
  await settled(s);
});

Deno.test("a repair after ordinary runs had given a message up copies it", async () => {
  const s = await scene();
  s.rig.servers.remote.lies.forgetVanished = () => true;
  s.state.apply([{ kind: "unpair", idx: IDX, pairs: [{ localUid: 2, remoteUid: 102 }] }]);
  s.remote.expunge([102]);
  s.local.store([1], { mode: "add", flags: ["\\Seen"] });
  assert.ok(finished(await s.rig.run()));
  assert.equal(s.state.unmapped(IDX, "local").toString(), "2");
  await repair(s.rig);
  assert.equal(s.remote.count, 5);
  assert.ok(s.state.unmapped(IDX, "local").isEmpty);
  await settled(s);
});

Deno.test("a message without octets is left where it is, without a word", async () => {
  const s = await scene();
  s.remote.append([{ flags: [], date: DATE, body: new Uint8Array(0) }]);
  const first = await s.rig.run();
  assert.ok(finished(first));
  assert.match(first.log.join("\n"), /Ignoring new 0-length message \(UID 106\)/);
  assert.deepEqual(await repair(s.rig), []);
  assert.equal(s.local.count, 5);
});

Deno.test("a message that the server refuses stays without a copy, and the status says so", async () => {
  const s = await scene();
  s.rig.servers.remote.lies.forgetVanished = () => true;
  s.remote.expunge([102, 103]);
  s.rig.servers.remote.lies.refuseAppend = (body) => new TextDecoder().decode(body).includes("<1@") ? "no" : null;
  const result = await s.rig.run({ repair: true });
  assert.ok(finished(result));
  assert.equal(result.report?.problems, 1, result.log.join("\n"));
  assert.equal(s.remote.count, 4);
  assert.equal(s.local.count, 5);
  s.rig.servers.remote.lies.refuseAppend = null;
  await repair(s.rig);
  assert.equal(s.remote.count, 5);
  await settled(s);
});

Deno.test("VANISHED that names messages that exist deletes nothing during a repair", async () => {
  const s = await scene();
  s.rig.servers.remote.lies.vanishedExisting = () => [102, 103];
  await repair(s.rig);
  assert.equal(s.local.count, 5);
  s.rig.servers.remote.lies.vanishedExisting = null;
  await settled(s);
});

Deno.test("a repair goes on where a server has lost its mod-sequences, and an ordinary run after it", async () => {
  const s = await scene();
  s.local.store([1, 2], { mode: "add", flags: ["\\Seen"] });
  assert.ok(finished(await s.rig.run()));
  s.local.store([3], { mode: "add", flags: ["\\Answered"] });
  s.local.highestModSeq = 1n;
  for (const held of s.local.messages) Object.defineProperty(held, "modSeq", { value: 1n });
  await repair(s.rig);
  assert.deepEqual(s.remote.get(103)?.flags, ["\\Answered"]);
  await settled(s);
});

Deno.test("a repair asks in slices, whatever the size of the mailbox", async () => {
  const s = await scene(2500);
  const result = await s.rig.run({ repair: true });
  assert.ok(finished(result));
  for (const side of ["local", "remote"] as const) {
    assert.equal(result.commands[side].filter((name) => name.endsWith("FETCH")).length, 3);
  }
});

Deno.test("a repair that is killed at any command loses and doubles nothing once it is run again", async () => {
  for (let at = 1; at < 100; at++) {
    const s = await scene();
    s.rig.servers.local.lies.forgetVanished = () => true;
    s.local.expunge([2]);
    s.state.apply([{ kind: "unpair", idx: IDX, pairs: [{ localUid: 4, remoteUid: 104 }] }]);
    s.remote.expunge([104]);
    s.remote.expunge([105]);
    const killed = await s.rig.run({ repair: true, killAt: { at, spared: at % 3 } });
    if (!killed.killed) {
      assert.ok(at > 15);
      return;
    }
    await repair(s.rig);
    assert.equal(s.local.count, 4, `killed at ${at}`);
    assert.deepEqual(differences(s.rig), [], `killed at ${at}`);
    assert.deepEqual(mappingProblems(s.rig, s.state), [], `killed at ${at}`);
  }
  assert.fail("the run never came to its end");
});

const FATES = [
  "kept",
  "lost on local",
  "lost on remote",
  "lost on both",
  "expunged on local",
  "expunged on remote",
] as const;
const MORE_FATES = ["expunged on both", "unpaired", "unpaired and lost", "lost and expunged", "flagged"] as const;
const fates = fc.constantFrom(...FATES, ...MORE_FATES);
const GONE: ReadonlySet<string> = new Set([
  "lost on both",
  "expunged on local",
  "expunged on remote",
  "expunged on both",
  "lost and expunged",
]);

/** What happens to the messages of local UID `uid` and remote UID `uid` + 100. */
function befall({ state, local, remote }: Scene, fate: string, uid: number): void {
  const pair = { localUid: uid, remoteUid: uid + 100 };
  if (fate.startsWith("unpaired")) state.apply([{ kind: "unpair", idx: IDX, pairs: [pair] }]);
  if (/(lost|expunged) on (local|both)|unpaired and lost|lost and/.test(fate)) local.expunge([pair.localUid]);
  if (/(lost|expunged) on (remote|both)|lost and/.test(fate)) remote.expunge([pair.remoteUid]);
  if (fate === "flagged") local.store([pair.localUid], { mode: "add", flags: [`f${uid % 2}`] });
  if (fate === "flagged" && uid % 3 === 0) remote.store([pair.remoteUid], { mode: "add", flags: ["\\Seen"] });
}

Deno.test("whatever happened to messages, a repair brings both sides together, and a second one is silent", async () => {
  const histories = fc.tuple(fc.array(fates, { minLength: 1, maxLength: 8 }), fc.nat(2), fc.nat(2));
  await fc.assert(
    fc.asyncProperty(histories, async ([happened, newHere, newThere]) => {
      const s = await scene(happened.length);
      happened.forEach((fate, i) => befall(s, fate, i + 1));
      for (let i = 0; i < newHere; i++) s.local.append(messages(`here ${i}`));
      for (let i = 0; i < newThere; i++) s.remote.append(messages(`there ${i}`));
      const silent = (uid: number) => /lost/.test(happened[uid - 1] ?? "");
      s.rig.servers.local.lies.forgetVanished = (_mailbox, uid) => silent(uid);
      s.rig.servers.remote.lies.forgetVanished = (_mailbox, uid) =>
        silent(uid - 100) && happened[uid - 101] !== "lost and expunged";
      await repair(s.rig);
      const kept = happened.filter((fate) => !GONE.has(fate)).length;
      assert.equal(s.local.count, kept + newHere + newThere);
      await settled(s);
    }),
    { numRuns: 200 },
  );
});
