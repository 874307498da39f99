// That the measurement of a huge mailbox still works, with not so many messages.

import assert from "node:assert/strict";
import { mustRun } from "../support/live/child.ts";
import { liveTest } from "../support/live/live_case.ts";

const MILLION = new URL("../../scripts/bench/million.ts", import.meta.url).pathname;

liveTest("`make million` measures a comparison, an idle look, a flag and a new message", async () => {
  const args = ["run", "--quiet", "--no-check", "--cached-only", "--allow-all", MILLION, "3000"];
  const table = await mustRun([Deno.execPath(), ...args]);
  const figures = [...table.matchAll(/^\| ([^|]+?) +\| +([\d.]+) \| +([\d.]+) \| +(\d+) \| +(-?[\d.]+) \|$/gm)];
  assert.deepEqual(figures.map(([, name]) => name), [
    "all messages compared",
    "nothing changed",
    "one flag",
    "one new message",
  ]);
  for (const [, name, wall, , peak] of figures) assert.ok(Number(wall) > 0 && Number(peak) > 10, name);
}, { newProgramOnly: true });
