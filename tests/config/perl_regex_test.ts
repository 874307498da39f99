// Perl's expressions against what Perl answers: the rows were made by perl 5.36 itself.

import { deepStrictEqual, match, ok } from "node:assert/strict";
import fc from "fast-check";
import { translatePerlRegex } from "../../lib/config/perl_regex.ts";

/** Subjects of every row. */
const NAMES = [
  "INBOX",
  "virtual",
  "virtual\0All",
  "Virtual",
  "a.b",
  "a+b\0c",
  "x y",
  "v1{2}",
  "a]b",
  "",
  "a\n",
  "-",
  "caf\xe9",
];

const MATCHES: readonly (readonly [pattern: string, matching: readonly string[]])[] = [
  ["^virtual(?:\\x00|$)", ["virtual", "virtual\0All"]],
  ["(?i)^virtual\\z", ["virtual", "Virtual"]],
  ["\\Aa\\Z", ["a\n"]],
  ["\\Aa\\z", []],
  ["a$", ["a\n"]],
  ["^a.", ["a.b", "a+b\0c", "a]b"]],
  ["(?s)^a.\\z", ["a\n"]],
  ["(?i:VIRT)ual\\x{0}", ["virtual\0All"]],
  ["(?P<n>\\w)(?P=n)", ["virtual\0All"]],
  ["(?<d>l)\\k<d>", ["virtual\0All"]],
  ["(l)\\1", ["virtual\0All"]],
  ["(l)\\g{1}", ["virtual\0All"]],
  ["\\h", ["x y"]],
  ["[[:upper:]]", ["INBOX", "virtual\0All", "Virtual"]],
  ["^[[:^upper:]]", ["virtual", "virtual\0All", "a.b", "a+b\0c", "x y", "v1{2}", "a]b", "a\n", "-", "caf\xe9"]],
  ["^[^[:alnum:]]", ["-"]],
  ["[]]", ["a]b"]],
  ["[^]a-z]", ["INBOX", "virtual\0All", "Virtual", "a.b", "a+b\0c", "x y", "v1{2}", "a\n", "-", "caf\xe9"]],
  ["[a\\-z]\\d", []],
  ["[\\x00-\\x20]", ["virtual\0All", "a+b\0c", "x y", "a\n"]],
  ["[\\h]", ["x y"]],
  ["\\W", ["virtual\0All", "a.b", "a+b\0c", "x y", "v1{2}", "a]b", "a\n", "-", "caf\xe9"]],
  ["[\\W]", ["virtual\0All", "a.b", "a+b\0c", "x y", "v1{2}", "a]b", "a\n", "-", "caf\xe9"]],
  ["\\s", ["x y", "a\n"]],
  ["\\S\\s\\z", ["a\n"]],
  ["v1{", ["v1{2}"]],
  ["v\\d{1,}\\{", ["v1{2}"]],
  ["x{1}\\ ", ["x y"]],
  ["(?x) a \\+ b # c", ["a+b\0c"]],
  ["a(?#no)\\.b", ["a.b"]],
  ["\\d{2,}|-", ["-"]],
  ["^(?!INBOX$|virtual)", ["Virtual", "a.b", "a+b\0c", "x y", "v1{2}", "a]b", "", "a\n", "-", "caf\xe9"]],
  ["(?<=a)\\.", ["a.b"]],
  ["[\\w.]b", ["a.b"]],
  ["\\p{Lu}", ["INBOX", "virtual\0All", "Virtual"]],
  ["\\bb\\b", ["a.b", "a+b\0c", "a]b"]],
  ["\\000", ["virtual\0All", "a+b\0c"]],
  ["\\o{0}", ["virtual\0All", "a+b\0c"]],
  ["[\\0]", ["virtual\0All", "a+b\0c"]],
  ["\\R", ["a\n"]],
  ["\\N\\n", ["a\n"]],
  ["^$", [""]],
  ["(?m)a$", ["a\n"]],
  ["\\cJ", ["a\n"]],
  ["\\x4{1}", []],
  ["l{,2}A", ["virtual\0All"]],
  ["\\@|\\-", ["-"]],
  ["caf\\W", ["caf\xe9"]],
  ["(?^:v)irt", ["virtual", "virtual\0All"]],
  ["\\v", ["a\n"]],
  ["a.b?", ["virtual", "virtual\0All", "Virtual", "a.b", "a+b\0c", "a]b", "caf\xe9"]],
  [".*?B", ["INBOX"]],
  ["[[:space:]-]", ["x y", "a\n", "-"]],
  ["\\Aa\\.b\\z|\\A-\\z", ["a.b", "-"]],
  ["\\x{e9}", ["caf\xe9"]],
  ["[\\xe0-\\xff]", ["caf\xe9"]],
  ["[[:punct:]]", ["a.b", "a+b\0c", "v1{2}", "a]b", "-"]],
  ["\\x{41}ll", ["virtual\0All"]],
  ["^(?i)V", ["virtual", "virtual\0All", "Virtual", "v1{2}"]],
  ["x|(?i)A|V", ["virtual", "virtual\0All", "Virtual", "a.b", "a+b\0c", "x y", "v1{2}", "a]b", "a\n", "caf\xe9"]],
  ["(?:z|v(?i)I)rtual$", ["virtual"]],
  ["((?-i)i|(?i)N)b", []],
  ["(?i)(?-i)i(?i)N", []],
  ["a(?i)L|B(?-i)O", ["INBOX", "virtual", "virtual\0All", "Virtual"]],
];

for (const [pattern, matching] of MATCHES) {
  Deno.test(`\`translatePerlRegex()\` finds what Perl finds by ${pattern}`, () => {
    const result = translatePerlRegex(pattern);
    ok(result.kind === "regex", JSON.stringify(result));
    deepStrictEqual(NAMES.filter((name) => result.regex.test(name)), matching);
  });
}

const REFUSED: readonly (readonly [pattern: string, problem: RegExp])[] = [
  ["a++", /possessive/],
  ["a{2}+", /possessive/],
  ["(?>a)", /groups such as \(\?> are not supported/],
  ["(?|a)", /groups such as/],
  ["(?R)", /groups such as/],
  ["(?1)", /groups such as/],
  ["(*FAIL)", /groups such as/],
  ["a(?s)b", /groups such as/],
  ["a(?i-s)b", /groups such as/],
  ["(?s:a)", /groups such as/],
  ["(?n)a", /flag \(\?n\)/],
  ["(?xx)a", /flag \(\?xx\)/],
  ["a\\K", /escape \\K /],
  ["a\\G", /escape \\G /],
  ["\\X", /escape \\X /],
  ["\\b{wb}", /escape \\b\{ /],
  ["\\N{U+41}", /escape \\N\{ /],
  ["\\y", /escape \\y /],
  ["\\x{zz}", /escape \\x /],
  ["a\\", /escape \\/],
  ["[a", /Unmatched \[/],
  ["[[:nope:]]", /class \[:nope:\]/],
  ["[[=a=]]", /\[=a=\]/],
  ["[z-a]", /wrong way round/],
  ["[\\y]", /escape \\y /],
  ["(", /./],
  [")", /./],
  ["*", /./],
  ["\\p{Nope}", /./],
  ["\\2(a)", /./],
];

for (const [pattern, problem] of REFUSED) {
  Deno.test(`\`translatePerlRegex()\` refuses ${pattern}`, () => {
    const result = translatePerlRegex(pattern);
    ok(result.kind === "problem", String(result.kind === "regex" && result.regex));
    match(result.problem, problem);
    ok(!/[\r\n]/.test(result.problem));
  });
}

Deno.test("`translatePerlRegex()` answers for any ASCII text, and finds quoted text literally", () => {
  const ascii = fc.string({ unit: fc.integer({ min: 1, max: 127 }).map((code) => String.fromCharCode(code)) });
  fc.assert(
    fc.property(ascii, (text) => {
      const result = translatePerlRegex(text);
      ok(result.kind === "regex" || result.problem !== "");
    }),
    { numRuns: 2000 },
  );
  fc.assert(fc.property(ascii, ascii, (text, other) => {
    if (text.includes("\\E")) return;
    const result = translatePerlRegex(`\\A\\Q${text}\\E\\z`);
    ok(result.kind === "regex" && result.regex.test(text) && result.regex.test(other) === (other === text));
    const escaped = translatePerlRegex(`\\A${text.replace(/[^A-Za-z0-9_]/g, "\\$&")}\\z`);
    ok(escaped.kind === "regex" && escaped.regex.test(text));
  }));
});

Deno.test("`translatePerlRegex()` refuses what the engine finds too large only when it is used", () => {
  for (const pattern of ["[a-z]".repeat(100_000), "(".repeat(20_000) + ")".repeat(20_000)]) {
    const result = translatePerlRegex(pattern);
    ok(result.kind === "problem");
    match(result.problem, /^(?:Regular expression too large|Stack overflow)$/);
  }
});

Deno.test("`translatePerlRegex()` refuses more optional characters in a row than the engine can compile in a sensible time", () => {
  const tail = "the end of a name that is not short";
  for (const pattern of ["%?n?%?m?".repeat(250) + tail, `${"(x?)(?:y{0,1})(?i)".repeat(17)}${tail}`, "a?".repeat(33)]) {
    const result = translatePerlRegex(pattern);
    ok(result.kind === "problem");
    match(result.problem, /^more than 32 optional characters in a row/);
  }
  const usual = [
    "a?".repeat(32) + tail,
    "a?bc".repeat(100) + tail,
    "(?:Junk|Trash.*|a?b?|)".repeat(50),
    "a*b*".repeat(100),
  ];
  for (const pattern of [...usual, "a?b+".repeat(100), "a?(?:b|c)de".repeat(60) + tail]) {
    ok(translatePerlRegex(pattern).kind === "regex", pattern);
  }
});
