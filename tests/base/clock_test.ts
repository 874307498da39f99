// The system's clock, new, and when it has had many timers.

import assert from "node:assert/strict";
import { type Clock, createSystemClock, wait } from "../../lib/base/clock.ts";

const MANY = 300;

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

Deno.test("who is called may cancel what is due, and set another timer", async () => {
  const clock = createSystemClock();
  const called: string[] = [];
  let cancel = () => {};
  const set = new Promise<void>((resolve) => {
    clock.after(5, () => {
      called.push("first");
      cancel();
      clock.after(1, resolve);
    });
  });
  cancel = clock.after(5, () => called.push("cancelled"));
  await set;
  assert.deepEqual(called, ["first"]);
});

Deno.test("a timer that is cancelled does not put off another, nor does a sooner one", async () => {
  const clock = createSystemClock();
  const called: number[] = [];
  clock.after(600_000, () => called.push(600_000))();
  const late = wait(40, clock).then(() => called.push(40));
  clock.after(3, () => called.push(3));
  clock.after(2, () => called.push(2))();
  const start = performance.now();
  await late;
  assert.ok(performance.now() - start < 10_000);
  assert.deepEqual(called, [3, 40]);
});

Deno.test("what waits has one alarm in common, however often it is cancelled and begun anew", () => {
  const clock = createSystemClock();
  const { timeout } = AbortSignal;
  let alarms = 0;
  AbortSignal.timeout = (ms) => {
    alarms++;
    return timeout.call(AbortSignal, ms);
  };
  try {
    for (let i = 0; i < 1000; i++) clock.after(300_000 + i, () => {})();
  } finally {
    AbortSignal.timeout = timeout;
  }
  assert.equal(alarms, 1);
});

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
