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

/** In which order jobs are offered when none is taken. */
function offered(offer: (pick: (job: Named) => null) => null): readonly number[] {
  const names: number[] = [];
  offer(({ name }) => {
    names.push(name);
    return null;
  });
  return names;
}

Deno.test("mailboxes come in the order in which they began to wait, and of changes only the first of each", () => {
  const { all } = waiting("ca", "ca", "lb", "ra", "rb", "cb", "cc");
  assert.equal(all.seats, 3);
  assert.deepEqual(offered((pick) => all.pickReading(pick)), [3, 2, 4]);
  assert.deepEqual(offered((pick) => all.pickChanging(pick)), [0, 5, 6]);
  assert.deepEqual(offered((pick) => all.pickOf("a", pick)), [3, 0]);
  assert.deepEqual(offered((pick) => all.pickOf("d", pick)), []);
});

Deno.test("a mailbox without jobs is forgotten, and what is removed twice is removed once", () => {
  const { all, jobs } = waiting("ca", "ca", "rb");
  assert.ok(all.willChange("a") && !all.willChange("b") && !all.willChange("c"));
  for (const job of [...jobs.slice(0, 1), ...jobs.slice(0, 1)]) all.remove(job);
  assert.deepEqual(offered((pick) => all.pickChanging(pick)), [1]);
  for (const job of jobs) all.remove(job);
  assert.ok(!all.willChange("a"));
  assert.equal(all.seats, 0);
});

Deno.test("who takes a job is offered no more", () => {
  const { all } = waiting("ra", "rb", "ca", "cb");
  const take = ({ name }: Named) => name % 2 === 1 ? name : null;
  assert.equal(all.pickReading(take), 1);
  assert.equal(all.pickChanging(take), 3);
  assert.equal(all.pickOf("b", take), 1);
  assert.equal(all.pickOf("a", take), null);
});

Deno.test("mailboxes are counted when they are to be changed, or have a job that counts", () => {
  const { all } = waiting("ra", "ra", "rb", "cc", "ld");
  assert.equal(all.count(({ kind }) => kind === "look"), 2);
  assert.equal(all.count(() => true), 4);
  assert.equal(all.count(() => false), 1);
});
