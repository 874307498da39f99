// The items of FETCH responses: those the program reads, and the skipping of those it does not know.

import assert from "node:assert/strict";
import { type FetchItems, makeFlagSet } from "../../lib/protocol/mod.ts";
import { complaint, decodeText, response } from "./support.ts";

const NONE: FetchItems = { uid: null, flags: null, modSeq: null, internalDate: null, rfc822Size: null };

function items(list: string): FetchItems {
  const parsed = response(`* 1 FETCH ${list}`);
  assert.ok(parsed.kind === "fetch", list);
  return parsed.items;
}

Deno.test("FetchReader reads the items that the program uses, in any order and case", () => {
  assert.deepEqual(items("(UID 6 FLAGS (\\Seen) MODSEQ (10))"), {
    ...NONE,
    uid: 6,
    flags: makeFlagSet(["\\Seen"]),
    modSeq: 10n,
  });
  assert.deepEqual(
    items('(rfc822.size 99999999999 modseq (0) Flags () INTERNALDATE " 1-Jan-1970 00:00:01 +0000" uid 1)'),
    {
      uid: 1,
      flags: makeFlagSet([]),
      modSeq: 0n,
      internalDate: { seconds: 1, zone: 0 },
      rfc822Size: 99999999999,
    },
  );
  assert.deepEqual(items("()"), NONE);
});

Deno.test("FetchReader drops \\Recent and spells system flags canonically", () => {
  const { flags } = items("(FLAGS (\\RECENT \\seen kw $Kw \\FLAGGED kw \\Odd \xe9 a]b))");
  assert.deepEqual(flags?.flags, ["$Kw", "\\Flagged", "\\Odd", "\\Seen", "a]b", "kw", "\xe9"]);
  assert.equal(items("(FLAGS (\\Recent))").flags?.key, "");
});

Deno.test("FetchReader gives one object for lists of flags that mean the same", () => {
  const lists = ["(\\Seen kw)", "(\\Seen kw)", "(kw \\seen \\Recent)", "(\\Seen)"];
  const { events } = decodeText(lists.map((list) => `* 1 FETCH (FLAGS ${list})\r\n`).join(""));
  const [one, same, alike, other] = events.map((event) =>
    event.kind === "response" && event.response.kind === "fetch" ? event.response.items.flags : null
  );
  assert.equal(one, same);
  assert.equal(one, alike);
  assert.notEqual(one, other);
  assert.deepEqual(other?.flags, ["\\Seen"]);
});

Deno.test("FetchReader reads more different and longer lists of flags than it keeps", () => {
  let text = "";
  const expected: string[] = [];
  for (let i = 0; i < 3000; i++) {
    const flag = i % 100 === 0 ? `k${i}${"x".repeat(600)}` : `k${i % 1500}`;
    text += `* 1 FETCH (FLAGS (${flag}))\r\n`;
    expected.push(flag);
  }
  const keys = decodeText(text).events.map((event) =>
    event.kind === "response" && event.response.kind === "fetch" ? event.response.items.flags?.key : null
  );
  assert.deepEqual(keys, expected);
});

Deno.test("FetchReader skips items that it does not know by their structure", () => {
  const values = [
    "X-GM-MSGID 1278455344230334866",
    'X-GM-LABELS (\\Inbox "\\\\Sent" caf\xe9 "a)b")',
    'ENVELOPE ("Wed" "s\\"x" (("J" NIL "a" "b")("C" NIL "c" "d")) NIL NIL)',
    'BODYSTRUCTURE (("text" "plain" ("a" "b") NIL)("text" "html") "mixed" ("boundary" "x"))',
    'BODY ("text" "plain")',
    "BINARY.SIZE[1.2] 17",
    'PREVIEW "a \\x odd escape"',
    "PREVIEW NIL",
    "EMAILID (M6d99ac3275bb4e)",
    'SAVEDATE "22-Nov-2026 04:28:48 +0000"',
    "ANNOTATION (/comment (value.priv {3}\r\n)( ))",
    "X-LITERAL {5}\r\nUID 9",
    "X-LITERAL8 ~{3}\r\n\0)\n",
    "X ()",
    "X ( a )",
    "X[a] b",
    "X -1",
  ];
  for (const value of values) {
    assert.deepEqual(items(`(${value} UID 7)`), { ...NONE, uid: 7 }, value);
    assert.deepEqual(items(`(UID 7 ${value})`), { ...NONE, uid: 7 }, value);
  }
});

Deno.test("FetchReader takes a space before the parenthesis that closes, as imap.qq.com sends it", () => {
  assert.deepEqual(items("(UID 19436 )"), { ...NONE, uid: 19436 });
});

Deno.test("FetchReader takes UID 0 for none", () => {
  assert.deepEqual(items("(UID 0 MODSEQ (7))"), { ...NONE, modSeq: 7n });
});

Deno.test("FetchReader takes a date that makes no sense for the nearest one, and no date for none", () => {
  assert.deepEqual(items('(INTERNALDATE "31-Feb-2021 25:00:00 +0000")').internalDate, { seconds: 1614553200, zone: 0 });
  assert.equal(items('(INTERNALDATE "yesterday")').internalDate, null);
});

Deno.test("FetchReader reads the highest numbers that there can be", () => {
  const high = items("(UID 4294967295 MODSEQ (9223372036854775807) RFC822.SIZE 9007199254740991)");
  assert.deepEqual([high.uid, high.modSeq, high.rfc822Size], [4294967295, 9223372036854775807n, 9007199254740991]);
  assert.equal(items("(MODSEQ (999999999999999))").modSeq, 999999999999999n);
  assert.equal(items("(MODSEQ (1000000000000000))").modSeq, 1000000000000000n);
});

Deno.test("FetchReader refuses what it cannot read for certain", () => {
  const lists = [
    "",
    "UID 1",
    "(UID 1",
    "(UID 1))",
    "(UID 1) x",
    "(UID 4294967296)",
    "(UID 99999999999999999999999999)",
    "(UID -1)",
    "(UID)",
    "(UID )",
    "(UID 1x)",
    "(UID 1  FLAGS ())",
    "( UID 1)",
    "(MODSEQ 1)",
    "(MODSEQ ())",
    "(MODSEQ (9223372036854775808))",
    "(MODSEQ (99999999999999999999999))",
    "(FLAGS \\Seen)",
    "(FLAGS (\\Seen)",
    "(FLAGS (\\Seen  x))",
    "(FLAGS (a(b)))",
    "(INTERNALDATE 1)",
    "(INTERNALDATE {3}\r\nabc)",
    "(RFC822.SIZE 9007199254740992)",
    "(RFC822.SIZE NIL)",
    "(BODY[] abc)",
    "(BODY[] (abc))",
    "(BODY[ NIL)",
    '(BODY[HEADER.FIELDS ("]) NIL)',
    "(BODY[]<x> NIL)",
    "(BODY[]<1 NIL)",
    '(BODY[] "a\\b")',
    "(X)",
    "(X (a)",
    "(X a)b)",
    '(X "a)',
    '(X a"b")',
    "({3}\r\nUID 1)",
    "(UID {1}\r\n1)",
    "(BODY[] {3}x\r\nabc)",
    "(BODY[] {}\r\n)",
  ];
  for (const list of lists) {
    assert.match(complaint(`* 1 FETCH ${list}\r\n`), /^Malformed response: expected /, list);
  }
  assert.match(complaint("* 0 FETCH (UID 1)\r\n"), /^Malformed response: expected a message number/);
  assert.match(complaint("* 1 FETCH\r\n"), /^Malformed response: expected /);
  assert.match(complaint("* 1 FETCH(UID 1)\r\n"), /^Malformed response: expected /);
});
