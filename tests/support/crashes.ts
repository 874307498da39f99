// What can happen to a run, and what has to hold after it was run again: the machinery of the tests on loss. Which
// scenarios and how many disturbances, they decide.

import assert from "node:assert/strict";
import type { Side } from "../../lib/state/types.ts";
import { BreakingStream, type StreamFault } from "./faults.ts";
import { describeMessage, differences, mappingProblems, type Rig, type RunOptions, SIDES } from "./model_rig.ts";
import { prepare, type Scenario } from "./model_scenarios.ts";

const ALL = Number.MAX_SAFE_INTEGER;

export interface Disturbance {
  readonly name: string;
  readonly options: RunOptions;
}

/** Of `count` moments at most `limit`, first and last included. */
export function moments(count: number, limit: number): readonly number[] {
  const taken = Math.min(count, limit);
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

/** In one of three runs no server is far away, in one the remote, in one the local one. */
function fromAfar({ name, options }: Disturbance, index: number): Disturbance {
  const far = [null, "remote", "local"][index % 3] as Side | null;
  return { name: far === null ? name : `${name}, ${far} far away`, options: { ...options, far } };
}

function wire({ chunk }: Scenario): RunOptions {
  return chunk === undefined ? {} : { duplex: { chunk } };
}

function breaking(side: Side, fault: StreamFault): RunOptions {
  return { wrap: (stream, at) => at === side ? new BreakingStream(stream, fault) : stream };
}

export interface Study {
  readonly scenario: Scenario;
  /** What an undisturbed run comes to. */
  readonly wanted: readonly string[];
  /** Everything that can happen to it: at each moment, or at as many as asked for of each kind. */
  disturbances(limit: number): readonly Disturbance[];
}

/** An undisturbed run of a scenario, and of what follows. */
export async function study(scenario: Scenario): Promise<Study> {
  const { rig } = await prepare(scenario);
  const streams: { side: Side; stream: BreakingStream }[] = [];
  const first = await rig.run({
    ...wire(scenario),
    ...scenario.run,
    wrap: (inner, side) => {
      const stream = new BreakingStream(inner, null);
      streams.push({ side, stream });
      return stream;
    },
  });
  assert.equal(first.error, null);
  const octets = streams.map(({ side, stream }) => ({ side, reads: stream.reads, writes: stream.writes }));
  if (scenario.meanwhile !== undefined) {
    scenario.meanwhile(rig);
    assert.equal((await rig.run({ ...wire(scenario), ...scenario.run })).error, null);
  }
  const disturbances = (limit: number) =>
    [
      ...killsAtCommands(first.counts.commands, limit),
      ...faultsAtWrites(first.counts.writes, limit),
      ...octets.flatMap(({ side, reads, writes }) => [
        ...breaks(side, "read", reads, limit),
        ...breaks(side, "write", writes, limit),
      ]),
    ].map(fromAfar);
  return { scenario, wanted: endState(rig), disturbances };
}

function killsAtCommands(count: number, limit: number): readonly Disturbance[] {
  return moments(count, limit).flatMap((at) =>
    [0, 1, ALL].map((spared) => ({
      name: `killed at command ${at}, ${spared === ALL ? "all" : spared} of what was sent executed`,
      options: { killAt: { at, spared } },
    }))
  );
}

function faultsAtWrites(count: number, limit: number): readonly Disturbance[] {
  return moments(count, limit).flatMap((at) =>
    (["kill-before", "kill-after", "fail"] as const).map((how) => ({
      name: `${how} at write ${at} to the state`,
      options: { storeFault: { at, how } },
    }))
  );
}

function breaks(side: Side, of: "read" | "write", count: number, limit: number): readonly Disturbance[] {
  return moments(count, limit).flatMap((at) =>
    (["fail", "lose"] as const).map((how) => ({
      name: `${how} at ${of} ${at} on ${side}`,
      options: breaking(side, { of, at, how }),
    }))
  );
}

/**
 * Disturbs a run in each of these ways in turn, then makes undisturbed ones: the first has to end where the study did,
 * the second to do nothing. Resolves to how many runs were interrupted.
 */
export async function survive({ scenario, wanted }: Study, disturbances: readonly Disturbance[]): Promise<number> {
  const { rig, state } = await prepare(scenario);
  const said: string[] = [scenario.name];
  let interrupted = 0;
  for (const { name, options } of disturbances) {
    const disturbed = await rig.run({ ...wire(scenario), ...scenario.run, ...options });
    if (disturbed.error !== null) interrupted++;
    said.push(name, String(disturbed.error), ...disturbed.log, "--");
  }
  scenario.meanwhile?.(rig);
  const second = await rig.run({ ...wire(scenario), ...scenario.run });
  said.push(...second.log);
  const context = () => said.join("\n");
  assert.equal(second.error, null, context());
  if (scenario.endDepends !== true) assert.deepEqual(endState(rig), wanted, context());
  if (!scenario.settles) return interrupted;
  if (scenario.leaves === undefined) assert.equal(second.report?.problems, 0, context());
  await rests(scenario, rig, context);
  if (scenario.leaves === undefined) {
    assert.deepEqual([...differences(rig), ...mappingProblems(rig, state)], [], context());
  }
  return interrupted;
}

/** A further run does nothing; one that follows what the servers refused may say so, and look once more. */
async function rests(scenario: Scenario, rig: Rig, context: () => string): Promise<void> {
  const before = endState(rig);
  const third = await rig.run(wire(scenario));
  assert.equal(third.report?.problems, 0, `${context()}\n--\n${third.log.join("\n")}`);
  assert.deepEqual(endState(rig), before, context());
  for (const side of SIDES) assert.deepEqual(rig.servers[side].violations, [], context());
  if (scenario.leaves !== undefined) {
    assert.equal(third.log.length, 1, `${context()}\n--\n${third.log.join("\n")}`);
    assert.match(third.log[0] ?? "", new RegExp(`^${scenario.leaves} message\\(s\\) stay behind`), context());
    return;
  }
  assert.deepEqual(third.log, [], context());
  for (const side of SIDES) {
    assert.ok(!third.commands[side].includes("SELECT"), `${context()}\nthe third run selects on ${side}`);
  }
}
