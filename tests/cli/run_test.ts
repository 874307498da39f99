// From the command line to the exit status, without a server: what is printed where, and what becomes of a bug.

import assert from "node:assert/strict";
import { run } from "../../lib/cli/run.ts";
import { Interrupted } from "../../lib/errors.ts";
import { FakeClock } from "../support/fake_clock.ts";

interface Played {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where no configuration is. */
const NOWHERE = { HOME: null, XDG_CONFIG_HOME: null, XDG_DATA_HOME: null };

async function play(
  argv: readonly string[],
  environment = NOWHERE,
  signal = new AbortController().signal,
): Promise<Played> {
  const [stdout, stderr]: [string[], string[]] = [[], []];
  const doors = {
    argv,
    environment,
    env: () => undefined,
    stdout: (text: string) => stdout.push(text),
    stderr: (text: string) => stderr.push(text),
    sink: (line: Uint8Array) => stderr.push(new TextDecoder().decode(line)),
    clock: new FakeClock(),
    signal,
    onHangup: () => () => {},
    random: () => 0.5,
    runtime: "Deno 0.0.0",
  };
  const status = await run(doors);
  return { status, stdout: stdout.join(""), stderr: stderr.join("") };
}

/** An environment in which looking for the configuration throws. */
function broken(thrown: unknown): typeof NOWHERE {
  return {
    ...NOWHERE,
    get XDG_CONFIG_HOME(): null {
      throw thrown;
    },
  };
}

Deno.test("`run()` gives 0, 1 or 1 and prints to the right place when no server is needed", async () => {
  const help = await play(["--help"]);
  assert.deepEqual([help.status, help.stdout], [0, ""]);
  assert.match(help.stderr, /^Usage: .*\n {2}or: /);
  const version = await play(["--nonsense", "--version"]);
  assert.deepEqual([version.status, version.stderr], [0, "Unknown option: nonsense\n"]);
  assert.match(version.stdout, /^interimap version .*\n\(Deno 0\.0\.0\)\n$/);
  const usage = await play(["--nonsense"]);
  assert.deepEqual([usage.status, usage.stdout], [1, ""]);
  assert.match(usage.stderr, /^Unknown option: nonsense\nUsage: .*\nTry .*\n$/);
  assert.deepEqual(await play(["--target=x", "--delete", "a"]), {
    status: 1,
    stdout: "",
    stderr: 'Invalid target "x" (local, remote or database expected)\n',
  });
});

Deno.test("`run()` gives 1 and one line when there is an error of ours", async () => {
  const { status, stdout, stderr } = await play([]);
  assert.deepEqual([status, stdout], [1, ""]);
  assert.match(stderr, /^ERROR: Neither XDG_CONFIG_HOME nor HOME is set[^\n]*\n$/);
});

Deno.test("`run()` gives 255 and the stack when there is a bug", async () => {
  const { status, stdout, stderr } = await play(["-q"], broken(new TypeError("boom")));
  assert.deepEqual([status, stdout], [255, ""]);
  assert.match(stderr, /^interimap: this is a bug, please report it:\nTypeError: boom\n {4}at .*run_test\.ts/);
  const strange = await play([], broken("a string"));
  assert.deepEqual([strange.status, strange.stderr], [255, "interimap: this is a bug, please report it:\na string\n"]);
});

Deno.test("`run()` gives 0 for SIGTERM and 1 for SIGINT, whatever else goes wrong then", async () => {
  for (const [name, expected] of [["SIGTERM", 0], ["SIGINT", 1]] as const) {
    const signal = AbortSignal.abort(new Interrupted(name));
    const { status, stderr } = await play([], broken(new TypeError("boom")), signal);
    assert.equal(status, expected);
    assert.equal(stderr.split("\n").length, 2, stderr);
    assert.doesNotMatch(stderr, /bug|ERROR/);
  }
});
