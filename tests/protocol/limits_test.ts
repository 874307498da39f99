// The bounds of the decoder: exactly what they allow passes and one octet more does not, wherever the chunks end.

import assert from "node:assert/strict";
import { fromLatin1 } from "../../lib/base/bytes.ts";
import { Decoder, DEFAULT_LIMITS } from "../../lib/protocol/mod.ts";
import { chunkings, decode, decodeText } from "./support.ts";

const LIMITS = { line: 100, literal: 20, response: 150, nesting: 3 };

function assertPasses(text: string): void {
  for (const [chunking, chunks] of chunkings(fromLatin1(text), text.length)) {
    const { events, error } = decode(chunks, LIMITS);
    assert.equal(error, null, chunking);
    assert.ok(events.length > 0, chunking);
  }
}

function assertRefused(text: string, expected: RegExp): void {
  const events = new Set<number>();
  for (const [chunking, chunks] of chunkings(fromLatin1(text), text.length)) {
    const decoded = decode(chunks, LIMITS);
    assert.match(decoded.error ?? "", expected, chunking);
    events.add(decoded.events.length);
  }
  assert.equal(events.size, 1);
}

Deno.test("Decoder accepts a line of the length that is allowed, and no octet more", () => {
  assertPasses(`* OK ${"x".repeat(95)}\r\n`);
  assertRefused(`* OK ${"x".repeat(96)}\r\n`, /expected a line of at most 100 octets/);
  assertRefused(`* OK ${"x".repeat(96)}`, /expected a line of at most 100 octets/);
});

Deno.test("Decoder counts the lines around literals and bodies as one", () => {
  assertPasses(`* 1 FETCH (BODY[] {3}\r\nabc X ${"x".repeat(75)})\r\n`);
  assertRefused(`* 1 FETCH (BODY[] {3}\r\nabc X ${"x".repeat(76)})\r\n`, /at most 100 octets/);
  assertPasses(`* LIST () NIL {3}\r\nabc (${"x".repeat(80)})\r\n`);
  assertRefused(`* LIST () NIL {3}\r\nabc (${"x".repeat(81)})\r\n`, /at most 100 octets/);
});

Deno.test("Decoder counts each response anew", () => {
  assertPasses(`* OK ${"x".repeat(95)}\r\n`.repeat(5));
  assertPasses(`* LIST () NIL {20}\r\n${"x".repeat(20)}\r\n`.repeat(9));
});

Deno.test("Decoder accepts a literal of the length that is allowed, and refuses a longer one when it is announced", () => {
  assertPasses(`* LIST () NIL {20}\r\n${"x".repeat(20)}\r\n`);
  assertRefused("* LIST () NIL {21}\r\n", /literal of 21 octets is announced, at most 20/);
  assertRefused("* LIST () NIL {99999999999999999999}\r\n", /beyond counting/);
});

Deno.test("Decoder bounds the whole response, its inlined literals included", () => {
  const start = "* 1 FETCH (X (";
  const literals = `{20}\r\n${"x".repeat(20)}`.repeat(5); // 20 + 100 octets
  assertPasses(`${start}${literals}${" ".repeat(14)}))\r\n`);
  assertRefused(`${start}${literals}${" ".repeat(15)}))\r\n`, /longer than the 150 octets/);
  assertRefused(`${start}${literals}{13}\r\n`, /longer than the 150 octets/);
});

Deno.test("Decoder does not bound bodies", () => {
  assertPasses(`* 1 FETCH (BODY[] {1000}\r\n${"x".repeat(1000)} BODY[1] {1000}\r\n${"y".repeat(1000)})\r\n`);
});

Deno.test("Decoder accepts parentheses as deep as is allowed, and no deeper", () => {
  assertPasses("* 1 FETCH (X ((a)(b)))\r\n");
  assertRefused("* 1 FETCH (X (((a))))\r\n", /less deeply nested/);
  assertPasses('* LIST () NIL a (("x" ("y")))\r\n');
  assertRefused('* LIST () NIL a (("x" (("y"))))\r\n', /less deeply nested/);
  const deep = `* 1 FETCH (X ${"(".repeat(31)}${")".repeat(31)})\r\n`;
  assert.equal(decodeText(deep).error, null);
  assert.match(decodeText(deep.replace("((", "(((").replace("))", ")))")).error ?? "", /less deeply nested/);
});

Deno.test("Decoder bounds the octets of responses by default, and a body may be larger", () => {
  const huge = DEFAULT_LIMITS.line + 1;
  const decoder = new Decoder();
  decoder.feed(fromLatin1(`* 1 FETCH (BODY[] {${huge}}\r\n`));
  assert.equal(decoder.next()?.kind, "body-begin");
  const other = new Decoder();
  other.feed(fromLatin1("* OK "));
  const chunk = new Uint8Array(1048576).fill(0x78);
  assert.throws(() => {
    for (let fed = 0; fed <= huge; fed += chunk.length) {
      other.feed(chunk);
      other.next();
    }
  }, /at most 8388608 octets/);
});

Deno.test("Decoder reads a long line octet by octet, and many small literals, without looking at them again", () => {
  // Quadratic work on these would take minutes.
  const line = fromLatin1(`* LIST () NIL ${"a".repeat(400000)}\r\n`);
  const single = (function* () {
    for (let i = 0; i < line.length; i++) yield line.slice(i, i + 1);
  })();
  assert.equal(decode(single).events.length, 1);
  assert.equal(decodeText(`* 1 FETCH (X (${"{1}\r\n)".repeat(200000)}))\r\n`).error, null);
  assert.equal(decodeText(`* 1 FETCH (UID 1${" X {1}\r\n)".repeat(200000)})\r\n`).error, null);
  assert.equal(decodeText(`* 1 FETCH (UID 1${' BODY[] "a"'.repeat(200000)})\r\n`).events.length, 600001);
});
