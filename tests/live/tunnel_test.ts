// The option command against a real server: run by the shell or as words, where its standard error goes, and that
// Ctrl-C, which the terminal gives to every process of the program's group, reaches the program but not its tunnels.

import assert from "node:assert/strict";
import { mustRun, run } from "../support/live/child.ts";
import { liveTest } from "../support/live/live_case.ts";
import type { MailStore } from "../support/live_dovecot.ts";
import { plainMessage } from "../support/live/mail.ts";
import { PASSWORD } from "../support/live_dovecot.ts";
import { type Program, type Section, tunnelSection, Workspace } from "../support/live/program.ts";
import { waitUntil } from "../support/live/waiting.ts";
import { compareStores } from "../support/live/witness.ts";
import { Relay, type Verdict } from "../support/relay.ts";

const STDIO_RELAY = new URL("../support/stdio_relay.ts", import.meta.url).pathname;

async function fill(store: MailStore, from: number, to: number): Promise<void> {
  await store.with(async (probe) => {
    for (let i = from; i < to; i++) await probe.append("INBOX", { body: plainMessage(`message ${i}`) });
  });
}

async function expectEqual(stores: readonly [MailStore, MailStore], workspace: Workspace, messages: number) {
  const { differences, local } = await compareStores(...stores, workspace.databaseFile);
  assert.deepEqual(differences, []);
  assert.equal(local.mailboxes.get("INBOX")?.messages.length, messages);
}

liveTest("a command is run as words, or by the shell where only that understands it", async ({ lab, program }) => {
  const stores: [MailStore, MailStore] = [
    await lab.store("left", { format: "maildir", separator: "/" }),
    await lab.store("right", { format: "mdbox", separator: "." }),
  ];
  const [left, right] = stores;
  const flag = `${lab.directory}/was-here`;
  const commands = [
    `sh   ${left.tunnelCommand}`,
    `exec ${left.tunnelCommand}`,
    `WHERE=${flag} sh -c 'touch "$WHERE-1" && exec "$0"' ${left.tunnelCommand}`,
    `cd / && touch ${flag}-2 && ${left.tunnelCommand} 2>&1`,
    `{ touch ${flag}-3 && cat; } | ${left.tunnelCommand}`,
  ];
  const workspace = await Workspace.create(`${lab.directory}/w`, {}, {});
  for (const [index, command] of commands.entries()) {
    await fill(left, index, index + 1);
    await workspace.configure({ type: "tunnel", command }, tunnelSection(right));
    await workspace.sync(program);
    await expectEqual(stores, workspace, index + 1);
  }
  for (const number of [1, 2, 3]) await Deno.stat(`${flag}-${number}`);
});

liveTest("what a command says on standard error is shown, or thrown away unless --debug", async ({ lab, program }) => {
  const [left, right] = await Promise.all(
    ["left", "right"].map((name) => lab.store(name, { format: "maildir", separator: "/" })),
  );
  assert.ok(left !== undefined && right !== undefined);
  const section = (store: MailStore, options: Section): Section => ({
    type: "tunnel",
    command: `echo noise of ${store.name} >&2 && exec ${store.tunnelCommand}`,
    ...options,
  });
  const rows:
    readonly (readonly [local: Section, remote: Section, args: readonly string[], noise: readonly string[]])[] = [
      [{}, { "null-stderr": "NO" }, [], ["left", "right"]],
      [{ "null-stderr": "YES" }, {}, [], ["right"]],
      [{ "null-stderr": "YES" }, { "null-stderr": "YES" }, [], []],
      [{ "null-stderr": "YES" }, { "null-stderr": "YES" }, ["--debug"], ["left", "right"]],
      [{ "null-stderr": "YES" }, { "null-stderr": "NO" }, ["--quiet"], ["right"]],
    ];
  const workspace = await Workspace.create(`${lab.directory}/w`, {}, {});
  for (const [local, remote, args, noise] of rows) {
    await workspace.configure(section(left, local), section(right, remote));
    const { stderr } = await workspace.sync(program, args);
    const heard = [...stderr.matchAll(/^noise of (\w+)$/gm)].map(([, name]) => name).sort();
    assert.deepEqual(heard, noise, `${JSON.stringify([local, remote])} ${args}`);
  }
});

/** Signals every process of the group that `leader` leads. */
async function signalGroup(signal: string, leader: number): Promise<void> {
  await mustRun(["sh", "-c", `kill -${signal} -${leader}`]);
}

liveTest(
  "Ctrl-C ends a run with status 1 after what was under way is recorded, and no tunnel by itself",
  async (live) => {
    const { lab, program } = live;
    const daemon = await lab.daemon();
    const [left, right] = await Promise.all([
      lab.store("left", { format: "maildir", separator: "/" }),
      lab.store("right", { format: "mdbox", separator: "." }),
    ]);
    await fill(left, 0, 300);
    const leader = { pid: 0 };
    let appends = 0;
    const line = (sender: "client" | "server", text: string): Verdict => {
      if (sender === "server" || !/^\S+ APPEND /.test(text) || ++appends > 1) return "pass";
      return { afterwards: () => signalGroup("INT", leader.pid) };
    };
    await using relay = Relay.start({ port: daemon.port }, { line });
    // The end of this tunnel leaves with status 3 at SIGINT, as Dovecot's imap does at the end of the other one.
    const command = `${Deno.execPath()} run --quiet --allow-net ${STDIO_RELAY} ${relay.port} deaf`;
    const remote = { type: "tunnel", command, username: right.name, password: PASSWORD, compress: "NO" };
    const workspace = await Workspace.create(`${lab.directory}/w`, tunnelSection(left), remote);
    const inGroup: Program = { ...program, command: ["setsid", ...program.command] };
    const running = workspace.start(inGroup);
    leader.pid = running.pid;
    const result = await running.result;
    assert.equal(result.code, 1, result.stderr);
    assert.match(result.stderr, /^Interrupted by SIGINT$/m);
    assert.doesNotMatch(result.stderr, /ERROR|Tunnel command/);
    assert.doesNotMatch(await lab.logs(), /shutting down|signal/i);
    await waitUntil(
      "the tunnels are gone",
      async () => (await run(["pgrep", "-g", String(running.pid)])).code === 1,
      5000,
    );
    await workspace.sync(program);
    await expectEqual([left, right], workspace, 300);
  },
  { newProgramOnly: true },
);
