// Ports for the tests of this folder: a log that is kept, a log that is dropped, an empty environment.

import assert from "node:assert/strict";
import type { TlsOptions } from "../../lib/config/types.ts";
import type { Logger } from "../../lib/log/types.ts";

/** A log that appends `LEVEL text` to `lines`. */
export function recordingLogger(lines: string[]): Logger {
  const add = (level: string) => (text: string) => void lines.push(`${level} ${text}`);
  const logger: Logger = {
    with: () => logger,
    error: add("error"),
    warn: add("warn"),
    notice: add("notice"),
    info: add("info"),
    debug: (text) => add("debug")(typeof text === "string" ? text : text()),
    debugging: true,
    debugLevel: 1,
  };
  return logger;
}

/** A log nobody reads. */
export const noLog: Logger = recordingLogger([]);

/** An environment with these variables only. */
export function environment(variables: Record<string, string> = {}): (name: string) => string | undefined {
  return (name) => variables[name];
}

/** What the configuration says of TLS when nothing is written, but for `overrides`. */
export function tlsOptions(overrides: Partial<TlsOptions> = {}): TlsOptions {
  return {
    verify: true,
    caFile: null,
    caPath: null,
    fingerprints: [],
    serverName: null,
    minVersion: null,
    maxVersion: null,
    cipherList: null,
    cipherSuites: null,
    ...overrides,
  };
}

/** The message of what `promise` is rejected with. */
export async function messageOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  throw new Error("it did not fail");
}

/** What memory_probe.ts measures, in octets. */
export async function probeMemory(...args: readonly string[]): Promise<Record<string, number>> {
  const program = new URL("./memory_probe.ts", import.meta.url).pathname;
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "--allow-net", "--allow-read", "--allow-env", program, ...args],
    stderr: "inherit",
  }).output();
  assert.ok(success);
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** Sizes from 1 to `modulus`, each call another, in the same order every time. */
export function sizes(step: number, modulus: number): () => number {
  let at = 0;
  return () => 1 + (at += step) % modulus;
}
