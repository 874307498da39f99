// Commands as octets, checked by a small independent reader that plays the server, and as lines of the debug log.

import assert from "node:assert/strict";
import fc from "fast-check";
import { fromLatin1, latin1 } from "../../lib/base/bytes.ts";
import {
  append,
  authenticatePlain,
  Capabilities,
  type Command,
  create,
  describe,
  encode,
  type Fragment,
  list,
  type LiteralMode,
  literalMode,
  login,
  MAX_NONSYNC_OCTETS,
  noop,
} from "../../lib/protocol/mod.ts";

const DATE = { seconds: 1577880000, zone: 0 };
const MODES: readonly LiteralMode[] = ["synchronizing", "plus", "minus"];

function appendOf(...bodies: readonly (Uint8Array | number)[]): Command {
  return append("INBOX", bodies.map((body) => ({ flags: [], internalDate: DATE, body })));
}

/** The fragments as text: "+" for a wait, "<n>" for a streamed literal. */
function spelled(fragments: Iterable<Fragment>): string[] {
  return [...fragments].map((fragment) => {
    switch (fragment.kind) {
      case "text":
        return fragment.text;
      case "bytes":
        return latin1(fragment.bytes);
      case "continuation":
        return "+";
      case "stream":
        return `<${fragment.octets}>`;
    }
  });
}

/**
 * Reads one command as a server does: lines, and after "{n}" or "{n+}" at the end of a line n octets, whatever they
 * are. Returns the lines and the literals, and checks that the client waits where it must and nowhere else.
 */
function readAsServer(fragments: Iterable<Fragment>, mode: LiteralMode): { lines: string[]; literals: string[] } {
  let wire = "";
  const waits = new Set<number>();
  for (const fragment of fragments) {
    if (fragment.kind === "text") wire += fragment.text;
    else if (fragment.kind === "bytes") wire += latin1(fragment.bytes);
    else if (fragment.kind === "stream") wire += "s".repeat(fragment.octets);
    else waits.add(wire.length);
  }
  const lines: string[] = [];
  const literals: string[] = [];
  let at = 0;
  for (;;) {
    const end = wire.indexOf("\r\n", at);
    assert.ok(end >= 0, "a line without CRLF");
    lines.push(wire.slice(at, end));
    at = end + 2;
    const announced = /\{([0-9]+)(\+?)\}$/.exec(lines.at(-1) ?? "");
    if (announced === null) break;
    const octets = Number(announced[1]);
    const bound = { synchronizing: -1, plus: 1048576, minus: 4096 }[mode];
    assert.equal(announced[2] === "+", octets <= bound);
    assert.equal(waits.delete(at), announced[2] === "");
    literals.push(wire.slice(at, at + octets));
    at += octets;
  }
  assert.equal(at, wire.length, "octets behind the end of the command");
  assert.equal(waits.size, 0);
  return { lines, literals };
}

Deno.test("encode() gives one line when there is no literal", () => {
  for (const mode of MODES) assert.deepEqual(spelled(encode("000001", noop(), mode)), ["000001 NOOP\r\n"]);
});

Deno.test("encode() announces literals as the mode allows", () => {
  const command = appendOf(fromLatin1("abc"), fromLatin1("\r\n"));
  const date = '() "01-Jan-2020 12:00:00 +0000"';
  assert.deepEqual(spelled(encode("a", command, "plus")), [
    `a APPEND INBOX ${date} {3+}\r\n`,
    "abc",
    ` ${date} {2+}\r\n`,
    "\r\n",
    "\r\n",
  ]);
  assert.deepEqual(spelled(encode("a", command, "minus")), spelled(encode("a", command, "plus")));
  assert.deepEqual(spelled(encode("a", command, "synchronizing")), [
    `a APPEND INBOX ${date} {3}\r\n`,
    "+",
    "abc",
    ` ${date} {2}\r\n`,
    "+",
    "\r\n",
    "\r\n",
  ]);
});

Deno.test("encode() waits for the server when a literal is larger than the mode allows at once", () => {
  const cases: readonly [LiteralMode, number, boolean][] = [
    ["plus", MAX_NONSYNC_OCTETS, false],
    ["plus", MAX_NONSYNC_OCTETS + 1, true],
    ["minus", 4096, false],
    ["minus", 4097, true],
    ["synchronizing", 0, true],
    ["plus", 0, false],
  ];
  for (const [mode, octets, waits] of cases) {
    for (const body of [octets, new Uint8Array(octets)]) {
      const fragments = [...encode("a", appendOf(body), mode)];
      assert.equal(fragments.some(({ kind }) => kind === "continuation"), waits, `${mode} ${octets}`);
    }
  }
});

Deno.test("encode() leaves the octets of streamed literals to the client", () => {
  const fragments = [...encode("a", appendOf(2000000), "plus")];
  assert.deepEqual(fragments.map(({ kind }) => kind), ["text", "continuation", "stream", "text"]);
  assert.deepEqual(fragments[2], { kind: "stream", octets: 2000000 });
});

Deno.test("encode() does not copy literals", () => {
  const body = new Uint8Array(100);
  const [, literal] = encode("a", appendOf(body), "plus");
  assert.ok(literal?.kind === "bytes" && literal.bytes === body);
});

Deno.test("encode() throws when text could end the line early, before there is anything to send", () => {
  for (const text of ["NOOP\r\nx LOGOUT", "NOOP\n", "NO\0OP", "\u20ac"]) {
    assert.throws(() => encode("a", { name: "NOOP", parts: [text], secret: false }, "plus"), JSON.stringify(text));
  }
  assert.throws(() => encode("a", authenticatePlain("AA==\r\n"), "plus"), /CR, LF or NUL/);
});

Deno.test("a server reads from encode() what was put into the command", () => {
  const octets = fc.uint8Array({ maxLength: 300 });
  const name = fc.string({ unit: fc.integer({ min: 1, max: 255 }).map((unit) => String.fromCharCode(unit)) });
  const messages = fc.array(fc.oneof(octets, fc.constantFrom(0, 4096, 4097, 1048576, 1048577)), {
    minLength: 1,
    maxLength: 4,
  });
  fc.assert(
    fc.property(name, messages, fc.constantFrom(...MODES), (mailbox, bodies, mode) => {
      const command = append(mailbox, bodies.map((body) => ({ flags: ["\\Seen"], internalDate: DATE, body })));
      const { lines, literals } = readAsServer(encode("t", command, mode), mode);
      const expected = bodies.map((body) => typeof body === "number" ? "s".repeat(body) : latin1(body));
      const [first = ""] = literals;
      const asLiteral = literals.length > bodies.length;
      if (asLiteral) assert.equal(first, mailbox);
      else assert.equal(unquoted(lines[0] ?? ""), mailbox);
      assert.deepEqual(literals.slice(asLiteral ? 1 : 0), expected);
      assert.equal(lines.at(-1), "");
    }),
    { numRuns: 300, seed: 4 },
  );
});

/** The mailbox name in `t APPEND NAME (...`, bare or quoted. */
function unquoted(line: string): string {
  const match = /^t APPEND (?:"((?:[^"\\\r\n]|\\["\\])*)"|([^ "(){%*\\]+)) \(/.exec(line);
  assert.ok(match !== null, line);
  return match[2] ?? (match[1] ?? "").replace(/\\(.)/g, "$1");
}

Deno.test("literalMode() takes LITERAL+ before LITERAL-", () => {
  assert.equal(literalMode(new Capabilities(["IMAP4rev1"])), "synchronizing");
  assert.equal(literalMode(new Capabilities(["literal+"])), "plus");
  assert.equal(literalMode(new Capabilities(["LITERAL-"])), "minus");
  assert.equal(literalMode(new Capabilities(["LITERAL-", "LITERAL+"])), "plus");
});

Deno.test("describe() shows literals as [...], each with the rest of its line", () => {
  const command = appendOf(new Uint8Array(172), 171);
  const date = '() "01-Jan-2020 12:00:00 +0000"';
  assert.equal(
    describe("000003", command, "plus"),
    `000003 APPEND INBOX ${date} {172+}\n[...] ${date} {171+}\n[...]`,
  );
  assert.equal(
    describe("000003", command, "synchronizing"),
    `000003 APPEND INBOX ${date} {172}\n[...] ${date} {171}\n[...]`,
  );
  assert.equal(describe("7", create("caf\xe9"), "minus"), "7 CREATE {4+}\n[...]");
  assert.equal(describe("7", list("", ["*"], null), "plus"), '7 LIST "" *');
});

Deno.test("describe() hides commands that hold a password unless everything is asked for", () => {
  assert.equal(describe("000000", login("alice", "secret"), "plus"), "xxx LOGIN [REDACTED]");
  assert.equal(describe("000000", authenticatePlain("c2VjcmV0"), "plus"), "xxx AUTHENTICATE PLAIN [REDACTED]");
  assert.equal(describe("000000", login("alice", "secret"), "plus", true), "000000 LOGIN alice secret");
});
