// The options of the benchmark.

import assert from "node:assert/strict";
import { parseOptions, UsageError } from "../../scripts/bench/options.ts";

Deno.test("`parseOptions()` measures everything but the smoke test when nothing is asked for", () => {
  const { scenarios, tools, rtts, out, from } = parseOptions([], "build");
  assert.equal(scenarios.length, 15);
  assert.deepEqual(tools.map(({ name }) => name), ["original", "mbsync", "ours"]);
  assert.deepEqual({ rtts, out, from }, { rtts: [0, 100], out: "build/bench.json", from: null });
});

Deno.test("`parseOptions()` takes lists, and the last of an option that stands twice", () => {
  const options = parseOptions(["--runs=2", "--scenario=big,smoke-mixed", "--rtt=20", "--runs=9", "--readme"], "build");
  assert.deepEqual(options.scenarios.map(({ name }) => name), ["big", "smoke-mixed"]);
  assert.deepEqual([options.rtts, options.runs, options.readme], [[20], 9, true]);
});

Deno.test("`parseOptions()` takes how servers are connected to, where the state is, and scenarios that take long", () => {
  const plain = parseOptions([], "build");
  assert.deepEqual([plain.tls, plain.compress, plain.disk], [false, false, null]);
  const options = parseOptions(["--tls", "--compress", "--disk=/var/tmp", "--scenario=initial-100k,watch"], "build");
  assert.deepEqual([options.tls, options.compress, options.disk], [true, true, "/var/tmp"]);
  assert.deepEqual(options.scenarios.map(({ deliveries }) => deliveries), [null, "single"]);
});

Deno.test("`parseOptions()` refuses what it does not know", () => {
  for (
    const arg of [
      "--scenario=none",
      "--tools=",
      "--rtt=x",
      "--rtt=",
      "--runs=0",
      "--speed=1",
      "--tls=yes",
      "--disk=",
      "big",
      "--help",
    ]
  ) {
    assert.throws(() => parseOptions([arg], "build"), UsageError, arg);
  }
  assert.deepEqual(parseOptions(["--tools=limit,ours"], "build").tools.map(({ name }) => name), ["limit", "ours"]);
  assert.throws(() => parseOptions(["--tools=limit,ours", "--tls"], "build"), UsageError);
});
