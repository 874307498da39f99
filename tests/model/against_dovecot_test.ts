// The model server is a witness only as long as it says what a real server says: the same random scripts, by several
// sessions at once on one mail store, are put to both, and the answers have to be the same.
// INTERIMAP_TEST_LIVE=no leaves this out, as does a sandbox in which no server can be started.

import assert from "node:assert/strict";
import { duplexPair } from "../support/duplex.ts";
import { Lab, type MailStore } from "../support/live_dovecot.ts";
import { makeScript, ScriptClient, type ScriptCommand, type Wire } from "../support/model_script.ts";
import { ModelServer } from "../support/model_server.ts";
import { ModelMailstore } from "../support/model_mailstore.ts";
import { textOf } from "../support/model_values.ts";

const SESSIONS = 2;
const SCRIPTS = Number(Deno.env.get("SCRIPTS") ?? 12);
const LENGTH = 160;
const SEED = Number(Deno.env.get("INTERIMAP_TEST_SEED") ?? 1);
const LEFT_OUT = Deno.env.get("INTERIMAP_TEST_LIVE") === "no" ||
  Deno.permissions.querySync({ name: "write", path: "/tmp" }).state !== "granted";

function startTunnel(store: MailStore): { readonly wire: Wire; end(): Promise<void> } {
  const child = new Deno.Command(store.tunnelCommand, { stdin: "piped", stdout: "piped", stderr: "null" }).spawn();
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
