// The manual names every exit status, signal, environment variable and file that the program has, and no other: the program's
// sources are asked.

import assert from "node:assert/strict";

const ROOT = new URL("../../", import.meta.url);

function read(path: string): string {
  return Deno.readTextFileSync(new URL(path, ROOT));
}

const page = read("man/interimap.1");

function section(heading: string): string {
  const [, rest = ""] = page.split(`\n.Sh ${heading}\n`, 2);
  assert.notEqual(rest, "", heading);
  return rest.split(/^\.Sh /m, 1)[0] ?? "";
}

/** What the items of a section are called, without macros. */
function items(heading: string, macro: string): readonly string[] {
  return [...section(heading).matchAll(new RegExp(`^\\.It ${macro}(.*)$`, "gm"))].map(([, name = ""]) => name);
}

function unique(words: Iterable<string>): readonly string[] {
  return [...new Set(words)].toSorted();
}

Deno.test("the manual page has an item for every exit status", () => {
  const sources = read("lib/cli/run.ts") + read("lib/cli/bugs.ts");
  const constants = [...sources.matchAll(/^(?:export )?const [A-Z_]+ = (\d+);$/gm)].map(([, status = ""]) => status);
  const documented = items("EXIT STATUS", "");
  assert.deepEqual(documented, ["0", "1", "2", "3", "255"]);
  assert.ok(constants.length >= 4);
  assert.deepEqual(constants.filter((status) => !documented.includes(status)), []);
});

Deno.test("the manual page has an item for every signal that is handled, and for no other", () => {
  const handled = unique([...read("lib/cli/signals.ts").matchAll(/"(SIG[A-Z]+)"/g)].map(([, name = ""]) => name));
  assert.ok(handled.length >= 2);
  assert.deepEqual(items("SIGNALS", "Dv ").toSorted(), handled);
});

Deno.test("the manual page has an item for every environment variable that the program may read", () => {
  const [, allowed = ""] = /^environment=(.*)$/m.exec(read("scripts/build.sh")) ?? [];
  assert.deepEqual(items("ENVIRONMENT", "Ev ").toSorted(), allowed.split(",").toSorted());
});

Deno.test("the manual page names the files in their places", () => {
  const files = items("FILES", "Pa ").join("\n");
  for (const file of [/~\/\.config\/interimap\/config/, /~\/\.local\/share\/interimap\//]) assert.match(files, file);
  for (const words of [/mode 0700/, /mode 0600/, /-journal/, /interimap_/]) assert.match(section("FILES"), words);
});

Deno.test("the manual page has its sections in the usual order", () => {
  const order = [
    "NAME",
    "SYNOPSIS",
    "DESCRIPTION",
    "SIGNALS",
    "ENVIRONMENT",
    "FILES",
    "EXIT STATUS",
    "EXAMPLES",
    "SEE ALSO",
    "HISTORY",
  ];
  const found = [...page.matchAll(/^\.Sh (.*)$/gm)].map(([, name = ""]) => name).filter((name) => order.includes(name));
  assert.deepEqual(found, order);
});

Deno.test("no form of the program's calling is missing in the synopsis", () => {
  const synopsis = section("SYNOPSIS");
  for (
    const command of ["-repair", "-delete", "-rename", "-watch", "-notify", "-help", "-version", "-target", "-config"]
  ) {
    assert.ok(synopsis.includes(command), command);
  }
});
