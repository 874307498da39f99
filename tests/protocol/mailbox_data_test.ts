// Untagged data about mailboxes and the server, with the odd forms of real servers.

import assert from "node:assert/strict";
import { Capabilities, type Data, UidSet } from "../../lib/protocol/mod.ts";
import { complaint, response } from "./support.ts";

function assertReads(cases: readonly (readonly [string, Data])[]): void {
  for (const [line, expected] of cases) assert.deepEqual(response(line), expected, line);
}

function assertRefuses(lines: readonly string[]): void {
  for (const line of lines) assert.match(complaint(`${line}\r\n`), /^Malformed response: expected /, line);
}

Deno.test("parseResponse() reads LIST", () => {
  assertReads([
    ["* LIST () NIL x", { kind: "list", mailbox: "x", delimiter: null, attributes: [] }],
    ["* list (\\NoSelect \\HasChildren) nil inBox", {
      kind: "list",
      mailbox: "INBOX",
      delimiter: null,
      attributes: ["\\noselect", "\\haschildren"],
    }],
    ['* LIST (\\Subscribed) "\\\\" "a \\"b\\\\c"', {
      kind: "list",
      mailbox: 'a "b\\c',
      delimiter: "\\",
      attributes: ["\\subscribed"],
    }],
    ['* LIST () "/" ""', { kind: "list", mailbox: "", delimiter: "/", attributes: [] }],
    ['* LIST () "." Inbox.sub', { kind: "list", mailbox: "Inbox.sub", delimiter: ".", attributes: [] }],
    ['* LIST () "/" a]b%*[', { kind: "list", mailbox: "a]b%*[", delimiter: "/", attributes: [] }],
    ['* LIST () "." literal}x', { kind: "list", mailbox: "literal}x", delimiter: ".", attributes: [] }],
    ['* LIST () "/" "caf\xc3\xa9"', { kind: "list", mailbox: "caf\xc3\xa9", delimiter: "/", attributes: [] }],
    ['* LIST () "/" caf\xe9', { kind: "list", mailbox: "caf\xe9", delimiter: "/", attributes: [] }],
    ["* LIST () NIL {0}\r\n", { kind: "list", mailbox: "", delimiter: null, attributes: [] }],
    ['* LIST (\\X) "/" new ("OLDNAME" (old))', { kind: "list", mailbox: "new", delimiter: "/", attributes: ["\\x"] }],
    ['* LIST () "/" a ("CHILDINFO" ("SUBSCRIBED") X (b {1}\r\n) 1:2,4))', {
      kind: "list",
      mailbox: "a",
      delimiter: "/",
      attributes: [],
    }],
  ]);
  assertRefuses([
    "* LIST",
    "* LIST ()",
    "* LIST () / a",
    '* LIST () "" a',
    '* LIST () "ab" a',
    '* LIST () "/"',
    '* LIST () "/" a b c',
    '* LIST () "/" a("x" y)',
    '* LIST (\\A  \\B) "/" a',
    '* LIST (\\A "/" a',
    '* LIST () "/" "a',
    '* LIST () "/" "a\\b"',
    "* LIST () NIL {2}\r\na\0",
    "* LIST () NIL a{1}b",
  ]);
});

Deno.test("parseResponse() reads STATUS", () => {
  const none = {
    messages: null,
    uidNext: null,
    uidValidity: null,
    highestModSeq: null,
    mailboxId: null,
    appendLimit: null,
  };
  assertReads([
    ["* STATUS inbox (MESSAGES 231 UIDNEXT 44292 uidvalidity 1 HIGHESTMODSEQ 7011231777)", {
      kind: "mailbox-status",
      mailbox: "INBOX",
      items: {
        messages: 231,
        uidNext: 44292,
        uidValidity: 1,
        highestModSeq: 7011231777n,
        mailboxId: null,
        appendLimit: null,
      },
    }],
    ['* STATUS "x" ()', { kind: "mailbox-status", mailbox: "x", items: none }], // Courier
    ["* STATUS x (MESSAGES 1) ", { kind: "mailbox-status", mailbox: "x", items: { ...none, messages: 1 } }], // Exchange
    ["* STATUS x (MAILBOXID (Fabc-1) HIGHESTMODSEQ 0)", {
      kind: "mailbox-status",
      mailbox: "x",
      items: { ...none, mailboxId: "Fabc-1", highestModSeq: 0n },
    }],
    ['* STATUS x (RECENT 0 SIZE 99999999999 X-A (b (c)) X-B NIL X-C "d )" UIDNEXT 5 MAILBOXID NIL)', {
      kind: "mailbox-status",
      mailbox: "x",
      items: { ...none, uidNext: 5 },
    }],
  ]);
  assertRefuses([
    "* STATUS x",
    "* STATUS x (UIDNEXT)",
    "* STATUS x (UIDNEXT 4294967296)",
    "* STATUS x (UIDNEXT -1)",
    "* STATUS x (UIDVALIDITY NIL)",
    "* STATUS x (HIGHESTMODSEQ 9223372036854775808)",
    "* STATUS x (MAILBOXID (a b))",
    "* STATUS x (MESSAGES 1",
    "* STATUS x (MESSAGES 1) y",
    "* STATUS x (MESSAGES 1UIDNEXT 2)",
  ]);
});

Deno.test("parseResponse() reads SEARCH", () => {
  const search = (...numbers: number[]): Data => ({ kind: "search", numbers: UidSet.of(numbers) });
  assertReads([
    ["* SEARCH", search()],
    ["* SEARCH ", search()], // GreenMail
    ["* SEARCH 2 84 882", search(2, 84, 882)],
    ["* SEARCH 9 1 9 2 ", search(1, 2, 9)], // Yahoo
    ["* SEARCH 2 5 (MODSEQ 917162500)", search(2, 5)],
    ["* SEARCH (MODSEQ 0)", search()],
  ]);
  assertRefuses([
    "* SEARCH 0",
    "* SEARCH 1:2",
    "* SEARCH 4294967296",
    "* SEARCH 1 x",
    "* SEARCH 1  2",
    "* SEARCH (MODSEQ 1) 2",
    "* SEARCH (FOO 1)",
  ]);
});

Deno.test("parseResponse() reads ESEARCH in any order and without TAG", () => {
  const nothing = { kind: "esearch", tag: null, uid: false, all: null, count: null } as const;
  assertReads([
    ["* ESEARCH", nothing],
    ['* ESEARCH (TAG "a39") UID', { ...nothing, tag: "a39", uid: true }],
    ['* ESEARCH (TAG "a") UID ALL 1:3,7 COUNT 4 MODSEQ 12', {
      kind: "esearch",
      tag: "a",
      uid: true,
      all: UidSet.of([1, 2, 3, 7]),
      count: 4,
    }],
    ["* ESEARCH COUNT 0 MODSEQ 7 UID", { ...nothing, uid: true, count: 0 }],
    ["* esearch uid all 3:1", { ...nothing, uid: true, all: UidSet.range(1, 3) }],
    ['* ESEARCH (TAG b MAILBOX "x y" UIDVALIDITY 1) MIN 1 MAX 3 PARTIAL (1:10 1,3) ALL 1', {
      ...nothing,
      tag: "b",
      all: UidSet.of([1]),
    }],
    ["* ESEARCH ALL 1:4294967295 ", { ...nothing, all: UidSet.range(1, 4294967295) }],
  ]);
  assertRefuses([
    "* ESEARCH ALL",
    "* ESEARCH ALL 1:*",
    "* ESEARCH ALL 0",
    "* ESEARCH ALL 1,",
    "* ESEARCH ALL 1,,2",
    "* ESEARCH COUNT x",
    '* ESEARCH (TAG "a" UID',
    "* ESEARCH UID ALL1",
  ]);
});

Deno.test("parseResponse() reads VANISHED, ignores UID 0 and keeps huge ranges as ranges", () => {
  const vanished = (earlier: boolean, uids: UidSet): Data => ({ kind: "vanished", earlier, uids });
  assertReads([
    ["* VANISHED 405,407,410", vanished(false, UidSet.of([405, 407, 410]))],
    ["* VANISHED (EARLIER) 41,43:45", vanished(true, UidSet.of([41, 43, 44, 45]))],
    ["* vanished (earlier) 5:3", vanished(true, UidSet.range(3, 5))],
    ["* VANISHED 0:1", vanished(false, UidSet.of([1]))], // Dovecot of 2021
    ["* VANISHED 1:0,0,7", vanished(false, UidSet.of([1, 7]))],
    ["* VANISHED 0", vanished(false, UidSet.empty)],
    ["* VANISHED 1:4294967295", vanished(false, UidSet.range(1, 4294967295))],
    ["* VANISHED 7,3:5,1", vanished(false, UidSet.of([1, 3, 4, 5, 7]))],
  ]);
  assertRefuses([
    "* VANISHED",
    "* VANISHED ",
    "* VANISHED *",
    "* VANISHED 1:*",
    "* VANISHED 1:4294967296",
    "* VANISHED (LATER) 1",
    "* VANISHED (EARLIER)",
    "* VANISHED 1 2",
    "* VANISHED 1:",
    "* VANISHED -1",
  ]);
});

Deno.test("parseResponse() reads EXISTS, RECENT, EXPUNGE, FLAGS, ENABLED and CAPABILITY", () => {
  assertReads([
    ["* 0 EXISTS", { kind: "exists", number: 0 }],
    ["* 4294967295 recent", { kind: "recent", number: 4294967295 }],
    ["* 44 EXPUNGE", { kind: "expunge", number: 44 }],
    ["* FLAGS (\\answered kw \\Recent)", { kind: "flags", flags: ["\\Answered", "kw"] }],
    ["* FLAGS (a )", { kind: "flags", flags: ["a"] }], // SurgeMail 80e
    ["* FLAGS ()", { kind: "flags", flags: [] }],
    ["* ENABLED", { kind: "enabled", names: [] }], // Courier 5.0
    ["* ENABLED Condstore qresync ", { kind: "enabled", names: ["CONDSTORE", "QRESYNC"] }],
    ["* CAPABILITY IMAP4rev1 ", { kind: "capability", capabilities: new Capabilities(["IMAP4REV1"]) }], // exmail.qq.com
  ]);
  assertRefuses([
    "* 0 EXPUNGE",
    "* 4294967296 EXISTS",
    "* 1 EXISTS 2",
    "* 1",
    "* 1EXISTS",
    "* 1  EXISTS",
    "* FLAGS \\Seen",
    "* FLAGS (a) b",
    '* FLAGS ("a")',
    "* CAPABILITY",
  ]);
});

Deno.test("parseResponse() keeps responses of unknown type by name", () => {
  const names: readonly [string, string][] = [
    ['* ID ("name" "Dovecot")', "ID"],
    ['* xfoo " ((( {x} \\ \xff', "XFOO"],
    ["* LSUB () NIL x", "LSUB"],
    ["* 12 x-bar baz", "X-BAR"],
    ["* stra\xdfe", "STRA\xdfE"],
  ];
  for (const [line, name] of names) assert.deepEqual(response(line), { kind: "unknown", name }, line);
});
