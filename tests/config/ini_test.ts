// The INI dialect: every rule by a table, then random files.

import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { fromLatin1 } from "../../lib/base/bytes.ts";
import { parseIni } from "../../lib/config/ini.ts";
import { ConfigError } from "../../lib/errors.ts";

type Plain = Record<string, Record<string, string>>;

function read(text: string): Plain {
  const plain: Plain = {};
  for (const [name, section] of parseIni(fromLatin1(text), "F")) {
    const entries: Record<string, string> = {};
    for (const [key, entry] of section.entries) entries[key] = entry.value;
    plain[name] = entries;
  }
  return plain;
}

const GOOD: readonly (readonly [string, string, Plain])[] = [
  ["nothing", "", {}],
  ["blank lines and comments", "\n \t\n# a\n; b\n  # c = d\n ;e\n", {}],
  ["a comment with equals sign", "#a = b", {}],
  ["keys above the first header", "a = b", { _: { a: "b" } }],
  ["no blanks around the equals sign", "a=b", { _: { a: "b" } }],
  ["blanks around everything", " \ta \v=\f  b c \t", { _: { a: "b c" } }],
  ["an empty value", "a =", { _: { a: "" } }],
  ["a value with equals signs", "a = b = c", { _: { a: "b = c" } }],
  ["keys of different case", "STARTTLS = x\nstarttls = y", { _: { STARTTLS: "x", starttls: "y" } }],
  ["a repeated key: the last one counts", "a = 1\na = 2", { _: { a: "2" } }],
  ["sections, also without keys", "[local]\n[remote]\na = b", { local: {}, remote: { a: "b" } }],
  ["blanks in and around a header", "  [  local\t]  ", { local: {} }],
  ["a header with brackets and equals sign inside", "[a ] = [b]\n[c=d]", { "a ] = [b": {}, "c=d": {} }],
  ["a header with something behind it", "[a] = b", { _: { "[a]": "b" } }],
  ["a section in two parts", "[a]\nx = 1\n[b]\n[a]\ny = 2", { a: { x: "1", y: "2" }, b: {} }],
  ["[_] is the default section", "a = 1\n[x]\n[_]\nb = 2", { _: { a: "1", b: "2" }, x: {} }],
  ["LF, CRLF, CR and CR CR LF", "a=1\nb=2\r\nc=3\rd=4\r\r\ne=5", { _: { a: "1", b: "2", c: "3", d: "4", e: "5" } }],
  ["an inline comment", "a = x ; y", { _: { a: "x" } }],
  ["an inline comment in a command", "command = cd x ; exec y", { _: { command: "cd x" } }],
  ["an inline comment between tabs", "a = x\t;\ty", { _: { a: "x" } }],
  ["the first inline comment of two", "a = x ; y ; z", { _: { a: "x" } }],
  ["an inline comment behind a header", "[a] ; b", { a: {} }],
  ["an inline comment of one blank", "a = x ;  ", { _: { a: "x" } }],
  ["no inline comment without anything behind", "a = x ; ", { _: { a: "x ;" } }],
  ["no inline comment without blank before", "a = x; y", { _: { a: "x; y" } }],
  ["no inline comment without blank behind", "a = x ;y", { _: { a: "x ;y" } }],
  ["no inline comment by a number sign", "a = x # y", { _: { a: "x # y" } }],
  ["quotes mean nothing", 'a = "b ; c"', { _: { a: '"b' } }],
  ["octets above 0x7F, blank in Unicode or not", "a = \xc3\xa0\xa0\x85", { _: { a: "\xc3\xa0\xa0\x85" } }],
  ["a NUL", "a = b\0c", { _: { a: "b\0c" } }],
  ["a byte order mark", "\xef\xbb\xbf[local]\na = b", { local: { a: "b" } }],
];

for (const [what, text, expected] of GOOD) {
  Deno.test(`\`parseIni()\` reads ${what}`, () => deepStrictEqual(read(text), expected));
}

const BAD: readonly (readonly [string, string, number])[] = [
  ["a word", "[local]\nfoo", 2],
  ["an empty header", "[]", 1],
  ["a header without end", "a = b\r\n\r\n[local", 3],
  ["no key", "= b", 1],
  ["blanks for a key", "  = b", 1],
  ["only a comment behind a word", "# c\r\rfoo ; = b", 3],
  ["UTF-16", "\xff\xfea\0=\0b\0", 1],
];

for (const [what, text, line] of BAD) {
  Deno.test(`\`parseIni()\` names file and line when it finds ${what}`, () => {
    throws(
      () => read(text),
      (error) => error instanceof ConfigError && error.message.startsWith(`F:${line}: Syntax error: `),
    );
  });
}

Deno.test("`parseIni()` keeps the text of a wrong line out of the error", () => {
  throws(() => read("[remote]\npassword hunter2"), (error) => {
    ok(error instanceof ConfigError);
    ok(!error.message.includes("hunter2"));
    return true;
  });
});

Deno.test("`parseIni()` knows the line of sections and entries", () => {
  const ini = parseIni(fromLatin1("# c\n[a]\r\nx = 1\r\r\n\n[b]\n[a]\nx = 2\n"), "F");
  strictEqual(ini.get("a")?.line, 2);
  strictEqual(ini.get("b")?.line, 5);
  strictEqual(ini.get("a")?.entries.get("x")?.line, 7);
});

const FRAGMENTS = [
  "[",
  "]",
  "_",
  "a",
  "=",
  " ",
  "\t",
  ";",
  "#",
  "\n",
  "\r",
  "\xa0",
  "\xc3",
  "\0",
  " ; ",
  "[b]",
  "c = d",
];

Deno.test("`parseIni()` throws nothing but ConfigError in one line, whatever the octets", () => {
  const anything = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.array(fc.constantFrom(...FRAGMENTS)).map((parts) => fromLatin1(parts.join(""))),
  );
  fc.assert(
    fc.property(anything, (octets) => {
      try {
        parseIni(octets, "F");
      } catch (error) {
        ok(error instanceof ConfigError, String(error));
        ok(/^F:\d+: [^\n]+$/.test(error.message));
      }
    }),
    { numRuns: 2000 },
  );
});

Deno.test("`parseIni()` reads a long line in linear time", () => {
  const blanks = " ".repeat(200_000);
  deepStrictEqual(read(`a = ${blanks}x${blanks};${blanks}`), { _: { a: "x" } });
  throws(() => read(`[${blanks}`), ConfigError);
});

Deno.test("`parseIni()` reads back what was written with any comments, blanks and line ends", () => {
  const word = fc.string({ unit: fc.constantFrom(..."abcXYZ019-_.!\xc3\xa9/\\\"'"), minLength: 1, maxLength: 8 });
  const value = fc.array(fc.oneof(word, fc.constantFrom("=", "a;b", "[x]", "c#")), { maxLength: 4 })
    .map((words) => words.join(" "));
  const blank = fc.constantFrom("", " ", "\t", "  \v");
  const noise = fc.constantFrom("", "# x = y", "  ; [z]", "\t");
  const end = fc.constantFrom("\n", "\r\n", "\r", "\r\r\n");
  const line = fc.record({ key: word, value, before: blank, between: blank, after: blank, noise, end });
  const sections = fc.dictionary(word.filter((name) => name !== "_"), fc.array(line, { maxLength: 5 }), { maxKeys: 4 });
  fc.assert(fc.property(sections, (model) => {
    let text = "";
    const expected: Plain = {};
    for (const [name, lines] of Object.entries(model)) {
      text += `[${name}]\n`;
      const entries: Record<string, string> = {};
      for (const { key, value, before, between, after, noise, end } of lines) {
        text += `${noise}${end}${before}${key}${between}=${between}${value}${after}${end}`;
        entries[key] = value;
      }
      expected[name] = entries;
    }
    deepStrictEqual(read(text), expected);
  }));
});
