// Every scenario, killed at every command, at every write to the state, and with a connection that breaks at every read:
// whatever was half done, the next run ends where an undisturbed one does, and the one after it does nothing.

import assert from "node:assert/strict";
import type { Side } from "../../lib/state/types.ts";
import { BreakingStream, type StreamFault } from "../support/faults.ts";
import {
  describeMessage,
  differences,
  mappingProblems,
  type Rig,
  type RunOptions,
  SIDES,
} from "../support/model_rig.ts";
import { prepare, type Scenario, SCENARIOS } from "../support/model_scenarios.ts";

/** Of more moments than this a sample is taken, first and last included. */
const MAX_MOMENTS = 40;
const ALL = Number.MAX_SAFE_INTEGER;

interface Disturbance {
  readonly name: string;
  readonly options: RunOptions;
}

function moments(count: number): readonly number[] {
  const taken = Math.min(count, MAX_MOMENTS);
  return Array.from({ length: taken }, (_, i) => 1 + Math.round(i * (count - 1) / Math.max(1, taken - 1)));
}

function endState(rig: Rig): readonly string[] {
  return SIDES.flatMap((side) => {
    const store = rig.store(side);
    const lines = store.names.flatMap((name) =>
      store.mailbox(name).messages.map((message) => `${side} ${name} ${describeMessage(message)}`)
    );
    return [...lines, ...store.names.map((name) => `${side} ${name} ${store.subscribed.has(name)}`)].sort();
  });
}

function wire({ chunk }: Scenario): RunOptions {
  return chunk === undefined ? {} : { duplex: { chunk } };
}

function breaking(side: Side, fault: StreamFault): RunOptions {
  return { wrap: (stream, at) => at === side ? new BreakingStream(stream, fault) : stream };
}

/** What an undisturbed run comes to, and everything that can happen to it. */
async function study(scenario: Scenario): Promise<{ wanted: readonly string[]; disturbances: readonly Disturbance[] }> {
  const { rig } = await prepare(scenario);
  const streams: { side: Side; stream: BreakingStream }[] = [];
  const first = await rig.run({
    ...wire(scenario),
    wrap: (inner, side) => {
      const stream = new BreakingStream(inner, null);
      streams.push({ side, stream });
      return stream;
    },
  });
  assert.equal(first.error, null);
  if (scenario.meanwhile !== undefined) {
    scenario.meanwhile(rig);
    assert.equal((await rig.run(wire(scenario))).error, null);
  }
  const kills = moments(first.counts.commands).flatMap((at) =>
    [0, 1, ALL].map((spared) => ({
      name: `killed at command ${at}, ${spared === ALL ? "all" : spared} of what was sent executed`,
      options: { killAt: { at, spared } },
    }))
  );
  const writes = moments(first.counts.writes).flatMap((at) =>
    (["kill-before", "kill-after", "fail"] as const).map((how) => ({
      name: `${how} at write ${at} to the state`,
      options: { storeFault: { at, how } },
    }))
  );
  const breaks = streams.flatMap(({ side, stream }) =>
    [["read", stream.reads], ["write", stream.writes] as const].flatMap(([of, count]) =>
      moments(Number(count)).flatMap((at) =>
        (["fail", "lose"] as const).map((how) => ({
          name: `${how} at ${of} ${at} on ${side}`,
          options: breaking(side, { of: of === "read" ? "read" : "write", at, how }),
        }))
      )
    )
  );
  return { wanted: endState(rig), disturbances: [...kills, ...writes, ...breaks] };
}

for (const scenario of SCENARIOS) {
  Deno.test(`${scenario.name}: nothing is lost or doubled when it is interrupted`, async (test) => {
    const { wanted, disturbances } = await study(scenario);
    assert.ok(disturbances.length > 20);
    let interrupted = 0;
    for (const { name, options } of disturbances) {
      const { rig, state } = await prepare(scenario);
      const disturbed = await rig.run({ ...wire(scenario), ...options });
      if (disturbed.error !== null) interrupted++;
      scenario.meanwhile?.(rig);
      const second = await rig.run(wire(scenario));
      const context = () =>
        [scenario.name, name, String(disturbed.error), ...disturbed.log, "--", ...second.log].join("\n");
      assert.equal(second.error, null, context());
      assert.deepEqual(endState(rig), wanted, context());
      if (!scenario.settles) continue;
      assert.deepEqual(second.report, { problems: 0 }, context());
      assert.deepEqual([...differences(rig), ...mappingProblems(rig, state)], [], context());
      const third = await rig.run(wire(scenario));
      assert.deepEqual(third.log, [], context());
      for (const side of SIDES) {
        assert.ok(!third.commands[side].includes("SELECT"), `${context()}\nthe third run selects on ${side}`);
        assert.deepEqual(rig.servers[side].violations, [], context());
      }
    }
    assert.ok(interrupted > disturbances.length / 2, `${test.name}: only ${interrupted} interruptions`);
  });
}
