// Real child processes: the stream rules, how commands are run, how they end, and that none is left.

import assert from "node:assert/strict";
import { systemClock } from "../../lib/base/clock.ts";
import { TransportError } from "../../lib/errors.ts";
import { TcpStream } from "../../lib/transport/tcp.ts";
import { openTunnel, type TunnelOptions, type TunnelStream } from "../../lib/transport/tunnel.ts";
import { collect, expectPattern, sendPattern, streamConformance } from "../support/stream_conformance.ts";
import { environment, messageOf } from "./helpers.ts";

const relay = new URL("../support/stdio_relay.ts", import.meta.url).pathname;
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

function open(command: string, options: Partial<TunnelOptions> = {}): Promise<TunnelStream> {
  const env = (name: string) => Deno.env.get(name);
  return openTunnel({ component: "local", command, nullStderr: true, clock: systemClock, env, ...options });
}

/** A tunnel whose other end is in our hands. */
async function openRelayed(manners = "") {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const command = `${Deno.execPath()} run --quiet --allow-net ${relay} ${listener.addr.port} ${manners}`;
  const [stream, conn] = await Promise.all([open(command, { nullStderr: false }), listener.accept()]);
  listener.close();
  return { stream, peer: new TcpStream(conn, "child", "remote"), cleanup: async () => void await stream.exited };
}

streamConformance("tunnel", openRelayed, { maxBufferedOctets: 32 << 20, largeOctets: 16 << 20 });

/** All that a command says until it ends well. */
async function outputOf(command: string, options: Partial<TunnelOptions> = {}): Promise<string> {
  const stream = await open(command, options);
  let text = "";
  for (let bytes = await stream.read(); bytes !== null; bytes = await stream.read()) text += textOf(bytes);
  stream.close();
  await stream.exited;
  return text;
}

async function failureOf(command: string, options: Partial<TunnelOptions> = {}): Promise<string> {
  const promise = (async () => {
    const stream = await open(command, options);
    try {
      while (await stream.read() !== null);
    } finally {
      stream.close();
      await stream.exited;
    }
  })();
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof TransportError && error.phase === "tunnel" && error.component === "local", `${error}`);
    assert.doesNotMatch(error.message, /\n/);
    return true;
  });
  return messageOf(promise);
}

Deno.test("`openTunnel()` through cat gives back what was written", async () => {
  const stream = await open("cat");
  await Promise.all([sendPattern(stream, 1 << 20), expectPattern(stream, 1 << 20)]);
  stream.close();
  assert.equal((await stream.exited).code, 0);
});

Deno.test("`openTunnel()` passes words, quotes and metacharacters on unharmed", async () => {
  assert.equal(await outputOf("echo a  b"), "a b\n");
  assert.equal(await outputOf("echo 'a  b' | tr a-z A-Z"), "A  B\n");
  assert.equal(await outputOf(`printf '%s|' "it's" "\\$HOME" 'x;y' ; echo done 2>&1`), "it's|$HOME|x;y|done\n");
  assert.equal(await outputOf("GREETING=hello sh -c 'echo $GREETING'"), "hello\n");
  assert.equal(await outputOf("exec echo x"), "x\n");
});

Deno.test("`openTunnel()` leaves the environment as it is, PATH included", async () => {
  assert.equal(await outputOf("printenv PATH"), `${Deno.env.get("PATH")}\n`);
});

Deno.test("`openTunnel()` names a command that is not in PATH, and nothing of its arguments", async () => {
  const message = await failureOf("no-such-program --password secret");
  assert.equal(message, "Can't run tunnel command 'no-such-program': not found in PATH");
});

Deno.test("`openTunnel()` names a file that is missing or not executable", async () => {
  assert.equal(await failureOf("/nonexistent/prog x"), "Can't run tunnel command '/nonexistent/prog': no such file");
  const file = await Deno.makeTempFile();
  assert.equal(await failureOf(`${file} x`), `Can't run tunnel command '${file}': permission denied`);
  await Deno.remove(file);
});

Deno.test("`openTunnel()` searches the PATH it is given", async () => {
  const directory = await Deno.makeTempDir();
  await Deno.writeTextFile(`${directory}/cat`, "", { mode: 0o644 });
  const env = environment({ PATH: `/nonexistent:${directory}` });
  assert.equal(await failureOf("cat", { env }), "Can't run tunnel command 'cat': permission denied");
  await Deno.remove(directory, { recursive: true });
});

Deno.test("`openTunnel()` of an empty command is refused", async () => {
  assert.equal(await failureOf("  "), "Missing tunnel command");
});

Deno.test("`read()` tells the exit status of a command that ends early", async () => {
  assert.equal(
    await failureOf("no-such-program; exit $?"),
    "Tunnel command 'no-such-program;' exited with status 127 (command not found) before it said anything",
  );
  assert.equal(await failureOf("sh -c 'echo hello; exit 3'"), "Tunnel command 'sh' exited with status 3");
  assert.equal(await failureOf("kill -9 $$"), "Tunnel command 'kill' was killed by SIGKILL before it said anything");
  assert.equal(await failureOf("true"), "Tunnel command 'true' exited with status 0 before it said anything");
});

Deno.test("`read()` gives null when the command said something and ended well", async () => {
  assert.equal(await outputOf("echo bye"), "bye\n");
});

Deno.test("`write()` tells the exit status of a command that has gone", async () => {
  const stream = await open("sh -c 'exit 7'");
  const message = await messageOf((async () => {
    while (true) await stream.write(new Uint8Array(65536));
  })());
  assert.equal(message, "Tunnel command 'sh' exited with status 7");
  stream.close();
  await stream.exited;
});

Deno.test("stderr of the command is ours, or goes to /dev/null", async () => {
  const script = `import { openTunnel } from ${
    JSON.stringify(new URL("../../lib/transport/tunnel.ts", import.meta.url).href)
  };
    const clock = { now: () => 0, after: () => () => {} };
    const t = await openTunnel({ component: "local", command: "sh -c 'echo noise >&2; echo signal'", clock,
      nullStderr: Deno.args[0] === "null", env: () => undefined });
    while (await t.read() !== null);
    t.close();`;
  for (const [argument, expected] of [["null", ""], ["inherit", "noise\n"]] as const) {
    const { stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", script, argument],
      env: { NO_COLOR: "1" },
    }).output();
    assert.equal(textOf(stderr), expected);
  }
});

Deno.test("`close()` ends a command that reads its input by closing it", async () => {
  const stream = await open("cat");
  await stream.write(Uint8Array.of(1));
  await collect(stream, 1);
  const start = performance.now();
  stream.close();
  const { code, signal } = await stream.exited;
  assert.deepEqual([code, signal], [0, null]);
  assert.ok(performance.now() - start < 900, "it was waited for");
});

Deno.test("`close()` ends a command that reads no input with SIGTERM, a stubborn one with SIGKILL", async () => {
  const sleeper = await open("sleep 60");
  sleeper.close();
  assert.equal((await sleeper.exited).signal, "SIGTERM");
  const { stream, peer } = await openRelayed("stubborn");
  await peer.write(Uint8Array.of(1)); // its listener is there
  await collect(stream, 1);
  stream.close();
  assert.equal((await stream.exited).signal, "SIGKILL");
  peer.close();
});

Deno.test("`close()` ends a command that does not take what is being written", async () => {
  const stream = await open("sleep 60");
  const failed = assert.rejects(() => stream.write(new Uint8Array(1 << 20)), TransportError);
  stream.close();
  await failed;
  assert.equal((await stream.exited).signal, "SIGTERM");
});

Deno.test("a SIGINT to our process group does not reach the command, even if it handles SIGINT", async () => {
  const program = new URL("./sigint_parent.ts", import.meta.url).pathname;
  const parent = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", program],
    stdin: "null",
    stdout: "piped",
    detached: true, // a process group of its own, or the signal would end the tests
  }).spawn();
  const reader = parent.stdout.getReader();
  const first = textOf((await reader.read()).value ?? new Uint8Array());
  assert.equal(first, "ready\n");
  const kill = await new Deno.Command("/bin/sh", { args: ["-c", `kill -INT -${parent.pid}`] }).output();
  assert.ok(kill.success);
  assert.equal(textOf((await reader.read()).value ?? new Uint8Array()), "survived, left with 0\n");
  assert.equal((await reader.read()).done, true);
  assert.equal((await parent.status).code, 0);
});
