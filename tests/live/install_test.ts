// What `make install` leaves: a program that no start has to compile, wherever it is called from and whoever looks after
// the cache of Deno, and whose tunnels know nothing of that.

import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { mustRun, type Outcome, run } from "../support/live/child.ts";
import { liveTest } from "../support/live/live_case.ts";
import { environment } from "../support/live/program.ts";

const INSTALL = new URL("../../scripts/install.sh", import.meta.url).pathname;

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

/** Runs a command whose environment names no cache of Deno's, unless `more` does. */
function runWithout(command: readonly string[], home: string, more: Record<string, string>): Promise<Outcome> {
  const variables = Object.entries(more).map(([name, value]) => `${name}=${value}`);
  return run(["env", "-u", "DENO_DIR", ...variables, ...command], { env: environment(home) });
}

/** Starts the command in a home of its own, and tells whether Deno has kept something of it there. */
async function start(command: string, home: string, more: Record<string, string> = {}): Promise<boolean> {
  await Deno.mkdir(home);
  const { code, stdout, stderr } = await runWithout([command, "--version"], home, more);
  assert.match(stdout, /^interimap version /, stderr);
  assert.deepEqual([code, stderr], [0, ""]);
  return await exists(`${home}/.cache`);
}

/** Octets of compiled code of the program in the folder. Of a copy: to read the database changes it. */
async function compiledOctets(folder: string, copy: string): Promise<number> {
  await mustRun(["cp", "-R", folder, copy]);
  using database = new DatabaseSync(`${copy}/v8_code_cache_v2`);
  const row = database.prepare(
    "SELECT LENGTH(data) AS octets FROM codecache WHERE specifier LIKE 'file:%/bin/interimap'",
  )
    .get();
  return Number(row?.["octets"] ?? 0);
}

liveTest("what is installed is found compiled at its first start", async ({ lab }) => {
  const prefix = `${lab.directory}/it's & o|k\\`;
  await mustRun(["sh", INSTALL, prefix]);
  const installed = `${prefix}/bin/interimap`;
  const compiled = `${prefix}/lib/interimap.compiled`;
  // All of it is: what its start alone needs is less than the text.
  const { size } = await Deno.stat(installed);
  assert.ok(await compiledOctets(compiled, `${lab.directory}/read`) > 2 * size);
  const link = `${lab.directory}/link`;
  await Deno.symlink(installed, link);
  const copy = `${lab.directory}/copy`;
  await Deno.copyFile(installed, copy);
  for (const [i, command] of [installed, link].entries()) {
    assert.equal(await start(command, `${lab.directory}/home${i}`), false, command);
  }
  // Deno would not find the copy in it.
  assert.equal(await start(copy, `${lab.directory}/other`), true);
  const own = `${lab.directory}/own`;
  assert.equal(await start(installed, `${lab.directory}/mine`, { DENO_DIR: own }), false);
  assert.ok(await exists(`${own}/v8_code_cache_v2`));
  for (const file of ["share/man/man1/interimap.1", "share/doc/interimap/sample.config"]) {
    assert.ok(await exists(`${prefix}/${file}`), file);
  }

  await Deno.writeTextFile(`${compiled}/v8_code_cache_v2`, "no database");
  assert.equal(await start(installed, `${lab.directory}/damaged`), false);
  await Deno.remove(compiled, { recursive: true });
  assert.equal(await start(installed, `${lab.directory}/gone`), true);
}, { newProgramOnly: true });

liveTest(
  "no folder is emptied but one of the name for what is compiled, and PREFIX is a whole path",
  async ({ lab }) => {
    const precompile = new URL("../../scripts/precompile.sh", import.meta.url).pathname;
    const { code, stderr } = await run(["sh", precompile, "/nowhere/interimap", lab.directory]);
    assert.match(stderr, /is not the whole path of a folder named interimap\.compiled/);
    assert.equal(code, 1);
    assert.ok(await exists(lab.directory));
    const installing = await run(["sh", INSTALL, "some/where"]);
    assert.match(installing.stderr, /PREFIX has to be a whole path, not some\/where/);
    assert.equal(installing.code, 1);
  },
  { newProgramOnly: true },
);

liveTest("what is installed to be packed names the place where it will be", async ({ lab }) => {
  const root = `${lab.directory}/root`;
  await mustRun(["sh", INSTALL, "/nowhere/usr", root]);
  const text = await Deno.readTextFile(`${root}/nowhere/usr/bin/interimap`);
  assert.ok(text.includes(`built='/nowhere/usr/bin/interimap' compiled='/nowhere/usr/lib/interimap.compiled'`));
  assert.ok(!text.includes("build/interimap'"));
  assert.equal(await exists(`${root}/nowhere/usr/lib`), false);
  assert.equal(await start(`${root}/nowhere/usr/bin/interimap`, `${lab.directory}/home`), true);
}, { newProgramOnly: true });

liveTest("a tunnel does not see where the program is kept compiled, but what its user has set", async ({ lab }) => {
  const prefix = `${lab.directory}/usr`;
  await mustRun(["sh", INSTALL, prefix]);
  const seen = `${lab.directory}/seen`;
  const section = (name: string) => `[${name}]\ntype = tunnel\ncommand = echo "<$DENO_DIR>" >>${seen} && false\n`;
  await Deno.mkdir(`${lab.directory}/data`);
  const config = `${lab.directory}/config`;
  await Deno.writeTextFile(config, section("local") + section("remote"), { mode: 0o600 });
  for (const more of [{}, { DENO_DIR: `${lab.directory}/own` }]) {
    const { stderr } = await runWithout([`${prefix}/bin/interimap`, `--config=${config}`], lab.directory, more);
    assert.match(stderr, /Tunnel command/);
  }
  const lines = (await Deno.readTextFile(seen)).trim().split("\n");
  assert.deepEqual([...new Set(lines)], ["<>", `<${lab.directory}/own>`]);
}, { newProgramOnly: true });
