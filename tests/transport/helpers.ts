// What the tests of this folder connect with: a section of the configuration, options, logs that are kept or dropped, an
// empty environment, a port.

import assert from "node:assert/strict";
import { systemClock } from "../../lib/base/clock.ts";
import { parseIni } from "../../lib/config/ini.ts";
import { interpret } from "../../lib/config/interpret.ts";
import type { ServerConfig, TlsOptions } from "../../lib/config/types.ts";
import type { Logger } from "../../lib/log/types.ts";
import type { ConnectOptions } from "../../lib/transport/mod.ts";

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
  return { ...readTlsOptions(""), ...overrides };
}

/** What the configuration says of TLS when these lines are written into it. */
export function readTlsOptions(lines: string): TlsOptions {
  const text = new TextEncoder().encode(`[local]\n[remote]\n${lines}\n`);
  return interpret(parseIni(text, "config"), "config", () => "").remote.tls;
}

/** A section without TLS and proxy, but for `changes`. */
export function serverConfig(changes: Partial<ServerConfig>): ServerConfig {
  return {
    type: "imap",
    host: "localhost",
    port: 0,
    command: null,
    nullStderr: true,
    startTls: false,
    auth: ["PLAIN"],
    username: "alice",
    password: "secret",
    compress: false,
    connections: 1,
    tls: tlsOptions(),
    proxy: null,
    listReference: "",
    ...changes,
  };
}

export function connectOptions(changes: Partial<ConnectOptions> = {}): ConnectOptions {
  return {
    component: "remote",
    log: noLog,
    clock: systemClock,
    signal: new AbortController().signal,
    keepAlive: false,
    debugging: false,
    env: environment(),
    ...changes,
  };
}

/** On any port. */
export function listen(): Deno.TcpListener {
  return Deno.listen({ hostname: "127.0.0.1", port: 0 });
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
