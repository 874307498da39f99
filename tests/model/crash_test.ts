// Every scenario, killed at every command, at every write to the state, and with a connection that breaks at every read
// and write: whatever was half done, the next run ends where an undisturbed one does, and the one after it does nothing.
// CRASH_MOMENTS: how many moments of each kind are tried; default so many that it does not take long, "all" for
// each. The lines `cases: N passed` count them.

import assert from "node:assert/strict";
import { type Study, study, survive } from "../support/crashes.ts";
import { ALL_SCENARIOS } from "../support/more_scenarios.ts";

const wanted = Deno.env.get("CRASH_MOMENTS") ?? "5";
const MOMENTS = wanted === "all" ? Number.MAX_SAFE_INTEGER : Number(wanted);

Deno.test("there are at least 40 scenarios, each with a name of its own", () => {
  assert.ok(ALL_SCENARIOS.length >= 40, `${ALL_SCENARIOS.length}`);
  assert.equal(new Set(ALL_SCENARIOS.map(({ name }) => name)).size, ALL_SCENARIOS.length);
});

for (const scenario of ALL_SCENARIOS) {
  Deno.test(`${scenario.name}: nothing is lost or doubled when it is interrupted`, async (test) => {
    const studied: Study = await study(scenario);
    const disturbances = studied.disturbances(MOMENTS);
    assert.ok(disturbances.length > 20);
    let interrupted = 0;
    for (const disturbance of disturbances) interrupted += await survive(studied, [disturbance]);
    console.log(`cases: ${disturbances.length} passed, 0 failed`);
    assert.ok(interrupted > disturbances.length / 2, `${test.name}: only ${interrupted} interruptions`);
  });
}
