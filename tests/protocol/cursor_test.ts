// What an error about a response says, and what it must not show.

import assert from "node:assert/strict";
import { fromLatin1 } from "../../lib/base/bytes.ts";
import { ProtocolError } from "../../lib/errors.ts";
import { excerpt } from "../../lib/protocol/cursor.ts";
import { cursorOver } from "./support.ts";

function shown(text: string, masked: boolean): string {
  const octets = fromLatin1(text);
  return excerpt(octets, 0, octets.length, masked);
}

Deno.test("expected() says what was expected, where, and shows the text around", () => {
  const c = cursorOver(`${"a".repeat(30)}?${"b".repeat(100)}`);
  c.at = 30;
  const error = c.expected("a number");
  assert.ok(error instanceof ProtocolError);
  assert.equal(
    error.message,
    `Malformed response: expected a number at octet 30 in: ${"a".repeat(20)}?${"b".repeat(39)}...`,
  );
});

Deno.test("expected() shows nothing when what comes may be the content of a message", () => {
  const c = cursorOver("secret");
  c.excerpts = "none";
  assert.equal(c.expected("a number").message, "Malformed response: expected a number at octet 0");
});

Deno.test("expected() begins at the mark when strings are masked", () => {
  const c = cursorOver('"secret" X "secret"');
  c.excerpts = "masked";
  c.mark = 9;
  assert.equal(c.expected("y").message, 'Malformed response: expected y at octet 0 in: X "..."');
});

Deno.test("excerpt() is ASCII without control characters, and bounded", () => {
  assert.equal(shown("a\0\x1b[1m\x7f\xe9\r\n", false), "a\\x00\\x1b[1m\\x7f\\xe9\\x0d\\x0a");
  assert.equal(shown("x".repeat(60), false), "x".repeat(60));
  assert.equal(shown("x".repeat(61), false), `${"x".repeat(60)}...`);
  assert.ok(shown("\xff".repeat(100), false).length <= 63);
});

Deno.test("excerpt() leaves out strings and literals when they are masked", () => {
  const cases: readonly [string, string][] = [
    ['a "b" c', 'a "..." c'],
    ['"b\\"c" d "e', '"..." d "..."'],
    ['"b\\', '"..."'],
    ["{3}\r\nabc d", "{...} d"],
    ["{3+}\r\nabc d", "{...} d"],
    ["{9}\r\nabc d", "{...}"],
    ["{x} abc", "{...}"],
    ["{", "{...}"],
    ['""', '"..."'],
  ];
  for (const [text, expected] of cases) assert.equal(shown(text, true), expected, text);
});

Deno.test("acceptWord() takes whole words in any case", () => {
  const c = cursorOver("Uid UIDS uid");
  assert.equal(c.acceptWord("UID"), true);
  c.at++;
  assert.equal(c.acceptWord("UID"), false);
  c.at = 9;
  assert.equal(c.acceptWord("UID"), true);
  assert.ok(c.atEnd);
});
