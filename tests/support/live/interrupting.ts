// Runs that are cut off in the middle, each on a copy of the same two stores and the same database, and the runs after
// them that have to make up for it.

import assert from "node:assert/strict";
import type { Daemon, Lab } from "../live_dovecot.ts";
import { Relay, type RelayRules, type RelayTarget, type Sender } from "../relay.ts";
import { plainSection, type Program, Workspace } from "./program.ts";
import { within } from "./waiting.ts";
import type { Side, Stores } from "./watching.ts";
import { compareStores, type StoreFacts } from "./witness.ts";

const RUN_LIMIT_MS = 60_000;

export interface Scene {
  readonly lab: Lab;
  readonly program: Program;
  readonly daemon: Daemon;
}

/** Two stores and a database, to be copied for every interruption. */
export interface Template {
  readonly stores: Stores;
  /** null: there was no run before. */
  readonly databaseFile: string | null;
}

/** One copy of a template. */
export interface Attempt {
  readonly scene: Scene;
  readonly stores: Stores;
  readonly workspace: Workspace;
}

/** Octets that passed, by side and sender. */
export type Octets = Readonly<Record<Side, Readonly<Record<Sender, number>>>>;

export async function startAttempt(scene: Scene, template: Template, name: string): Promise<Attempt> {
  const stores = {
    local: await scene.lab.copyOf(template.stores.local, `l${name}`),
    remote: await scene.lab.copyOf(template.stores.remote, `r${name}`),
  };
  const sections = [plainSection(stores.local, scene.daemon), plainSection(stores.remote, scene.daemon)] as const;
  const workspace = await Workspace.create(`${scene.lab.directory}/w${name}`, ...sections);
  if (template.databaseFile !== null) await Deno.copyFile(template.databaseFile, workspace.databaseFile);
  return { scene, stores, workspace };
}

/** Runs through relays on both sides. `rules` gets a function that kills the run. */
export async function runRelayed(
  attempt: Attempt,
  rules: (side: Side, kill: () => void) => RelayRules,
  target: RelayTarget = attempt.scene.daemon,
): Promise<{ readonly code: number; readonly octets: Octets }> {
  const { stores, workspace, scene } = attempt;
  const running: { kill: () => void } = { kill: () => {} };
  await using local = Relay.start(target, rules("local", () => running.kill()));
  await using remote = Relay.start(target, rules("remote", () => running.kill()));
  await workspace.configure(plainSection(stores.local, local), plainSection(stores.remote, remote));
  const run = workspace.start(scene.program, []);
  running.kill = () => run.kill("SIGKILL");
  const { code } = await within("The run through relays", run.result, RUN_LIMIT_MS, running.kill);
  await Promise.all([local.settled(), remote.settled()]);
  await workspace.configure(plainSection(stores.local, scene.daemon), plainSection(stores.remote, scene.daemon));
  return { code, octets: { local: local.octets, remote: remote.octets } };
}

/** Runs again without a relay, and once more, which has to be idle; returns what both sides then hold. */
export async function recover({ stores, workspace, scene }: Attempt): Promise<StoreFacts> {
  await workspace.sync(scene.program);
  const { differences, local } = await compareStores(stores.local, stores.remote, workspace.databaseFile);
  assert.deepEqual(differences, []);
  const idle = await workspace.sync(scene.program);
  assert.doesNotMatch(idle.stderr, /Added|Removed|Updated|Resuming/, "a further run still found work");
  return local;
}

/** Puts what was tried before the message of an error. */
export async function named(what: unknown, action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (error instanceof Error) error.message = `${JSON.stringify(what)}: ${error.message}`;
    throw error;
  }
}
