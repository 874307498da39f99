// Bodies flow one way at a time.

import assert from "node:assert/strict";
import { OneWay } from "../../lib/sync/one_way.ts";
import type { Side } from "../../lib/sync/model.ts";

Deno.test("`from()` lets in everybody who wants the same, and the others when the last has left", async () => {
  const oneWay = new OneWay();
  const inside = new Map<string, () => void>();
  const said: string[] = [];
  const enter = (name: string, source: Side) =>
    oneWay.from(source, async () => {
      said.push(`${name} in`);
      await new Promise<void>((leave) => inside.set(name, leave));
      said.push(`${name} out`);
    });
  const leave = async (name: string) => {
    inside.get(name)?.();
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  };
  const all = [enter("a", "remote"), enter("b", "local"), enter("c", "remote"), enter("d", "local")];
  assert.deepEqual(said, ["a in", "c in"]);
  await leave("a");
  assert.deepEqual(said, ["a in", "c in", "a out"]);
  await leave("c");
  assert.deepEqual(said.slice(3), ["c out", "b in", "d in"]);
  const late = enter("e", "remote");
  await leave("b");
  await leave("d");
  assert.deepEqual(said.slice(6), ["b out", "d out", "e in"]);
  await leave("e");
  await Promise.all([...all, late]);
});

Deno.test("`from()` is left by who fails, too", async () => {
  const oneWay = new OneWay();
  await assert.rejects(oneWay.from("local", () => Promise.reject(new Error("no"))), /no/);
  assert.equal(await oneWay.from("remote", () => Promise.resolve(1)), 1);
});
