// Many things at once, but not too many.

import assert from "node:assert/strict";
import { inParallel } from "../../lib/base/in_parallel.ts";

Deno.test("`inParallel()` begins with the first, and has no more under way than it may", async () => {
  const begun: number[] = [];
  let now = 0;
  let most = 0;
  await inParallel([1, 2, 3, 4, 5], 2, async (item) => {
    begun.push(item);
    most = Math.max(most, ++now);
    await Promise.resolve();
    now--;
  });
  assert.deepEqual(begun, [1, 2, 3, 4, 5]);
  assert.equal(most, 2);
});

Deno.test("`inParallel()` begins nothing after a failure, and throws the first when all that was begun is over", async () => {
  const over: number[] = [];
  const failing = inParallel([1, 2, 3, 4], 2, async (item) => {
    if (item === 1) throw new Error("first");
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
    over.push(item);
    if (item === 2) throw new Error("second");
  });
  await assert.rejects(failing, /first/);
  assert.deepEqual(over, [2]);
});
