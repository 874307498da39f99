// Interrupted twice in a row, at moments taken at random: what the second one finds is already half done.
// CRASH_PAIRS: how many pairs; default so many that it does not take long. The line `cases: N passed` counts them.

import { type Disturbance, type Study, study, survive } from "../support/crashes.ts";
import { SeededRandom } from "../support/live/seeded.ts";
import { ALL_SCENARIOS } from "../support/more_scenarios.ts";

const PAIRS = Number(Deno.env.get("CRASH_PAIRS") ?? "200");
const SEED = Number(Deno.env.get("CRASH_SEED") ?? "1");

interface Studied {
  readonly study: Study;
  readonly disturbances: readonly Disturbance[];
}

Deno.test(`${PAIRS} sampled pairs of interruptions in a row lose and double nothing`, async () => {
  const random = new SeededRandom(SEED);
  const studied = new Map<string, Studied>();
  for (let i = 0; i < PAIRS; i++) {
    const scenario = random.pick(ALL_SCENARIOS);
    const known = studied.get(scenario.name) ?? await learn(scenario);
    studied.set(scenario.name, known);
    await survive(known.study, [random.pick(known.disturbances), random.pick(known.disturbances)]);
  }
  console.log(`cases: ${PAIRS} passed, 0 failed`);
});

async function learn(scenario: (typeof ALL_SCENARIOS)[number]): Promise<Studied> {
  const learnt = await study(scenario);
  return { study: learnt, disturbances: learnt.disturbances(Number.MAX_SAFE_INTEGER) };
}
