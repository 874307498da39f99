// `make mutants`: applies each seeded defect to a copy of the tree and runs the test files that are listed for it; a
// defect that none of them notices fails the target. The last line says how many were caught. Words select defects by
// their names. With --search it runs all other tests that need no server as well, the quick ones first, and says
// which file is the first to notice: for the list.

import { MUTANTS } from "./mutants.ts";
import { type Mutant, mutated } from "./mutant.ts";

const COPIED = ["lib", "tests", "main.ts", "deno.json", "deno.lock"];
const SEARCHED = ["tests/protocol", "tests/client", "tests/sync", "tests/state", "tests/model", "tests/walks"];
const NEEDS_A_SERVER = "tests/model/against_dovecot_test.ts";
/** Searched last. */
const SLOW = ["brake", "repair", "every_byte", "watch_walk", "watch", "adopt", "crash_pairs", "crash"].map((name) =>
  `tests/model/${name}_test.ts`
);
/** Walks for each defect; `make walks` has thousands. */
const WALKS = "60";
const JOBS = Math.max(1, navigator.hardwareConcurrency);

const words = Deno.args.filter((arg) => arg !== "--search");
const isSearch = words.length < Deno.args.length;
const wanted = MUTANTS.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)));

interface Outcome {
  readonly success: boolean;
  readonly output: string;
}

/** Runs test files, in this order, until a test fails. */
async function test(files: readonly string[], tree: string): Promise<Outcome> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--no-check", "--cached-only", "--fail-fast", ...files],
    cwd: tree,
    env: { WALKS, NO_COLOR: "1", INTERIMAP_TEST_LIVE: "no" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  const { success, stdout, stderr } = await child.output();
  return { success, output: [stdout, stderr].map((octets) => new TextDecoder().decode(octets)).join("") };
}

/** The files of a search, in its order. */
function searched(): readonly string[] {
  const files = SEARCHED.flatMap((folder) => [...Deno.readDirSync(folder)].map(({ name }) => `${folder}/${name}`))
    .filter((path) => path.endsWith("_test.ts") && path !== NEEDS_A_SERVER);
  return files.sort((a, b) => SLOW.indexOf(a) - SLOW.indexOf(b));
}

/** The file whose test failed; null when none did, be it that the program could not even be loaded. */
function failedFile({ success, output }: Outcome): string | null {
  return success ? null : / => \.\/(tests\/\S+?\.ts):\d+/.exec(output)?.[1] ?? null;
}

/** The test file that notices the defect; null: it survived. The tree is as before afterwards. */
async function caughtBy(mutant: Mutant, tree: string): Promise<string | null> {
  const path = `${tree}/${mutant.file}`;
  const text = await Deno.readTextFile(path);
  await Deno.writeTextFile(path, mutated(mutant, text));
  try {
    return failedFile(await test(isSearch ? [...mutant.tests, ...searched()] : mutant.tests, tree));
  } finally {
    await Deno.writeTextFile(path, text);
  }
}

/** A copy of the tree. Always in the same place, for Deno keeps what it has compiled by its path. */
async function copyTree(number: number): Promise<string> {
  const tree = `build/mutants/${number}`;
  await Deno.remove(tree, { recursive: true }).catch(() => {});
  await Deno.mkdir(tree, { recursive: true });
  const { success } = await new Deno.Command("cp", { args: ["-r", ...COPIED, tree] }).output();
  if (!success) throw new Error(`cannot copy the tree to ${tree}`);
  return tree;
}

const queue = [...wanted];
const survivors: string[] = [];

async function work(tree: string): Promise<void> {
  for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
    const start = performance.now();
    const where = await caughtBy(mutant, tree);
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    if (where === null) survivors.push(mutant.name);
    console.log(`${where === null ? "SURVIVED" : "caught  "} ${mutant.name}  (${where ?? "nothing"}, ${seconds} s)`);
  }
}

const trees = await Promise.all(Array.from({ length: JOBS }, (_, number) => copyTree(number)));
const [first = ""] = trees;
const listed = [...new Set(wanted.flatMap(({ tests }) => tests))];
const whole = isSearch || listed.length === 0 ? null : await test(listed, first);
if (whole?.success === false) {
  console.error(`${whole.output}\nTests fail without any defect: mend that first`);
  console.log("0 passed, 1 failed");
  Deno.exit(1);
}
await Promise.all(trees.map(work));
console.log(`${wanted.length - survivors.length} passed, ${survivors.length} failed`);
Deno.exit(survivors.length === 0 ? 0 : 1);
