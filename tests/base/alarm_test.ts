import assert from "node:assert/strict";
import { Alarm } from "../../lib/base/alarm.ts";
import { FakeClock } from "../support/fake_clock.ts";

/** Lets everything that can go on go on. */
async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}

async function pass(clock: FakeClock, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 1000) {
    clock.advance(Math.min(1000, left));
    await settle();
  }
}

Deno.test("`Alarm.wait()` ends when time is up, and leaves no timer", async () => {
  const clock = new FakeClock();
  const woken: string[] = [];
  new Alarm(clock).wait(100_000).then((why) => woken.push(why));
  await pass(clock, 99_000);
  assert.deepEqual(woken, []);
  await pass(clock, 1000);
  assert.deepEqual(woken, ["time"]);
  assert.equal(clock.pending, 0);
});

Deno.test("`Alarm.ring()` ends the wait at once, or the next one", async () => {
  const clock = new FakeClock();
  const alarm = new Alarm(clock);
  const waiting = alarm.wait(100_000);
  await settle();
  alarm.ring();
  assert.equal(await waiting, "rung");
  alarm.ring();
  alarm.ring();
  assert.equal(await alarm.wait(1000), "rung");
  const next = alarm.wait(1000);
  await pass(clock, 1000);
  assert.equal(await next, "time");
  assert.equal(clock.pending, 0);
});

Deno.test("`Alarm.wait()` notices that the machine was asleep", async () => {
  const clock = new FakeClock();
  const waiting = new Alarm(clock).wait(900_000);
  await pass(clock, 20_000);
  clock.jump(3 * 3600_000);
  await pass(clock, 15_000);
  assert.equal(await waiting, "jump");
});

Deno.test("`Alarm.wait()` takes no longer when the clock is put back", async () => {
  const clock = new FakeClock();
  const woken: string[] = [];
  new Alarm(clock).wait(60_000).then((why) => woken.push(why));
  await pass(clock, 20_000);
  clock.jump(-3600_000);
  await pass(clock, 45_000);
  assert.deepEqual(woken, ["time"]);
});
