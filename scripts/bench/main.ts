// The benchmark that `make bench` runs: this program, the original in Perl and mbsync synchronize the same stores, with
// and without a round-trip time. Every result is checked; one that is wrong has no time. Prints Markdown, writes JSON.

import { mustRun } from "../../tests/support/live/child.ts";
import { describeMachine } from "./measure.ts";
import { type Options, parseOptions, USAGE, UsageError } from "./options.ts";
import { type Prepared, type Result, Rig } from "./rig.ts";
import type { Scenario } from "./scenarios.ts";
import type { Base } from "./stores.ts";
import { renderReport, type Report, type RunRecord } from "./table.ts";
import type { Tool } from "./tools.ts";

const CHECKOUT = new URL("../../", import.meta.url).pathname;
const README_BEGIN = "<!-- figures by scripts/bench/main.ts -->\n";
const README_END = "<!-- end of figures -->\n";

function recordOf(scenario: Scenario, tool: Tool, rtt: number, load: number, result: Result): RunRecord {
  const { verdict, cost, traffic, faults, latencies } = result;
  const used = traffic?.filter(({ up }) => up > 0) ?? null;
  return {
    scenario: scenario.name,
    tool: tool.name,
    rtt,
    verdict,
    wall: cost?.wall ?? null,
    cpu: cost?.cpu ?? null,
    rss: cost?.rss ?? null,
    turns: used === null ? null : Math.max(0, ...used.map(({ turns }) => turns)),
    connections: used?.length ?? null,
    load,
    faults,
    ...(latencies === undefined ? {} : { latencies }),
  };
}

/** Progress, on standard error. */
function show({ scenario, tool, rtt, verdict, wall, cpu, rss, turns, faults, latencies }: RunRecord): void {
  const figures = latencies !== undefined && verdict === "ok"
    ? `${latencies.map((latency) => latency.toFixed(3)).join(" ")} s`
    : verdict === "ok"
    ? `${wall?.toFixed(3)} s, CPU ${cpu?.toFixed(2)} s, ${Math.round((rss ?? 0) / 1e6)} MB` +
      (turns === null ? "" : `, ${turns} turns`)
    : faults.slice(0, 5).join("; ");
  console.error(`${scenario} ${tool} at ${rtt} ms: ${verdict}, ${figures}`);
}

/** Measures one scenario: the tools take turns, so that a busy moment of the machine meets all of them. */
async function measureScenario(
  rig: Rig,
  scenario: Scenario,
  prepared: ReadonlyMap<Tool, Prepared>,
  options: Options,
): Promise<RunRecord[]> {
  const records: RunRecord[] = [];
  for (const rtt of options.rtts) {
    const spent = new Map<Tool, number>();
    for (let round = 0; round < options.runs; round++) {
      for (const [tool, stores] of prepared) {
        if ((spent.get(tool) ?? 0) > options.budget) continue;
        if (scenario.deliveries !== null && tool.watch === null) continue;
        const [load = 0] = Deno.loadavg();
        const result = scenario.deliveries === null
          ? await rig.measure(stores, tool, rtt, options.limit * 1000)
          : await rig.watch(stores, tool, rtt, scenario.deliveries);
        // What failed once is not tried again.
        const seconds = result.verdict === "ok" ? result.cost?.wall ?? 0 : Infinity;
        spent.set(tool, (spent.get(tool) ?? 0) + seconds);
        const record = recordOf(scenario, tool, rtt, load, result);
        show(record);
        records.push(record);
      }
    }
  }
  return records;
}

/** As `measureScenario`, for what happens after a first synchronization. */
async function measureChange(
  rig: Rig,
  scenario: Scenario,
  settled: ReadonlyMap<Tool, Prepared>,
  options: Options,
): Promise<RunRecord[]> {
  const changed = new Map<Tool, Prepared>();
  for (const [tool, stores] of settled) {
    const copied = await rig.copy(stores);
    await rig.change(copied, scenario);
    changed.set(tool, copied);
  }
  const records = await measureScenario(rig, scenario, changed, options);
  for (const stores of changed.values()) await rig.discard(stores);
  return records;
}

/** The scenarios of one base: those that begin with a first synchronization, and those that come after one. */
async function measureBase(rig: Rig, base: Base, options: Options): Promise<RunRecord[]> {
  const began = performance.now();
  const records: RunRecord[] = [];
  const filled = await rig.fill(base);
  const settled = new Map<Tool, Prepared>();
  console.error(`${base.messages} messages: made in ${((performance.now() - began) / 1000).toFixed(1)} s`);
  for (const scenario of options.scenarios.filter((one) => one.base === base)) {
    if (scenario.change === null) {
      const fresh = new Map(options.tools.map((tool) => [tool, filled]));
      records.push(...await measureScenario(rig, scenario, fresh, options));
    } else {
      if (settled.size === 0) {
        for (const tool of options.tools) settled.set(tool, await rig.synchronized(filled, tool));
      }
      records.push(...await measureChange(rig, scenario, settled, options));
    }
  }
  for (const stores of [filled, ...settled.values()]) await rig.discard(stores);
  return records;
}

/** What is not as usual. */
function notesOf({ tls, compress, disk, directory }: Options): readonly string[] {
  const connections = [...(tls ? ["TLS"] : []), ...(compress ? ["COMPRESS=DEFLATE"] : [])];
  return [
    ...(connections.length === 0 ? [] : [`Both connections: ${connections.join(" and ")}.`]),
    ...(disk === null ? [] : [`Configuration and state of the tools are below ${disk}, mail below ${directory}.`]),
  ];
}

async function measureAll(options: Options): Promise<Report> {
  const { seed, runs, limit, directory, tls, compress, disk } = options;
  const records: RunRecord[] = [];
  const date = new Date().toISOString().slice(0, 10);
  const report = { machine: await describeMachine(), date, seed, runs, limit, records, notes: notesOf(options) };
  await using rig = await Rig.open({ parent: directory, seed, tls, compress, disk });
  for (const base of new Set(options.scenarios.map((scenario) => scenario.base))) {
    records.push(...await measureBase(rig, base, options));
    // After each, so that a benchmark that is broken off leaves what it has.
    await Deno.writeTextFile(options.out, `${JSON.stringify(report, null, 1)}\n`);
  }
  const order = options.scenarios.map(({ name }) => name);
  records.sort((one, other) => order.indexOf(one.scenario) - order.indexOf(other.scenario));
  return report;
}

async function putIntoReadme(tables: string): Promise<void> {
  const file = `${CHECKOUT}README.md`;
  const [before, rest, ...more] = (await Deno.readTextFile(file)).split(README_BEGIN);
  const after = rest?.split(README_END)[1];
  if (before === undefined || after === undefined || more.length > 0) {
    throw new Error(`${file} lacks the place for figures`);
  }
  await Deno.writeTextFile(file, `${before}${README_BEGIN}\n${tables}\n${README_END}${after}`);
  await mustRun([Deno.execPath(), "fmt", "--quiet", file]);
}

async function main(args: readonly string[]): Promise<number> {
  if (args.includes("--help")) {
    console.log(USAGE);
    return 0;
  }
  const options = parseOptions(args, `${CHECKOUT}build`);
  const report: Report = options.from === null
    ? await measureAll(options)
    : JSON.parse(await Deno.readTextFile(options.from));
  const tables = renderReport(report);
  console.log(tables);
  if (options.readme) await putIntoReadme(tables);
  return report.records.some(({ verdict }) => verdict === "FAILED") ? 1 : 0;
}

try {
  Deno.exitCode = await main(Deno.args);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\n${USAGE}`);
  Deno.exitCode = 1;
}
