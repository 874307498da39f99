// The composition root: every door to the outside world is opened here, and nothing else is.

import { systemClock } from "./lib/base/clock.ts";
import { run } from "./lib/cli/run.ts";
import { watchSignals } from "./lib/cli/signals.ts";
import { stderrSink } from "./lib/log/mod.ts";

const { signal } = watchSignals();
const sink = stderrSink();
const encoder = new TextEncoder();
const env = (name: string): string | undefined => Deno.env.get(name);

const status = await run({
  argv: Deno.args,
  environment: {
    HOME: env("HOME") ?? null,
    XDG_CONFIG_HOME: env("XDG_CONFIG_HOME") ?? null,
    XDG_DATA_HOME: env("XDG_DATA_HOME") ?? null,
  },
  env,
  stdout: (text) => void Deno.stdout.writeSync(encoder.encode(text)),
  stderr: (text) => sink(encoder.encode(text)),
  sink,
  clock: systemClock,
  signal,
  runtime: `Deno ${Deno.version.deno}`,
});
Deno.exit(status);
