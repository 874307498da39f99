// The composition root: every door to the outside world is opened here, and nothing else is.

import { systemClock, systemRandom } from "./lib/base/clock.ts";
import { BUG, bugText, watchBugs } from "./lib/cli/bugs.ts";
import { run } from "./lib/cli/run.ts";
import { onHangup, watchSignals } from "./lib/cli/signals.ts";
import { stderrSink } from "./lib/log/mod.ts";

const { signal } = watchSignals();
const sink = stderrSink();
const encoder = new TextEncoder();
const stderr = (text: string): void => sink(encoder.encode(text));
watchBugs(addEventListener, (thrown) => {
  stderr(bugText(thrown));
  Deno.exit(BUG);
});
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
  stderr,
  sink,
  clock: systemClock,
  signal,
  onHangup,
  random: systemRandom,
  runtime: `Deno ${Deno.version.deno}`,
});
Deno.exit(status);
