// That the benchmark still works: its smallest scenario that needs a first synchronization, with every tool, with and without a relay.

import assert from "node:assert/strict";
import type { Report } from "../../scripts/bench/table.ts";
import { Rig } from "../../scripts/bench/rig.ts";
import { SMOKE_SCENARIOS } from "../../scripts/bench/scenarios.ts";
import { type Tool, TOOLS } from "../../scripts/bench/tools.ts";
import { mustRun } from "../support/live/child.ts";
import { liveTest } from "../support/live/live_case.ts";

const MAIN = new URL("../../scripts/bench/main.ts", import.meta.url).pathname;

liveTest("the benchmark measures every tool, finds every result right, and counts the round trips", async ({ lab }) => {
  const out = `${lab.directory}/bench.json`;
  const options = ["--scenario=smoke-mixed", "--rtt=0,10", "--runs=1", `--out=${out}`];
  const table = await mustRun([Deno.execPath(), "run", "--quiet", "--cached-only", "--allow-all", MAIN, ...options]);
  const { records }: Report = JSON.parse(await Deno.readTextFile(out));
  assert.equal(records.length, TOOLS.length * 2);
  assert.deepEqual(records.filter(({ verdict }) => verdict !== "ok"), []);
  for (const { wall, cpu, rss, rtt, turns } of records) {
    assert.ok(wall !== null && wall > rtt / 1000 && cpu !== null && rss !== null && rss > 1e6);
    assert.equal(turns !== null && turns > 2, rtt > 0);
  }
  assert.match(table, /^\| smoke-mixed +\|/m);
}, { newProgramOnly: true });

liveTest("the yardstick of the benchmark does what the tools do, in three flights at most", async ({ lab }) => {
  const out = `${lab.directory}/bench.json`;
  const scenarios = "smoke-initial,smoke-mixed";
  const options = [`--scenario=${scenarios}`, "--tools=limit", "--rtt=10", "--runs=1", `--out=${out}`];
  await mustRun([Deno.execPath(), "run", "--quiet", "--cached-only", "--allow-all", MAIN, ...options]);
  const { records }: Report = JSON.parse(await Deno.readTextFile(out));
  assert.deepEqual(records.map(({ scenario, verdict }) => `${scenario} ${verdict}`), [
    "smoke-initial ok",
    "smoke-mixed ok",
  ]);
  const mixed = records.at(-1);
  assert.ok((mixed?.turns ?? Infinity) <= 3, `${mixed?.turns} turns`);
}, { newProgramOnly: true });

liveTest("by TLS and compressed the benchmark measures every tool, and leaves nothing on the disk", async ({ lab }) => {
  const out = `${lab.directory}/bench.json`;
  const disk = `${lab.directory}/disk`;
  await Deno.mkdir(disk);
  const options = ["--scenario=smoke-mixed", "--rtt=0", "--runs=1", "--tls", "--compress", `--disk=${disk}`];
  const command = [Deno.execPath(), "run", "--quiet", "--cached-only", "--allow-all", MAIN, ...options];
  const text = await mustRun([...command, `--out=${out}`]);
  const { records }: Report = JSON.parse(await Deno.readTextFile(out));
  assert.deepEqual(records.map(({ verdict }) => verdict), TOOLS.map(() => "ok"));
  assert.match(text, /TLS and COMPRESS=DEFLATE/);
  assert.deepEqual([...Deno.readDirSync(disk)], []);
}, { newProgramOnly: true });

liveTest("a tool that does nothing has no time in the benchmark", async ({ lab }) => {
  await using rig = await Rig.open({ parent: lab.directory, seed: 1 });
  const [scenario] = SMOKE_SCENARIOS;
  assert.ok(scenario !== undefined);
  const idler: Tool = {
    name: "idler",
    habits: { losesKeywords: true },
    configure: () => ["config", ""],
    command: () => ["/bin/true"],
    watch: null,
  };
  const { verdict, cost, faults } = await rig.measure(await rig.fill(scenario.base), idler, 0, 10_000);
  assert.deepEqual({ verdict, cost }, { verdict: "FAILED", cost: null });
  assert.ok(faults.every((fault) => /^local .*: (no such mailbox|\d+ missing)$/.test(fault)), faults.join("; "));
}, { newProgramOnly: true });
