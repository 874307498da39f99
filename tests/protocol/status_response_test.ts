// Status responses, continuation requests and response codes, with the odd forms of real servers.

import assert from "node:assert/strict";
import type { ResponseCode, StatusResponse } from "../../lib/protocol/mod.ts";
import { Capabilities, UidSet } from "../../lib/protocol/mod.ts";
import { complaint, response } from "./support.ts";

function status(line: string): StatusResponse {
  const parsed = response(line);
  assert.equal(parsed.kind, "status", line);
  return parsed as StatusResponse;
}

function code(text: string): ResponseCode | null {
  return status(`* OK ${text}`).code;
}

Deno.test("parseResponse() reads status responses", () => {
  const cases: readonly [string, string | null, string, string][] = [
    ["* OK ready", null, "OK", "ready"],
    ["* PREAUTH hello", null, "PREAUTH", "hello"],
    ["* BYE Logging out", null, "BYE", "Logging out"],
    ["a1 OK done", "a1", "OK", "done"],
    ["000003 no  two  spaces ", "000003", "NO", " two  spaces "],
    ["A.1:x] bad [", "A.1:x]", "BAD", "["],
    ["* NO caf\xe9 \x8d", null, "NO", "caf\xe9 \x8d"],
  ];
  for (const [line, tag, word, text] of cases) {
    assert.deepEqual(status(line), { kind: "status", tag, status: word, code: null, text }, line);
  }
});

Deno.test("parseResponse() reads a status without text, as Exchange sends it", () => {
  for (const line of ["a1 OK", "a1 OK ", "* BYE", "* OK "]) {
    assert.deepEqual([status(line).code, status(line).text], [null, ""], line);
  }
});

Deno.test("parseResponse() reads a response code without text, as hoodiecrow sends it", () => {
  for (const line of ["* OK [UIDVALIDITY 7]", "* OK [UIDVALIDITY 7] "]) {
    assert.deepEqual(status(line).code, { code: "UIDVALIDITY", value: 7 }, line);
    assert.equal(status(line).text, "");
  }
  assert.equal(status("* OK [UIDVALIDITY 7]no space").text, "no space");
});

Deno.test("parseResponse() reads response codes that have a form of their own", () => {
  const cases: readonly [string, ResponseCode][] = [
    ["[APPENDUID 38505 3955]", { code: "APPENDUID", uidValidity: 38505, uids: UidSet.of([3955]) }],
    ["[appenduid 1 2:4,6,9:8]", { code: "APPENDUID", uidValidity: 1, uids: UidSet.of([2, 3, 4, 6, 8, 9]) }],
    ["[HIGHESTMODSEQ 9223372036854775807]", { code: "HIGHESTMODSEQ", modSeq: 9223372036854775807n }],
    ["[HIGHESTMODSEQ 0]", { code: "HIGHESTMODSEQ", modSeq: 0n }],
    ["[MODIFIED 7,9]", { code: "MODIFIED", uids: UidSet.of([7, 9]) }],
    ["[UIDVALIDITY 4294967295]", { code: "UIDVALIDITY", value: 4294967295 }],
    ["[UIDNEXT 1]", { code: "UIDNEXT", value: 1 }],
    ["[MAILBOXID (F2212ea87-6097-4256-9d51-71338625)]", {
      code: "MAILBOXID",
      id: "F2212ea87-6097-4256-9d51-71338625",
    }],
    ["[CAPABILITY imap4rev1 AUTH=PLAIN]", {
      code: "CAPABILITY",
      capabilities: new Capabilities(["IMAP4REV1", "AUTH=PLAIN"]),
    }],
    ["[CAPABILITY A  B ]", { code: "CAPABILITY", capabilities: new Capabilities(["A", "B"]) }],
  ];
  for (const [text, expected] of cases) assert.deepEqual(code(`${text} x`), expected, text);
});

Deno.test("parseResponse() reads PERMANENTFLAGS with \\*, odd case, and the brackets that Cyrus allows in keywords", () => {
  const cases: readonly [string, readonly string[]][] = [
    ["(\\answered \\SEEN \\*)", ["\\*", "\\Answered", "\\Seen"]],
    ["(foo[bar] \\*)", ["\\*", "foo[bar]"]],
    ["(\\Seen $Forwarded )", ["$Forwarded", "\\Seen"]],
    ["()", []],
  ];
  for (const [list, flags] of cases) {
    assert.deepEqual(status(`* OK [PERMANENTFLAGS ${list}] Limited`), {
      kind: "status",
      tag: null,
      status: "OK",
      code: { code: "PERMANENTFLAGS", flags: [...flags].sort() },
      text: "Limited",
    }, list);
  }
});

Deno.test("parseResponse() keeps every other code with its arguments", () => {
  const cases: readonly [string, string, string, string][] = [
    ["[ALERT] Disk full", "ALERT", "", "Disk full"],
    ["[nomodseq] No", "NOMODSEQ", "", "No"],
    ["[COPYUID 1 2 3] Moved", "COPYUID", "1 2 3", "Moved"],
    ['[MYRIGHTS "a]b\\"]c"] ACL', "MYRIGHTS", '"a]b\\"]c"', "ACL"],
    ["[BADCHARSET (utf-8 [x])] no", "BADCHARSET", "(utf-8 [x])", "no"],
    ["[X (unbalanced] y", "X", "(unbalanced", "y"],
    ['[X "unbalanced] y', "X", '"unbalanced', "y"],
    ["[UNSEEN 3]", "UNSEEN", "3", ""],
  ];
  for (const [text, name, args, rest] of cases) {
    const { code, text: left } = status(`* OK ${text}`);
    assert.deepEqual([code, left], [{ code: "OTHER", name, args }, rest], text);
  }
});

Deno.test("parseResponse() takes a bracket that begins no code for text", () => {
  for (const text of ["[unclosed", "[]", "[ ALERT] x", "[(x)] y", "["]) {
    assert.deepEqual([status(`* OK ${text}`).code, status(`* OK ${text}`).text], [null, text]);
  }
});

Deno.test("parseResponse() makes malformed codes OTHER when that does no harm", () => {
  const cases: readonly [string, string, string][] = [
    ["[APPENDUID 1 none]", "APPENDUID", "1 none"],
    ["[APPENDUID 1]", "APPENDUID", "1"],
    ["[APPENDUID 0 1]", "APPENDUID", "0 1"],
    ["[APPENDUID 1 4294967296]", "APPENDUID", "1 4294967296"],
    ["[APPENDUID 1 5,4]", "APPENDUID", "1 5,4"],
    ["[APPENDUID 1 3,3]", "APPENDUID", "1 3,3"],
    ["[APPENDUID 1 2:*]", "APPENDUID", "1 2:*"],
    ["[APPENDUID 1 2 3]", "APPENDUID", "1 2 3"],
    ["[UIDVALIDITY 0]", "UIDVALIDITY", "0"],
    ["[UIDVALIDITY 4294967296]", "UIDVALIDITY", "4294967296"],
    ["[UIDNEXT x]", "UIDNEXT", "x"],
    ["[UIDNEXT]", "UIDNEXT", ""],
    ["[PERMANENTFLAGS \\Seen]", "PERMANENTFLAGS", "\\Seen"],
    ["[MAILBOXID x]", "MAILBOXID", "x"],
    ["[CAPABILITY]", "CAPABILITY", ""],
  ];
  for (const [text, name, args] of cases) assert.deepEqual(code(`${text} x`), { code: "OTHER", name, args }, text);
});

Deno.test("parseResponse() refuses malformed codes when guessing would lose changes", () => {
  for (const text of ["[MODIFIED]", "[MODIFIED x]", "[MODIFIED 1:*]", "[HIGHESTMODSEQ 9223372036854775808]"]) {
    assert.match(complaint(`* OK ${text} x\r\n`), /^Malformed response: expected /, text);
  }
});

Deno.test("parseResponse() reads continuation requests, Exchange's bare + too", () => {
  const cases: readonly [string, string][] = [["+ go ahead", "go ahead"], ["+", ""], ["+ ", ""], ["+ [x] y", "[x] y"]];
  for (const [line, text] of cases) assert.deepEqual(response(line), { kind: "continuation", text });
});

Deno.test("parseResponse() refuses what is no IMAP", () => {
  const lines = [
    "",
    " ",
    "*",
    "* ",
    "*OK",
    "** OK",
    "+OK POP3 ready",
    "220 mail ESMTP",
    "HTTP/1.1 400 Bad Request",
    "SSH-2.0-OpenSSH_9.2p1",
    "a1",
    "a1 ",
    "a1 OKAY",
    "a1 BYE x",
    "a(1 OK x",
    '"a" OK x',
    "* (x)",
  ];
  for (const line of lines) assert.match(complaint(`${line}\r\n`), /^Malformed response: expected /, line);
});
