// WALKS says how many walks are made (default 300), WALKS_SEED which.

import assert from "node:assert/strict";
import fc from "fast-check";
import { withStateFile } from "../support/state_file.ts";
import { fileBackups, memoryBackups } from "./backups.ts";
import { walks } from "./steps.ts";
import { Tally, walkAlong } from "./walk.ts";

const WALKS = Number(Deno.env.get("WALKS") ?? 300);
const SEED = Number(Deno.env.get("WALKS_SEED") ?? 20_261_122);

Deno.test(`${WALKS} random walks between two model servers lose nothing, double nothing and come to rest`, async () => {
  const tally = new Tally();
  const result = await fc.check(
    fc.asyncProperty(walks(), async (walk) => {
      if (!walk.file) return await walkAlong(walk, tally, memoryBackups());
      await withStateFile((file) => walkAlong(walk, tally, fileBackups(file)));
    }),
    { numRuns: WALKS, seed: SEED, endOnFailure: false },
  );
  const failed = result.failed ? 1 : 0;
  console.log(`${WALKS} walks: ${tally}`);
  console.log(`cases: ${result.numRuns - failed} passed, ${failed} failed`);
  if (result.failed) throw new Error(await fc.asyncDefaultReportMessage(result), { cause: result.errorInstance });
  assert.deepEqual(tally.missing, [], "never happened in any walk");
});
