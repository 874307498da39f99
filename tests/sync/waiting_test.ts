// The jobs that wait for a session: in which order they are offered.

import assert from "node:assert/strict";
import { type JobKind, Waiting } from "../../lib/sync/waiting.ts";

interface Named {
  readonly seat: string;
  readonly kind: JobKind;
  readonly name: number;
}

function waiting(
  ...words: readonly string[]
): { readonly all: Waiting<string, Named>; readonly jobs: readonly Named[] } {
  const kinds: Record<string, JobKind> = { l: "look", r: "read", c: "change" };
  const jobs = words.map((word, name) => ({ seat: word.slice(1), kind: kinds[word.charAt(0)] ?? "look", name }));
  const all = new Waiting<string, Named>();
  for (const job of jobs) all.add(job);
  return { all, jobs };
}

const names = (jobs: Iterable<Named>): readonly number[] => [...jobs].map(({ name }) => name);

Deno.test("mailboxes come in the order in which they began to wait, and of changes only the first of each", () => {
  const { all } = waiting("ca", "ca", "lb", "ra", "rb", "cb", "cc");
  assert.equal(all.seats, 3);
  assert.deepEqual(names(all.reading()), [3, 2, 4]);
  assert.deepEqual(names(all.changing()), [0, 5, 6]);
  assert.deepEqual(names(all.of("a")), [3, 0]);
  assert.deepEqual(names(all.of("d")), []);
});

Deno.test("a mailbox without jobs is forgotten, and what is removed twice is removed once", () => {
  const { all, jobs } = waiting("ca", "ca", "rb");
  assert.ok(all.willChange("a") && !all.willChange("b") && !all.willChange("c"));
  for (const job of [...jobs.slice(0, 1), ...jobs.slice(0, 1)]) all.remove(job);
  assert.deepEqual(names(all.changing()), [1]);
  for (const job of jobs) all.remove(job);
  assert.ok(!all.willChange("a"));
  assert.equal(all.seats, 0);
});
