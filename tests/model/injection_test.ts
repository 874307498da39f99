// Whatever flags, dates and names a server invents, the APPEND that is made of them is one command that the other server
// accepts or refuses with NO: Dovecot 2.3.19 answers BAD to a bad flag or date and then executes the message as commands.

import assert from "node:assert/strict";
import fc from "fast-check";
import { openSession } from "../../lib/client/mod.ts";
import { CommandError } from "../../lib/errors.ts";
import { Decoder, type FetchItems, type InternalDate, keptFlags, makeFlagSet } from "../../lib/protocol/mod.ts";
import type { Connected } from "../../lib/transport/types.ts";
import { duplexPair } from "../support/duplex.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { ModelServer } from "../support/model_server.ts";
import { KeepingLog } from "../support/quiet_log.ts";

const VICTIM = "victim";
const COMMANDS = `x1 DELETE ${VICTIM}\r\nx2 CREATE planted\r\n`;

/** Octets that mean something to IMAP come often. */
const octets = (minLength: number) =>
  fc.array(
    fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(...'()[]{}"\\%*+ \r\n\t\x7f\x00\x1b{9+}'.split("")) },
      { weight: 3, arbitrary: fc.constantFrom(..."abzAZ019$._-&".split("")) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 255 }).map((octet) => String.fromCharCode(octet)) },
    ),
    { minLength, maxLength: 12 },
  ).map((all) => all.join(""));

const flags = fc.array(
  fc.oneof(octets(1), octets(1).map((text) => `\\${text}`), fc.constantFrom("\\Recent", "\\Seen", "\\*", "\\", "{9+}")),
  { maxLength: 6 },
);

const numbers = fc.oneof(fc.integer(), fc.integer({ min: -(2 ** 50), max: 2 ** 50 }), fc.constantFrom(0, -1, 2 ** 31));

async function connect(server: ModelServer) {
  const [client, end] = duplexPair({ component: "remote" });
  void server.serve(end);
  const connected: Connected = {
    stream: client,
    confidential: true,
    startTls: () => Promise.reject(new Error("no TLS")),
    startDeflate: () => Promise.reject(new Error("no COMPRESS")),
    traffic: () => ({ received: 0, sent: 0, wireReceived: null, wireSent: null }),
    close: () => client.close(),
  };
  const { session } = await openSession({
    component: "remote",
    startTls: false,
    compress: false,
    auth: ["PLAIN"],
    allowPlaintext: false,
    expected: null,
    username: null,
    password: null,
    clock: new FakeClock(),
    log: new KeepingLog(),
    signal: new AbortController().signal,
    deadline: { signal: new AbortController().signal, clear: () => {} },
    connect: () => Promise.resolve(connected),
  });
  return session;
}

Deno.test("no flag, date or name makes the other server execute a message", async () => {
  const server = new ModelServer();
  server.store.create(VICTIM);
  const session = await connect(server);
  const date = fc.record({ seconds: numbers, zone: fc.integer({ min: -5000, max: 5000 }) });
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(flags, date, octets(1), async (given, internalDate: InternalDate, name) => {
      const kept = keptFlags(makeFlagSet(given), null);
      const body = Uint8Array.from(COMMANDS, (character) => character.charCodeAt(0));
      const message = { flags: kept.flags, internalDate, body };
      const mailbox = name.includes("\0") ? "INBOX" : name;
      try {
        await session.append(mailbox, [message, message]).done;
      } catch (error) {
        assert.ok(error instanceof CommandError && error.status === "NO", `${error}`);
        refused++;
      }
      assert.deepEqual(server.violations, []);
      assert.notEqual(server.store.find(VICTIM), null);
      assert.equal(server.store.find("planted"), null);
    }),
    { numRuns: 1000, endOnFailure: true },
  );
  assert.ok(refused > 10 && refused < 1000, `${refused}`);
  await session.logout();
});

/** What a server says of a message in FETCH, as it is read; null: refused. */
function readItems(text: string): FetchItems | null {
  const decoder = new Decoder();
  try {
    decoder.feed(Uint8Array.from(`* 1 FETCH (UID 1 ${text})\r\n`, (character) => character.charCodeAt(0)));
    const event = decoder.next();
    return event?.kind === "response" && event.response.kind === "fetch" ? event.response.items : null;
  } catch {
    return null;
  }
}

Deno.test("what a server says of flags and dates is refused, or can be given on", async () => {
  const server = new ModelServer();
  server.store.create(VICTIM);
  const session = await connect(server);
  const dates = fc.oneof(
    octets(1),
    fc.tuple(octets(2), octets(3), octets(4)).map(([a, b, c]) => `${a}-${b}-${c} 00:00:00 +0000`),
    fc.array(fc.constantFrom(..."0123456789-: +JanFebDec".split("")), { minLength: 20, maxLength: 27 })
      .map((all) => all.join("")),
    fc.tuple(fc.nat(99), fc.nat(9999), fc.nat(99), fc.nat(9999)).map(([day, year, hour, zone]) => {
      const two = (value: number) => String(value).padStart(2, "0");
      const four = (value: number) => String(value).padStart(4, "0");
      return `${two(day)}-Feb-${four(year)} ${two(hour)}:99:61 -${four(zone)}`;
    }),
  );
  let read = 0;
  await fc.assert(
    fc.asyncProperty(flags, dates, async (given, date) => {
      const items = readItems(`FLAGS (${given.join(" ")}) INTERNALDATE "${date}"`);
      if (items === null || items.internalDate === null || items.flags === null) return;
      read++;
      const body = Uint8Array.from(COMMANDS, (character) => character.charCodeAt(0));
      const kept = keptFlags(items.flags, null);
      const { internalDate } = items;
      const appended = session.append("INBOX", [{ flags: kept.flags, internalDate, body }]).done;
      await assert.doesNotReject(appended, `${server.violations}`);
      assert.deepEqual(server.violations, []);
      assert.notEqual(server.store.find(VICTIM), null);
    }),
    { numRuns: 2000, endOnFailure: true },
  );
  assert.ok(read > 20, `${read}`);
  await session.logout();
});
