// The session: what each method sends and what it makes of the answers, against a scripted server.

import assert from "node:assert/strict";
import { CommandError, ProtocolError, SilentLeaveError } from "../../lib/errors.ts";
import { Capabilities, makeFlagSet, UidSet } from "../../lib/protocol/mod.ts";
import { greetedClient } from "../support/client_rig.ts";

const ALL = "IMAP4rev1 ENABLE QRESYNC UIDPLUS ESEARCH LITERAL+ MULTIAPPEND LIST-EXTENDED LIST-STATUS";

Deno.test("`enableQresync()` insists on the untagged ENABLED, and asks once", async () => {
  const good = await greetedClient(ALL);
  const enabling = good.session.enableQresync();
  await good.server.expect("000000 ENABLE QRESYNC");
  await good.server.send("* ENABLED CONDSTORE QRESYNC", "000000 OK");
  await enabling;
  await good.session.enableQresync();
  assert.equal(good.server.pending, "");
  good.session.abort(new Error("end"));
  const bad = await greetedClient(ALL);
  const refused = bad.session.enableQresync();
  await bad.server.expect("000000 ENABLE QRESYNC");
  await bad.server.send("* ENABLED", "000000 OK");
  await assert.rejects(refused, ProtocolError);
  bad.session.abort(new Error("end"));
});

Deno.test("`list()` joins LIST with its STATUS and is pipelined with ENABLE", async () => {
  const { session, server } = await greetedClient(ALL);
  const both = Promise.all([session.enableQresync(), session.list(["*"], ["UIDNEXT"])]);
  await server.expect("000000 ENABLE QRESYNC");
  await server.expect('000001 LIST "" * RETURN (SUBSCRIBED STATUS (UIDNEXT))');
  await server.send(
    "* ENABLED QRESYNC",
    "000000 OK",
    '* LIST (\\Subscribed) "/" foo',
    "* STATUS foo (UIDNEXT 7)",
    '* LIST (\\Noselect) "/" bar',
    "000001 OK",
  );
  const [, entries] = await both;
  assert.deepEqual(entries.map(({ mailbox, attributes, status }) => [mailbox, attributes, status?.uidNext ?? null]), [
    ["foo", ["\\subscribed"], 7],
    ["bar", ["\\noselect"], null],
  ]);
  session.abort(new Error("end"));
});

Deno.test("`list()` sends reference and selection options, and reads over CHILDINFO", async () => {
  const { session, server } = await greetedClient(ALL);
  const listed = session.list(["%"], ["UIDNEXT"], { reference: "x/", selection: ["SUBSCRIBED", "RECURSIVEMATCH"] });
  await server.expect('000000 LIST (SUBSCRIBED RECURSIVEMATCH) x/ "%" RETURN (SUBSCRIBED STATUS (UIDNEXT))');
  await server.send('* LIST () "/" x/foo ("CHILDINFO" ("SUBSCRIBED"))', "000000 OK");
  assert.deepEqual(await listed, [{ mailbox: "x/foo", delimiter: "/", attributes: [], status: null }]);
  const asked = session.listDelimiter("x/");
  await server.expect('000001 LIST x/ ""');
  await server.send('* LIST (\\Noselect) "." "x."', "000001 OK");
  assert.equal(await asked, ".");
  session.abort(new Error("end"));
});

Deno.test("`select()` collects what is said up to the answer of the search, and nothing after it", async () => {
  const { session, server } = await greetedClient(ALL);
  const known = { uidValidity: 3, modSeq: 5n, knownUids: UidSet.range(1, 9), sample: null };
  const keep = (uid: number): boolean => uid !== 4;
  const both = Promise.all([
    session.select("INBOX", known, keep),
    session.search(UidSet.range(10, 20), { freeze: true }),
  ]);
  await server.expect("000000 SELECT INBOX (QRESYNC (3 5 1:9))");
  await server.expect("000001 UID SEARCH RETURN (ALL) UID 10:20");
  await server.send(
    "* 8 EXISTS",
    "* OK [UIDVALIDITY 3] x",
    "* OK [UIDNEXT 11] x",
    "* OK [HIGHESTMODSEQ 12]",
    "* OK [PERMANENTFLAGS (\\Seen \\*)] x",
    "* VANISHED (EARLIER) 2:3",
    "* 1 FETCH (UID 1 FLAGS (\\Seen) MODSEQ (6))",
    "* 3 FETCH (UID 4 FLAGS (\\Seen) MODSEQ (6))",
    "000000 OK [READ-WRITE] done",
    "* OK [HIGHESTMODSEQ 14] x",
    "* VANISHED 5",
    "* 9 EXISTS",
    '* ESEARCH (TAG "000001") UID ALL 10',
    "* 10 EXISTS",
    "* 2 FETCH (UID 6 FLAGS (\\Flagged) MODSEQ (13))",
    "* OK [HIGHESTMODSEQ 13] x",
    "000001 OK done",
  );
  const [selected, found] = await both;
  assert.equal(`${found}`, "10");
  assert.equal(selected.exists, 9);
  assert.equal(`${selected.vanished}`, "2:3,5");
  assert.deepEqual([...selected.modified].map(([uid, { key }]) => [uid, key]), [[1, "\\Seen"]]);
  assert.equal(selected.highestModSeq, 12n);
  assert.equal(selected.uidNext, 11);
  session.abort(new Error("end"));
});

for (
  const [what, capabilities, answers] of [
    // As Dovecot 2.3.19 does when it has something to tell before it says OK.
    ["with ESEARCH", ALL, ['* ESEARCH (TAG "000000") UID ALL 1,3:5', '* ESEARCH (TAG "000001") UID ALL 1']],
    ["with ESEARCH, in another order", ALL, [
      '* ESEARCH (TAG "000001") UID ALL 1',
      '* ESEARCH (TAG "000000") UID ALL 1,3:5',
    ]],
    ["with ESEARCH without tags", ALL, ["* ESEARCH UID ALL 1,3:5", "* ESEARCH UID ALL 1"]],
    ["without ESEARCH", ALL.replace(" ESEARCH", ""), ["* SEARCH 1 3 4 5", "* SEARCH 1"]],
    ["in two lines", ALL.replace(" ESEARCH", ""), ["* SEARCH 1 3", "* SEARCH 4 5", "* SEARCH 1"]],
  ] as const
) {
  Deno.test(`two searches in one flight that are answered together get what is theirs: ${what}`, async () => {
    const { session, server } = await greetedClient(capabilities);
    const both = Promise.all([session.search(UidSet.range(1, 9)), session.search(UidSet.range(1, 2))]);
    for (let i = 0; i < 2; i++) await server.line();
    await server.send(...answers, "000000 OK", "000001 OK");
    assert.deepEqual((await both).map(String), ["1,3:5", "1"]);
    session.abort(new Error("end"));
  });
}

Deno.test("the answer to a search that tells nothing is not taken for that of another", async () => {
  const { session, server } = await greetedClient(ALL);
  const both = Promise.all([session.search(UidSet.range(1, 9)), session.search(UidSet.range(8, 9))]);
  for (let i = 0; i < 2; i++) await server.line();
  await server.send('* ESEARCH (TAG "000000") UID', '* ESEARCH (TAG "000001") UID ALL 8', "000000 OK", "000001 OK");
  assert.deepEqual((await both).map(String), ["", "8"]);
  session.abort(new Error("end"));
});

Deno.test("[CLOSED] divides what belongs to the old mailbox from what belongs to the new one", async () => {
  const { session, server } = await greetedClient(ALL);
  const first = session.select("one", null, () => true);
  await server.expect("000000 SELECT one");
  await server.send("* 1 EXISTS", "* OK [UIDVALIDITY 1] x", "* OK [HIGHESTMODSEQ 1] x", "000000 OK");
  const one = await first;
  const second = session.select("two", null, () => true);
  await server.expect("000001 SELECT two");
  await server.send("* 5 EXISTS", "* OK [CLOSED] x", "* 2 EXISTS", "* OK [UIDVALIDITY 2] x", "000001 OK");
  const two = await second;
  assert.deepEqual([one.exists, one.uidValidity], [5, 1]);
  assert.deepEqual([two.exists, two.uidValidity], [2, 2]);
  session.abort(new Error("end"));
});

/** A session in which `one` is selected, with one message. */
async function selectedClient(capabilities: string, leavesSilently: boolean) {
  const rig = await greetedClient(capabilities);
  rig.session.leavesSilently = leavesSilently;
  const selecting = rig.session.select("one", null, () => true);
  await rig.server.expect("000000 SELECT one");
  await rig.server.send("* 1 EXISTS", "* OK [UIDVALIDITY 1] x", "000000 OK");
  return { ...rig, one: await selecting };
}

Deno.test("`unselect()` leaves the mailbox of a SELECT that is still in flight", async () => {
  const { session, server } = await greetedClient(`${ALL} UNSELECT`);
  const keep = (): boolean => true;
  const first = session.select("a", null, keep);
  await server.expect("000000 SELECT a");
  await server.send("* OK [UIDVALIDITY 1] x", "000000 OK");
  await first;
  const leaving = Promise.all([session.select("b", null, keep), session.unselect()]);
  await server.expect("000001 SELECT b");
  await server.expect("000002 UNSELECT");
  await server.send("* OK [CLOSED] x", "* OK [UIDVALIDITY 2] x", "000001 OK", "000002 OK");
  await leaving;
  // Nothing is selected, so that nothing is closed.
  const last = session.select("c", null, keep);
  await server.expect("000003 SELECT c");
  await server.send("* OK [UIDVALIDITY 3] x", "000003 OK");
  assert.equal((await last).uidValidity, 3);
  session.abort(new Error("end"));
});

Deno.test("a server that leaves out [CLOSED] ends the session before anything else is read", async () => {
  const { session, server, one } = await selectedClient(`${ALL} UNSELECT`, false);
  const both = [session.select("two", null, () => true), session.search(UidSet.range(1, 9))];
  await server.expect("000001 SELECT two");
  await server.expect("000002 UID SEARCH RETURN (ALL) UID 1:9");
  await server.send("* 2 EXISTS", "000001 OK", "* 3 EXISTS", '* ESEARCH (TAG "000002") UID ALL 1', "000002 OK");
  for (const each of both) await assert.rejects(each, (error) => error instanceof SilentLeaveError);
  assert.ok(session.closed instanceof SilentLeaveError);
  assert.equal(one.exists, 2, "something was read that came behind the answer");
});

Deno.test("without UNSELECT there is no way around a missing [CLOSED], and the error says so", async () => {
  for (const leavesSilently of [false, true]) {
    const { session, server } = await selectedClient(ALL, leavesSilently);
    const two = session.select("two", null, () => true);
    await server.expect("000001 SELECT two");
    await server.send("* 2 EXISTS", "000001 OK");
    await assert.rejects(
      two,
      (error) =>
        error instanceof ProtocolError && !(error instanceof SilentLeaveError) && /no UNSELECT/.test(error.message),
    );
    assert.ok(session.closed !== null);
  }
});

for (const extra of [[], ["* OK [CLOSED] x"]]) {
  const said = extra.length === 0 ? "" : ", and says [CLOSED] then";
  Deno.test(`\`leavesSilently\`: SELECT and what is behind it wait until UNSELECT is answered${said}`, async () => {
    const { session, server, one } = await selectedClient(`${ALL} UNSELECT`, true);
    const last = session.search(UidSet.range(1, 9));
    const second = Promise.all([
      session.select("two", null, () => true),
      session.search(UidSet.range(1, 9), { freeze: true }),
    ]);
    const third = Promise.all([session.select("three", null, () => true), session.search(UidSet.range(1, 9))]);
    await server.expect("000001 UID SEARCH RETURN (ALL) UID 1:9");
    await server.expect("000002 UNSELECT");
    await server.send("* 5 EXISTS", '* ESEARCH (TAG "000001") UID ALL 5', "000001 OK");
    assert.equal(`${await last}`, "5");
    assert.equal(server.pending, "", "SELECT did not wait");
    await server.send(...extra, "000002 OK");
    await server.expect("000003 SELECT two");
    await server.expect("000004 UID SEARCH RETURN (ALL) UID 1:9");
    await server.expect("000005 UNSELECT");
    await server.send("* 2 EXISTS", "000003 OK", '* ESEARCH (TAG "000004") UID ALL 2', "000004 OK");
    const [two, found] = await second;
    assert.deepEqual([one.exists, two.exists, `${found}`], [5, 2, "2"]);
    assert.equal(server.pending, "", "SELECT did not wait");
    await server.send(...extra, "000005 OK");
    await server.expect("000006 SELECT three");
    await server.expect("000007 UID SEARCH RETURN (ALL) UID 1:9");
    await server.send("* 3 EXISTS", "000006 OK", '* ESEARCH (TAG "000007") UID ALL 3', "000007 OK");
    const [three, foundThere] = await third;
    assert.deepEqual([two.exists, three.exists, `${foundThere}`], [2, 3, "3"]);
    session.abort(new Error("end"));
  });
}

Deno.test("`leavesSilently`: behind a SELECT that was refused, UNSELECT may be refused as well", async () => {
  const { session, server } = await selectedClient(`${ALL} UNSELECT`, true);
  const gone = assert.rejects(session.select("gone", null, () => true), CommandError);
  const three = session.select("three", null, () => true);
  await server.expect("000001 UNSELECT");
  await server.send("000001 OK");
  await server.expect("000002 SELECT gone");
  await server.expect("000003 UNSELECT");
  await server.send("000002 NO [NONEXISTENT] no", "000003 BAD nothing is selected");
  await gone;
  await server.expect("000004 SELECT three");
  await server.send("* 3 EXISTS", "000004 OK");
  assert.equal((await three).exists, 3);
  session.abort(new Error("end"));
});

Deno.test("`leavesSilently`: an UNSELECT that is refused ends the session, for there is no other way", async () => {
  const { session, server } = await selectedClient(`${ALL} UNSELECT`, true);
  const two = session.select("two", null, () => true);
  await server.expect("000001 UNSELECT");
  await server.send("000001 NO not now");
  await server.expect("000002 SELECT two");
  await server.send("* 2 EXISTS", "000002 OK");
  await assert.rejects(two, (error) => error instanceof ProtocolError && !(error instanceof SilentLeaveError));
});

Deno.test("a failed SELECT leaves nothing selected, and the next one works", async () => {
  const { session, server } = await greetedClient(ALL);
  const first = session.select("nope", null, () => true);
  await server.expect("000000 SELECT nope");
  await server.send("000000 NO [NONEXISTENT] no");
  await assert.rejects(first, (error) => error instanceof CommandError && error.code === "NONEXISTENT");
  const second = session.select("two", null, () => true);
  await server.expect("000001 SELECT two");
  await server.send("* 2 EXISTS", "000001 OK");
  assert.equal((await second).exists, 2);
  session.abort(new Error("end"));
});

Deno.test("`store()` tells apart what was reported, what was refused and what nothing was said of", async () => {
  const { session, server } = await greetedClient(ALL);
  const stored = session.store(UidSet.range(1, 5), makeFlagSet(["\\Seen"]), 9n);
  await server.expect("000000 UID STORE 1:5 (UNCHANGEDSINCE 9) FLAGS.SILENT (\\Seen)");
  await server.send(
    "* 1 FETCH (UID 1 MODSEQ (10))",
    "* 2 FETCH (FLAGS (\\Seen) UID 2 MODSEQ (11))",
    "* 3 FETCH (UID 3 FLAGS (\\Flagged) MODSEQ (12))",
    "000000 OK [MODIFIED 3,7] some",
  );
  const { reported, refused } = await stored;
  assert.equal(`${reported}`, "1:2");
  assert.equal(`${refused}`, "3");
  session.abort(new Error("end"));
});

Deno.test("`store()` takes NO [MODIFIED] for a refusal of those messages only, and another NO for an error", async () => {
  const { session, server } = await greetedClient(ALL);
  const modified = session.store(UidSet.range(1, 1), makeFlagSet([]), 9n);
  await server.expect(/UID STORE 1/);
  await server.send("000000 NO [MODIFIED 1] no");
  assert.equal(`${(await modified).refused}`, "1");
  const refused = session.store(UidSet.range(1, 1), makeFlagSet([]), 9n);
  await server.expect(/UID STORE 1/);
  await server.send("000001 NO [NOPERM] no");
  await assert.rejects(refused, CommandError);
  session.abort(new Error("end"));
});

Deno.test("`expunge()` sends both commands at once and believes VANISHED, not OK", async () => {
  const { session, server } = await greetedClient(ALL);
  const gone = session.expunge(UidSet.of([2, 4, 6]));
  await server.expect("000000 UID STORE 2,4,6 +FLAGS.SILENT (\\Deleted)");
  await server.expect("000001 UID EXPUNGE 2,4,6");
  await server.send("000000 OK", "* VANISHED 1:2,6", "000001 OK Expunge ignored: Permission denied");
  assert.equal(`${await gone}`, "2,6");
  session.abort(new Error("end"));
});

Deno.test("long UID sets are sent as several commands of at most 4096 octets", async () => {
  const { session, server } = await greetedClient(ALL);
  const uids = UidSet.of(Array.from({ length: 2000 }, (_, i) => 2 * i + 1));
  const fetched = session.fetch(uids, "(UID FLAGS)", {});
  let seen = UidSet.empty;
  for (let tag = 0; seen.size < uids.size; tag++) {
    const line = await server.expect(/^\d+ UID FETCH ([\d,:]+) \(UID FLAGS\)$/);
    const set = line.split(" ")[3] ?? "";
    assert.ok(set.length <= 4096);
    seen = seen.union(UidSet.of(set.split(",").map(Number)));
    await server.send(`${`${tag}`.padStart(6, "0")} OK`);
  }
  await fetched;
  assert.ok(seen.equals(uids));
  session.abort(new Error("end"));
});

Deno.test("`append()` resolves to the UIDs in the order given, and to null without APPENDUID", async () => {
  const { session, server } = await greetedClient(ALL);
  const message = { flags: ["\\Seen"], internalDate: { seconds: 0, zone: 60 }, body: new Uint8Array([0x61]) };
  const two = session.append("INBOX", [message, message]);
  await server.expect('000000 APPEND INBOX (\\Seen) "01-Jan-1970 01:00:00 +0100" {1+}');
  await server.expect('a (\\Seen) "01-Jan-1970 01:00:00 +0100" {1+}');
  await server.expect("a");
  await server.send("000000 OK [APPENDUID 7 5:6] done");
  const appended = await two.done;
  assert.deepEqual([appended?.uidValidity, `${appended?.uids}`], [7, "5:6"]);
  const none = session.append("INBOX", [message]);
  await server.expect(/APPEND/);
  await server.send("000001 OK done");
  assert.equal(await none.done, null);
  session.abort(new Error("end"));
});

Deno.test("alerts are logged, and a CAPABILITY code replaces the list", async () => {
  const { session, server, log } = await greetedClient(ALL);
  const done = session.create("x");
  await server.expect("000000 CREATE x");
  await server.send("* OK [ALERT] disk is full", "* OK [CAPABILITY IMAP4rev1 X] x", "000000 OK");
  await done;
  assert.deepEqual(log.lines, ["remote: [ALERT] disk is full"]);
  assert.deepEqual([...session.capabilities.names], [...new Capabilities(["IMAP4REV1", "X"]).names]);
  session.abort(new Error("end"));
});

Deno.test("`logout()` does not wait for the answer", async () => {
  const { session, server } = await greetedClient(ALL);
  await session.logout();
  await server.expect("000000 LOGOUT");
  assert.equal(await server.line(), null);
});

Deno.test("`delete()` and `rename()` send names as they are, and reject when the server refuses", async () => {
  const { session, server } = await greetedClient(ALL);
  const deleted = session.delete("a b");
  await server.expect('000000 DELETE "a b"');
  await server.send("000000 OK");
  await deleted;
  const renamed = session.rename("a", 'b"c');
  await server.expect('000001 RENAME a "b\\"c"');
  await server.send("000001 NO [ALREADYEXISTS] there");
  await assert.rejects(renamed, (error) => error instanceof CommandError && error.code === "ALREADYEXISTS");
  session.abort(new Error("end"));
});
