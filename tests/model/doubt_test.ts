// A server that has lost track of its changes, or was caught wrong: the mailbox is compared whole in the same run, nothing
// is deleted that is not missing from two listings, no flag is lost, and the next run is quiet and trusts QRESYNC again.

import assert from "node:assert/strict";
import fc from "fast-check";
import { MAX_UID, UidSet } from "../../lib/protocol/mod.ts";
import type { Side } from "../../lib/state/types.ts";
import { unconfirmed } from "../../lib/sync/run_brake.ts";
import { finished, type Rig, type RunOptions, SIDES } from "../support/model_rig.ts";
import type { ModelMailbox } from "../support/model_mailstore.ts";
import {
  assertQuiet,
  DATE,
  emptyScene,
  firstRun,
  messages,
  type ModelScene,
  numbered,
} from "../support/model_scene.ts";
import { type Rewrite, RewritingStream } from "../support/rewriting_stream.ts";

interface Scene extends ModelScene {
  readonly local: ModelMailbox;
  readonly remote: ModelMailbox;
}

/** INBOX with `count` messages on both sides; remote UID 101 is local UID 1, and so on. Mod-sequences are past 20. */
async function scene(count = 6): Promise<Scene> {
  const { rig, state } = emptyScene();
  const s = { rig, state, local: rig.store("local").mailbox("INBOX"), remote: rig.store("remote").mailbox("INBOX") };
  s.remote.uidNext = 101;
  s.remote.append(numbered(count));
  for (const side of SIDES) s[side].highestModSeq += 20n;
  await firstRun(rig);
  return s;
}

async function run(rig: Rig, options: RunOptions = {}): Promise<readonly string[]> {
  const result = await rig.run(options);
  assert.ok(finished(result), result.log.join("\n"));
  assert.equal(result.report?.problems, 0, result.log.join("\n"));
  return result.log;
}

const uids = (mailbox: ModelMailbox) => mailbox.messages.map(({ uid }) => uid);
const flagsOf = (mailbox: ModelMailbox) => mailbox.messages.map(({ flags }) => flags.join(" "));
const warnings = (log: readonly string[]) => log.filter((line) => line.includes("WARNING"));

for (const side of SIDES) {
  Deno.test(`a lost index on ${side} is named, and everything that happened meanwhile is carried out`, async () => {
    const s = await scene();
    s.local.expunge([1]);
    s.remote.expunge([102]);
    s.local.store([3], { mode: "add", flags: ["\\Seen"] });
    s.remote.store([104], { mode: "add", flags: ["\\Flagged"] });
    s.local.append(messages("new here"));
    s.remote.append(messages("new there"));
    s[side].loseIndex();
    const log = await run(s.rig);
    assert.equal(s.local.count, 6);
    assert.deepEqual(flagsOf(s.local), ["\\Seen", "\\Flagged", "", "", "", ""]);
    const named = new RegExp(
      `${side}\\(INBOX\\): WARNING: HIGHESTMODSEQ went back from \\d+ to \\d+: the server has lost`,
    );
    assert.equal(log.filter((line) => named.test(line)).length, 1, log.join("\n"));
    await assertQuiet(s);
    // QRESYNC is used again.
    s.remote.expunge([103]);
    s.local.store([4], { mode: "remove", flags: ["\\Flagged"] });
    assert.deepEqual(warnings(await run(s.rig)), []);
    assert.ok(!uids(s.local).includes(3));
    assert.deepEqual(flagsOf(s.remote)[0], "");
    await assertQuiet(s);
  });
}

Deno.test("where one side's mod-sequence proves a change that side wins, else both get the union", async () => {
  const s = await scene();
  s.local.store([1, 2, 3], { mode: "add", flags: ["\\Seen"] });
  await run(s.rig);
  s.local.store([1], { mode: "remove", flags: ["\\Seen"] }); // proven by local alone
  s.remote.store([102], { mode: "remove", flags: ["\\Seen"] }); // nothing proves it any more
  s.local.store([3], { mode: "add", flags: ["\\Flagged"] }); // local alone
  s.remote.store([103], { mode: "add", flags: ["lost"] });
  s.remote.loseIndex();
  const log = await run(s.rig);
  assert.deepEqual(flagsOf(s.remote).slice(0, 3), ["", "\\Seen", "\\Flagged \\Seen"]);
  assert.equal(warnings(log).filter((line) => line.includes("Conflicting")).length, 1, log.join("\n"));
  await assertQuiet(s);
});

Deno.test("a message that a comparison was not shown is compared by the next run", async () => {
  const s = await scene();
  s.remote.store([103], { mode: "add", flags: ["\\Seen"] });
  s.remote.loseIndex();
  const hide: Rewrite = (line) => /^\* \d+ FETCH \(.*\bUID 103\b/.test(line) ? [] : [line];
  const wrap: RunOptions["wrap"] = (stream, side) => side === "remote" ? new RewritingStream(stream, hide) : stream;
  const hidden = await s.rig.run({ wrap });
  assert.ok(finished(hidden));
  assert.equal(flagsOf(s.local)[2], "", hidden.log.join("\n"));
  await run(s.rig);
  assert.equal(flagsOf(s.local)[2], "\\Seen");
  await assertQuiet(s);
});

Deno.test("both servers may have lost their index at once", async () => {
  const s = await scene();
  s.local.expunge([1]);
  s.remote.expunge([101, 102]);
  s.local.store([3], { mode: "add", flags: ["\\Seen"] });
  s.remote.store([103], { mode: "add", flags: ["\\Flagged"] });
  for (const side of SIDES) s[side].loseIndex();
  const log = await run(s.rig);
  assert.deepEqual(uids(s.local), [3, 4, 5, 6]);
  assert.deepEqual(uids(s.remote), [103, 104, 105, 106]);
  assert.equal(flagsOf(s.local)[0], "\\Flagged \\Seen");
  assert.equal(warnings(log).filter((line) => line.includes("went back")).length, 2);
  await assertQuiet(s);
});

Deno.test("a message that is missing from one listing only is not deleted on the other side", async () => {
  const s = await scene();
  s.remote.store([101], { mode: "add", flags: ["\\Seen"] });
  s.remote.loseIndex();
  let searches = 0;
  // The first listing of everything comes without UID 103.
  s.rig.servers.remote.lies.hideFromSearch = (_mailbox, uid) => uid === 103 && searches < 2;
  await run(s.rig, {
    during: (_number, name, side) => {
      if (side === "remote" && name === "UID SEARCH") searches++;
    },
  });
  assert.ok(searches >= 3, `${searches}`);
  assert.equal(s.local.count, 6);
  assert.equal(flagsOf(s.local)[0], "\\Seen");
  await assertQuiet(s);
});

Deno.test("a listing that EXISTS contradicts deletes nothing; the mailbox stops", async () => {
  const s = await scene();
  s.rig.servers.remote.lies.hideFromSearch = (_mailbox, uid) => uid === 103;
  s.remote.store([101], { mode: "add", flags: ["\\Seen"] });
  s.remote.loseIndex();
  const result = await s.rig.run();
  assert.ok(finished(result));
  assert.equal(result.report?.problems, 1);
  assert.match(result.log.join("\n"), /remote\(INBOX\): ERROR: .* Nothing was changed in this mailbox/);
  assert.equal(s.local.count, 6);
  s.rig.servers.remote.lies.hideFromSearch = null;
  await run(s.rig);
  assert.equal(s.local.count, 6);
  await assertQuiet(s);
});

Deno.test("a UIDNEXT that went back, as of a restored backup, stops the mailbox and deletes nothing", async () => {
  const s = await scene();
  // What came after the backup is lost, and one of its UIDs belongs to another message now.
  s.remote.expunge([104, 105, 106]);
  s.remote.uidNext = 104;
  s.remote.loseIndex();
  s.remote.append(messages("another"));
  const result = await s.rig.run();
  assert.ok(finished(result));
  assert.equal(result.report?.problems, 1);
  assert.match(result.log.join("\n"), /remote\(INBOX\): ERROR: UIDNEXT went back from 107 to 105: .*--repair/);
  assert.equal(s.local.count, 6);
});

Deno.test("an expunge that comes between two commands is no reason to doubt", async () => {
  for (const side of SIDES) {
    for (let nth = 1; nth <= 4; nth++) {
      const s = await scene();
      s.state.apply([{ kind: "unmapped", idx: 1, side, uids: s.state.unmapped(1, side), reason: "" }]);
      s.rig.servers[side].lies.existsOffset = 1;
      s.local.store([2], { mode: "add", flags: ["\\Seen"] });
      s.remote.store([102], { mode: "add", flags: ["\\Seen"] });
      let seen = 0;
      const log = await run(s.rig, {
        during: (_number, name, at) => {
          if (at !== side || name !== "UID SEARCH" || ++seen !== nth) return;
          s.rig.servers[side].lies.existsOffset = 0;
          s[side].expunge([side === "local" ? 4 : 104]);
        },
      });
      assert.ok(!log.some((line) => line.includes("missing")), log.join("\n"));
      s.rig.servers[side].lies.existsOffset = 0;
      await run(s.rig);
      await assertQuiet(s);
    }
  }
});

Deno.test("a run that is killed at any command after an index was lost ends as an undisturbed one", async () => {
  for (const side of SIDES) {
    for (let at = 1; at < 100; at++) {
      const s = await scene();
      s.local.expunge([1]);
      s.remote.expunge([102]);
      s.local.store([3], { mode: "add", flags: ["\\Seen"] });
      s.remote.store([104], { mode: "add", flags: ["\\Flagged"] });
      s.remote.append(messages("new"));
      s[side].loseIndex();
      const killed = await s.rig.run({ killAt: { at, spared: at % 3 } });
      if (!killed.killed) {
        assert.ok(at > 12);
        break;
      }
      await run(s.rig);
      assert.equal(s.local.count, 5, `killed at ${at}`);
      assert.deepEqual(flagsOf(s.local), ["\\Seen", "\\Flagged", "", "", ""], `killed at ${at}`);
      await assertQuiet(s);
    }
  }
});

Deno.test("a mailbox of several slices is compared in commands of bounded size", async () => {
  const s = await scene(2500);
  s.remote.store([101, 1700, 2600], { mode: "add", flags: ["\\Seen"] });
  s.remote.expunge([500]);
  s.remote.loseIndex();
  const result = await s.rig.run();
  assert.ok(finished(result));
  assert.equal(result.commands.local.filter((name) => name === "UID FETCH").length, 3);
  assert.equal(s.local.messages.filter(({ flags }) => flags.includes("\\Seen")).length, 3);
  await assertQuiet(s);
});

Deno.test("a mailbox that looks clean and holds fewer messages than are known is looked at", async () => {
  for (const side of SIDES) {
    const s = await scene();
    s[side].lose([s[side].messages[2]?.uid ?? 0]);
    const log = await run(s.rig);
    assert.match(log.join("\n"), new RegExp(`${side}\\(INBOX\\): WARNING: .* 1 message\\(s\\) are missing`));
    assert.deepEqual([s.local.count, s.remote.count], [5, 5]);
    await assertQuiet(s);
  }
});

Deno.test("messages that are known to have no copy are no reason to look; unknown ones are learnt once", async () => {
  const s = await scene();
  s.remote.append([{ flags: [], date: DATE, body: new Uint8Array(0) }]);
  await run(s.rig);
  const selects = async (): Promise<number> => {
    const result = await s.rig.run();
    assert.ok(finished(result));
    return result.commands.remote.filter((name) => name === "SELECT").length;
  };
  assert.equal(await selects(), 0);
  // As in a database of the original, which notes nothing about what it passes over.
  s.state.apply([
    { kind: "forget-unmapped", idx: 1, side: "remote", uids: UidSet.range(1, MAX_UID) },
    { kind: "unpair", idx: 1, pairs: [{ localUid: 3, remoteUid: 103 }] },
  ]);
  assert.ok(await selects() > 0);
  assert.equal(await selects(), 0);
  assert.deepEqual([s.local.count, s.remote.count], [6, 7]);
});

Deno.test("deletions that a doubtful server proves are held by the brake, named once, and done when confirmed", async () => {
  for (const side of SIDES) {
    const s = await scene(40);
    s[side].expunge(uids(s[side]).slice(0, 30));
    s.local.store([35], { mode: "add", flags: ["\\Seen"] });
    s[side].loseIndex();
    for (let i = 0; i < 2; i++) {
      const result = await s.rig.run();
      assert.ok(finished(result));
      assert.equal(result.report?.held, 30, result.log.join("\n"));
      assert.equal(warnings(result.log).filter((line) => line.includes("went back")).length, 1, result.log.join("\n"));
      const other = side === "local" ? s.remote : s.local;
      assert.equal(other.count, 40);
      assert.deepEqual(other.messages[34]?.flags, ["\\Seen"]);
    }
    const consents = { read: () => ({ all: true, names: new Set<string>() }), used: () => {} };
    await run(s.rig, { brake: { ...unconfirmed(), consents } });
    assert.deepEqual([s.local.count, s.remote.count], [10, 10]);
    await assertQuiet(s);
  }
});

const FATES = [
  "kept",
  "expunged here",
  "expunged there",
  "expunged on both",
  "flagged here",
  "flagged there",
  "both",
] as const;

function befall({ local, remote }: Scene, fate: typeof FATES[number], uid: number): void {
  if (/expunged (here|on both)/.test(fate)) local.expunge([uid]);
  if (/expunged (there|on both)/.test(fate)) remote.expunge([uid + 100]);
  if (/flagged here|^both/.test(fate)) local.store([uid], { mode: "add", flags: [`h${uid % 2}`] });
  if (/flagged there|^both/.test(fate)) remote.store([uid + 100], { mode: "add", flags: [`t${uid % 2}`] });
}

Deno.test("whatever happened, and whatever the servers forgot or made up, no message is lost, and no flag that anybody can prove", async () => {
  const flaw = fc.constantFrom("none", "index lost", "vanished forgotten", "existing named");
  const histories = fc.record({
    fates: fc.array(fc.constantFrom(...FATES), { minLength: 1, maxLength: 8 }),
    flaws: fc.record({ local: flaw, remote: flaw }),
    arrived: fc.record({ local: fc.nat(2), remote: fc.nat(2) }),
  });
  await fc.assert(
    fc.asyncProperty(histories, async ({ fates, flaws, arrived }) => {
      const s = await scene(fates.length);
      fates.forEach((fate, i) => befall(s, fate, i + 1));
      for (const side of SIDES) {
        s[side].append(messages(...Array.from({ length: arrived[side] }, (_, i) => `${side} ${i}`)));
        impair(s, side, flaws[side]);
      }
      await run(s.rig);
      const kept = fates.filter((fate) => !fate.startsWith("expunged"));
      assert.equal(s.local.count, kept.length + arrived.local + arrived.remote);
      // Of changes on both sides the one wins that a server can still prove.
      const proves = (flaws.local === "index lost") === (flaws.remote === "index lost") ? 2 : 1;
      const expected = kept.map((fate) => (/flagged/.test(fate) ? 1 : fate === "both" ? proves : 0));
      assert.deepEqual(s.local.messages.slice(0, kept.length).map(({ flags }) => flags.length), expected);
      for (const side of SIDES) {
        s.rig.servers[side].lies.forgetVanished = s.rig.servers[side].lies.vanishedExisting = null;
      }
      await assertQuiet(s);
    }),
    { numRuns: 300 },
  );
});

function impair(s: Scene, side: Side, flaw: string): void {
  const { lies } = s.rig.servers[side];
  if (flaw === "index lost") s[side].loseIndex();
  if (flaw === "vanished forgotten") lies.forgetVanished = () => true;
  if (flaw === "existing named") lies.vanishedExisting = () => uids(s[side]).slice(0, 2);
}
