// That rounds are counted right: clients of several connections, quick and slow ones, against a server that answers in
// its own time. Needs no mail server, only /proc.

import assert from "node:assert/strict";
import { within } from "../support/live/waiting.ts";
import { RoundRelay } from "../support/round_relay.ts";

const LIMIT_MS = 30_000;

/** Answers each line by `TAG OK` after `ms`, and says `* OK` first; at LOGOUT it says good-bye. */
async function answer(listener: Deno.TcpListener, ms: number): Promise<void> {
  const serving: Promise<void>[] = [];
  for await (const connection of listener) serving.push(serveOne(connection, ms));
  await Promise.all(serving);
}

async function serveOne(connection: Deno.TcpConn, ms: number): Promise<void> {
  const say = (text: string) => connection.write(new TextEncoder().encode(`${text}\r\n`));
  await say("* OK hello");
  let rest = "";
  // Of a command with a literal, the second line.
  let begun: string | null = null;
  for await (const part of connection.readable.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + part).split("\r\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      await new Promise((resolve) => setTimeout(resolve, ms));
      const tag: string = begun ?? line.split(" ")[0] ?? "";
      begun = line.endsWith("{3}") ? tag : null;
      await say(begun === null ? `${tag} OK` : "+ go on").catch(() => {});
    }
  }
}

/** What a client can do: `say` sends lines, `hear` waits for so many, `work` keeps the processor busy. */
const CLIENT = `
const connect = async (port) => {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  let text = "", at = 0;
  const decoder = new TextDecoder();
  const hear = async (count) => {
    while (text.split("\\r\\n").length - 1 < at + count) {
      const buffer = new Uint8Array(4096);
      text += decoder.decode(buffer.subarray(0, await connection.read(buffer)));
    }
    at += count;
  };
  const say = (...lines) => connection.write(new TextEncoder().encode(lines.map((line) => line + "\\r\\n").join("")));
  return { hear, say };
};
const work = (ms) => { for (const end = performance.now() + ms; performance.now() < end;); };
const [far, near] = Deno.args.map(Number);
`;

interface Counted {
  readonly rounds: number;
  readonly commands: readonly (readonly string[])[];
}

/** Runs a client, and counts. */
async function count(script: string, serverMs: number): Promise<Counted> {
  using server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const served = answer(server, serverMs);
  const relay = new RoundRelay();
  const ports = (["far", "near"] as const).map((distance) => String(relay.listen(server.addr, distance).port));
  const file = await Deno.makeTempFile({ suffix: ".js" });
  await Deno.writeTextFile(file, CLIENT + script);
  const args = ["run", "--no-config", "--quiet", "--allow-net=127.0.0.1", file, ...ports];
  const child = new Deno.Command(Deno.execPath(), { args, stdin: "null", stdout: "null" }).spawn();
  const kill = () => child.kill("SIGKILL");
  const rounds = await within("the client", relay.drive(child.pid, child.status), LIMIT_MS, kill);
  assert.equal((await child.status).code, 0);
  await relay[Symbol.asyncDispose]();
  server.close();
  await served;
  await Deno.remove(file);
  return { rounds, commands: relay.rounds.map(({ commands }) => commands.map(([, name]) => name)) };
}

for (const serverMs of [0, 15]) {
  const when = serverMs === 0 ? "at once" : "late";
  Deno.test(`one connection to a server that answers ${when}: a flight is one round, however long it works`, async () => {
    const { rounds, commands } = await count(
      `const c = await connect(far);
await c.hear(1);
await c.say("1 A", "2 B");
await c.say("3 C");
work(60);
await c.say("4 D");
await c.hear(4);
await new Promise((resolve) => setTimeout(resolve, 1));
await c.say("5 E");
await c.hear(1);`,
      serverMs,
    );
    assert.deepEqual(commands.slice(0, 3), [[], ["A", "B", "C", "D"], ["E"]]);
    assert.equal(rounds, 3);
  });

  Deno.test(`several connections to a server that answers ${when}: the longest chain counts`, async () => {
    const { rounds } = await count(
      `const chain = async (length, ms) => {
  const c = await connect(far);
  await c.hear(1);
  for (let i = 0; i < length; i++) { work(ms); await c.say(i + " X"); await c.hear(1); }
};
await Promise.all([chain(5, 3), chain(2, 20), chain(1, 0), chain(5, 1)]);
await chain(1, 5);`,
      serverMs,
    );
    assert.equal(rounds, 1 + 5 + 1 + 1);
  });

  Deno.test(`what goes to a near server that answers ${when} is no round`, async () => {
    const { rounds } = await count(
      `const [c, n] = await Promise.all([connect(far), connect(near)]);
await c.hear(1);
await c.say("1 A");
await n.hear(1);
for (let i = 0; i < 10; i++) { await n.say(i + " X"); await n.hear(1); }
await c.say("2 B {3}");
for (let i = 0; i < 10; i++) { await n.say(i + " X"); await n.hear(1); }
await c.hear(2);
await c.say("abc");
await c.hear(1);`,
      serverMs,
    );
    assert.equal(rounds, 3);
  });
}
