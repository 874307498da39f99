// A server that says too much, or talks without answering: the session ends with an error that says so.

import assert from "node:assert/strict";
import { Connection } from "../../lib/client/connection.ts";
import { Session } from "../../lib/client/mod.ts";
import { MAX_ALERTS, MAX_EMPTY_TALK_MS, MAX_LISTED, MAX_SHOWN_TEXT } from "../../lib/client/bounds.ts";
import { CommandError, ProtocolError, TransportError } from "../../lib/errors.ts";
import { noop, uidFetch, UidSet } from "../../lib/protocol/mod.ts";
import { greetedClient } from "../support/client_rig.ts";
import { duplexPair } from "../support/duplex.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { KeepingLog } from "../support/quiet_log.ts";
import { Script } from "../support/script.ts";

/** A greeted client that believes so many octets between two tagged answers. */
async function bounded(maxAnswerOctets: number) {
  const [client, end] = duplexPair({});
  const session = new Session("remote", new KeepingLog());
  const connection = new Connection({
    stream: client,
    clock: new FakeClock(),
    log: new KeepingLog(),
    component: "remote",
    events: session,
    capabilities: () => session.capabilities,
    maxAnswerOctets,
  });
  session.attach(connection);
  connection.start();
  const server = new Script(end);
  await server.send("* PREAUTH [CAPABILITY IMAP4REV1] hello");
  await connection.greeting;
  return { connection, server };
}

Deno.test("a flood of untagged responses ends the session when it is longer than any answer can be", async () => {
  for (
    const line of ["* OK still here", "* 1 EXISTS", "* X-UNKNOWN noise", "* 1 FETCH (UID 1 FLAGS ())", "* SEARCH 1"]
  ) {
    const { connection, server } = await bounded(10_000);
    const pending = connection.submit({ command: noop() });
    const flood = (async () => {
      for (let i = 0; i < 1000; i++) await server.send(line);
    })();
    await assert.rejects(pending.done, (error: Error) => {
      assert.ok(error instanceof ProtocolError);
      return /more than 10000 octets without answering a command/.test(error.message);
    });
    await flood.catch(() => {});
  }
});

Deno.test("what is said is counted anew after each tagged answer, and bodies are not counted", async () => {
  const { connection, server } = await bounded(10_000);
  for (let i = 0; i < 5; i++) {
    const body = "x".repeat(30_000);
    const done = connection.submit({ command: uidFetch(UidSet.range(1, 1), "(BODY.PEEK[])") }).done;
    await server.line();
    await server.raw(`* 1 FETCH (UID 1 BODY[] {${body.length}}\r\n${body})\r\n`);
    await server.send("* OK noise".padEnd(8000, "."), `00000${i} OK done`);
    assert.equal((await done).status, "OK");
  }
  connection.close(new Error("end"));
});

Deno.test("untagged OK does not put the deadline off for ever", async () => {
  const { connection, server, clock } = await greetedClient("IMAP4REV1");
  const pending = connection.submit({ command: noop() });
  await server.expect(/NOOP/);
  let minutes = 0;
  const ended = assert.rejects(pending.done, (error: Error) => {
    assert.ok(error instanceof TransportError);
    return /talked for 60 minutes without answering/.test(error.message);
  });
  for (; connection.closed === null && minutes < 200; minutes += 4) {
    await server.send("* OK Still here").catch(() => {});
    for (let i = 0; i < 20; i++) await Promise.resolve();
    clock.advance(4 * 60_000);
  }
  await ended;
  assert.ok(minutes * 60_000 > MAX_EMPTY_TALK_MS && minutes < 75, `${minutes}`);
});

Deno.test("a command whose answer grows by something now and then is waited for", async () => {
  const { connection, server, clock } = await greetedClient("IMAP4REV1");
  const pending = connection.submit({ command: noop() });
  await server.expect(/NOOP/);
  for (let minutes = 0; minutes < 300; minutes += 4) {
    await server.send("* OK Still here", minutes % 40 === 0 ? "* 7 EXISTS" : "* OK Searched a bit");
    for (let i = 0; i < 20; i++) await Promise.resolve();
    clock.advance(4 * 60_000);
  }
  await server.send("000000 OK at last");
  assert.equal((await pending.done).status, "OK");
  connection.close(new Error("end"));
});

Deno.test("`list()` gives up on a server that lists without end", async () => {
  const { session, server } = await greetedClient("IMAP4REV1 LIST-EXTENDED LIST-STATUS");
  const listed = session.list(["*"], []);
  await server.expect(/LIST/);
  const flood = (async () => {
    for (let i = 0; i <= MAX_LISTED; i += 1000) {
      await server.raw(Array.from({ length: 1000 }, (_, at) => `* LIST () "/" m${i + at}\r\n`).join(""));
    }
  })();
  await assert.rejects(listed, /sent more than 200000 mailboxes/);
  await flood.catch(() => {});
});

Deno.test("alerts are shown as often as a person can read them, and never whole when they are long", async () => {
  const { session, server, log } = await greetedClient("IMAP4REV1");
  const done = session.run(noop());
  await server.expect(/NOOP/);
  const alerts = Array.from({ length: MAX_ALERTS + 50 }, (_, i) => `* OK [ALERT] ${`${i} `.padEnd(5000, "!")}`);
  for (const alert of alerts) await server.send(alert);
  await server.send("000000 OK");
  await done;
  const shown = log.lines.filter((line) => line.includes("[ALERT]"));
  assert.equal(shown.length, MAX_ALERTS);
  for (const line of shown) assert.ok(line.length < MAX_SHOWN_TEXT + 100);
  session.abort(new Error("end"));
});

Deno.test("the text of a refusal is shortened", async () => {
  const { session, server } = await greetedClient("IMAP4REV1");
  const done = session.run(noop());
  await server.expect(/NOOP/);
  await server.send(`000000 NO ${"no ".repeat(100_000)}`);
  await assert.rejects(done, (error: Error) => {
    assert.ok(error instanceof CommandError);
    return error.message.length < MAX_SHOWN_TEXT + 100;
  });
  session.abort(new Error("end"));
});
