// What a command is lent: more sessions than the first, how they end, and what is said about them.

import assert from "node:assert/strict";
import type { Session } from "../../lib/client/mod.ts";
import { NO_HABITS } from "../../lib/cli/habits.ts";
import { type ServerOptions, withSessions } from "../../lib/cli/sessions.ts";
import { AuthenticationError, InterimapError, Interrupted } from "../../lib/errors.ts";
import type { ByteStream } from "../../lib/transport/types.ts";
import { BriskClock } from "../support/fake_clock.ts";
import { CAPABILITIES } from "../support/model_options.ts";
import { configFor, LOGIN, type ModelPort, serveModel, startPort } from "../support/model_port.ts";
import { ModelServer } from "../support/model_server.ts";
import { KeepingLog } from "../support/quiet_log.ts";

type Lent = Parameters<Parameters<typeof withSessions>[2]>[0];

interface Scene extends AsyncDisposable {
  readonly local: ModelServer;
  readonly remote: ModelServer;
  readonly remotePort: ModelPort;
  readonly log: KeepingLog;
  readonly stop: AbortController;
  lend<Result>(use: (lent: Lent) => Promise<Result>, begin?: Parameters<typeof withSessions>[3]): Promise<Result>;
}

interface SceneOptions {
  /** Who serves the remote side; default the model server. */
  readonly serve?: (server: ModelServer) => (stream: ByteStream, number: number) => Promise<void>;
  /** Lines of [remote]. */
  readonly remote?: string;
}

function prepare({ serve = serveModel, remote: lines = "" }: SceneOptions = {}): Scene {
  const directory = Deno.makeTempDirSync({ prefix: "interimap-" });
  const local = new ModelServer(undefined, { login: LOGIN });
  const remote = new ModelServer(undefined, { login: LOGIN, capabilities: [...CAPABILITIES, "COMPRESS=DEFLATE"] });
  const ports = { local: startPort(serveModel(local)), remote: startPort(serve(remote)) };
  const log = new KeepingLog(0);
  const stop = new AbortController();
  const options: ServerOptions = {
    config: configFor(directory, ports, { remote: lines }),
    log,
    clock: new BriskClock(),
    env: () => undefined,
    signal: stop.signal,
  };
  return {
    local,
    remote,
    remotePort: ports.remote,
    log,
    stop,
    lend: (use, begin) => withSessions(options, NO_HABITS, use, begin),
    async [Symbol.asyncDispose]() {
      for (const port of [ports.local, ports.remote]) await port[Symbol.asyncDispose]();
      Deno.removeSync(directory, { recursive: true });
    },
  };
}

function traffic(log: KeepingLog, side: string): string {
  return log.lines.find((line) => line.startsWith(`${side}: IMAP traffic`)) ?? "";
}

for (const compress of ["YES", "NO"]) {
  Deno.test(`\`more()\` opens sessions that select at once, and all end with the command; COMPRESS ${compress}`, async () => {
    await using scene = prepare({ remote: `compress = ${compress}` });
    await scene.lend(async ({ connections: { open: more }, sessions }) => {
      const [one, two] = await Promise.all([more("remote"), more("remote")]);
      assert.equal((await more("local")).component, "local");
      for (const session of [sessions.remote, one, two]) {
        assert.equal((await session.select("INBOX", null, () => true)).mailbox, "INBOX");
      }
      assert.equal(new Set([sessions.remote, one, two]).size, 3);
      assert.equal(scene.remotePort.open, 3);
    });
    await Promise.all([scene.local.idle(), scene.remote.idle()]);
    const { commands, violations } = scene.remote;
    const count = (name: string) => commands.filter((command) => command === name).length;
    assert.deepEqual([count("ENABLE"), count("LOGOUT"), count("CAPABILITY")], [2, 3, 0]);
    assert.equal(count("COMPRESS"), compress === "YES" ? 3 : 0);
    assert.deepEqual(violations, []);
  });
}

Deno.test("the traffic of all sessions is in one line for each side", async () => {
  await using scene = prepare({ remote: "compress = NO" });
  await scene.lend(() => Promise.resolve());
  const before = traffic(scene.log, "remote");
  scene.log.lines.length = 0;
  await scene.lend(async ({ connections: { open: more } }) => {
    const early = await more("remote");
    await Promise.all([early.logout(), early.logout()]);
    await early.logout();
    await more("remote");
  });
  const after = traffic(scene.log, "remote");
  const sent = (line: string) => Number(/ sent (\d+)$/.exec(line)?.[1]);
  assert.ok(sent(after) > 3 * sent(before), `${before}\n${after}`);
  assert.equal(scene.log.lines.filter((line) => line.includes("IMAP traffic")).length, 2);
});

Deno.test("`more()` rejects when the server refuses one more, and what there is goes on", async () => {
  const limit = (number: number) => number > 2 ? "* BYE Too many connections" : null;
  await using scene = prepare({ serve: (server) => serveModel(server, limit) });
  await scene.lend(async ({ connections: { open: more }, sessions }) => {
    const one = await more("remote");
    await assert.rejects(
      more("remote"),
      (error: unknown) =>
        error instanceof InterimapError && /Too many connections/.test(error.message) && error.component === "remote",
    );
    for (const session of [sessions.remote, one]) await session.select("INBOX", null, () => true);
    await assert.rejects(more("remote"), InterimapError);
  });
  assert.equal(scene.remotePort.accepted, 4);
});

for (const [login, complaint] of [["", /has no MULTIAPPEND/], ["auth = LOGIN", /other capabilities/]] as const) {
  Deno.test(`\`more()\` refuses a server that offers something else than before ${login}`, async () => {
    const other = new ModelServer(undefined, {
      login: LOGIN,
      capabilities: CAPABILITIES.filter((name) => name !== "MULTIAPPEND"),
    });
    const poor = new ModelServer(undefined, { login: LOGIN, without: ["QRESYNC"] });
    await using scene = prepare({
      serve: (server) => (stream, number) => [server, other, poor][number - 1]?.serve(stream) ?? Promise.resolve(),
      remote: login,
    });
    await scene.lend(async ({ connections: { open: more } }) => {
      await assert.rejects(more("remote"), complaint);
      await assert.rejects(more("remote"), /QRESYNC/);
    });
    await Promise.all([other.idle(), poor.idle()]);
  });
}

for (const password of [LOGIN.password, "another"]) {
  Deno.test(`a session that is asked for at once logs in when the first one has, if ever (${password})`, async () => {
    const server = new ModelServer(undefined, { login: { ...LOGIN, password } });
    await using scene = prepare({ serve: () => serveModel(server) });
    const asked: Promise<Session>[] = [];
    const begin: Parameters<typeof withSessions>[3] = ({ connections }) => {
      asked.push(connections.open("remote"));
      return null;
    };
    const lending = scene.lend(() => Promise.all(asked), begin);
    const isRight = password === LOGIN.password;
    if (isRight) await lending;
    else await assert.rejects(lending, AuthenticationError);
    assert.deepEqual((await Promise.allSettled(asked)).map(({ status }) => status), [
      isRight ? "fulfilled" : "rejected",
    ]);
    assert.equal(scene.remotePort.accepted, 2);
    const logins = server.commands.filter((command) => /AUTHENTICATE|LOGIN/i.test(command));
    assert.equal(logins.length, isRight ? 2 : 1, logins.join("\n"));
  });
}

/** A server that greets, from the second connection on, and then says nothing until the client goes. */
function silentBehindGreeting(heard: () => void) {
  return (server: ModelServer) => async (stream: ByteStream, number: number) => {
    if (number === 1) return await server.serve(stream);
    await stream.write(new TextEncoder().encode("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] Ready\r\n"));
    while (await stream.read() !== null) heard();
  };
}

Deno.test("a session that is still being opened is given up when the command ends", async () => {
  const heard = Promise.withResolvers<void>();
  await using scene = prepare({ serve: silentBehindGreeting(heard.resolve) });
  let opening: Promise<Session> | undefined;
  let after: Lent["connections"]["open"] | undefined;
  await scene.lend(async ({ connections: { open: more } }) => {
    opening = more("remote");
    after = more;
    await heard.promise;
  });
  await assert.rejects(opening ?? Promise.resolve(), /Logged out/);
  await assert.rejects(after?.("remote") ?? Promise.resolve(), /Logged out/);
  assert.equal(scene.remotePort.accepted, 2);
});

Deno.test("`more()` rejects with the reason of the signal that ends the run", async () => {
  const heard = Promise.withResolvers<void>();
  await using scene = prepare({ serve: silentBehindGreeting(heard.resolve) });
  await scene.lend(async ({ connections: { open: more }, sessions }) => {
    const opening = more("remote");
    await heard.promise;
    scene.stop.abort(new Interrupted("SIGTERM"));
    await assert.rejects(opening, Interrupted);
    await assert.rejects(more("remote"), Interrupted);
    assert.ok(sessions.remote.closed instanceof Interrupted);
  });
});

Deno.test("the signal that ends the run ends every session, open ones too", async () => {
  await using scene = prepare();
  await scene.lend(async ({ connections: { open: more } }) => {
    const one = await more("remote");
    scene.stop.abort(new Interrupted("SIGINT"));
    await assert.rejects(one.select("INBOX", null, () => true), Interrupted);
  });
});

Deno.test("`connections` is what the configuration allows", async () => {
  await using scene = prepare({ remote: "connections = 7" });
  assert.deepEqual(await scene.lend(({ connections }) => Promise.resolve(connections.limit)), { local: 4, remote: 7 });
});
