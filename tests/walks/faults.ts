// What happens to a run of a random walk, and how: a death, a cut, a refusal, a lie. A fault is a value, so that
// fast-check can make it smaller. What has to hold afterwards, walk.ts knows.

import fc from "fast-check";
import type { Side } from "../../lib/state/types.ts";
import { BreakingStream, CutStream } from "../support/faults.ts";
import { noLies } from "../support/model_options.ts";
import type { Rig, RunOptions, RunResult } from "../support/model_rig.ts";
import { idOf } from "./ledger.ts";

export type Fault =
  | { readonly kind: "killed at a command"; readonly at: number; readonly spared: number }
  | { readonly kind: "killed at a write"; readonly at: number; readonly after: boolean }
  | { readonly kind: "state not writable"; readonly at: number }
  | {
    readonly kind: "connection lost";
    readonly side: Side;
    readonly of: "read" | "write";
    readonly at: number;
    readonly how: "fail" | "lose";
  }
  | {
    readonly kind: "connection cut";
    readonly side: Side;
    readonly of: "read" | "write";
    /** So many octets cross, and none after them. */
    readonly octets: number;
  }
  | { readonly kind: "messages refused"; readonly side: Side; readonly every: number }
  /** A mailbox takes so many more messages. */
  | { readonly kind: "quota"; readonly side: Side; readonly room: number }
  | { readonly kind: "messages too large"; readonly side: Side; readonly octets: number }
  | { readonly kind: "stores ignored"; readonly side: Side }
  | { readonly kind: "expunges ignored"; readonly side: Side }
  /** The side forgot all mod-sequences and expunges. */
  | { readonly kind: "index lost"; readonly side: Side }
  | { readonly kind: Lie; readonly side: Side; readonly every: number };

/** What SELECT or APPEND say that is not so. */
const LIES = [
  "existing named as vanished",
  "vanished forgotten",
  "expunge log lost",
  "wrong EXISTS",
  "no APPENDUID",
  "no mod-sequences",
] as const;
type Lie = typeof LIES[number];

export const FAULTS: readonly Fault["kind"][] = [
  "killed at a command",
  "killed at a write",
  "state not writable",
  "connection lost",
  "connection cut",
  "messages refused",
  "quota",
  "messages too large",
  "stores ignored",
  "expunges ignored",
  "index lost",
  ...LIES,
];

// ---- making faults

export const side = fc.constantFrom<Side>("local", "remote");
export const commandNumber = fc.integer({ min: 1, max: 30 });
const direction = fc.constantFrom("read" as const, "write" as const);
const every = fc.integer({ min: 1, max: 4 });

export const fault: fc.Arbitrary<Fault> = fc.oneof(
  fc.record({
    kind: fc.constant("killed at a command" as const),
    at: commandNumber,
    spared: fc.constantFrom(0, 1, 2, 99),
  }),
  fc.record({ kind: fc.constant("killed at a write" as const), at: fc.nat(12), after: fc.boolean() }),
  fc.record({ kind: fc.constant("state not writable" as const), at: fc.nat(12) }),
  fc.record({
    kind: fc.constant("connection lost" as const),
    side,
    of: direction,
    at: commandNumber,
    how: fc.constantFrom("fail" as const, "lose" as const),
  }),
  fc.record({ kind: fc.constant("connection cut" as const), side, of: direction, octets: fc.nat(4000) }),
  fc.record({ kind: fc.constant("messages refused" as const), side, every }),
  fc.record({ kind: fc.constant("quota" as const), side, room: fc.nat(3) }),
  fc.record({ kind: fc.constant("messages too large" as const), side, octets: fc.integer({ min: 100, max: 900 }) }),
  fc.record({ kind: fc.constant("stores ignored" as const), side }),
  fc.record({ kind: fc.constant("expunges ignored" as const), side }),
  fc.record({ kind: fc.constant("index lost" as const), side }),
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom(...LIES), side, every }) },
);

// ---- having them

/** Makes the servers misbehave until `endFault()`; the rest are options of the run. */
export function beginFault(fault: Fault, rig: Rig): RunOptions {
  switch (fault.kind) {
    case "killed at a command":
      return { killAt: { at: fault.at, spared: fault.spared } };
    case "killed at a write":
      return { storeFault: { at: fault.at, how: fault.after ? "kill-after" : "kill-before" } };
    case "state not writable":
      return { storeFault: { at: fault.at, how: "fail" } };
    case "connection lost": {
      const { side, of, at, how } = fault;
      return { wrap: (stream, on) => on === side ? new BreakingStream(stream, { of, at, how }) : stream };
    }
    case "connection cut": {
      const { side, of, octets } = fault;
      return { wrap: (stream, on) => on === side ? new CutStream(stream, of, octets) : stream };
    }
  }
  misbehave(fault, rig);
  return {};
}

function misbehave(fault: Extract<Fault, { side: Side }>, rig: Rig): void {
  const { lies, store } = rig.servers[fault.side];
  switch (fault.kind) {
    case "messages refused":
      lies.refuseAppend = (body) => body.length % fault.every === 0 || idOf(body) === "" ? "No, thanks" : null;
      break;
    case "quota": {
      const total = () => store.names.reduce((sum, name) => sum + store.mailbox(name).count, 0);
      const full = total() + fault.room;
      lies.refuseAppend = () => total() >= full ? "[OVERQUOTA] Quota exceeded (mailbox for user is full)" : null;
      break;
    }
    case "messages too large":
      lies.maxMessageOctets = fault.octets;
      break;
    case "stores ignored":
      lies.ignoreStore = true;
      break;
    case "expunges ignored":
      lies.ignoreExpunge = true;
      break;
    case "index lost":
      for (const name of store.names) store.mailbox(name).loseIndex();
      break;
    case "existing named as vanished":
      lies.vanishedExisting = (name) =>
        store.mailbox(name).messages.map(({ uid }) => uid).filter((uid) => uid % fault.every === 0);
      break;
    case "vanished forgotten":
      lies.forgetVanished = (_name, uid) => uid % fault.every === 0;
      break;
    case "expunge log lost":
      lies.expungeLogLost = true;
      break;
    case "wrong EXISTS":
      lies.existsOffset = fault.every - 3 || 2;
      break;
    case "no APPENDUID":
      lies.noAppendUid = true;
      break;
    case "no mod-sequences":
      lies.noHighestModSeq = true;
  }
}

/** The servers behave again. */
export function endFault(rig: Rig): void {
  for (const { lies } of Object.values(rig.servers)) Object.assign(lies, noLies());
}

/** Whether a fault was met: a lie shows in nothing if the program sees through it. */
export function hadEffect(fault: Fault, { error, report, commands, log }: RunResult): boolean {
  const { kind } = fault;
  if (kind === "index lost") return log.some((line) => line.includes("HIGHESTMODSEQ went back"));
  if (!isLie(kind)) return error !== null || (report?.problems ?? 0) > 0;
  return "side" in fault && commands[fault.side].includes(kind === "no APPENDUID" ? "APPEND" : "SELECT");
}

function isLie(kind: Fault["kind"]): kind is Lie {
  return LIES.some((lie) => lie === kind);
}
