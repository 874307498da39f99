// What becomes of messages that a server does not take: they stay behind, are remembered and told once, the others go
// on, and they are tried again when the reason can have changed. Each test runs until nothing happens any more.

import assert from "node:assert/strict";
import { MemoryStore } from "../support/memory_store.ts";
import { ModelMailstore, type NewModelMessage } from "../support/model_mailstore.ts";
import { CAPABILITIES } from "../support/model_options.ts";
import { differences, finished, memoryHome, Rig, type RunResult } from "../support/model_rig.ts";
import { mail, mails } from "../support/model_scenarios.ts";
import { ModelServer } from "../support/model_server.ts";
import { textOf } from "../support/model_values.ts";

interface Scene {
  readonly rig: Rig;
  readonly state: MemoryStore;
}

/** Two servers; what the local one announces besides. Mail comes from the remote one. */
function scene(extra: readonly string[] = [], without: readonly string[] = []): Scene {
  const state = new MemoryStore();
  const local = new ModelServer(undefined, { capabilities: [...CAPABILITIES, ...extra], without });
  const remote = new ModelServer(new ModelMailstore({ delimiter: ".", firstUidValidity: 7 }));
  return { rig: new Rig(local, remote, memoryHome(state)), state };
}

function arrive(rig: Rig, ...messages: readonly NewModelMessage[]): void {
  rig.store("remote").mailbox("INBOX").append(messages);
}

function count(rig: Rig): number {
  return rig.store("local").mailbox("INBOX").count;
}

/** Refuses messages whose text contains one of these, with what stands behind them. */
function refuse(rig: Rig, ...rules: readonly (readonly [part: string, text: string])[]): void {
  rig.servers.local.lies.refuseAppend = (body) => {
    const text = textOf(body.subarray(0, 400));
    return rules.find(([part]) => text.includes(part))?.[1] ?? null;
  };
}

async function run(rig: Rig, problems: number, repair = false): Promise<RunResult> {
  const result = await rig.run({ repair });
  assert.ok(finished(result));
  assert.equal(result.report?.problems, problems, result.log.join("\n"));
  // What the model calls a violation is its BAD, which a test may have asked for.
  const violations = [...rig.servers.local.violations, ...rig.servers.remote.violations];
  assert.deepEqual(violations.filter((text) => !text.includes("poisonous")), []);
  return result;
}

function appends(result: RunResult): number {
  return result.commands.local.filter((name) => name === "APPEND").length;
}

const LEFT = /^(\d+) message\(s\) stay behind that a server refused \((.*)\); --repair tries all of them$/;

/** The next run does nothing but say how many are left. */
async function restsWith(rig: Rig, left: number): Promise<void> {
  const result = await run(rig, 0);
  assert.equal(result.log.length, 1, result.log.join("\n"));
  assert.equal(LEFT.exec(result.log[0] ?? "")?.[1], `${left}`);
  assert.equal(appends(result), 0);
  assert.ok(!result.commands.remote.includes("SELECT"));
}

async function rests(rig: Rig): Promise<void> {
  assert.deepEqual((await run(rig, 0)).log, []);
  assert.deepEqual(differences(rig), []);
}

for (const bad of [[0], [127], [128], [255], [5, 6], [0, 255], [3, 30, 60, 90]]) {
  Deno.test(`of a MULTIAPPEND of 256 that is refused because of message ${bad}, all others arrive, by halving`, async () => {
    const { rig } = scene();
    refuse(rig, ["bad-", "Message contains NUL characters"]);
    arrive(rig, ...Array.from({ length: 256 }, (_, i) => mail(`${bad.includes(i) ? "bad-" : "good-"}${i}`)));
    const result = await run(rig, 1);
    assert.equal(count(rig), 256 - bad.length);
    assert.match(
      result.log.join("\n"),
      /local\(INBOX\): WARNING: The server refused the copy of UID .*: Message contains NUL/,
    );
    // Each level sends at most two halves for each bad message.
    assert.ok(appends(result) <= 1 + 2 * 8 * bad.length, `${appends(result)} APPENDs`);
    await restsWith(rig, bad.length);
    arrive(rig, mail("later"));
    assert.equal(appends(await run(rig, 0)), 1);
    assert.equal(count(rig), 257 - bad.length);
    refuse(rig);
    await restsWith(rig, bad.length);
    await run(rig, 0, true);
    await rests(rig);
  });
}

Deno.test("what --repair is refused again is told again, and remembered", async () => {
  const { rig } = scene();
  refuse(rig, ["bad", "Message contains bare newlines"]);
  arrive(rig, mail("good"), mail("bad"));
  await run(rig, 1);
  const repaired = await run(rig, 1, true);
  assert.match(repaired.log.join("\n"), /refused the copy of UID 2: Message contains bare newlines\. Left behind\./);
  await restsWith(rig, 1);
});

Deno.test("a message that vanishes on its own side is forgotten", async () => {
  const { rig, state } = scene();
  refuse(rig, ["bad", "Message contains bare newlines"]);
  arrive(rig, mail("bad"), mail("good"));
  await run(rig, 1);
  rig.store("remote").mailbox("INBOX").expunge([1]);
  await run(rig, 0);
  assert.deepEqual(state.unmappedBecause(""), []);
  await rests(rig);
});

Deno.test("flags of a message that stays behind are nobody's business until it is copied with them", async () => {
  const { rig } = scene();
  refuse(rig, ["bad", "Something went wrong"]);
  arrive(rig, mail("bad"), mail("good"));
  await run(rig, 1);
  rig.store("remote").mailbox("INBOX").store([1], { mode: "add", flags: ["\\Seen"] });
  await run(rig, 0);
  refuse(rig);
  await run(rig, 0);
  assert.match(rig.store("local").mailbox("INBOX").messages[1]?.flags.join(" ") ?? "", /\\Seen/);
  await rests(rig);
});

Deno.test("a full mailbox gets what there is room for, and the rest when there is more", async () => {
  const { rig } = scene();
  let room = 3;
  rig.servers.local.lies.refuseAppend = () => room-- > 0 ? null : "[OVERQUOTA] Quota exceeded";
  arrive(rig, ...mails("m", 300));
  const first = await run(rig, 1);
  assert.ok(count(rig) < 4);
  assert.match(first.log.join("\n"), /more message\(s\) stay behind untried: \[OVERQUOTA\] Quota exceeded/);
  room = 0;
  const second = await run(rig, 0);
  assert.equal(appends(second), 1);
  assert.equal(LEFT.exec(second.log.join("\n"))?.[1], `${300 - count(rig)}`);
  room = Infinity;
  await run(rig, 0);
  assert.equal(count(rig), 300);
  await rests(rig);
});

Deno.test("new mail for a mailbox that is still full is told, what is known is not", async () => {
  const { rig } = scene();
  refuse(rig, ["", "Over quota"]);
  arrive(rig, ...mails("m", 20));
  await run(rig, 1);
  arrive(rig, mail("new"));
  assert.match((await run(rig, 1)).log.join("\n"), /refused the copy of UID 21: Over quota/);
  assert.equal(LEFT.exec((await run(rig, 0)).log.join("\n"))?.[1], "21");
  refuse(rig);
  await run(rig, 0);
  await rests(rig);
});

Deno.test("when the server wants us to wait we do, three times at most, and leave the rest to the next run", async () => {
  const { rig, state } = scene();
  let slow = 2;
  rig.servers.local.lies.refuseAppend = () => slow-- > 0 ? "[UNAVAILABLE] Try again" : null;
  arrive(rig, ...mails("m", 5));
  await run(rig, 0);
  assert.deepEqual(rig.clock.waits, [1000, 2000]);
  await rests(rig);
  slow = Infinity;
  arrive(rig, mail("new"));
  assert.match((await run(rig, 1)).log.join("\n"), /wants us to wait; the rest is left for the next run: Try again/);
  assert.equal(rig.clock.waits.length, 5);
  assert.deepEqual(state.unmappedBecause(""), []);
  slow = 0;
  await run(rig, 0);
  await rests(rig);
});

Deno.test("a wait of minutes is not waited for", async () => {
  const { rig } = scene();
  refuse(rig, ["", "Request is throttled. Suggested Backoff Time: 299961 milliseconds"]);
  arrive(rig, mail("new"));
  await run(rig, 1);
  assert.deepEqual(rig.clock.waits, []);
  refuse(rig);
  await run(rig, 0);
  await rests(rig);
});

Deno.test("a message with a keyword that the server refuses is copied without its keywords, which stay on the source", async () => {
  const { rig } = scene();
  rig.servers.local.lies.refusedKeywords = ["odd"];
  arrive(rig, mail("a", ["\\Seen", "fine"]), mail("b", ["\\Flagged", "odd", "fine"]), mail("c"));
  await run(rig, 0);
  assert.deepEqual(rig.store("local").mailbox("INBOX").messages.map(({ flags }) => flags.join(" ")).sort(), [
    "",
    "\\Flagged",
    "\\Seen fine",
  ]);
  assert.deepEqual((await run(rig, 0)).log, []);
  assert.equal(rig.store("remote").mailbox("INBOX").messages[1]?.flags.includes("odd"), true);
});

for (const bare of [false, true]) {
  const name = `what is larger than APPENDLIMIT ${bare ? "of the mailbox " : ""}is not sent, until the limit grows`;
  Deno.test(name, async () => {
    const small = mail("small");
    const limit = small.body.length + 50;
    const { rig } = scene([bare ? "APPENDLIMIT" : `APPENDLIMIT=${limit}`]);
    rig.servers.local.lies.appendLimit = limit;
    arrive(rig, small, { ...mail("large"), body: new Uint8Array(2_000_000).fill(65) }, mail("tiny"));
    const result = await run(rig, 1);
    assert.match(result.log.join("\n"), /UID 2: 2000000 octets are more than APPENDLIMIT\. Left behind/);
    assert.equal(appends(result), 1);
    assert.equal(count(rig), 2);
    if (bare) {
      rig.servers.local.lies.appendLimit = 3_000_000;
      arrive(rig, mail("tiny-2"));
    } else {
      await restsWith(rig, 1);
      const larger = new ModelServer(rig.store("local"), {
        capabilities: [...CAPABILITIES, "APPENDLIMIT=3000000"],
      });
      Object.assign(rig.servers, { local: larger });
    }
    await run(rig, 0);
    await rests(rig);
  });
}

Deno.test("nothing is sent to a mailbox that is read only; its own news is taken, and the rest sent when it opens", async () => {
  const { rig } = scene();
  arrive(rig, ...mails("old", 4));
  await run(rig, 0);
  rig.servers.local.lies.readOnly = ["INBOX"];
  arrive(rig, mail("new"));
  rig.store("local").mailbox("INBOX").append([mail("other")]);
  rig.store("local").mailbox("INBOX").store([1], { mode: "add", flags: ["\\Flagged"] });
  const result = await run(rig, 1);
  const text =
    "local(INBOX): WARNING: The mailbox may only be read: 1 message(s) of the other side are not copied to it (UID 5)";
  assert.ok(result.log.includes(text), result.log.join("\n"));
  assert.equal(rig.store("remote").mailbox("INBOX").count, 6);
  for (const name of ["APPEND", "UID STORE", "UID EXPUNGE"]) assert.ok(!result.commands.local.includes(name), name);
  assert.match((await run(rig, 0)).log.join("\n"), LEFT);
  rig.store("remote").mailbox("INBOX").store([2], { mode: "add", flags: ["\\Seen"] });
  rig.store("remote").mailbox("INBOX").expunge([3]);
  const waiting = (await run(rig, 1)).log.join("\n");
  assert.match(waiting, /local\(INBOX\): WARNING: Couldn't UID EXPUNGE 3 \(the mailbox may only be read\)/);
  assert.match(waiting, /WARNING: The mailbox may only be read: couldn't store flags \(\\Seen\) for UID 2/);
  rig.servers.local.lies.readOnly = [];
  await run(rig, 0);
  await rests(rig);
});

Deno.test("a message that is answered BAD costs a connection once, those sent with it are sent one by one", async () => {
  const { rig } = scene();
  refuse(rig, ["bad", "BAD Message is poisonous"]);
  arrive(rig, ...mails("m", 5), mail("bad"), ...mails("n", 5));
  // The first run loses its connection to the whole batch, the second one to the message itself.
  for (let i = 0; i < 2; i++) {
    const result = await rig.run();
    assert.ok(result.error !== null || result.report?.problems !== 0, result.log.join("\n"));
  }
  for (let i = 0; i < 2; i++) await run(rig, 0);
  assert.equal(count(rig), 10);
  await restsWith(rig, 1);
});

Deno.test("messages that are refused in the same words are told in one line, however long Dovecot took for each", async () => {
  const { rig } = scene();
  arrive(rig, ...mails("m", 3));
  let nth = 0;
  rig.servers.local.lies.refuseAppend = () => `[NOPERM] Permission denied (0.001 + 0.00${nth++} secs).`;
  const { log } = await run(rig, 1);
  const told = log.filter((line) => line.includes("refused the copy"));
  assert.equal(told.length, 1, log.join("\n"));
  assert.match(told[0] ?? "", /refused the copy of UID 1:3: \[NOPERM\] Permission denied\. Left behind\.$/);
});

Deno.test("without MULTIAPPEND a refused message stays behind alone", async () => {
  const { rig } = scene([], ["MULTIAPPEND"]);
  refuse(rig, ["bad", "Message contains invalid header"]);
  arrive(rig, mail("a"), mail("bad"), mail("c"));
  assert.equal(appends(await run(rig, 1)), 3);
  assert.equal(count(rig), 2);
  await restsWith(rig, 1);
});

Deno.test("a message that is refused for another reason than before is told again", async () => {
  const { rig } = scene();
  refuse(rig, ["bad", "Something went wrong"]);
  arrive(rig, mail("good"), mail("bad"));
  await run(rig, 1);
  assert.match((await run(rig, 0)).log.join("\n"), LEFT);
  refuse(rig, ["bad", "Message contains NUL characters"]);
  await run(rig, 1);
  await restsWith(rig, 1);
});

Deno.test("a message that its own server does not send holds the cursor, is told at each run, and is copied once it is sent", async () => {
  const { rig, state } = scene();
  rig.servers.remote.lies.unreadable = [2];
  arrive(rig, mail("a"), mail("b"), mail("c"));
  for (let i = 0; i < 2; i++) {
    assert.match(
      (await run(rig, 1)).log.join("\n"),
      /remote\(INBOX\): WARNING: The server did not send UID 2\. It will/,
    );
    assert.equal(count(rig), 2);
  }
  assert.deepEqual(state.unmappedBecause(""), []);
  rig.servers.remote.lies.unreadable = [];
  await run(rig, 0);
  await rests(rig);
});

Deno.test("what a mailbox cannot hold is not taken from the other side when its flags change", async () => {
  const { rig } = scene();
  rig.servers.local.lies.permanentFlags = ["\\Seen", "\\Flagged"];
  arrive(rig, mail("a", ["work", "\\Seen"]), mail("b", ["\\Draft"]));
  await run(rig, 0);
  const flags = (side: "local" | "remote") =>
    rig.store(side).mailbox("INBOX").messages.map(({ flags }) => flags.join(" "));
  assert.deepEqual(flags("local"), ["\\Seen", ""]);
  rig.store("local").mailbox("INBOX").store([1], { mode: "replace", flags: [] });
  rig.store("local").mailbox("INBOX").store([2], { mode: "add", flags: ["\\Flagged"] });
  await run(rig, 0);
  assert.deepEqual(flags("remote"), ["work", "\\Draft \\Flagged"]);
  assert.deepEqual(flags("local"), ["", "\\Flagged"]);
  assert.deepEqual((await run(rig, 0)).log, []);
});
