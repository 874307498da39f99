// What is wrong with the configuration, the command line or the database is said in one line; the exit status is not
// 0, and nothing has changed on the servers or in the database. Of the original only the last two are asked.

import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { liveTest } from "../support/live/live_case.ts";
import type { Lab, MailStore } from "../support/live_dovecot.ts";
import { assertRefused } from "../support/live/refusal.ts";
import { type Program, tunnelSection, Workspace } from "../support/live/program.ts";
import { plainMessage } from "../support/live/mail.ts";
import { readStore } from "../support/live/witness.ts";
import { waitUntil } from "../support/live/waiting.ts";

interface Scene {
  readonly program: Program;
  readonly lab: Lab;
  readonly local: MailStore;
  readonly remote: MailStore;
  readonly workspace: Workspace;
}

/** Two stores that were synchronized and then changed: there is something to be done, and to be spoiled. */
async function prepare(lab: Lab, program: Program): Promise<Scene> {
  const local = await lab.store("local", { format: "maildir", separator: "/" });
  const remote = await lab.store("remote", { format: "mdbox", separator: "." });
  const append = (store: MailStore, id: string) =>
    store.with((probe) => probe.append("INBOX", { body: plainMessage(id) }));
  const workspace = await Workspace.create(`${lab.directory}/w`, tunnelSection(local), tunnelSection(remote));
  await append(local, "old");
  await workspace.sync(program);
  await append(local, "new on local");
  await append(remote, "new on remote");
  return { program, lab, local, remote, workspace };
}

/** Runs, and checks that it fails with one line like `said` and changes nothing. */
async function refuses(scene: Scene, what: string, said: RegExp, args: readonly string[] = []): Promise<void> {
  const { workspace, local, remote, program } = scene;
  await assertRefused({ what, said, program, args, workspace, stores: [local, remote] });
}

liveTest("a configuration that cannot be used is refused in one line", async ({ lab, program }) => {
  const scene = await prepare(lab, program);
  const { workspace, local, remote } = scene;
  await refuses(scene, "missing file", /No such config file .*nowhere/, ["--config=/nowhere"]);
  await refuses(scene, "a directory", /config/i, [`--config=${lab.directory}`]);
  const good = await Deno.readTextFile(workspace.configFile);
  const broken: readonly (readonly [what: string, text: string, said: RegExp])[] = [
    ["a line that is no option", good.replace("[remote]", "[remote]\nnonsense here"), /config.*\b6\b/],
    ["no section local", good.replace("[local]", "[locale]"), /section.*local/i],
    ["no section remote", good.replace("[remote]", "[removed]"), /section.*remote/i],
    ["unknown option", good.replace("[remote]", "[remote]\nnonsense = 1"), /nonsense/],
    ["unknown type", good.replace("type = tunnel", "type = pop3"), /type.*pop3/],
    ["not YES or NO", good.replace("[remote]", "[remote]\ncompress = maybe"), /compress.*maybe/],
    ["no command", good.replace(/command = .*/, ""), /command/],
    ["empty file", "", /section/i],
  ];
  for (const [what, text, said] of broken) {
    await Deno.writeTextFile(workspace.configFile, text);
    await refuses(scene, what, said);
  }
  await workspace.configure(tunnelSection(local), tunnelSection(remote), { database: "no/such/directory/state.db" });
  await refuses(scene, "database in a missing directory", /no\/such\/directory/);
});

liveTest("options that cannot be honoured are refused in one line that names them", async ({ lab, program }) => {
  const scene = await prepare(lab, program);
  const { workspace, local, remote } = scene;
  const globals: readonly (readonly [option: string, value: string])[] = [
    ["list-mailbox", 'a"b"'],
    ["list-select-opts", "RECURSIVEMATCH"],
    ["ignore-mailbox", "virtual++"],
    ["logfile", `${lab.directory}/no/such/directory/log`],
  ];
  for (const [option, value] of globals) {
    await workspace.configure(tunnelSection(local), tunnelSection(remote), { [option]: value });
    await refuses(
      scene,
      option,
      option === "logfile" ? /log file .*no such file/ : new RegExp(`config:2: .*${option}`),
    );
  }
  const server: readonly (readonly [option: string, value: string])[] = [
    ["host", "[localhost]"],
    ["port", "no-such-service"],
    ["proxy", "socks4://127.0.0.1:1080"],
    ["SSL_protocols", "TLSv1.1 TLSv1"],
    ["SSL_protocol_min", "TLSv1.1"],
    ["SSL_protocol_max", "SSLv3"],
    ["SSL_fingerprint", "00ff"],
  ];
  for (const [option, value] of server) {
    const section = { type: "imaps", [option]: value };
    await workspace.configure(tunnelSection(local), section);
    const said = option === "host" ? "Invalid IP literal: localhost" : option;
    await refuses(scene, option, new RegExp(`config:7: .*${said}`));
  }
}, { newProgramOnly: true });

liveTest("a command line that makes no sense is answered with the usage", async ({ lab, program }) => {
  const scene = await prepare(lab, program);
  const { workspace, local, remote } = scene;
  const before = [await readStore(local), await readStore(remote)];
  const wrong = [["--nonsense"], ["--config"], ["-x"], ["--quiet=1"], ["--delete"], ["--rename", "a"], [
    "--target=local",
  ]];
  for (const args of wrong) {
    const result = await workspace.run(program, args);
    assert.equal(result.code, 1, args.join(" "));
    assert.deepEqual(result.lines.slice(-2), [
      "Usage: interimap [OPTIONS] [COMMAND] [MAILBOX [..]]",
      "Try 'interimap --help' or consult the manpage for more information.",
    ]);
    assert.ok(result.lines.length <= 3, result.stderr);
  }
  assert.deepEqual([await readStore(local), await readStore(remote)], before);
});

liveTest("a mailbox name that cannot be, or is nowhere, is refused in one line", async ({ lab, program }) => {
  const scene = await prepare(lab, program);
  await refuses(scene, "empty name", /Invalid mailbox name/, [""]);
  await refuses(scene, "8-bit name", /Invalid mailbox name/, ["Entwürfe"]);
  if (!program.isOriginal) await refuses(scene, "unknown mailbox", /nowhere/, ["nowhere"]);
});

liveTest("a database that another run holds is refused in one line that says so", async ({ lab, program }) => {
  const scene = await prepare(lab, program);
  const { workspace, local, remote } = scene;
  const good = await Deno.readTextFile(workspace.configFile);
  const tunnel = `${lab.directory}/mute.sh`;
  // The shell stays, and holds the output open: the server is silent, and not gone.
  await Deno.writeTextFile(tunnel, `#!/bin/sh\n: >${lab.directory}/reached\ncat >/dev/null\nexit\n`, { mode: 0o700 });
  await workspace.configure({ type: "tunnel", command: tunnel }, tunnelSection(remote));
  const holder = workspace.start(program);
  const reached = () => Deno.stat(`${lab.directory}/reached`).then(() => true, () => false);
  await waitUntil("the first run waits for its server", reached, 10_000);
  await Deno.writeTextFile(workspace.configFile, good);
  await refuses(scene, "locked database", /database is locked/i);
  holder.kill("SIGKILL");
  await holder.result;
  await workspace.sync(program);
  assert.deepEqual((await readStore(local)).mailboxes.get("INBOX")?.messages.length, 3);
});

liveTest("a file that is not a database of this program is refused in one line", async ({ lab, program }) => {
  const scene = await prepare(lab, program);
  const { databaseFile } = scene.workspace;
  const good = await Deno.readFile(databaseFile);
  await Deno.writeTextFile(databaseFile, "This is not a database, whatever its name says.\n".repeat(100));
  await refuses(scene, "a text file", /database/i);
  await Deno.remove(databaseFile);
  const foreign = new DatabaseSync(databaseFile);
  foreign.exec("CREATE TABLE bookmarks (url TEXT); INSERT INTO bookmarks VALUES ('x')");
  foreign.close();
  await refuses(scene, "somebody else's tables", /mailboxes|database/i);
  if (program.isOriginal) return;
  await Deno.writeFile(databaseFile, good);
  const newer = new DatabaseSync(databaseFile);
  newer.exec("PRAGMA user_version = 99");
  newer.close();
  await refuses(scene, "a newer version", /version.*99|99.*version/i);
  await Deno.remove(databaseFile);
  await Deno.mkdir(databaseFile);
  await refuses(scene, "a directory", /database|state\.db/i);
});

liveTest("a tunnel command that does not work is refused in one line", async ({ lab, program }) => {
  const scene = await prepare(lab, program);
  const { workspace, local } = scene;
  const commands = ["/nonexistent/imapd", "/bin/false", "/bin/echo hello"];
  for (const command of commands) {
    await workspace.configure(tunnelSection(local), { type: "tunnel", command });
    await refuses(scene, command, /remote/);
  }
});
