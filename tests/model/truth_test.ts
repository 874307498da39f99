// What a server says is a claim: lies, half-done commands and changes that come in between, one test for each. Nothing may
// be deleted on a doubtful word, nothing swallowed, and what could not be done is said and tried again.

import assert from "node:assert/strict";
import { ByeError } from "../../lib/errors.ts";
import type { Side } from "../../lib/state/types.ts";
import { differences, finished, Rig, type RunOptions } from "../support/model_rig.ts";
import { ModelMailstore } from "../support/model_mailstore.ts";
import { CAPABILITIES, type ServerOptions } from "../support/model_options.ts";
import {
  assertPaired,
  before,
  emptyScene,
  firstRun,
  messages,
  type ModelScene,
  numbered,
} from "../support/model_scene.ts";
import { ModelServer } from "../support/model_server.ts";

/** Two servers, `count` messages on both, synchronized. */
async function scene(count = 5): Promise<ModelScene> {
  const { rig, state } = emptyScene();
  inbox(rig, "remote").append(numbered(count));
  await firstRun(rig);
  return { rig, state };
}

function inbox(rig: Rig, side: Side): ReturnType<ModelMailstore["mailbox"]> {
  return rig.store(side).mailbox("INBOX");
}

function add(rig: Rig, side: Side, uids: readonly number[], ...flags: readonly string[]): void {
  inbox(rig, side).store(uids, { mode: "add", flags });
}

function flagsOf(rig: Rig, side: Side, uid: number): string {
  return inbox(rig, side).get(uid)?.flags.join(" ") ?? "(gone)";
}

/** Runs; the log for the message of a failure. */
async function run(rig: Rig, problems: number, options: RunOptions = {}): Promise<string> {
  const result = await rig.run(options);
  const log = result.log.join("\n");
  assert.ok(finished(result), log);
  assert.equal(result.report?.problems, problems, log);
  return log;
}

/** Two runs: everything is equal, and the second has nothing to do. */
async function settles({ rig, state }: ModelScene): Promise<void> {
  await run(rig, 0);
  assertPaired({ rig, state });
  const silent = await rig.run();
  for (const side of ["local", "remote"] as const) assert.ok(!silent.commands[side].includes("SELECT"));
}

/** A mailbox "box" with three messages on both sides, then made anew on remote with one. */
async function remade(options: ServerOptions): Promise<Rig> {
  const remote = new ModelServer(new ModelMailstore({ delimiter: ".", firstUidValidity: 7 }), options);
  const rig = new Rig(new ModelServer(), remote);
  remote.store.create("box");
  const old = remote.store.mailbox("box");
  old.append(messages("a", "b", "c"));
  await run(rig, 0);
  remote.store.delete("box");
  remote.store.create("box");
  remote.store.mailbox("box").append(messages("new"));
  inbox(rig, "remote").append(messages("elsewhere"));
  // Cyrus 3.6 gives the same value to all mailboxes of one second.
  const { uidValidity } = old;
  if (remote.has("OBJECTID")) Object.defineProperty(remote.store.mailbox("box"), "uidValidity", { value: uidValidity });
  return rig;
}

Deno.test("a UIDVALIDITY or a MAILBOXID that changed is said, and no message is touched: old UIDs mean nothing", async () => {
  const cases: readonly (readonly [options: ServerOptions, said: RegExp])[] = [
    [
      {},
      /remote\(box\): WARNING: UIDVALIDITY changed! \(\d+ != \d+\) {2}Compared the messages anew: 0 of 2 local and 1 /,
    ],
    [
      { capabilities: [...CAPABILITIES, "OBJECTID"] },
      /remote\(box\): WARNING: MAILBOXID changed! \(F\d+ != F\d+\) {2}/,
    ],
  ];
  for (const [options, said] of cases) {
    const rig = await remade(options);
    // What is done under the old UIDs must not happen to the messages that bear them now.
    rig.store("local").mailbox("box").store([1], { mode: "add", flags: ["\\Deleted"] });
    rig.store("local").mailbox("box").expunge([2]);
    assert.match(await run(rig, 0), said);
    assert.equal(rig.store("local").mailbox("box").count, 3);
    assert.equal(rig.store("remote").mailbox("box").count, 3);
    assert.deepEqual(rig.store("remote").mailbox("box").get(1)?.flags, []);
    assert.deepEqual(differences(rig), []);
    assert.equal(inbox(rig, "local").count, 1, "the other mailbox was synchronized");
  }
});

Deno.test("VANISHED that names messages that exist deletes nothing", async () => {
  const s = await scene();
  const { rig } = s;
  rig.servers.remote.lies.vanishedExisting = () => [2, 3];
  add(rig, "remote", [1], "\\Seen");
  const log = await run(rig, 0);
  assert.match(log, /remote\(INBOX\): WARNING: The server reported UID\(s\) 2:3 as vanished that exist\. Comparing/);
  assert.equal(inbox(rig, "local").count, 5);
  assert.equal(flagsOf(rig, "local", 1), "\\Seen");
  rig.servers.remote.lies.vanishedExisting = null;
  await settles(s);
});

Deno.test("a lie that adds up by chance deletes nothing either: the source is asked for what it said is gone", async () => {
  const { rig } = await scene();
  // It names an existing message and forgets one that is gone: the number is right.
  inbox(rig, "remote").expunge([4]);
  rig.servers.remote.lies.vanishedExisting = () => [2];
  rig.servers.remote.lies.forgetVanished = (_mailbox, uid) => uid === 4;
  await rig.run();
  assert.equal(inbox(rig, "local").count, 5);
});

Deno.test("a message that is missing from two listings is gone, with VANISHED or without", async () => {
  const s = await scene();
  const { rig } = s;
  inbox(rig, "remote").expunge([4]);
  rig.servers.remote.lies.forgetVanished = () => true;
  const log = await run(rig, 0);
  assert.match(
    log,
    /remote\(INBOX\): WARNING: The server's answer does not add up: 1 message\(s\) are missing \(UID 4\)/,
  );
  assert.deepEqual(inbox(rig, "local").messages.map(({ uid }) => uid), [1, 2, 3, 5]);
  await settles(s);
});

Deno.test("a wrong EXISTS makes us ask for all UIDs, and what they show is done", async () => {
  const s = await scene();
  const { rig } = s;
  rig.servers.remote.lies.existsOffset = 1;
  inbox(rig, "remote").expunge([4]);
  inbox(rig, "remote").append(messages("new"));
  const result = await rig.run();
  assert.ok(finished(result));
  assert.ok(result.commands.remote.filter((name) => name === "UID SEARCH").length > 1);
  assert.deepEqual(differences(rig), []);
  rig.servers.remote.lies.existsOffset = 0;
  await settles(s);
});

Deno.test("a mailbox without mod-sequences is left alone", async () => {
  const { rig } = await scene();
  rig.servers.remote.lies.noHighestModSeq = true;
  add(rig, "remote", [1], "\\Seen");
  assert.match(await run(rig, 1), /remote\(INBOX\): ERROR: Mailbox INBOX doesn't support MODSEQ\./);
});

Deno.test("OK to EXPUNGE is not done: it is said, and tried again", async () => {
  const s = await scene();
  const { rig } = s;
  rig.servers.local.lies.ignoreExpunge = true;
  inbox(rig, "remote").expunge([2]);
  assert.match(await run(rig, 1), /local\(INBOX\): WARNING: Couldn't UID EXPUNGE 2/);
  assert.match(await run(rig, 1), /local\(INBOX\): WARNING: Couldn't UID EXPUNGE 2/);
  rig.servers.local.lies.ignoreExpunge = false;
  await settles(s);
  assert.equal(inbox(rig, "local").count, 4);
});

Deno.test("OK to STORE is not done: it is said, and tried again", async () => {
  const s = await scene();
  const { rig } = s;
  rig.servers.local.lies.ignoreStore = true;
  add(rig, "remote", [2], "\\Seen");
  assert.match(await run(rig, 1), /local\(INBOX\): WARNING: The server did not store flags \(\\Seen\) for UID 2/);
  rig.servers.local.lies.ignoreStore = false;
  await settles(s);
  assert.equal(flagsOf(rig, "local", 2), "\\Seen");
});

Deno.test("a message that changes on the target before our STORE gets the union, not the source's flags", async () => {
  const s = await scene();
  const { rig } = s;
  add(rig, "remote", [2], "\\Seen");
  const log = await run(rig, 0, before("UID STORE", "local", () => add(rig, "local", [2], "\\Flagged")));
  assert.match(log, /local\(INBOX\): Couldn't update flags \(\\Seen\) for UID 2, will try again later/);
  assert.equal(flagsOf(rig, "local", 2), "\\Flagged \\Seen");
  assert.equal(flagsOf(rig, "remote", 2), "\\Flagged \\Seen");
  await settles(s);
});

Deno.test("a union that one side refuses is not taken for agreed", async () => {
  const s = await scene();
  const { rig } = s;
  add(rig, "remote", [2], "\\Seen");
  add(rig, "local", [2], "\\Flagged");
  await run(rig, 0, before("UID STORE", "remote", () => add(rig, "remote", [2], "\\Answered")));
  for (const side of ["local", "remote"] as const) assert.equal(flagsOf(rig, side, 2), "\\Answered \\Flagged \\Seen");
  await settles(s);
});

Deno.test("a foreign change right behind our STORE is not swallowed by the stored HIGHESTMODSEQ", async () => {
  for (const side of ["local", "remote"] as const) {
    for (const nth of [1, 2]) {
      const s = await scene();
      const { rig } = s;
      add(rig, "remote", [2, 3], "\\Seen");
      add(rig, "local", [4], "\\Flagged");
      // The second SELECT is the one that learns the mod-sequence of what we did; the SEARCH behind it, the last command.
      await run(rig, 0, before("UID SEARCH", side, () => add(rig, side, [3, 5], "late"), nth));
      await settles(s);
      assert.match(flagsOf(rig, "local", 5), /late/);
      assert.match(flagsOf(rig, "local", 3), /\\Seen late/);
    }
  }
});

Deno.test("an append that is changed at once, before we look again, is not swallowed either", async () => {
  const s = await scene();
  const { rig } = s;
  inbox(rig, "remote").append(messages("new"));
  await run(rig, 0, before("SELECT", "local", () => add(rig, "local", [6], "\\Seen"), 2));
  await settles(s);
  assert.equal(flagsOf(rig, "remote", 6), "\\Seen");
});

Deno.test("neither is one beside flags that we change there, nor one to the other side", async () => {
  for (const side of ["local", "remote"] as const) {
    const other = side === "local" ? "remote" : "local";
    for (const isBeside of [true, false]) {
      const s = await scene();
      const { rig } = s;
      inbox(rig, other).append(messages("new"));
      if (isBeside) add(rig, other, [2], "work");
      await run(rig, 0, before("SELECT", side, () => add(rig, side, [6], "\\Seen"), 2));
      await settles(s);
      assert.equal(flagsOf(rig, other, 6), "\\Seen");
    }
  }
});

Deno.test("messages that the original left unmapped are learnt once, and are no reason to doubt afterwards", async () => {
  const s = await scene();
  const { rig, state } = s;
  const idx = state.overview()[0]?.idx ?? 0;
  // As if the original had passed over a message: below UIDNEXT, without a pair.
  state.apply([{ kind: "unpair", idx, pairs: [{ localUid: 3, remoteUid: 3 }] }]);
  const searches = async (): Promise<number> => {
    const result = await rig.run();
    assert.equal(result.report?.problems, 0, result.log.join("\n"));
    return result.commands.remote.filter((name) => name === "UID SEARCH").length;
  };
  add(rig, "remote", [1], "\\Seen");
  const first = await searches();
  add(rig, "remote", [1], "\\Flagged");
  assert.ok((await searches()) < first);
  assert.equal(inbox(rig, "local").count, 5);
  assert.equal(inbox(rig, "remote").count, 5);
});

Deno.test("a message that is refused stays, is said once, and is tried again; the others arrive", async () => {
  const s = await scene();
  const { rig } = s;
  const refuse = (text: string) => (body: Uint8Array) => new TextDecoder().decode(body).includes(text) ? "No." : null;
  rig.servers.local.lies.refuseAppend = refuse("bad apple");
  const bodies = messages("one", "bad apple", "two", "three");
  inbox(rig, "remote").append(bodies);
  const log = await run(rig, 1);
  assert.match(log, /local\(INBOX\): WARNING: The server refused the copy of UID 7: No\.\. Left behind\./);
  assert.equal(inbox(rig, "local").count, 8);
  assert.equal(
    await run(rig, 0),
    "1 message(s) stay behind that a server refused (INBOX: 1); --repair tries all of them",
  );
  assert.equal(inbox(rig, "local").count, 8);
  rig.servers.local.lies.refuseAppend = null;
  await settles(s);
  assert.equal(inbox(rig, "local").count, 9);
});

Deno.test("a mailbox that is full is asked with one message at each run, and gets all of them when it has room; others go on", async () => {
  const s = await scene();
  const { rig } = s;
  rig.store("remote").create("zzz");
  rig.store("remote").mailbox("zzz").append(messages("fine"));
  inbox(rig, "remote").append(
    messages(...Array.from({ length: 40 }, (_, i) => `quota ${i}`)),
  );
  rig.servers.local.lies.refuseAppend = (body) =>
    new TextDecoder().decode(body).includes("quota") ? "Over quota" : null;
  assert.match(await run(rig, 1), /local\(INBOX\): WARNING: The server refused the copy of UID .*: Over quota\./);
  assert.equal(rig.store("local").mailbox("zzz").count, 1);
  const second = await rig.run();
  assert.equal(second.report?.problems, 0);
  assert.equal(second.commands.local.filter((name) => name === "APPEND").length, 1);
  assert.match(second.log.join("\n"), /^40 message\(s\) stay behind that a server refused \(INBOX: 40\)/);
  rig.servers.local.lies.refuseAppend = null;
  await settles(s);
});

Deno.test("without APPENDUID the copies are found again by the next run instead of being made twice", async () => {
  const s = await scene();
  const { rig } = s;
  rig.servers.local.lies.noAppendUid = true;
  inbox(rig, "remote").append(messages("new"));
  assert.match(await run(rig, 1), /did not tell the UIDs/);
  rig.servers.local.lies.noAppendUid = false;
  await settles(s);
  assert.equal(inbox(rig, "local").count, 6);
});

Deno.test("a message expunged on the source between SELECT and FETCH is no problem", async () => {
  const s = await scene();
  const { rig } = s;
  inbox(rig, "remote").append(messages("a", "b"));
  await run(rig, 0, before("UID FETCH", "remote", () => inbox(rig, "remote").expunge([6])));
  await settles(s);
  assert.equal(inbox(rig, "local").count, 6);
});

Deno.test("a message expunged on the target while we copy back is expunged on the source", async () => {
  const s = await scene();
  const { rig } = s;
  inbox(rig, "remote").append(messages("a"));
  await run(rig, 0, before("SELECT", "local", () => inbox(rig, "local").expunge([6]), 2));
  await settles(s);
  assert.equal(inbox(rig, "remote").count, 5);
});

Deno.test("a mailbox that is deleted while mail is copied there is left alone, now or by the next run; others are not", async () => {
  const { rig } = await scene();
  const side = rig.store("remote");
  for (const name of ["aaa", "bbb"]) {
    side.create(name);
    side.mailbox(name).append(messages(name));
  }
  // A server may refuse the APPEND, or hang up: then the run ends.
  const result = await rig.run(before("APPEND", "local", () => rig.store("local").delete("aaa")));
  assert.ok(result.error instanceof ByeError || result.report?.problems === 1, result.log.join("\n"));
  assert.match(await run(rig, 1), /database: ERROR: Mailbox aaa exists/);
  assert.equal(rig.store("local").mailbox("bbb").count, 1);
  assert.equal(side.mailbox("aaa").count, 1);
});
