import assert from "node:assert/strict";
import { onceLog } from "../../lib/log/mod.ts";
import { KeepingLog } from "../support/quiet_log.ts";

const FORGET_MS = 1000;

Deno.test("`onceLog()` says again what was not repeated for a while, and nothing sooner", () => {
  const kept = new KeepingLog();
  const time = { now: 0 };
  const log = onceLog(kept, () => time.now, FORGET_MS);
  const said = () => kept.lines.splice(0);
  log.error("a");
  assert.deepEqual(said(), ["ERROR: a"]);
  for (let i = 0; i < 5; i++) {
    time.now += FORGET_MS - 1;
    log.error("a");
    assert.deepEqual(said(), []);
  }
  log.error("b");
  assert.deepEqual(said(), ["ERROR: b"]);
  time.now += FORGET_MS;
  log.error("a");
  assert.deepEqual(said(), ["ERROR: a"]);
});

Deno.test("`onceLog()` tells apart where something was said, and never holds back what was done", () => {
  const kept = new KeepingLog();
  const log = onceLog(kept, () => 0, FORGET_MS);
  for (let i = 0; i < 2; i++) {
    log.with({ component: "remote", mailbox: "a" }).warn("x");
    log.with({ component: "remote", mailbox: "b" }).warn("x");
    log.notice("y");
    log.info("done");
  }
  assert.deepEqual(kept.lines, ["remote(a): WARNING: x", "remote(b): WARNING: x", "y", "done", "done"]);
});

Deno.test("`onceLog()` remembers a bounded number of lines", () => {
  const kept = new KeepingLog();
  const log = onceLog(kept, () => 0, FORGET_MS);
  log.warn("first");
  for (let i = 0; i < 10_000; i++) log.warn(`${i}`);
  kept.lines.splice(0);
  log.warn("9999");
  log.warn("first");
  assert.deepEqual(kept.lines, ["WARNING: first"]);
});
