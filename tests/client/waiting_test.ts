// Waiting for news: NOTIFY with all its refusals, IDLE, probes, and sessions that are told to stop, against a scripted
// server.

import assert from "node:assert/strict";
import { IdleWait, probe, restartNotify, startNotify } from "../../lib/client/mod.ts";
import { PROBE_TIMEOUT_MS } from "../../lib/client/probe.ts";
import { ANSWER_TIMEOUT_MS } from "../../lib/client/answer_watch.ts";
import { Interrupted } from "../../lib/errors.ts";
import { noop, status, UidSet } from "../../lib/protocol/mod.ts";
import { type ClientRig, greetedClient } from "../support/client_rig.ts";

const ALL = "IMAP4rev1 ENABLE QRESYNC UIDPLUS ESEARCH LITERAL+ LIST-EXTENDED LIST-STATUS IDLE NOTIFY UNSELECT";
const MESSAGES = "MessageNew MessageExpunge";
const EVERYTHING = `NOTIFY SET (PERSONAL (${MESSAGES} FlagChange MailboxName SubscriptionChange))`;
const DATE = { seconds: 0, zone: 0 };
const END = new Error("end");

/** What the listener hears, as short texts. */
function listen({ session }: ClientRig): string[] {
  const heard: string[] = [];
  session.listener = {
    news: (data) => heard.push("mailbox" in data ? `${data.kind} ${data.mailbox}` : data.kind),
    code: (name) => heard.push(name),
    ended: () => heard.push("ended"),
  };
  return heard;
}

Deno.test("`startNotify()` asks for everything in one command", async () => {
  const rig = await greetedClient(ALL);
  const starting = startNotify(rig.session);
  await rig.server.expect(`000000 ${EVERYTHING}`);
  await rig.server.send("000000 OK");
  assert.equal(await starting, "all");
  assert.equal(rig.server.pending, "");
  rig.session.abort(END);
});

Deno.test("`startNotify()` asks for fewer events after [BADEVENT], and gives up at last", async () => {
  const rig = await greetedClient(ALL);
  const starting = startNotify(rig.session);
  const requests = [
    EVERYTHING,
    `NOTIFY SET (PERSONAL (${MESSAGES} FlagChange MailboxName))`,
    `NOTIFY SET (PERSONAL (${MESSAGES} FlagChange))`,
    `NOTIFY SET (PERSONAL (${MESSAGES}))`,
  ];
  for (const [i, request] of requests.entries()) {
    await rig.server.expect(`00000${i} ${request}`);
    await rig.server.send(`00000${i} NO [BADEVENT (MessageNew)] not these`);
  }
  assert.equal(await starting, "none");
  rig.session.abort(END);
});

Deno.test("`startNotify()` tells when not everything will be told", async () => {
  const rig = await greetedClient(ALL);
  const starting = startNotify(rig.session);
  await rig.server.expect(/^000000 /);
  await rig.server.send("000000 NO [BADEVENT SubscriptionChange] not this");
  await rig.server.expect(/^000001 /);
  await rig.server.send("000001 OK");
  assert.equal(await starting, "some");
  rig.session.abort(END);
});

Deno.test("`startNotify()` does without a server that does not offer it, cannot leave a mailbox, or answers BAD", async () => {
  for (const capabilities of [ALL.replace(" NOTIFY", ""), ALL.replace(" UNSELECT", "")]) {
    const rig = await greetedClient(capabilities);
    assert.equal(await startNotify(rig.session), "none");
    assert.equal(rig.server.pending, "");
    rig.session.abort(END);
  }
  const rig = await greetedClient(ALL);
  const starting = startNotify(rig.session);
  await rig.server.expect(/^000000 /);
  await rig.server.send("000000 BAD Unrecognized command");
  assert.equal(await starting, "none");
  rig.session.abort(END);
});

Deno.test("`restartNotify()` puts NONE before the second SET, which Dovecot would take for an end", async () => {
  const rig = await greetedClient(ALL);
  const starting = restartNotify(rig.session);
  await rig.server.expect("000000 NOTIFY NONE");
  await rig.server.send("000000 OK");
  await rig.server.expect(`000001 ${EVERYTHING}`);
  await rig.server.send("000001 OK");
  assert.equal(await starting, "all");
  rig.session.abort(END);
});

Deno.test("a session tells its listener what was for no command, and nothing else", async () => {
  const rig = await greetedClient(ALL);
  const { session, server } = rig;
  const heard = listen(rig);
  const listing = session.list(["INBOX"], ["UIDNEXT"]);
  await server.expect(/LIST/);
  await server.send(
    '* LIST () "/" INBOX',
    "* STATUS INBOX (UIDNEXT 3)",
    "* STATUS other (UIDNEXT 4)",
    "000000 OK",
    "* STATUS late (UIDNEXT 5)",
    '* LIST () "/" new',
    "* OK [NOTIFICATIONOVERFLOW] too much",
    "* OK Still here",
  );
  assert.deepEqual((await listing).map(({ mailbox, status }) => [mailbox, status?.uidNext]), [["INBOX", 3]]);
  const asking = session.run(status("box", ["UIDNEXT"]));
  await server.expect("000001 STATUS box (UIDNEXT)");
  await server.send("* STATUS box (UIDNEXT 6)", "000001 OK");
  await asking;
  assert.deepEqual(heard, [
    "mailbox-status late",
    "list new",
    "NOTIFICATIONOVERFLOW",
    "mailbox-status other",
    "mailbox-status box",
  ]);
  session.abort(END);
  assert.equal(heard.at(-1), "ended");
});

Deno.test("`IdleWait` opens the mailbox read-only, tells news, and sends what comes next behind DONE", async () => {
  const rig = await greetedClient(ALL);
  const { session, server, clock } = rig;
  const heard = listen(rig);
  const idle = new IdleWait(session, clock);
  const starting = idle.start("INBOX");
  await server.expect("000000 EXAMINE INBOX");
  await server.send("* FLAGS (\\Seen)", "* 3 EXISTS", "* OK [UIDVALIDITY 7] x", "* OK [UIDNEXT 4] x");
  await server.send("* OK [HIGHESTMODSEQ 9] x", "000000 OK [READ-ONLY] done");
  const opened = await starting;
  assert.deepEqual([opened?.uidValidity, opened?.uidNext, opened?.highestModSeq], [7, 4, 9n]);
  await server.expect("000001 IDLE");
  await server.send("+ idling", "* 4 EXISTS", "* 4 FETCH (UID 4 FLAGS () MODSEQ (10))");
  await server.send("* OK Still here");
  idle.stop();
  const listing = session.list(["INBOX"], []);
  await server.expect("DONE");
  assert.equal(server.pending, "");
  await server.send("000001 OK done");
  await server.expect("000002 UNSELECT");
  await server.expect('000003 LIST "" INBOX RETURN (SUBSCRIBED)');
  await server.send("000002 OK", "000003 OK");
  await listing;
  assert.deepEqual(heard, ["exists", "fetch"]);
  assert.equal(clock.pending, 0);
  session.abort(END);
});

Deno.test("`IdleWait` does not send DONE before the server has agreed to wait (RFC 2177)", async () => {
  const { session, server, clock } = await greetedClient(ALL);
  const idle = new IdleWait(session, clock);
  void idle.start("INBOX");
  idle.stop();
  await server.expect("000000 EXAMINE INBOX");
  await server.send("000000 OK");
  await server.expect("000001 IDLE");
  assert.equal(server.pending, "");
  await server.send("+ idling");
  await server.expect("DONE");
  session.abort(END);
});

Deno.test("a server that waits with us is not late; one that does not answer DONE is given up", async () => {
  const { session, server, clock } = await greetedClient(ALL);
  const idle = new IdleWait(session, clock);
  const starting = idle.start("INBOX");
  await server.expect("000000 EXAMINE INBOX");
  await server.send("000000 OK");
  await starting;
  await server.expect("000001 IDLE");
  const heard = Promise.withResolvers<void>();
  session.listener = { news: () => heard.resolve(), code: () => {}, ended: () => {} };
  await server.send("+ idling", "* 1 EXISTS");
  await heard.promise;
  clock.advance(10 * ANSWER_TIMEOUT_MS);
  assert.equal(session.closed, null);
  idle.stop();
  clock.advance(PROBE_TIMEOUT_MS);
  assert.match(String(session.connection.closed), /^TransportError: The server did not answer within 30 s$/);
});

Deno.test("`IdleWait` is not possible any more once it was refused, and not where it is not offered", async () => {
  const none = await greetedClient(ALL.replace(" IDLE", ""));
  assert.ok(!new IdleWait(none.session, none.clock).possible);
  none.session.abort(END);
  const { session, server, clock } = await greetedClient(ALL);
  const idle = new IdleWait(session, clock);
  assert.ok(idle.possible);
  const starting = idle.start("gone");
  await server.expect("000000 EXAMINE gone");
  await server.send("000000 NO no such mailbox");
  assert.equal(await starting, null);
  await server.expect("000001 IDLE");
  await server.send("000001 NO not for you");
  const next = session.run(noop());
  await server.expect("000002 NOOP");
  await server.send("000002 OK");
  await next;
  assert.ok(!idle.possible);
  session.abort(END);
});

Deno.test("`probe()` ends a session whose server says nothing for 30 s", async () => {
  const { session, server, clock } = await greetedClient(ALL);
  const good = probe(session, clock);
  await server.expect("000000 NOOP");
  await server.send("000000 OK");
  await good;
  assert.equal(clock.pending, 0);
  const dead = probe(session, clock);
  await server.expect("000001 NOOP");
  clock.advance(PROBE_TIMEOUT_MS - 1);
  assert.equal(session.closed, null);
  clock.advance(1);
  await assert.rejects(dead, /did not answer within 30 s/);
});

Deno.test("`unselect()` gives what follows to the mailbox that is selected next, also in the same breath", async () => {
  const { session, server } = await greetedClient(ALL);
  const first = session.select("a", null, () => true);
  await server.expect("000000 SELECT a");
  await server.send("* 1 EXISTS", "000000 OK");
  await first;
  const leaving = session.unselect();
  const second = session.select("b", null, () => true);
  await server.expect("000001 UNSELECT");
  await server.expect("000002 SELECT b");
  await server.send("000001 OK", "* 5 EXISTS", "* OK [UIDNEXT 6] x", "000002 OK");
  await leaving;
  const { exists, uidNext } = await second;
  assert.deepEqual([exists, uidNext], [5, 6]);
  assert.equal((await first).exists, 1);
  session.abort(END);
});

Deno.test("`stop()` lets an APPEND that was sent be answered, and rejects everything else at once", async () => {
  const { session, server } = await greetedClient(ALL);
  const reason = new Interrupted("SIGTERM");
  const appended = session.append("INBOX", [{ flags: [], internalDate: DATE, body: new Uint8Array(3).fill(65) }]);
  const other = session.run(noop());
  await server.expect(/APPEND INBOX .*\{3\+\}$/);
  await server.expect("AAA");
  await server.expect("000001 NOOP");
  session.stop(reason);
  await assert.rejects(other, Interrupted);
  await assert.rejects(session.run(noop()), Interrupted);
  assert.equal(session.closed, null);
  await server.send("000000 OK [APPENDUID 7 1] done", "000001 OK");
  assert.equal((await appended.done)?.uids.first, 1);
  assert.equal(session.closed, reason);
});

Deno.test("`stop()` waits 3 s for the answer to an APPEND, and not at all without one", async () => {
  const late = await greetedClient(ALL);
  const body = new Uint8Array(3);
  const { done } = late.session.append("INBOX", [{ flags: [], internalDate: DATE, body }]);
  await late.server.expect(/APPEND/);
  await late.server.octets(5);
  late.session.stop(new Interrupted("SIGTERM"));
  late.clock.advance(2999);
  assert.equal(late.session.closed, null);
  late.clock.advance(1);
  assert.match(String(late.session.connection.closed), /SIGTERM/);
  await assert.rejects(done, Interrupted);
  const idle = await greetedClient(ALL);
  idle.session.stop(new Interrupted("SIGINT"));
  assert.ok(idle.session.closed instanceof Interrupted);
  assert.equal(idle.clock.pending, 0);
});

Deno.test("`stop()` waits no longer than 3 s when nobody takes a body that comes meanwhile", async () => {
  const { session, server, clock } = await greetedClient(ALL);
  const { promise: first, resolve: begun } = Promise.withResolvers<void>();
  const { promise: second, resolve: stuck } = Promise.withResolvers<void>();
  let pieces = 0;
  const data = (): Promise<void> => {
    pieces += 1;
    if (pieces > 1) stuck();
    else begun();
    return pieces > 1 ? Promise.withResolvers<void>().promise : Promise.resolve();
  };
  const bodies = { begin: () => {}, data, end: () => {} };
  const fetching = session.fetch(UidSet.range(1, 1), "UID BODY.PEEK[]", { bodies });
  await server.expect(/UID FETCH/);
  const { done } = session.append("INBOX", [{ flags: [], internalDate: DATE, body: new Uint8Array(3) }]);
  await server.expect(/APPEND/);
  await server.octets(5);
  await server.raw("* 1 FETCH (UID 1 BODY[] {8}\r\n1234");
  await first;
  session.stop(new Interrupted("SIGTERM"));
  await assert.rejects(fetching, Interrupted);
  await server.raw("5678");
  await second;
  clock.advance(3000);
  assert.ok(session.closed instanceof Interrupted);
  await assert.rejects(done, Interrupted);
});
