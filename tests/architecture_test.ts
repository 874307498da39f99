// The rules of tests/support/house_rules.ts about files: who imports whom, no cycles, length, headings, names, and
// that the program asks for no environment variable that scripts/build.sh does not let it have.

import assert from "node:assert/strict";
import { isAmong, isProgram, layerOf, MAX_FILE_LINES, OUTSIDE_MODULES } from "./support/house_rules.ts";

const ROOT = new URL("../", import.meta.url);
const FOLDERS = ["lib/", "scripts/", "tests/"];

interface Import {
  readonly specifier: string;
  /** Erased before the program runs. */
  readonly typeOnly: boolean;
}

interface SourceFile {
  /** Below the root of the checkout. */
  readonly path: string;
  readonly text: string;
  readonly imports: readonly Import[];
}

/** The imports of a module: static, re-exporting, for their effects only, and `import("literal")`. */
function importsOf(text: string): Import[] {
  const found: Import[] = [];
  for (const match of text.matchAll(/^(?:import|export)\s+(type\s+)?([^"'`;]*?)\bfrom\s*["']([^"']+)["']/gm)) {
    const [, type, names, specifier] = match;
    const each = /^\{([^}]*)\}\s*$/.exec(names ?? "")?.[1]?.split(",").filter((name) => name.trim() !== "");
    const allTypes = each !== undefined && each.length > 0 && each.every((name) => /^\s*type\s/.test(name));
    found.push({ specifier: specifier ?? "", typeOnly: type !== undefined || allTypes });
  }
  for (const match of text.matchAll(/^import\s*["']([^"']+)["']/gm)) {
    found.push({ specifier: match[1] ?? "", typeOnly: false });
  }
  for (const match of text.matchAll(/(?<![\w.#])import\(\s*["']([^"']+)["']\s*\)/g)) {
    found.push({ specifier: match[1] ?? "", typeOnly: false });
  }
  return found;
}

/** The path below the root that a relative specifier in the file `from` names. */
function resolve(from: string, specifier: string): string {
  return new URL(specifier, `file:///${from}`).pathname.slice(1);
}

/** What is wrong with one import of the file `from`, or null. */
function complaint(from: string, { specifier }: Import): string | null {
  const layer = layerOf(from);
  if (!specifier.startsWith(".")) {
    if (!isProgram(from)) return null;
    const allowed = Object.hasOwn(OUTSIDE_MODULES, specifier) ? OUTSIDE_MODULES[specifier] : undefined;
    return allowed !== undefined && isAmong(from, allowed) ? null : `${from} may not import ${specifier}`;
  }
  if (!specifier.endsWith(".ts")) return `${from} imports ${specifier}: the extension .ts is missing`;
  if (layer === null) return isProgram(from) ? `${from} belongs to no layer` : null;
  const to = resolve(from, specifier);
  const target = layerOf(to)?.name;
  if (target === undefined) return `${from} imports ${to}, which is no part of the program`;
  if (layer.imports === "everything" || target === layer.name || layer.imports.includes(target)) return null;
  return `${from} (${layer.name}) may not import ${to} (${target})`;
}

/** The first cycle found in a graph of files, as the path around it; null when there is none. */
function cycleIn(graph: ReadonlyMap<string, readonly string[]>): readonly string[] | null {
  const finished = new Set<string>();
  function walk(file: string, path: readonly string[]): readonly string[] | null {
    const start = path.indexOf(file);
    if (start >= 0) return [...path.slice(start), file];
    if (finished.has(file)) return null;
    for (const next of graph.get(file) ?? []) {
      const cycle = walk(next, [...path, file]);
      if (cycle !== null) return cycle;
    }
    finished.add(file);
    return null;
  }
  for (const file of graph.keys()) {
    const cycle = walk(file, []);
    if (cycle !== null) return cycle;
  }
  return null;
}

function* pathsBelow(folder: string): Generator<string> {
  for (const entry of Deno.readDirSync(new URL(folder, ROOT))) {
    if (entry.isDirectory) yield* pathsBelow(`${folder}${entry.name}/`);
    else if (entry.name.endsWith(".ts")) yield `${folder}${entry.name}`;
  }
}

function readSource(path: string): SourceFile {
  const text = Deno.readTextFileSync(new URL(path, ROOT));
  return { path, text, imports: importsOf(text) };
}

const TOP_LEVEL = [...Deno.readDirSync(ROOT)].map(({ name }) => name).filter((name) => name.endsWith(".ts"));
const SOURCES = [...TOP_LEVEL, ...FOLDERS.flatMap((folder) => [...pathsBelow(folder)])].map(readSource);
const PROGRAM = SOURCES.filter(({ path }) => isProgram(path));

Deno.test("`importsOf()` finds every form of import, and which are erased", () => {
  const text = `import a from "./a.ts";
import type { B } from "./b.ts";
import { type C, type D } from './c.ts';
import {
  type E,
  f,
} from "./d.ts";
import "./e.ts";
export * from "./f.ts";
export type { G } from "./g.ts";
// import h from "./h.ts";
const i = await import("node:i");
`;
  assert.deepEqual(importsOf(text).map(({ specifier, typeOnly }) => `${specifier}${typeOnly ? " type" : ""}`), [
    "./a.ts",
    "./b.ts type",
    "./c.ts type",
    "./d.ts",
    "./f.ts",
    "./g.ts type",
    "./e.ts",
    "node:i",
  ]);
});

Deno.test("`complaint()` names an import when the rules forbid it", () => {
  const check = (from: string, specifier: string) => complaint(from, { specifier, typeOnly: true });
  assert.equal(check("lib/protocol/decoder.ts", "./types.ts"), null);
  assert.equal(check("lib/transport/dial.ts", "../config/types.ts"), null);
  assert.equal(check("lib/transport/dial.ts", "node:tls"), null);
  assert.equal(check("lib/sync/plan.ts", "../state/types.ts"), null);
  assert.equal(check("lib/sync/execute.ts", "../client/session.ts"), null);
  assert.equal(check("tests/sync/plan_test.ts", "fast-check"), null);
  assert.match(check("lib/protocol/decoder.ts", "../client/session.ts") ?? "", /may not import/);
  assert.match(check("lib/client/session.ts", "../transport/tcp.ts") ?? "", /may not import/);
  assert.match(check("lib/sync/plan.ts", "../client/session.ts") ?? "", /may not import/);
  assert.match(check("lib/sync/plan.ts", "./execute.ts") ?? "", /may not import/);
  assert.match(check("lib/sync/engine.ts", "../state/store.ts") ?? "", /may not import/);
  assert.match(check("lib/client/session.ts", "node:net") ?? "", /may not import/);
  assert.match(check("lib/cli/run.ts", "npm:left-pad") ?? "", /may not import/);
  assert.match(check("lib/cli/run.ts", "../../tests/support/child.ts") ?? "", /no part of the program/);
  assert.match(check("lib/elsewhere/a.ts", "../errors.ts") ?? "", /no layer/);
  assert.match(check("lib/cli/run.ts", "./args") ?? "", /extension/);
});

Deno.test("`cycleIn()` finds a cycle when there is one", () => {
  assert.equal(cycleIn(new Map([["a", ["b", "c"]], ["b", ["c"]], ["c", []]])), null);
  assert.deepEqual(cycleIn(new Map([["a", ["b"]], ["b", ["c"]], ["c", ["b"]]])), ["b", "c", "b"]);
});

Deno.test("no file imports what its layer may not know", () => {
  const complaints = PROGRAM.flatMap(({ path, imports }) => imports.map((it) => complaint(path, it)));
  assert.deepEqual(complaints.filter((it) => it !== null), []);
});

Deno.test("every file of the program belongs to a layer", () => {
  assert.deepEqual(PROGRAM.map(({ path }) => path).filter((path) => layerOf(path) === null), []);
});

Deno.test("no file needs itself in order to run", () => {
  const graph = new Map(PROGRAM.map(({ path, imports }) => [
    path,
    imports.filter((it) => !it.typeOnly && it.specifier.startsWith(".")).map((it) => resolve(path, it.specifier)),
  ]));
  assert.equal(cycleIn(graph)?.join(" -> ") ?? null, null);
});

Deno.test("every file but a test opens with a comment that says what it is about", () => {
  const others = SOURCES.filter(({ path }) => !path.endsWith("_test.ts"));
  assert.deepEqual(others.filter(({ text }) => !/^(\/\/ \S|\/\*\*?\s)/.test(text)).map(({ path }) => path), []);
});

Deno.test("no file of the program or of scripts/ is longer than the ceiling", () => {
  const long = SOURCES.filter(({ path, text }) =>
    !path.startsWith("tests/") && text.split("\n").length - 1 > MAX_FILE_LINES
  );
  assert.deepEqual(long.map(({ path }) => path), []);
});

Deno.test("every file is named in snake_case", () => {
  assert.deepEqual(SOURCES.map(({ path }) => path).filter((path) => !/^([a-z0-9_]+\/)*[a-z0-9_]+\.ts$/.test(path)), []);
});

Deno.test("the built program may read every environment variable that it asks for", () => {
  const allowed = /^environment=(\S+)$/m.exec(Deno.readTextFileSync(new URL("scripts/build.sh", ROOT)))?.[1]?.split(
    ",",
  );
  const asked = PROGRAM.flatMap(({ text }) =>
    [...text.matchAll(/\benv(?:\.get)?\("(\w+)"\)/g)].map((match) => match[1])
  );
  assert.ok(allowed !== undefined && allowed.length > 0);
  assert.deepEqual(asked.filter((name) => !allowed.includes(name ?? "")), []);
});
