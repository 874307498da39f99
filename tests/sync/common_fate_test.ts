// Works that stand and fall together.

import assert from "node:assert/strict";
import { CommonFate } from "../../lib/sync/common_fate.ts";

Deno.test("`share()` begins nothing behind a failure, and tells that one again", async () => {
  const fate = new CommonFate();
  const later = Promise.withResolvers<number>();
  const early = fate.share(() => later.promise);
  await assert.rejects(fate.share(() => Promise.reject(new Error("no"))), /no/);
  let begun = false;
  await assert.rejects(fate.share(() => Promise.resolve(begun = true)), /no/);
  assert.equal(begun, false);
  // What was under way goes on.
  later.resolve(1);
  assert.equal(await early, 1);
});
