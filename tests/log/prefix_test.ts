// The format language of log-prefix: the default, every sequence, and what stands for itself.

import { ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { compilePrefix, DEFAULT_PREFIX } from "../../lib/log/prefix.ts";
import type { LogContext } from "../../lib/log/types.ts";

const BOTH: LogContext = { component: "local", mailbox: "a(b)%n?" };

Deno.test("`compilePrefix()` shows component and mailbox as the original does by default", () => {
  const rows: readonly (readonly [LogContext, string])[] = [
    [{}, ""],
    [{ component: "local" }, "local: "],
    [{ component: "remote", mailbox: "INBOX" }, "remote(INBOX): "],
    [{ component: "database", mailbox: "" }, "database: "],
    [{ component: "", mailbox: "INBOX" }, ""],
    [{ mailbox: "INBOX" }, ""],
    [BOTH, "local(a(b)%n?): "],
  ];
  for (const [context, expected] of rows) strictEqual(compilePrefix(DEFAULT_PREFIX)(context), expected);
});

const FORMATS: readonly (readonly [format: string, both: string, component: string, none: string])[] = [
  ["", "", "", ""],
  ["x", "x", "x", "x"],
  ["%n|%m|%%", "local|M|%", "local||%", "||%"],
  ["%x %d%", "%x %d%", "%x %d%", "%x %d%"],
  ["%?m?yes&no?", "yes", "no", "no"],
  ["%?m?yes?", "yes", "", ""],
  ["%?m??", "", "", ""],
  ["%?m?&none?!", "!", "none!", "none!"],
  ["%?x?yes&no?", "no", "no", "no"],
  ["%?n?[%n%?m?/%m?] ?", "[local/M] ", "[local] ", ""],
  ["%?n?%?m?a&b?&%?m?c&d??", "a", "b", "d"],
  ["%?m?\\?\\&\\\\&\\\\?", "?&\\", "\\", "\\"],
  ["\\a?&", "\\a?&", "\\a?&", "\\a?&"],
  ["%?n?open", "%?n?open", "%?n?open", "%?n?open"],
  ["%?1?a?", "%?1?a?", "%?1?a?", "%?1?a?"],
  ["50%%?n", "50%?n", "50%?n", "50%?n"],
];

for (const [format, both, component, none] of FORMATS) {
  Deno.test(`\`compilePrefix()\` reads ${JSON.stringify(format)}`, () => {
    const prefix = compilePrefix(format);
    strictEqual(prefix({ component: "local", mailbox: "M" }), both);
    strictEqual(prefix({ component: "local" }), component);
    strictEqual(prefix({}), none);
  });
}

Deno.test("`compilePrefix()` takes conditionals in any number and depth", () => {
  strictEqual(compilePrefix("%?n?".repeat(1000))({}), "");
  strictEqual(compilePrefix("%?n?".repeat(50) + "x" + "?".repeat(50))({ component: "local" }), "x");
  const deep = compilePrefix("%?n?".repeat(20_000) + "?".repeat(20_000));
  ok(deep({ component: "local" }).length < 80_000);
});

Deno.test("`compilePrefix()` takes any format, and never reads what it inserts", () => {
  const piece = fc.oneof(fc.constantFrom("%", "?", "&", "\\", "%?n?", "%?m?", "%n", "%m", "a"), fc.string());
  fc.assert(fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
    const prefix = compilePrefix(pieces.join(""));
    const plain = prefix({ component: "N", mailbox: "M" });
    const odd = prefix({ component: "\u0001", mailbox: "%?n?" });
    ok(plain.length <= odd.length);
  }));
  fc.assert(fc.property(fc.string(), (text) => {
    const escaped = text.replace(/[&?\\]/g, "\\$&").replaceAll("%", "%%");
    strictEqual(compilePrefix(escaped)({}), text);
    strictEqual(compilePrefix(`%?n?${escaped}?`)(BOTH), text);
  }));
});
