// Octets and one-character-per-octet strings: every octet, every length class, and nothing lost on the way.

import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import {
  asciiLower,
  asciiUpper,
  escapeControls,
  fromLatin1,
  fromUtf8Octets,
  latin1,
  utf8Octets,
} from "../../lib/base/bytes.ts";

const ALL_OCTETS = Uint8Array.from({ length: 256 }, (_, octet) => octet);

Deno.test("`latin1()` gives the character of the same number for every octet", () => {
  const text = latin1(ALL_OCTETS);
  strictEqual(text.length, 256);
  for (let octet = 0; octet < 256; octet++) strictEqual(text.charCodeAt(octet), octet);
});

Deno.test("`latin1()` and `fromLatin1()` undo each other at every length around their thresholds", () => {
  for (const length of [0, 1, 11, 12, 13, 8191, 8192, 8193, 100_000]) {
    for (const step of [1, 7]) {
      const bytes = Uint8Array.from({ length }, (_, i) => step === 1 ? 32 + i % 90 : i * step);
      deepStrictEqual(fromLatin1(latin1(bytes)), bytes);
    }
  }
});

Deno.test("`latin1()` and `fromLatin1()` undo each other for any octets", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
    deepStrictEqual(fromLatin1(latin1(bytes)), bytes);
  }));
});

Deno.test("`latin1()` does not keep a view when the buffer is reused", () => {
  const bytes = fromLatin1("a line that is longer than the short path");
  const text = latin1(bytes);
  bytes.fill(0);
  ok(text.startsWith("a line"));
});

Deno.test("`fromLatin1()` throws when a character is no octet", () => {
  throws(() => fromLatin1("INBOX\u0100"), RangeError);
  throws(() => fromLatin1("\u{1f4e7}"), RangeError);
});

Deno.test("`utf8Octets()` and `fromUtf8Octets()` undo each other for any text", () => {
  strictEqual(utf8Octets("À"), "\xc3\x80");
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    strictEqual(fromUtf8Octets(utf8Octets(text)), text);
  }));
});

Deno.test("`fromUtf8Octets()` is null when the octets are not UTF-8, and keeps a byte order mark", () => {
  strictEqual(fromUtf8Octets("caf\xe9"), null);
  strictEqual(fromUtf8Octets("\xc3"), null);
  strictEqual(fromUtf8Octets("\xef\xbb\xbfx"), "\ufeffx");
});

Deno.test("`asciiUpper()` and `asciiLower()` change 26 letters and no other octet", () => {
  const text = latin1(ALL_OCTETS);
  const upper = asciiUpper(text);
  const lower = asciiLower(text);
  for (let octet = 0; octet < 256; octet++) {
    const isLower = octet >= 0x61 && octet <= 0x7a;
    const isUpper = octet >= 0x41 && octet <= 0x5a;
    strictEqual(upper.charCodeAt(octet), isLower ? octet - 32 : octet);
    strictEqual(lower.charCodeAt(octet), isUpper ? octet + 32 : octet);
  }
});

Deno.test("`escapeControls()` shows controls of all kinds and lets every other octet pass", () => {
  const rows: readonly (readonly [string, string])[] = [
    ["plain", "plain"],
    ["a\r\nb", "a\\x0D\\x0Ab"],
    ["\x1b[2J", "\\x1B[2J"],
    ["\x00\x7f\t", "\\x00\\x7F\\x09"],
    ["\xc2\x9b31m", "\\xC2\\x9B31m"], // CSI as a terminal that speaks UTF-8 sees it
    ["\xc3\x80\xe2\x82\xac", "\xc3\x80\xe2\x82\xac"], // "À€": continuation octets are no controls
    ["\xe9\x9b", "\xe9\x9b"],
    ["back\\slash", "back\\slash"],
  ];
  for (const [text, expected] of rows) strictEqual(escapeControls(text), expected);
});

Deno.test("`escapeControls()` changes nothing when applied again", () => {
  fc.assert(fc.property(fc.uint8Array(), (bytes) => {
    const once = escapeControls(latin1(bytes));
    strictEqual(escapeControls(once), once);
    // deno-lint-ignore no-control-regex
    ok(!/[\x00-\x1f\x7f]/.test(once));
  }));
});
