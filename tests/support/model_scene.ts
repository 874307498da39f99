// The scene of most runs between two model servers: servers that are not alike, a state in memory, messages of one date,
// and what has to hold in the end.

import assert from "node:assert/strict";
import type { Side } from "../../lib/state/types.ts";
import { plainMessage } from "./live/mail.ts";
import { MemoryStore } from "./memory_store.ts";
import { ModelMailstore, type NewModelMessage } from "./model_mailstore.ts";
import type { ServerOptions } from "./model_options.ts";
import { differences, finished, mappingProblems, memoryHome, Rig, type RunOptions, SIDES } from "./model_rig.ts";
import { ModelServer } from "./model_server.ts";

export const DATE = { seconds: 1_700_000_000, zone: 60 };

export interface ModelScene {
  readonly rig: Rig;
  readonly state: MemoryStore;
}

/** Two servers with an empty INBOX, other delimiters and other UIDVALIDITY, and a state in which nothing is. */
export function emptyScene(options: ServerOptions = {}): ModelScene {
  const state = new MemoryStore();
  const local = new ModelServer(new ModelMailstore(), options);
  const remote = new ModelServer(new ModelMailstore({ delimiter: ".", firstUidValidity: 7 }), options);
  return { rig: new Rig(local, remote, memoryHome(state)), state };
}

/** Unflagged messages. */
export function messages(...ids: readonly string[]): NewModelMessage[] {
  return ids.map((id) => ({ flags: [], date: DATE, body: plainMessage(id) }));
}

/** So many messages: "0", "1" and so on. */
export function numbered(count: number): NewModelMessage[] {
  return messages(...Array.from({ length: count }, (_, i) => `${i}`));
}

/** The first run, which makes both sides equal. */
export async function firstRun(rig: Rig): Promise<void> {
  assert.ok(finished(await rig.run()));
  assert.deepEqual(differences(rig), []);
}

/** Both sides are equal, and the pairs are right. */
export function assertPaired({ rig, state }: ModelScene): void {
  assert.deepEqual(differences(rig), []);
  assert.deepEqual(mappingProblems(rig, state), []);
}

/** Both sides are equal and paired; a further run says nothing and looks at nothing. */
export async function assertQuiet(scene: ModelScene): Promise<void> {
  assertPaired(scene);
  const result = await scene.rig.run();
  assert.ok(finished(result));
  assert.deepEqual(result.log, []);
  for (const side of SIDES) assert.ok(!result.commands[side].includes("SELECT"), side);
}

/** Does something once, before the n-th command of this name on a side is executed. */
export function before(name: string, side: Side, action: () => void, nth = 1): RunOptions {
  let seen = 0;
  return {
    during: (_number, command, at) => {
      if (command === name && at === side && ++seen === nth) action();
    },
  };
}
