// The tables of the benchmark.

import assert from "node:assert/strict";
import { markdownTable, median, renderReport, type RunRecord } from "../../scripts/bench/table.ts";

function record(changes: Partial<RunRecord>): RunRecord {
  const figures = { wall: 1, cpu: 0.5, rss: 2e7, turns: 3, connections: 1, load: 0 };
  return { scenario: "idle", tool: "ours", rtt: 0, verdict: "ok", ...figures, faults: [], ...changes };
}

/** The cells of the first row of the first table. */
function firstRow(records: readonly RunRecord[]): readonly string[] {
  const text = renderReport({ machine: "a machine", date: "2026-11-22", seed: 1, runs: 3, limit: 120, records });
  const rows = text.split("\n").filter((line) => line.startsWith("|"));
  return rows[2]?.split("|").map((cell) => cell.trim()).filter((cell) => cell !== "") ?? [];
}

Deno.test("`median()` is the value in the middle, or between the two there", () => {
  assert.equal(median([5, 1, 3]), 3);
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.equal(median([]), null);
});

Deno.test("`renderReport()` shows the median of the runs of each tool at each RTT", () => {
  const ours = [3, 1, 2].map((wall) => record({ wall }));
  const others = [record({ tool: "other", wall: 12.34 }), record({ rtt: 100, wall: 0.5 })];
  assert.deepEqual(firstRow([...ours, ...others]), ["idle", "2.00", "12.3", "0.50"]);
});

Deno.test("`renderReport()` shows no time when one run was wrong or took too long", () => {
  const failed = record({ verdict: "FAILED", wall: null });
  assert.deepEqual(firstRow([record({}), failed, record({})]), ["idle", "FAILED"]);
  assert.deepEqual(firstRow([record({ verdict: "timeout", wall: null })]), ["idle", "> 120"]);
});

Deno.test("`renderReport()` shows what a watch took, median and worst, and nothing else of it", () => {
  const watched = record({ wall: null, cpu: null, rss: null, latencies: [0.5, 0.7, 0.6] });
  assert.deepEqual(firstRow([watched]), ["idle", "0.60", "0.70"]);
  assert.deepEqual(firstRow([record({ verdict: "FAILED", wall: null, latencies: [] })]), ["idle", "FAILED", "FAILED"]);
  assert.deepEqual(firstRow([record({}), { ...watched, scenario: "watch" }]), ["idle", "1.00"]);
});

Deno.test("`markdownTable()` makes every cell of a column as wide as the widest", () => {
  assert.equal(
    markdownTable(["name", "n"], [["a", "1"], ["longer", "2345"]]),
    ["| name   |    n |", "| ------ | ---: |", "| a      |    1 |", "| longer | 2345 |"].join("\n"),
  );
});
