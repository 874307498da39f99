// Random walks as values: what users do, runs and what happens to them, and what happens to the state between runs.

import fc from "fast-check";
import type { Side } from "../../lib/state/types.ts";
import { commandNumber, type Fault, fault, side } from "./faults.ts";
import { type Kind, KINDS, type UserOp } from "./users.ts";

/** What happens to the state file between two runs. */
export const STATE_EVENTS = ["state saved", "state restored", "state lost"] as const;
export type StateEvent = typeof STATE_EVENTS[number];

export interface RunStep {
  readonly kind: "run";
  /** Done at the given server commands, or after the run when it is over before. */
  readonly during: readonly { readonly at: number; readonly op: UserOp }[];
  readonly fault: Fault | null;
  readonly repair: boolean;
  /** How many messages of a mailbox the run may delete on a side; null: by default. */
  readonly mayDelete: number | null;
  /** The user confirms what waits. */
  readonly confirmed: boolean;
}

export type Step =
  | { readonly kind: "user"; readonly op: UserOp }
  | { readonly kind: "state"; readonly event: StateEvent }
  | RunStep;

export interface Walk {
  readonly steps: readonly Step[];
  /** Capabilities that a side lacks. */
  readonly without: Readonly<Record<Side, readonly string[]>>;
  /** And those that it has besides. */
  readonly besides: Readonly<Record<Side, readonly string[]>>;
  /** Octets in a read at most. */
  readonly chunk: number;
  /** Octets under way at most. */
  readonly capacity: number;
  /** Sessions with each server at most. */
  readonly connections: number;
  /** The server that is far away; null: none. */
  readonly far: Side | null;
  /** The state is in a file instead of in memory. */
  readonly file: boolean;
}

const MORE_OFTEN: readonly Kind[] = ["append", "append", "append", "flag", "flag", "unflag", "keyword", "delete"];
/** After these the ledger claims less. */
const SELDOM: readonly Kind[] = ["renumber", "UIDVALIDITY"];
const ANY = [...KINDS, ...KINDS.filter((kind) => !SELDOM.includes(kind)), ...MORE_OFTEN, ...MORE_OFTEN];

const during = fc.array(fc.record({ at: commandNumber, op: userOp() }), { maxLength: 4 });

const PLAIN: RunStep = { kind: "run", during: [], fault: null, repair: false, mayDelete: null, confirmed: false };

const user = userOp().map((op): Step => ({ kind: "user", op }));
const plain = fc.constant<Step>(PLAIN);
const run = fc.record({ during, fault: fc.option(fault, { freq: 2 }) }).map((how): Step => ({ ...PLAIN, ...how }));
const repair = fc.option(fault, { freq: 1 }).map((fault): Step => ({ ...PLAIN, fault, repair: true }));
const state = fc.constantFrom(...STATE_EVENTS).map(stateStep);

/** Where everything is equal somebody deletes much, a run may not, and another one may or may not. */
const held = fc.record({
  op: userOp(["purge"]),
  mayDelete: fc.constantFrom(0, 1, 2),
  fault: fc.option(fault, { freq: 1 }),
  between: fc.array(user, { maxLength: 2 }),
  confirmed: fc.boolean(),
}).map(({ op, mayDelete, fault, between, confirmed }): readonly Step[] => [
  PLAIN,
  { kind: "user", op },
  { ...PLAIN, mayDelete, fault },
  ...between,
  { ...PLAIN, confirmed },
]);

/** What was done after the backup was made is not in the state that comes back. */
const restored = fc.record({
  before: fc.array(user, { maxLength: 3 }),
  between: fc.array(fc.oneof(user, user, run, plain), { minLength: 1, maxLength: 6 }),
  after: fc.array(user, { maxLength: 2 }),
}).map(({ before, between, after }): readonly Step[] => [
  ...before,
  PLAIN,
  stateStep("state saved"),
  ...between,
  stateStep("state restored"),
  ...after,
]);

const steps: fc.Arbitrary<readonly Step[]> = fc.oneof(
  { weight: 24, arbitrary: user.map((one) => [one]) },
  { weight: 10, arbitrary: run.map((one) => [one]) },
  { weight: 4, arbitrary: plain.map((one) => [one]) },
  { weight: 1, arbitrary: repair.map((one) => [one]) },
  { weight: 1, arbitrary: state.map((one) => [one]) },
  { weight: 1, arbitrary: held },
  { weight: 1, arbitrary: restored },
);

function stateStep(event: StateEvent): Step {
  return { kind: "state", event };
}

function userOp(kinds: readonly Kind[] = ANY): fc.Arbitrary<UserOp> {
  return fc.record({
    kind: fc.constantFrom(...kinds),
    side,
    mailbox: fc.nat(5),
    message: fc.nat(12),
    choice: fc.nat(255),
  });
}

const LACKING = ["MULTIAPPEND", "ESEARCH", "LITERAL+"];

/** Capabilities that are not always there. */
export const BESIDES: readonly string[] = ["COMPRESS=DEFLATE", "OBJECTID"];

export function walks(): fc.Arbitrary<Walk> {
  const without = fc.oneof(fc.constant<string[]>([]), fc.subarray(LACKING));
  const besides = fc.oneof({ weight: 3, arbitrary: fc.constant<string[]>([]) }, fc.subarray([...BESIDES]));
  return fc.record({
    steps: fc.array(steps, { minLength: 1, maxLength: 40, size: "max" }).map((groups) => groups.flat()),
    without: fc.record({ local: without, remote: without }),
    besides: fc.record({ local: besides, remote: besides }),
    chunk: fc.constantFrom(Infinity, Infinity, 1000, 40),
    capacity: fc.constantFrom(Infinity, Infinity, 65536, 512),
    connections: fc.constantFrom(1, 2, 3),
    far: fc.constantFrom(null, "local", "remote"),
    file: fc.constantFrom(false, false, false, true),
  });
}
