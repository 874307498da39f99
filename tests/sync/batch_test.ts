// Batcher: bounds in number and octets, and the large message alone.

import assert from "node:assert/strict";
import fc from "fast-check";
import { Batcher, MAX_BATCH_MESSAGES, MAX_BATCH_OCTETS } from "../../lib/sync/batch.ts";

Deno.test("Batcher.next() holds until a message would pass the octets", () => {
  const batcher = new Batcher();
  assert.equal(batcher.next(MAX_BATCH_OCTETS - 10), "hold");
  assert.equal(batcher.next(10), "hold");
  assert.equal(batcher.octets, MAX_BATCH_OCTETS);
  assert.equal(batcher.next(1), "flush-then-hold");
  assert.deepEqual([batcher.messages, batcher.octets], [1, 1]);
});

Deno.test("Batcher.next() holds at most 256 messages", () => {
  const batcher = new Batcher();
  for (let i = 0; i < MAX_BATCH_MESSAGES; i++) assert.equal(batcher.next(1), "hold");
  assert.equal(batcher.next(1), "flush-then-hold");
  assert.equal(batcher.messages, 1);
});

Deno.test("Batcher.next() holds a message of just the bound, alone", () => {
  const batcher = new Batcher();
  assert.equal(batcher.next(MAX_BATCH_OCTETS), "hold");
  assert.equal(batcher.next(1), "flush-then-hold");
});

Deno.test("Batcher.next() streams a message above the bound and goes on with an empty batch", () => {
  const batcher = new Batcher();
  assert.equal(batcher.next(5), "hold");
  assert.equal(batcher.next(MAX_BATCH_OCTETS + 1), "flush-then-stream");
  assert.deepEqual([batcher.messages, batcher.octets], [0, 0]);
  assert.equal(batcher.next(MAX_BATCH_OCTETS + 1), "flush-then-stream");
  assert.equal(batcher.next(MAX_BATCH_OCTETS), "hold");
});

Deno.test("Batcher.flushed() empties the batch", () => {
  const batcher = new Batcher();
  batcher.next(MAX_BATCH_OCTETS);
  batcher.flushed();
  assert.equal(batcher.next(MAX_BATCH_OCTETS), "hold");
});

Deno.test("Batcher.next() holds no more messages than the limit it was given", () => {
  const batcher = new Batcher(1);
  assert.deepEqual([5, 5, 5].map((octets) => batcher.next(octets)), ["hold", "flush-then-hold", "flush-then-hold"]);
});

Deno.test("Batcher.next() splits 600 small messages into 256, 256 and 88", () => {
  const batcher = new Batcher();
  const sizes: number[] = [];
  let held = 0;
  for (let i = 0; i < 600; i++) {
    if (batcher.next(100) !== "hold") {
      sizes.push(held);
      held = 0;
    }
    held++;
  }
  assert.deepEqual([...sizes, held], [256, 256, 88]);
});

const sizes = fc.array(
  fc.oneof(
    fc.nat(2000),
    fc.integer({ min: 0, max: 2 * MAX_BATCH_OCTETS }),
    fc.constantFrom(MAX_BATCH_OCTETS - 1, MAX_BATCH_OCTETS, MAX_BATCH_OCTETS + 1),
  ),
  { maxLength: 400, size: "max" },
);

Deno.test("Batcher.next() keeps order and bounds, and flushes only when it must", () => {
  fc.assert(
    fc.property(sizes, (messages) => {
      const batcher = new Batcher();
      let held: number[] = [];
      const octets = () => held.reduce((sum, one) => sum + one, 0);
      for (const message of messages) {
        const decision = batcher.next(message);
        const fits = held.length < MAX_BATCH_MESSAGES && octets() + message <= MAX_BATCH_OCTETS;
        assert.equal(decision === "flush-then-stream", message > MAX_BATCH_OCTETS);
        if (message <= MAX_BATCH_OCTETS) assert.equal(decision === "hold", fits);
        if (decision !== "hold") held = [];
        if (decision !== "flush-then-stream") held.push(message);
        assert.deepEqual([batcher.messages, batcher.octets], [held.length, octets()]);
      }
    }),
    { numRuns: 50 },
  );
});
