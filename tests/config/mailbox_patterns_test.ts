// The words of list-mailbox, and the selection options of LIST.

import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { parseListMailbox, parseSelectOptions } from "../../lib/config/mailbox_patterns.ts";

const ROWS: readonly (readonly [value: string, patterns: readonly string[] | null])[] = [
  ["*", ["*"]],
  ["INBOX %  a]b}~|", ["INBOX", "%", "a]b}~|"]],
  ["a\t\tb", ["a", "b"]],
  ['"a b" c "d(){"', ["a b", "c", "d(){"]],
  ['"foo\\x00bar"', ["foo\0bar"]],
  ['"\\x2F\\xfF\\0\\\\\\""', ['/\xff\0\\"']],
  ['"\\a\\b\\t\\n\\v\\f\\r"', ["\x07\b\t\nv\f\r"]],
  ['"\\x0011"', ["\x0011"]],
  ["", null],
  ['""', null],
  ['"a"b', null],
  ['a"b"', null],
  ['"a', null],
  ['a"', null],
  ['"\\y"', null],
  ['"\\x0"', null],
  ['"a\tb"', null],
  ["a\\b", null],
  ["a(b", null],
  ["a{b", null],
  ["a\x7f", null],
];

for (const [value, patterns] of ROWS) {
  Deno.test(`\`parseListMailbox()\` of ${JSON.stringify(value)}`, () =>
    deepStrictEqual(parseListMailbox(value), patterns));
}

Deno.test("`parseListMailbox()` gives back any octets that are escaped", () => {
  const octets = fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 1, maxLength: 20 });
  fc.assert(fc.property(fc.array(octets, { minLength: 1, maxLength: 4 }), (names) => {
    const quoted = names.map((name) => `"${name.map((code) => `\\x${code.toString(16).padStart(2, "0")}`).join("")}"`);
    deepStrictEqual(parseListMailbox(quoted.join(" ")), names.map((name) => String.fromCharCode(...name)));
  }));
});

Deno.test("`parseSelectOptions()` splits, folds, and refuses what RFC 5258 refuses", () => {
  deepStrictEqual(parseSelectOptions(" subscribed  REMOTE "), { options: ["SUBSCRIBED", "REMOTE"], problem: null });
  deepStrictEqual(parseSelectOptions(""), { options: [], problem: null });
  strictEqual(parseSelectOptions("SUBSCRIBED RECURSIVEMATCH").problem, null);
  for (const value of ["RECURSIVEMATCH", "remote recursivematch"]) {
    strictEqual(parseSelectOptions(value).problem, "RECURSIVEMATCH needs something to match, such as SUBSCRIBED");
  }
});
