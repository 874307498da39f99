// The model server is a witness only as long as it says what a real server says: the same random scripts, by several
// sessions at once on one mail store, are put to both, and the answers have to be the same.
// INTERIMAP_TEST_LIVE=no leaves this out, as does a sandbox in which no server can be started.

import assert from "node:assert/strict";
import { duplexPair } from "../support/duplex.ts";
import { within } from "../support/live/waiting.ts";
import { Lab, type MailStore } from "../support/live_dovecot.ts";
import { makeScript, ScriptClient, type ScriptCommand, type Wire } from "../support/model_script.ts";
import { ModelServer } from "../support/model_server.ts";
import { CAPABILITIES } from "../support/model_options.ts";
import { Script } from "../support/script.ts";
import { ModelMailstore } from "../support/model_mailstore.ts";
import { textOf } from "../support/model_values.ts";

const SESSIONS = 2;
const SCRIPTS = Number(Deno.env.get("SCRIPTS") ?? 12);
const LENGTH = 160;
const SEED = Number(Deno.env.get("INTERIMAP_TEST_SEED") ?? 1);
const LEFT_OUT = Deno.env.get("INTERIMAP_TEST_LIVE") === "no" ||
  Deno.permissions.querySync({ name: "write", path: "/tmp" }).state !== "granted";

function startTunnel(store: MailStore): { readonly wire: Wire; end(): Promise<void> } {
  const child = new Deno.Command("/bin/sh", {
    args: [store.tunnelCommand],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.getReader();
  const writer = child.stdin.getWriter();
  return {
    wire: {
      read: async () => (await reader.read()).value ?? null,
      write: (bytes) => writer.write(bytes),
    },
    end: async () => {
      await writer.close().catch(() => {});
      while (!(await reader.read()).done);
      await child.status;
    },
  };
}

function shown({ session, parts }: ScriptCommand): string {
  return `${session}: ${parts.map((part) => typeof part === "string" ? part : `{${textOf(part).length}}`).join("")}`;
}

async function compare(lab: Lab, seed: number): Promise<number> {
  const store = await lab.store(`u${seed}`, { format: "sdbox", separator: "/" });
  const tunnels = Array.from({ length: SESSIONS + 1 }, () => startTunnel(store));
  const server = new ModelServer(new ModelMailstore());
  const ends = Array.from({ length: SESSIONS + 1 }, () => {
    const [client, end] = duplexPair({ poison: false });
    void server.serve(end);
    return client;
  });
  const real = new ScriptClient(tunnels.map(({ wire }) => wire));
  const model = new ScriptClient(ends);
  const script = makeScript(seed, LENGTH, SESSIONS);
  const answers: { readonly command: string; readonly real: readonly string[]; readonly model: readonly string[] }[] =
    [];
  try {
    await Promise.all([real.greet(), model.greet()]);
    for (const command of script) {
      const answered = await Promise.all([real.run(command), model.run(command)]);
      answers.push({ command: shown(command), real: answered[0], model: answered[1] });
    }
  } finally {
    for (const end of ends) end.close();
    await Promise.all([...tunnels.map((tunnel) => tunnel.end()), server.idle()]);
  }
  for (const [index, answer] of answers.entries()) {
    const before = answers.slice(Math.max(0, index - 12), index).map(({ command, real }) =>
      `${command}\n   ${real.join("\n   ")}`
    );
    const message = `seed ${seed}, command ${index}: ${answer.command}, after\n${before.join("\n")}`;
    assert.deepEqual({ answer: model.dated(answer.model) }, { answer: real.dated(answer.real) }, message);
  }
  return answers.length;
}

Deno.test({
  name: `\`ModelServer\` answers ${SCRIPTS} random scripts as Dovecot does${LEFT_OUT ? " (left out)" : ""}`,
  ignore: LEFT_OUT,
  fn: async () => {
    const lab = await Lab.open();
    try {
      for (let seed = SEED; seed < SEED + SCRIPTS; seed++) assert.ok(await compare(lab, seed) >= LENGTH);
    } finally {
      await lab.close();
    }
  },
});

// ---- NOTIFY

const MAX_LATENCY_MS = 10_000;

/** What the second session does, one after the other, while the first watches. */
const EVENTS = [
  "APPEND box {6+}\r\nA: b\r\n",
  "UID STORE 1 +FLAGS.SILENT (\\Flagged)",
  "UID STORE 1 +FLAGS.SILENT (\\Seen)",
  "CREATE newbox",
  "SUBSCRIBE newbox",
  "UNSUBSCRIBE newbox",
  "APPEND INBOX (\\Seen) {6+}\r\nA: b\r\n",
  "UID STORE 1 +FLAGS.SILENT (\\Deleted)",
  "EXPUNGE",
  "DELETE newbox",
];

/** Without what is the server's own: some values, and attributes that it may tell or not. */
function plainEvent(line: string): string {
  return line.replace(/(HIGHESTMODSEQ|UIDVALIDITY) \d+/g, "$1").replace(/\\Has(No)?Children ?/, "").replace(" )", ")");
}

/** The untagged lines of an answer, and the tagged one without its text. */
async function answer(script: Script, command: string): Promise<readonly string[]> {
  await script.send(`t ${command}`);
  const lines: string[] = [];
  for (;;) {
    const line = await script.line();
    assert.ok(line !== null, `the server left before the answer to ${command}`);
    if (line.startsWith("t ")) return [...lines.map(plainEvent).sort(), line.slice(2, 4)];
    lines.push(line);
  }
}

/** Two sessions at their start: who watches, and who acts in "box". */
async function watchers(wires: readonly Wire[]): Promise<readonly [Script, Script]> {
  const [first, second] = wires.map((wire) =>
    new Script({ read: () => wire.read(), write: async (bytes) => void await wire.write(bytes), close: () => {} })
  );
  assert.ok(first !== undefined && second !== undefined);
  for (const script of [first, second]) await script.expect(/^\* PREAUTH /);
  // Dovecot makes INBOX when it is first needed.
  for (const command of ["SELECT INBOX", "CREATE box"]) await answer(second, command);
  await answer(second, "SELECT box");
  return [first, second];
}

Deno.test({
  name: `\`ModelServer\` tells NOTIFY events as Dovecot does${LEFT_OUT ? " (left out)" : ""}`,
  ignore: LEFT_OUT,
  fn: async () => {
    const lab = await Lab.open();
    const store = await lab.store("notify", { format: "sdbox", separator: "/" });
    const tunnels = [startTunnel(store), startTunnel(store)];
    const server = new ModelServer(new ModelMailstore(), { capabilities: [...CAPABILITIES, "NOTIFY"] });
    const ends = [0, 1].map(() => {
      const [client, end] = duplexPair({ poison: false });
      void server.serve(end);
      return client;
    });
    try {
      const [realWatcher, realActor] = await watchers(tunnels.map(({ wire }) => wire));
      const [modelWatcher, modelActor] = await watchers(ends);
      const events = "(MailboxName SubscriptionChange MessageNew MessageExpunge FlagChange)";
      const set = `NOTIFY SET STATUS (PERSONAL ${events})`;
      assert.deepEqual(await answer(modelWatcher, set), await answer(realWatcher, set));
      for (const command of EVENTS) {
        await answer(modelActor, command);
        const told = (await answer(modelWatcher, "NOOP")).slice(0, -1);
        assert.ok(told.length > 0, `the model tells nothing of ${command}`);
        await answer(realActor, command);
        // Dovecot takes its time.
        const lines: string[] = [];
        while (lines.length < told.length) {
          const line = await within(`being told of ${command}`, realWatcher.line(), MAX_LATENCY_MS);
          lines.push(plainEvent(line ?? "(end)"));
        }
        assert.deepEqual(told, lines.sort(), command);
      }
      assert.deepEqual(await answer(realWatcher, "NOTIFY NONE"), ["OK"]);
    } finally {
      for (const end of ends) end.close();
      await Promise.all([...tunnels.map((tunnel) => tunnel.end()), server.idle()]);
      await lab.close();
    }
  },
});
