// `make mutants`: applies each seeded defect to a copy of the tree and runs the tests that need no server; a defect that
// no test notices fails the target. The last line says how many were caught.

import { type Mutant, MUTANTS } from "./mutants.ts";

/** Cheap ones first: a defect is caught at the first failure. */
const STAGES: readonly (readonly string[])[] = [
  ["tests/protocol", "tests/client", "tests/sync", "tests/state"],
  ["tests/model"],
  ["tests/walks"],
];
const COPIED = ["lib", "tests", "main.ts", "deno.json", "deno.lock"];
/** Walks for each defect; `make walks` has thousands. */
const WALKS = "60";
const JOBS = Math.max(1, navigator.hardwareConcurrency);

async function run(command: string, args: readonly string[], cwd: string): Promise<boolean> {
  const child = new Deno.Command(command, {
    args: [...args],
    cwd,
    env: { WALKS, NO_COLOR: "1", INTERIMAP_TEST_LIVE: "no" },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  });
  return (await child.output()).success;
}

async function apply(mutant: Mutant, tree: string): Promise<void> {
  const path = `${tree}/${mutant.file}`;
  const text = await Deno.readTextFile(path);
  if (text.split(mutant.find).length !== 2) {
    throw new Error(`${mutant.name}: its text is not exactly once in ${mutant.file}: bring the defect up to date`);
  }
  await Deno.writeTextFile(path, text.replace(mutant.find, () => mutant.replace));
}

/** The folders in which tests failed, or null: the defect survived. Without a defect nothing may fail. */
async function caughtBy(mutant: Mutant | null): Promise<string | null> {
  const tree = await Deno.makeTempDir({ prefix: "interimap-mutant-" });
  try {
    await run("cp", ["-r", ...COPIED, tree], ".");
    if (mutant !== null) await apply(mutant, tree);
    for (const folders of STAGES) {
      const present = folders.filter((folder) => exists(`${tree}/${folder}`));
      const args = ["test", "-A", "--no-check", "--quiet", "--fail-fast", "--permit-no-files", ...present];
      if (present.length > 0 && !(await run(Deno.execPath(), args, tree))) return present.join(" ");
    }
    return null;
  } finally {
    await Deno.remove(tree, { recursive: true });
  }
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

const broken = await caughtBy(null);
if (broken !== null) {
  console.error(`The tests in ${broken} fail without any defect: mend that first`);
  console.log("0 passed, 1 failed");
  Deno.exit(1);
}

const wanted = Deno.args.length === 0
  ? MUTANTS
  : MUTANTS.filter(({ name }) => Deno.args.some((arg) => name.includes(arg)));
const queue = [...wanted];
const caught: string[] = [];
const survivors: string[] = [];

async function work(): Promise<void> {
  for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
    const where = await caughtBy(mutant);
    if (where === null) survivors.push(mutant.name);
    else caught.push(mutant.name);
    console.log(`${where === null ? "SURVIVED" : "caught  "} ${mutant.name}${where === null ? "" : `  (${where})`}`);
  }
}

await Promise.all(Array.from({ length: JOBS }, work));
console.log(`${caught.length} passed, ${survivors.length} failed`);
Deno.exit(survivors.length === 0 ? 0 : 1);
