// The system's clock, with the first timers, which are begun in another way than the others, and with many.

import assert from "node:assert/strict";
import { type Clock, createSystemClock, wait } from "../../lib/base/clock.ts";

/** More than are begun in the quick way. */
const MANY = 100;

function clocks(): readonly (readonly [string, Clock])[] {
  const used = createSystemClock();
  for (let i = 0; i < MANY; i++) used.after(60_000, () => {})();
  return [["the first timers", createSystemClock()], ["those behind many", used]];
}

for (const [name, clock] of clocks()) {
  Deno.test(`${name} are called once, not before their time, and in its order`, async () => {
    const called: number[] = [];
    const start = performance.now();
    clock.after(30, () => called.push(30));
    clock.after(10.5, () => called.push(10));
    clock.after(-1, () => called.push(-1));
    await new Promise<void>((resolve) => void clock.after(60, resolve));
    // On a busy machine those that are over at once, which are always begun in the quick way, may be passed by others.
    assert.deepEqual(called.filter((ms) => ms > 0), [10, 30]);
    assert.deepEqual(called.filter((ms) => ms <= 0), [-1]);
    assert.ok(performance.now() - start >= 59);
  });

  Deno.test(`${name} are not called when they are cancelled, and may be cancelled when they were called`, async () => {
    const called: string[] = [];
    const cancel = clock.after(5, () => called.push("cancelled"));
    const late = clock.after(0, () => called.push("late"));
    cancel();
    await wait(20, clock);
    late();
    assert.deepEqual(called, ["late"]);
  });

  Deno.test(`${name} that are over at once have their turn when everything was done that can be`, async () => {
    const order: string[] = [];
    const turn = wait(0, clock).then(() => order.push("turn"));
    for (let i = 0; i < 1000; i++) await Promise.resolve();
    order.push("now");
    await turn;
    assert.deepEqual(order, ["now", "turn"]);
  });
}

for (const number of [1, MANY]) {
  const what = `a program that waits for its timer number ${number}`;
  const module = new URL("../../lib/base/clock.ts", import.meta.url).href;
  const run = (last: string) =>
    new Deno.Command(Deno.execPath(), {
      args: [
        "eval",
        "--no-config",
        `
        import { systemClock } from ${JSON.stringify(module)};
        for (let i = 1; i < ${number}; i++) systemClock.after(600000, () => {})();
        systemClock.after(50, () => { ${last} });
      `,
      ],
      env: { NO_COLOR: "1" },
    }).output();

  Deno.test(`${what} does not end before`, async () => {
    const { code, stdout } = await run(`console.log("waited");`);
    assert.deepEqual([code, new TextDecoder().decode(stdout)], [0, "waited\n"]);
  });

  Deno.test(`${what} ends with an error that it throws`, async () => {
    const { code, stderr } = await run(`throw new Error("a bug");`);
    assert.equal(code, 1);
    assert.match(new TextDecoder().decode(stderr), /Uncaught.*a bug/);
  });
}
