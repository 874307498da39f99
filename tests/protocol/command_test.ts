// The text of every command, octet for octet, and what a command refuses to carry.

import assert from "node:assert/strict";
import { fromLatin1 } from "../../lib/base/bytes.ts";
import {
  append,
  authenticatePlain,
  capability,
  type Command,
  compressDeflate,
  create,
  enable,
  list,
  login,
  logout,
  noop,
  select,
  startTls,
  subscribe,
  uidExpunge,
  uidFetch,
  uidSearch,
  UidSet,
  uidStore,
  unselect,
  unsubscribe,
} from "../../lib/protocol/mod.ts";

const DATE = { seconds: 1577880000, zone: 0 };

function assertText(command: Command, expected: string): void {
  assert.deepEqual(command.parts, [expected]);
  assert.ok(expected.startsWith(command.name));
}

Deno.test("builders give the text of commands without arguments", () => {
  assertText(capability(), "CAPABILITY");
  assertText(noop(), "NOOP");
  assertText(logout(), "LOGOUT");
  assertText(startTls(), "STARTTLS");
  assertText(compressDeflate(), "COMPRESS DEFLATE");
  assertText(unselect(), "UNSELECT");
  assertText(enable(["QRESYNC"]), "ENABLE QRESYNC");
  assertText(enable(["CONDSTORE", "X"]), "ENABLE CONDSTORE X");
});

Deno.test("login() and authenticatePlain() are secret", () => {
  assertText(login("alice", "secret"), "LOGIN alice secret");
  assertText(login("a b", 'p"\\'), 'LOGIN "a b" "p\\"\\\\"');
  assertText(authenticatePlain(null), "AUTHENTICATE PLAIN");
  assertText(authenticatePlain("AGEAYg=="), "AUTHENTICATE PLAIN AGEAYg==");
  assert.ok(login("a", "b").secret && authenticatePlain(null).secret && authenticatePlain("AA==").secret);
  assert.ok(!noop().secret);
});

Deno.test("create(), subscribe() and unsubscribe() send names bare, quoted or as literals", () => {
  const quoted: readonly [string, string][] = [
    ["foo", "foo"],
    ["INBOX.a/b^c]d", "INBOX.a/b^c]d"],
    ["&2D3cqQ-", "&2D3cqQ-"],
    ["", '""'],
    ["a b", '"a b"'],
    ["a%", '"a%"'],
    ["*", '"*"'],
    ["a(b)c{d", '"a(b)c{d"'],
    ['a"b\\c', '"a\\"b\\\\c"'],
    ["tab\t\x01\x7f", '"tab\t\x01\x7f"'],
    ["nil", '"nil"'],
  ];
  for (const [name, word] of quoted) {
    assertText(create(name), `CREATE ${word}`);
    assertText(subscribe(name), `SUBSCRIBE ${word}`);
    assertText(unsubscribe(name), `UNSUBSCRIBE ${word}`);
  }
  for (const name of ["caf\xc3\xa9", "a\r\nb", "\n", "\x80"]) {
    assert.deepEqual(create(name).parts, ["CREATE ", { literal: fromLatin1(name) }]);
  }
});

Deno.test("create() throws when a name cannot be sent at all", () => {
  assert.throws(() => create("a\0b"), /NUL/);
  assert.throws(() => create("\u20ac"), /octet/);
});

Deno.test("list() gives the forms of the original", () => {
  const status = ["UIDVALIDITY", "UIDNEXT", "HIGHESTMODSEQ"];
  const options = { subscribed: true, status };
  assertText(
    list("", ["*"], options),
    'LIST "" * RETURN (SUBSCRIBED STATUS (UIDVALIDITY UIDNEXT HIGHESTMODSEQ))',
  );
  assertText(
    list("", ["perso*"], options),
    'LIST "" "perso*" RETURN (SUBSCRIBED STATUS (UIDVALIDITY UIDNEXT HIGHESTMODSEQ))',
  );
  assertText(list("", ["INBOX", "a%"], { subscribed: true, status: [] }), 'LIST "" (INBOX "a%") RETURN (SUBSCRIBED)');
  assertText(list("", ["*"], { subscribed: false, status: ["UIDNEXT"] }), 'LIST "" * RETURN (STATUS (UIDNEXT))');
  assertText(list("", [""], null), 'LIST "" ""');
  assertText(
    list("", ["%"], { subscribed: true, status: [], selection: ["SUBSCRIBED", "RECURSIVEMATCH"] }),
    'LIST (SUBSCRIBED RECURSIVEMATCH) "" "%" RETURN (SUBSCRIBED)',
  );
  assertText(list("x/", ["*"], { subscribed: false, status: [] }), "LIST x/ *");
  assert.deepEqual(list("", ["a", "\xe9", "b"], null).parts, ['LIST "" (a ', { literal: Uint8Array.of(0xe9) }, " b)"]);
});

Deno.test("select() gives plain SELECT and every form of QRESYNC", () => {
  const base = { uidValidity: 1795311318, modSeq: 9223372036854775807n, knownUids: null, sample: null };
  assertText(select("INBOX", null), "SELECT INBOX");
  assertText(select("a b", base), 'SELECT "a b" (QRESYNC (1795311318 9223372036854775807))');
  const knownUids = UidSet.range(1, 5);
  assertText(select("x", { ...base, knownUids }), "SELECT x (QRESYNC (1795311318 9223372036854775807 1:5))");
  const sample = { seqs: UidSet.range(2, 3), uids: UidSet.of([3, 5]) };
  assertText(
    select("x", { ...base, modSeq: 4n, knownUids, sample }),
    "SELECT x (QRESYNC (1795311318 4 1:5 (2:3 3,5)))",
  );
  assertText(select("x", { ...base, modSeq: 4n, sample }), "SELECT x (QRESYNC (1795311318 4 (2:3 3,5)))");
  assert.deepEqual(select("\xe9", { ...base, modSeq: 1n }).parts, [
    "SELECT ",
    { literal: Uint8Array.of(0xe9) },
    " (QRESYNC (1795311318 1))",
  ]);
});

Deno.test("the UID commands give the forms of the original", () => {
  const uids = UidSet.of([1, 2, 3, 7]);
  assertText(uidSearch(uids, true), "UID SEARCH RETURN (ALL) UID 1:3,7");
  assertText(uidSearch(uids, false), "UID SEARCH UID 1:3,7");
  assertText(uidFetch(uids, "MODSEQ FLAGS"), "UID FETCH 1:3,7 (MODSEQ FLAGS)");
  assertText(uidFetch(uids, "(FLAGS) (CHANGEDSINCE 1 VANISHED)"), "UID FETCH 1:3,7 (FLAGS) (CHANGEDSINCE 1 VANISHED)");
  assertText(uidExpunge(uids), "UID EXPUNGE 1:3,7");
  assertText(
    uidStore(uids, { mode: "replace", flags: ["\\Seen", "kw"], unchangedSince: 5n }),
    "UID STORE 1:3,7 (UNCHANGEDSINCE 5) FLAGS.SILENT (\\Seen kw)",
  );
  assertText(
    uidStore(uids, { mode: "add", flags: ["\\Deleted"], unchangedSince: null }),
    "UID STORE 1:3,7 +FLAGS.SILENT (\\Deleted)",
  );
  assertText(
    uidStore(uids, { mode: "replace", flags: [], unchangedSince: 0n }),
    "UID STORE 1:3,7 (UNCHANGEDSINCE 0) FLAGS.SILENT ()",
  );
  for (const build of [uidExpunge, (set: UidSet) => uidFetch(set, "UID"), (set: UidSet) => uidSearch(set, true)]) {
    assert.throws(() => build(UidSet.empty), /not empty/);
  }
});

Deno.test("uidStore() sends flags that are one word and no others", () => {
  const store = (flag: string) => uidStore(UidSet.of([1]), { mode: "replace", flags: [flag], unchangedSince: null });
  for (const flag of ["\\Seen", "$Forwarded", "foo[bar]", "a.b"]) {
    assertText(store(flag), `UID STORE 1 FLAGS.SILENT (${flag})`);
  }
  for (const flag of ["", "\\", "a b", "a)", "a\r\nx", '"a"', "\\\\a", "{1}", "\xe9", "a\0"]) {
    assert.throws(() => store(flag), /not one word/, JSON.stringify(flag));
  }
});

Deno.test("append() gives APPEND and MULTIAPPEND", () => {
  const body = fromLatin1("abc");
  assert.deepEqual(append("INBOX", [{ flags: [], internalDate: DATE, body }]).parts, [
    'APPEND INBOX () "01-Jan-2020 12:00:00 +0000" ',
    { literal: body },
  ]);
  const messages = [
    { flags: ["\\Seen", "$Label1"], internalDate: DATE, body },
    { flags: ["\\Flagged"], internalDate: { seconds: 1577880000, zone: -300 }, body: 5000000 },
  ];
  assert.deepEqual(append("a b", messages).parts, [
    'APPEND "a b" (\\Seen $Label1) "01-Jan-2020 12:00:00 +0000" ',
    { literal: body },
    ' (\\Flagged) "01-Jan-2020 07:00:00 -0500" ',
    { stream: 5000000 },
  ]);
  const command = append("\xe9", [{ flags: [], internalDate: DATE, body }]);
  assert.deepEqual(command.parts[0], "APPEND ");
  assert.equal(command.parts.length, 4);
  const [, , , literal] = command.parts;
  assert.ok(typeof literal === "object" && "literal" in literal && literal.literal === body);
});

Deno.test("append() throws a plain Error when a flag must not be sent", () => {
  for (const flag of ["\\Recent", "\\Bogus", "\\seen", "", "a b", "a)", "a\r\nx DELETE y", "foo[bar]", "\\*", "\xe9"]) {
    const build = () => append("INBOX", [{ flags: ["\\Seen", flag], internalDate: DATE, body: 1 }]);
    assert.throws(build, { name: "Error", message: /must not be sent/ }, JSON.stringify(flag));
  }
  assert.throws(() => append("INBOX", []), /no message/);
});
