// Buffers that all copies of a run share.

import assert from "node:assert/strict";
import { MAX_BATCH_OCTETS } from "../../lib/sync/batch.ts";
import { Slabs } from "../../lib/sync/slabs.ts";

/** Whether it is fulfilled by now. */
async function isOver(promise: Promise<void>): Promise<boolean> {
  let over = false;
  promise.then(() => over = true);
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  return over;
}

Deno.test("`turn()` lets two batches be written while a third one fills, and their buffers are used again", async () => {
  const slabs = new Slabs();
  const writes = Array.from({ length: 3 }, () => Promise.withResolvers<void>());
  const taken = writes.map(() => slabs.take());
  assert.equal(new Set(taken).size, 3);
  assert.ok(taken.every(({ length }) => length === MAX_BATCH_OCTETS));
  const turns = writes.map(({ promise }, i) => slabs.turn(taken[i] ?? new Uint8Array(0), promise));
  assert.deepEqual(await Promise.all(turns.map(isOver)), [true, true, false]);
  writes[1]?.reject(new Error("lost"));
  assert.deepEqual(await Promise.all(turns.map(isOver)), [true, true, true]);
  assert.equal(slabs.take(), taken[1]);
  assert.notEqual(slabs.take(), taken[0]);
  for (const { resolve } of writes) resolve();
});
