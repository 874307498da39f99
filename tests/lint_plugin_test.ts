// That every house rule of tests/lint_plugin.ts finds what it is there for, and nothing else.

import assert from "node:assert/strict";
import plugin from "./lint_plugin.ts";
import { MAX_FUNCTION_LINES } from "./support/house_rules.ts";

/** The ids of the rules that `source` breaks as the file `path` of this checkout, in the order of the source. */
function broken(path: string, source: string): string[] {
  const file = decodeURIComponent(new URL(`../${path}`, import.meta.url).pathname);
  return Deno.lint.runPlugin(plugin, file, source).map((diagnostic) => diagnostic.id.replace("house/", ""));
}

/** A function of so many lines. */
function functionOf(lines: number): string {
  return `function f() {\n${"  f();\n".repeat(lines - 2)}}\nf();\n`;
}

Deno.test("`runtime-names` reports the runtime's names when the file may not use them", () => {
  for (
    const use of [
      "Deno.args",
      "const x: Deno.Conn = y;",
      "console.log(1)",
      "Date.now()",
      "new Date()",
      "setTimeout(f, 1)",
      "Math.random()",
      "const t = setTimeout;",
      "AbortSignal.timeout(1)",
      "globalThis.console",
      "f({ Deno })",
    ]
  ) assert.ok(broken("lib/sync/plan.ts", use).includes("runtime-names"), use);
});

Deno.test("`runtime-names` reports nothing when the name is another's, or the file may use it", () => {
  for (
    const use of [
      "x.Deno",
      "f({ console: 1 })",
      "new Date(5)",
      "Math.max(1, 2)",
      "interface I { fetch(): void }",
      "// Deno",
    ]
  ) {
    assert.deepEqual(broken("lib/sync/plan.ts", use), [], use);
  }
  assert.deepEqual(broken("lib/transport/tcp.ts", "Deno.connect({ port: 1 })"), []);
  assert.deepEqual(broken("lib/base/clock.ts", "Date.now(); setTimeout(f, 1)"), []);
  assert.deepEqual(broken("tests/sync/plan_test.ts", "Deno.test(f); console.log(Date.now())"), []);
});

Deno.test("`module-state` reports variables of a module when they can change", () => {
  assert.deepEqual(broken("lib/a.ts", "let a = 1; f(a);"), ["module-state"]);
  assert.deepEqual(broken("lib/a.ts", "export let a = 1;"), ["module-state"]);
  assert.deepEqual(broken("lib/a.ts", "export const a = 1; function f() { let b = 1; return b; }"), []);
});

Deno.test("`plain-modules` reports enums and default exports", () => {
  assert.deepEqual(broken("lib/a.ts", "enum A { B }"), ["plain-modules"]);
  assert.deepEqual(broken("lib/a.ts", "export default 1;"), ["plain-modules"]);
});

Deno.test("`hash-private` reports `private` except on a constructor", () => {
  assert.deepEqual(broken("lib/a.ts", "class A { private b = 1; private c() {} }"), ["hash-private", "hash-private"]);
  assert.deepEqual(broken("lib/a.ts", "class A { constructor(private readonly b: number) {} }"), ["hash-private"]);
  assert.deepEqual(broken("lib/a.ts", "class A { #b = 1; private constructor(readonly c: number) {} }"), []);
});

Deno.test("`function-length` reports a function when it is one line too long", () => {
  assert.deepEqual(broken("lib/a.ts", functionOf(MAX_FUNCTION_LINES)), []);
  assert.deepEqual(broken("lib/a.ts", functionOf(MAX_FUNCTION_LINES + 1)), ["function-length"]);
  assert.deepEqual(broken("tests/a_test.ts", functionOf(MAX_FUNCTION_LINES + 1)), []);
});

Deno.test("`synchronous-layers` reports what waits when the file only decides", () => {
  assert.deepEqual(broken("lib/protocol/decoder.ts", "async function f() {}"), ["synchronous-layers"]);
  assert.deepEqual(broken("lib/sync/plan.ts", "const f = async () => {}; f();"), ["synchronous-layers"]);
  assert.deepEqual(broken("lib/sync/execute.ts", "async function f() { await 1; }"), []);
});
