// The decoder's contract: bodies and literals, borrowed chunks, what is left over, and what kills it.

import assert from "node:assert/strict";
import { fromLatin1, latin1 } from "../../lib/base/bytes.ts";
import { ProtocolError } from "../../lib/errors.ts";
import { type DecodeEvent, Decoder } from "../../lib/protocol/mod.ts";
import { chunkings, complaint, decode, decodeText, response, type SeenEvent } from "./support.ts";

const ITEMS = { uid: null, flags: null, modSeq: null, internalDate: null, rfc822Size: null };

/** Bodies as "section:octets:content". */
function bodies(events: readonly SeenEvent[]): string[] {
  const found: string[] = [];
  for (const [i, event] of events.entries()) {
    if (event.kind !== "body-begin") continue;
    const next = events[i + 1];
    found.push(`${event.section}:${event.octets}:${next?.kind === "body-data" ? next.text : ""}`);
  }
  return found;
}

Deno.test("Decoder gives the body before the FETCH when the body is a literal", () => {
  const { events } = decodeText("* 6 FETCH (UID 9 BODY[] {11}\r\nHello\r\n) \r\n MODSEQ (10))\r\n");
  assert.deepEqual(events, [
    { kind: "body-begin", seq: 6, known: { ...ITEMS, uid: 9 }, section: "", octets: 11 },
    { kind: "body-data", text: "Hello\r\n) \r\n" },
    { kind: "body-end" },
    { kind: "response", response: { kind: "fetch", seq: 6, items: { ...ITEMS, uid: 9, modSeq: 10n } } },
  ]);
});

Deno.test("Decoder gives body events whatever form the body has", () => {
  const forms: readonly [string, string][] = [
    ["BODY[] {3}\r\nabc", ":3:abc"],
    ["BODY[] {0}\r\n", ":0:"],
    ['BODY[] "a\\"b\\\\c"', ':5:a"b\\c'],
    ['BODY[] ""', ":0:"],
    ["BODY[] NIL", ":null:"],
    ["body[] nil", ":null:"],
    ["BODY[]<7> {2}\r\nab", ":2:ab"],
    ["BODY[HEADER.FIELDS (A B)] {2}\r\n\r\n", "HEADER.FIELDS (A B):2:\r\n"],
    ['BODY[HEADER.FIELDS ("X-]y")] {1}\r\nx', 'HEADER.FIELDS ("X-]y"):1:x'],
    ["BODY[1.2.MIME] {1}\r\nx", "1.2.MIME:1:x"],
    ["RFC822 {4}\r\n{3}\r", ":4:{3}\r"],
    ["RFC822.HEADER {1}\r\nh", "HEADER:1:h"],
    ["RFC822.TEXT {1}\r\nt", "TEXT:1:t"],
    ["BINARY[1] ~{3}\r\na\0b", "1:3:a\0b"],
    ["BINARY[] {2+}\r\nab", ":2:ab"],
  ];
  for (const [form, expected] of forms) {
    const text = `* 1 FETCH (UID 1 ${form} FLAGS (\\Seen))\r\n* 2 EXISTS\r\n`;
    for (const [chunking, chunks] of chunkings(fromLatin1(text), 1)) {
      const { events, error } = decode(chunks);
      assert.equal(error, null, form);
      assert.deepEqual(bodies(events), [expected], `${form} ${chunking}`);
      const [fetch, exists] = events.slice(-2);
      assert.deepEqual(exists, { kind: "response", response: { kind: "exists", number: 2 } });
      assert.ok(fetch?.kind === "response" && fetch.response.kind === "fetch", form);
      assert.deepEqual(fetch.response.items, { ...ITEMS, uid: 1, flags: { flags: ["\\Seen"], key: "\\Seen" } });
    }
  }
});

Deno.test("Decoder keeps several bodies and inlined literals of one FETCH apart, and `known` grows", () => {
  const text = '* 3 FETCH (BODY[1] {2}\r\nab UID 4 X-A {3}\r\n)(\r BODY[2] NIL ENVELOPE (NIL {4}\r\n"))\\ ({0}\r\n)) ' +
    'BODY[3] "q" X-B ({1}\r\n)) BODY[4] {1}\r\nz MODSEQ (5))\r\n';
  for (const [chunking, chunks] of chunkings(fromLatin1(text), 2)) {
    const { events, error } = decode(chunks);
    assert.equal(error, null);
    assert.deepEqual(bodies(events), ["1:2:ab", "2:null:", "3:1:q", "4:1:z"], chunking);
    const known = events.flatMap((event) => event.kind === "body-begin" ? [event.known.uid] : []);
    assert.deepEqual(known, [null, 4, 4, 4]);
    const last = events.at(-1);
    assert.deepEqual(last, {
      kind: "response",
      response: { kind: "fetch", seq: 3, items: { ...ITEMS, uid: 4, modSeq: 5n } },
    });
  }
});

Deno.test("Decoder hands out body octets where they lie in the chunk", () => {
  const chunk = fromLatin1("* 1 FETCH (BODY[] {9}\r\n123456789)\r\n");
  const decoder = new Decoder();
  decoder.feed(chunk.subarray(0, 28));
  decoder.next();
  const data = decoder.next();
  assert.ok(data?.kind === "body-data");
  assert.equal(data.bytes.buffer, chunk.buffer);
  assert.equal(latin1(data.bytes), "12345");
  assert.equal(decoder.next(), null);
});

Deno.test("Decoder takes octets that are fed before the last ones were used up", () => {
  const decoder = new Decoder();
  for (const part of ["* 1 EXI", "STS\r\n* 2 RECENT\r", "\n"]) decoder.feed(fromLatin1(part));
  const kinds: DecodeEvent[] = [];
  for (let event = decoder.next(); event !== null; event = decoder.next()) kinds.push(event);
  assert.deepEqual(kinds.map((event) => event.kind === "response" ? event.response.kind : ""), ["exists", "recent"]);
});

Deno.test("Decoder inlines literals that are not bodies", () => {
  const text = '* LIST () "/" {7}\r\na"\r\n)\\b\r\n* STATUS {5}\r\ninbox (MESSAGES 1)\r\n* LIST () NIL {3}\r\n{9}\r\n';
  for (const [chunking, chunks] of chunkings(fromLatin1(text), 3)) {
    const { events, error } = decode(chunks);
    assert.equal(error, null, chunking);
    const names = events.map((event) =>
      event.kind === "response" && "mailbox" in event.response ? event.response.mailbox : null
    );
    assert.deepEqual(names, ['a"\r\n)\\b', "INBOX", "{9}"], chunking);
  }
});

Deno.test("Decoder takes a status text that ends in {5} for text", () => {
  for (const line of ["* OK see {5}", "a1 NO [ALERT] {5}", "+ {5}", "* BYE {5+}", "* preauth ~{5}", "a1 ok {5}"]) {
    const { text } = response(line) as { text: string };
    assert.match(text, /\{5\+?\}$/, line);
  }
});

Deno.test("Decoder takes the literals of a response of unknown type for a part of it", () => {
  const { events } = decodeText('* XFOO (a {3}\r\n\r\n) "\r\n* 1 EXISTS\r\n');
  assert.deepEqual(events, [
    { kind: "response", response: { kind: "unknown", name: "XFOO" } },
    { kind: "response", response: { kind: "exists", number: 1 } },
  ]);
});

Deno.test("takeRest() gives what was not consumed, and the decoder goes on without it", () => {
  const decoder = new Decoder();
  const chunk = fromLatin1("a1 OK begin compression\r\n\x00\x01\r\n\xff");
  decoder.feed(chunk);
  assert.equal(decoder.next()?.kind, "response");
  assert.equal(decoder.idle, false);
  const rest = decoder.takeRest();
  chunk.fill(0);
  assert.deepEqual([...rest], [0, 1, 13, 10, 255]);
  assert.ok(decoder.idle);
  decoder.feed(fromLatin1("* 3 EXISTS\r\n"));
  assert.equal(decoder.next()?.kind, "response");
  assert.equal(decoder.takeRest().length, 0);
});

Deno.test("takeRest() gives a response that has begun when its octets were looked at already", () => {
  for (const begun of ["* OK [x", "* OK\r", "* LIST () {3}\r\nab"]) {
    const decoder = new Decoder();
    decoder.feed(fromLatin1(begun));
    assert.equal(decoder.next(), null);
    assert.equal(latin1(decoder.takeRest()), begun);
    decoder.feed(fromLatin1("a1 OK\r\n"));
    assert.equal(decoder.next()?.kind, "response");
  }
});

Deno.test("idle is true only at the boundary of two responses with nothing buffered", () => {
  const text = "* 1 FETCH (UID 1 BODY[] {2}\r\nab)\r\n* LIST () NIL {1}\r\nx\r\n";
  const ends = new Set([0, text.indexOf("* LIST"), text.length]);
  const decoder = new Decoder();
  for (let i = 0; i <= text.length; i++) {
    assert.equal(decoder.idle, ends.has(i), `after ${i} octets`);
    decoder.feed(fromLatin1(text.slice(i, i + 1)));
    while (decoder.next() !== null);
  }
});

Deno.test("Decoder stays dead when it threw", () => {
  const decoder = new Decoder();
  decoder.feed(fromLatin1("* nonsense\n* 1 EXISTS\r\n"));
  assert.throws(() => decoder.next(), ProtocolError);
  decoder.feed(fromLatin1("* 1 EXISTS\r\n"));
  assert.throws(() => decoder.next(), ProtocolError);
});

Deno.test("Decoder gives the responses before the one that is malformed", () => {
  const { events, error } = decodeText("* 1 EXISTS\r\n* 1 FETCH (UID -1)\r\n");
  assert.equal(events.length, 1);
  assert.match(error ?? "", /expected a UID at octet 15/);
});

Deno.test("Decoder refuses line ends that are not CRLF, and NUL, under any chunking", () => {
  const cases: readonly [string, RegExp][] = [
    ["* OK hello\n* OK\r\n", /expected CRLF at octet 10 in: \* OK hello$/],
    ["* OK a\rb\r\n", /expected LF behind CR at octet 6/],
    ["* OK a\r\r\n", /expected LF behind CR/],
    ["* OK a\0b\r\n", /expected no NUL at octet 6/],
    ["\n", /expected CRLF at octet 0/],
    [
      '* 1 FETCH (BODY[] "secret\n',
      /^Malformed response: expected CRLF at octet 25 in: \* 1 FETCH \(BODY\[\] "\.\.\."$/,
    ],
    ["* 1 FETCH (BODY[] {1}\r\na secret\n", /^Malformed response: expected CRLF at octet 28$/],
    ["* LIST () NIL {1}\r\na\n", /^Malformed response: expected CRLF at octet 17$/],
  ];
  for (const [text, expected] of cases) {
    for (const [chunking, chunks] of chunkings(fromLatin1(text), 4)) {
      assert.match(decode(chunks).error ?? "", expected, `${JSON.stringify(text)} ${chunking}`);
    }
  }
});

Deno.test("Decoder refuses what follows a body when it does not belong to the FETCH, and shows none of it", () => {
  for (const rest of ["secret)\r\n", " secret\r\n", ") secret\r\n", ' X "secret)\r\n', " BODY[] secret)\r\n"]) {
    const error = complaint(`* 1 FETCH (BODY[] {2}\r\nab${rest}`);
    assert.match(error, /^Malformed response: expected [^]* at octet \d+$/, rest);
    assert.doesNotMatch(error, /secret/);
  }
});

Deno.test("Decoder shows no content of a message when a FETCH is malformed", () => {
  const lines = [
    '* 1 FETCH (BODY[] "secret" UID -1)',
    '* 1 FETCH (UID -1 BODY[] "secret")',
    '* 1 FETCH (BODY[] "secret)',
    '* 1 FETCH (BODY[] "secret\\x")',
    '* 0 FETCH (BODY[] "secret")',
    '* 99999999999 FETCH (BODY[] "secret")',
    '* 1 FETCH (X (a "secret" "secret) UID 1)',
    "* 1 FETCH (X ({6}\r\nsecret) UID -1)",
    "* 1 FETCH (X {6}\r\nsecret Y)",
    "* 0 FETCH (BODY[] {6}\r\nsecret)",
  ];
  for (const line of lines) {
    const error = complaint(`${line}\r\n`);
    assert.match(error, /^Malformed response: expected /, line);
    assert.doesNotMatch(error, /secre/, line);
  }
});
