// What has to hold after a run that could not do its job: one line says why, the status is not 0, nothing changed.

import assert from "node:assert/strict";
import type { MailStore } from "../live_dovecot.ts";
import type { Program, Workspace } from "./program.ts";
import { digestOf, readStore } from "./witness.ts";

export interface Refusal {
  readonly what: string;
  /** The line on standard error has to be like this. */
  readonly said: RegExp;
  readonly program: Program;
  readonly args?: readonly string[];
  readonly workspace: Workspace;
  readonly stores: readonly MailStore[];
}

/** Digest of a file, or what stands in its place. */
async function fingerprint(file: string): Promise<string> {
  try {
    return digestOf(await Deno.readFile(file));
  } catch (error) {
    return error instanceof Error ? error.name : "unreadable";
  }
}

/** Runs and checks. Of the original, whose texts and statuses are loose, only failure and harmlessness are asked. */
export async function assertRefused(refusal: Refusal): Promise<void> {
  const { what, program, workspace, stores } = refusal;
  const state = async () => [await fingerprint(workspace.databaseFile), ...await Promise.all(stores.map(readStore))];
  const before = await state();
  const result = await workspace.run(program, refusal.args ?? []);
  assert.deepEqual(await state(), before, `${what}: something has changed`);
  assert.notEqual(result.code, 0, `${what}: accepted`);
  assert.equal(result.stdout, "", what);
  if (program.isOriginal) return;
  const lines = result.lines.filter((line) => !line.includes("IMAP traffic (bytes)"));
  assert.equal(lines.length, 1, `${what}: not one line:\n${result.stderr}`);
  assert.match(lines[0] ?? "", refusal.said, what);
  assert.equal(result.code, 1, `${what}: ${result.stderr}`);
}
