// The connection: order, window, literals, bodies, deadlines and what ends a session, against a scripted server.

import assert from "node:assert/strict";
import { ANSWER_TIMEOUT_MS } from "../../lib/client/answer_watch.ts";
import type { BodyReceiver } from "../../lib/client/request.ts";
import { ByeError, ProtocolError, TransportError } from "../../lib/errors.ts";
import { append, type Command, noop, uidFetch, UidSet } from "../../lib/protocol/mod.ts";
import { connectClient, greetedClient } from "../support/client_rig.ts";
import { duplexPair } from "../support/duplex.ts";
import { Script } from "../support/script.ts";

const DATE = { seconds: 0, zone: 0 };

function bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

Deno.test("`submit()` sends commands without waiting for answers, in the order of the calls", async () => {
  const { connection, server } = await greetedClient("IMAP4REV1");
  const first = connection.submit({ command: noop() });
  const second = connection.submit({ command: noop() });
  await server.expect("000000 NOOP");
  await server.expect("000001 NOOP");
  await server.send("000001 OK second", "000000 NO first");
  assert.equal((await second.done).text, "second");
  assert.equal((await first.done).status, "NO");
  connection.close(new Error("end"));
});

Deno.test("`submit()` keeps at most 64 commands in flight", async () => {
  const { connection, server } = await greetedClient("IMAP4REV1");
  const sent = Array.from({ length: 70 }, () => connection.submit({ command: noop() }));
  for (let i = 0; i < 64; i++) await server.expect(/NOOP$/);
  assert.equal(server.pending, "");
  await server.send("000000 OK");
  await server.expect("000064 NOOP");
  assert.equal(server.pending, "");
  await server.send(...Array.from({ length: 64 }, (_, i) => `${i + 1}`.padStart(6, "0") + " OK"));
  for (let i = 65; i < 70; i++) await server.expect(/NOOP$/);
  await server.send(...[65, 66, 67, 68, 69].map((i) => `0000${i} OK`));
  await Promise.all(sent.map(({ done }) => done));
  connection.close(new Error("end"));
});

Deno.test("a command that must be alone waits for those before it and holds back those behind it", async () => {
  const { connection, server } = await greetedClient("IMAP4REV1");
  connection.submit({ command: noop() });
  connection.submit({ command: { ...noop(), name: "ALONE" }, barrier: "alone" });
  const last = connection.submit({ command: noop() });
  await server.expect("000000 NOOP");
  assert.equal(server.pending, "");
  await server.send("000000 OK");
  await server.expect("000001 NOOP");
  assert.equal(server.pending, "");
  await server.send("000001 OK");
  await server.expect("000002 NOOP");
  await server.send("000002 OK");
  await last.done;
  connection.close(new Error("end"));
});

Deno.test("a command that must be the last goes out behind others and holds back those behind it", async () => {
  const { connection, server } = await greetedClient("IMAP4REV1");
  connection.submit({ command: noop() });
  connection.submit({ command: { ...noop(), name: "LAST" }, barrier: "last" });
  const behind = connection.submit({ command: noop() });
  await server.expect("000000 NOOP");
  await server.expect("000001 NOOP");
  assert.equal(server.pending, "");
  await server.send("000000 OK", "000001 OK");
  await server.expect("000002 NOOP");
  await server.send("000002 OK");
  await behind.done;
  connection.close(new Error("end"));
});

Deno.test("what was sent before the layer changed may be answered in the new one", async () => {
  const { connection, server } = await greetedClient("IMAP4REV1");
  const [inner, end] = duplexPair();
  const earlier = connection.submit({ command: noop() });
  const upgrade = () => Promise.resolve(inner);
  const { done } = connection.submit({ command: { ...noop(), name: "LAST" }, barrier: "last", upgrade });
  await server.expect("000000 NOOP");
  await server.send("000001 OK");
  await done;
  await new Script(end).send("000000 OK late");
  assert.equal((await earlier.done).text, "late");
  connection.close(new Error("end"));
});

Deno.test("a synchronizing literal waits for the server, commands behind it wait too", async () => {
  const { connection, server } = await greetedClient("IMAP4REV1");
  const command = append("INBOX", [{ flags: [], internalDate: DATE, body: bytes("hello") }]);
  const appended = connection.submit({ command });
  connection.submit({ command: noop() });
  await server.expect('000000 APPEND INBOX () "01-Jan-1970 00:00:00 +0000" {5}');
  assert.equal(server.pending, "");
  await server.send("+ go on");
  assert.equal(await server.octets(5), "hello");
  await server.expect("");
  await server.expect("000001 NOOP");
  await server.send("000000 OK done", "000001 OK done");
  assert.equal((await appended.done).status, "OK");
  connection.close(new Error("end"));
});

Deno.test("a literal refused before it was sent is not sent, and the connection goes on", async () => {
  const { connection, server } = await greetedClient("IMAP4REV1");
  const command = append("nope", [{ flags: [], internalDate: DATE, body: bytes("hello") }]);
  const appended = connection.submit({ command });
  const behind = connection.submit({ command: noop() });
  await server.expect(/APPEND nope .*\{5\}$/);
  await server.send("000000 NO [TRYCREATE] no such mailbox");
  await server.expect("000001 NOOP");
  await server.send("000001 OK");
  assert.equal((await appended.done).status, "NO");
  assert.equal((await behind.done).status, "OK");
  connection.close(new Error("end"));
});

Deno.test("BAD to a command with a literal closes the connection: the literal may run as commands", async () => {
  const { connection, server } = await greetedClient("IMAP4REV1 LITERAL+");
  const command = append("INBOX", [{ flags: [], internalDate: DATE, body: bytes("x1 DELETE victim\r\n") }]);
  const appended = connection.submit({ command });
  const behind = connection.submit({ command: noop() });
  await server.expect(/\{18\+\}$/);
  await server.send("000000 BAD no");
  assert.equal((await appended.done).status, "BAD");
  await assert.rejects(behind.done, ProtocolError);
  assert.ok(connection.closed instanceof ProtocolError);
});

Deno.test("an answer to a command that was not sent, or not completely, ends the session", async () => {
  const one = await greetedClient("IMAP4REV1");
  const pending = one.connection.submit({ command: noop() });
  await one.server.send("000007 OK");
  await assert.rejects(pending.done, ProtocolError);

  const two = await greetedClient("IMAP4REV1");
  const command = append("INBOX", [{ flags: [], internalDate: DATE, body: bytes("hello") }]);
  const half = two.connection.submit({ command });
  await two.server.expect(/\{5\}$/);
  await two.server.send("000000 OK");
  await assert.rejects(half.done, ProtocolError);
});

Deno.test("a streamed literal is pumped through with back-pressure and ends the command", async () => {
  const { connection, server, end } = await greetedClient("IMAP4REV1 LITERAL+", { capacity: 100_000 });
  const octets = 3 * 1024 * 1024;
  const command = append("INBOX", [{ flags: [], internalDate: DATE, body: octets }]);
  let pumped = 0;
  const sent = connection.submit({
    command,
    pump: async (write) => {
      const chunk = new Uint8Array(1024 * 1024).fill(0x61);
      for (; pumped < octets; pumped += chunk.length) await write(chunk);
    },
  });
  await server.expect(new RegExp(`\\{${octets}\\}$`));
  await server.send("+");
  assert.ok(end.unread <= 100_000);
  const body = await server.octets(octets);
  assert.equal(body.length, octets);
  assert.equal(body.replaceAll("a", ""), "");
  await server.expect("");
  await server.send("000000 OK [APPENDUID 1 1] done");
  assert.equal((await sent.done).status, "OK");
  connection.close(new Error("end"));
});

Deno.test("bodies go to the command that asked for their UID, and the reader waits for them", async () => {
  const { connection, server } = await greetedClient("IMAP4REV1");
  const seen: string[] = [];
  const hold = Promise.withResolvers<void>();
  const receiver = (name: string, uids: UidSet): BodyReceiver => ({
    accepts: ({ uid }) => uid !== null && uids.has(uid),
    begin: ({ uid }, _section, octets) => void seen.push(`${name} begin ${uid} ${octets}`),
    data: (data) => {
      seen.push(`${name} ${String.fromCharCode(...data)}`);
      return name === "one" ? hold.promise : undefined;
    },
    end: () => void seen.push(`${name} end`),
  });
  const fetch = (uid: number): Command => uidFetch(UidSet.range(uid, uid), "(UID BODY.PEEK[])");
  const one = connection.submit({ command: fetch(1), bodies: receiver("one", UidSet.range(1, 1)) });
  const two = connection.submit({ command: fetch(2), bodies: receiver("two", UidSet.range(2, 2)) });
  await server.expect(/UID FETCH 1/);
  await server.expect(/UID FETCH 2/);
  await server.raw(
    "* 2 FETCH (UID 2 BODY[] {2}\r\nBB)\r\n* 1 FETCH (UID 1 BODY[] {2}\r\nAA)\r\n000000 OK\r\n000001 OK\r\n",
  );
  assert.equal(await Promise.race([one.done, Promise.resolve("waiting")]), "waiting");
  hold.resolve();
  await Promise.all([one.done, two.done]);
  assert.deepEqual(seen, ["two begin 2 2", "two BB", "two end", "one begin 1 2", "one AA", "one end"]);
  connection.close(new Error("end"));
});

Deno.test("the end of the stream rejects everything pending with the server's BYE", async () => {
  const { connection, server, end } = await greetedClient("IMAP4REV1");
  const pending = connection.submit({ command: noop() });
  await server.send("* BYE shutting down");
  end.close();
  await assert.rejects(pending.done, (error) => error instanceof ByeError && /shutting down/.test(error.message));
  await assert.rejects(connection.submit({ command: noop() }).done, ByeError);
});

Deno.test("a server that stops answering is given up after ANSWER_TIMEOUT_MS, and only when an answer is due", async () => {
  const { connection, server, clock } = await greetedClient("IMAP4REV1");
  clock.advance(2 * ANSWER_TIMEOUT_MS);
  assert.equal(connection.closed, null);
  const done = connection.submit({ command: noop() });
  await server.expect("000000 NOOP");
  clock.advance(ANSWER_TIMEOUT_MS - 1);
  assert.equal(connection.closed, null);
  clock.advance(1);
  await assert.rejects(done.done, (error) => error instanceof TransportError && error.phase === "timeout");
  assert.equal(clock.pending, 0);
});

Deno.test("--debug shows both directions, literals as [...], and hides credentials", async () => {
  const { connection, server, log } = await greetedClient("IMAP4REV1 LITERAL+", {}, 1);
  const command = append("INBOX", [{ flags: [], internalDate: DATE, body: bytes("secret text") }]);
  const sent = connection.submit({ command });
  await server.expect(/APPEND/);
  await server.raw("* 1 FETCH (UID 1 BODY[] {6}\r\nsecret)\r\n000000 OK see {6}\r\n");
  await sent.done;
  const text = log.lines.join("\n");
  assert.doesNotMatch(text, /secret/);
  assert.match(text, /C: 000000 APPEND INBOX \(\) "01-Jan-1970 00:00:00 \+0000" \{11\+\}/);
  assert.match(text, /S: \* 1 FETCH \(UID 1 BODY\[\] \{6\}\n.*S: \[\.\.\.\]\)\n.*S: 000000 OK see \{6\}/);
  connection.close(new Error("end"));
});

Deno.test("a first line that is not IMAP ends the connection with one clear error", async () => {
  const { connection, server } = connectClient();
  await server.send("SSH-2.0-OpenSSH_9.2p1 Debian-2");
  await assert.rejects(
    connection.greeting,
    (error) => error instanceof ProtocolError && /greeting/.test(error.message),
  );
});
