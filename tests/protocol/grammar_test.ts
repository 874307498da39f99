// The grammar's functions one by one: what they take, where they stop, and what they refuse.

import assert from "node:assert/strict";
import { latin1 } from "../../lib/base/bytes.ts";
import { ProtocolError } from "../../lib/errors.ts";
import type { Cursor } from "../../lib/protocol/cursor.ts";
import {
  acceptNil,
  astring,
  atLiteral,
  flagWords,
  literalHeader,
  mailbox,
  modSequence,
  number,
  nzNumber,
  quotedOctets,
  skipValue,
  string,
  uidSet,
  uidSetIgnoringZero,
} from "../../lib/protocol/grammar.ts";
import { UidSet } from "../../lib/protocol/mod.ts";
import { cursorOver } from "./support.ts";

/** The result of a grammar function, and the text that it left. */
function run<T>(read: (c: Cursor) => T, text: string): [T, string] {
  const c = cursorOver(text);
  return [read(c), c.rest()];
}

function assertRefuses(read: (c: Cursor) => unknown, texts: readonly string[]): void {
  for (const text of texts) assert.throws(() => read(cursorOver(text)), ProtocolError, JSON.stringify(text));
}

Deno.test("number() reads digits up to its bound", () => {
  const read = (c: Cursor) => number(c, 4294967295, "a number");
  assert.deepEqual(run(read, "0"), [0, ""]);
  assert.deepEqual(run(read, "4294967295)"), [4294967295, ")"]);
  assert.deepEqual(run(read, `${"0".repeat(50)}7 x`), [7, " x"]);
  assertRefuses(read, ["", "-1", "+1", " 1", "x", "4294967296", "9".repeat(400)]);
});

Deno.test("nzNumber() refuses 0", () => {
  assert.deepEqual(run((c) => nzNumber(c, "a UID"), "10 "), [10, " "]);
  assertRefuses((c) => nzNumber(c, "a UID"), ["0", "00", ""]);
});

Deno.test("modSequence() is exact up to 63 bits", () => {
  for (const text of ["0", "1", "999999999999999", "9007199254740993", "1000000000000000000", "9223372036854775807"]) {
    assert.deepEqual(run(modSequence, `${text})`), [BigInt(text), ")"]);
  }
  assertRefuses(modSequence, ["", "x", "-1", "9223372036854775808", "10000000000000000000", "9".repeat(100)]);
});

Deno.test("uidSet() reads sets in any order, and refuses * and 0", () => {
  assert.deepEqual(run(uidSet, "1"), [UidSet.of([1]), ""]);
  assert.deepEqual(run(uidSet, "9:7,1,3:3 x"), [UidSet.of([1, 3, 7, 8, 9]), " x"]);
  assert.deepEqual(run(uidSet, "1:4294967295,5"), [UidSet.range(1, 4294967295), ""]);
  assertRefuses(uidSet, ["", "*", "1:*", "*:1", "0", "0:1", "1,", ",1", "1,,2", "1:", ":1", "1,x", "4294967296"]);
});

Deno.test("uidSetIgnoringZero() ignores UID 0 alone and in ranges", () => {
  assert.deepEqual(run(uidSetIgnoringZero, "0:1"), [UidSet.of([1]), ""]);
  assert.deepEqual(run(uidSetIgnoringZero, "2:0,0:0,0"), [UidSet.of([1, 2]), ""]);
  assertRefuses(uidSetIgnoringZero, ["*", "0:*", ""]);
});

Deno.test("acceptNil() takes NIL as a whole word only", () => {
  assert.deepEqual(run(acceptNil, "nil)"), [true, ")"]);
  assert.deepEqual(run(acceptNil, "NILS"), [false, "NILS"]);
  assert.deepEqual(run(acceptNil, "NI"), [false, "NI"]);
});

Deno.test("quotedOctets() resolves escapes and lets 8-bit octets through", () => {
  const cases: readonly [string, string][] = [['""', ""], ['"a b"', "a b"], ['"\\"\\\\"', '"\\'], [
    '"\xe9\x8d"',
    "\xe9\x8d",
  ]];
  for (const [text, expected] of cases) {
    assert.deepEqual(run((c) => latin1(quotedOctets(c)), `${text} x`), [expected, " x"]);
  }
  assertRefuses(quotedOctets, ["", "a", '"', '"a', '"a\\', '"a\\"', '"\\a"', '"a\rb"', '"a\nb"', '"a\0b"']);
});

Deno.test("literalHeader() reads an announcement of each kind", () => {
  assert.deepEqual(run(literalHeader, "{5}"), [5, ""]);
  assert.deepEqual(run(literalHeader, "{5+}x"), [5, "x"]);
  assert.deepEqual(run(literalHeader, "~{9007199254740991}"), [9007199254740991, ""]);
  assertRefuses(literalHeader, ["{}", "{x}", "{5", "{-5}", "{5-}", "~5", "{9007199254740992}", ""]);
  assert.deepEqual(["{1}", "~{1}", "~", "~x", "x", ""].map((text) => atLiteral(cursorOver(text))), [
    true,
    true,
    false,
    false,
    false,
    false,
  ]);
});

Deno.test("string() reads inlined literals, and refuses NUL in them", () => {
  assert.deepEqual(run(string, '{4}\r\na\r\n" x'), ['a\r\n"', " x"]);
  assert.deepEqual(run(string, "{0}\r\n"), ["", ""]);
  assert.deepEqual(run(string, "{1}\r\na\0"), ["a", "\0"]);
  assertRefuses(string, ["{3}\r\nab", "{3}ab", "{3}\rab", "{3}\r\na\0b", "abc", ""]);
});

Deno.test("astring() and mailbox() read words, strings, and INBOX in any case", () => {
  const word = (c: Cursor) => astring(c, "a word");
  assert.deepEqual(run(word, "a]b%*[ x"), ["a]b%*[", " x"]);
  assert.deepEqual(run(word, "\xe9)"), ["\xe9", ")"]);
  assert.deepEqual(run(word, '"" x'), ["", " x"]);
  assert.deepEqual(run(word, "NIL"), ["NIL", ""]);
  assert.deepEqual(run(mailbox, "iNbOx"), ["INBOX", ""]);
  assert.deepEqual(run(mailbox, '"Inbox"'), ["INBOX", ""]);
  assert.deepEqual(run(mailbox, "inbox/x"), ["inbox/x", ""]);
  assertRefuses(word, ["", " a", "(a", ")", "\\a", "\x01", "\x7f"]);
});

Deno.test("flagWords() reads flags as they are spelled", () => {
  assert.deepEqual(run(flagWords, "(\\seen \\* kw \\Recent) x"), [["\\seen", "\\*", "kw", "\\Recent"], " x"]);
  assert.deepEqual(run(flagWords, "()"), [[], ""]);
  assertRefuses(flagWords, ["", "(", "(a", "(a  b)", "( a)", '("a")', "((a))", "(a\tb)"]);
});

Deno.test("skipValue() skips values of any kind to their end", () => {
  const skip = (c: Cursor) => skipValue(c, 4);
  const values = [
    "1",
    "NIL",
    "a:b,*",
    '"a \\x)"',
    "{3}\r\n)))",
    "~{1}\r\n\0",
    "()",
    "( a  b )",
    '((a)("b"))',
    "((((x))))",
  ];
  for (const value of values) assert.deepEqual(run(skip, `${value} rest`), [undefined, " rest"], value);
  assertRefuses(skip, ["", " ", ")", "(", "(a", '"a', '"a\\', "{2}\r\na", "(((((x)))))", "\x01"]);
});
