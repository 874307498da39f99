// The files that the program reads and makes: where they lie (XDG), which modes they get whatever the umask, and what an
// ordinary user is told who may not read or write them. What is refused is refused before a server hears of it.

import assert from "node:assert/strict";
import { mustRun } from "../support/live/child.ts";
import { liveTest } from "../support/live/live_case.ts";
import { type Program, type RunResult, theOriginal, tunnelSection, Workspace } from "../support/live/program.ts";
import { waitUntil } from "../support/live/waiting.ts";
import type { Lab, Layout } from "../support/live_dovecot.ts";

const NOBODY = 65534;
const SDBOX: Layout = { format: "sdbox", separator: "/" };

/** The program as somebody whom modes keep out: they do not hold for root. */
function asOrdinaryUser(program: Program): Program {
  if (Deno.uid() !== 0) return program;
  const prefix = ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"];
  return { ...program, command: [...prefix, ...program.command] };
}

/** The program with another environment: words of env(1). */
function withEnvironment(program: Program, ...words: readonly string[]): Program {
  return { ...program, command: ["env", ...words, ...program.command] };
}

function withUmask(program: Program, umask: string): Program {
  return { ...program, command: ["sh", "-c", `umask ${umask}; exec "$@"`, "sh", ...program.command] };
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

async function modeOf(path: string): Promise<string> {
  return (((await Deno.stat(path)).mode ?? 0) & 0o777).toString(8);
}

/** A tunnel that leaves a mark when it is started; it says nothing, and stays until its input ends. */
async function muteTunnel(directory: string): Promise<{ readonly command: string; readonly mark: string }> {
  const [command, mark] = [`${directory}/mute.sh`, `${directory}/reached`];
  await Deno.writeTextFile(command, `#!/bin/sh\n: >${mark}\nexec cat >/dev/null\n`, { mode: 0o755 });
  await Deno.chmod(command, 0o755);
  return { command, mark };
}

/** A workspace that belongs to the ordinary user, with a tunnel that must not be reached. */
class Office {
  private constructor(readonly workspace: Workspace, readonly program: Program, readonly mark: string) {}

  static async open(lab: Lab, program: Program, name: string): Promise<Office> {
    await Deno.chmod(lab.directory, 0o755);
    const directory = `${lab.directory}/${name}`;
    await Deno.mkdir(directory);
    const { command, mark } = await muteTunnel(directory);
    const tunnel = { type: "tunnel", command };
    const workspace = await Workspace.create(directory, tunnel, tunnel);
    if (Deno.uid() === 0) await mustRun(["chown", "-R", `${NOBODY}:${NOBODY}`, directory]);
    return new Office(workspace, asOrdinaryUser(program), mark);
  }

  async refuses(said: RegExp, args: readonly string[] = []): Promise<void> {
    const { code, lines, stdout } = await this.workspace.run(this.program, args);
    assert.equal(lines.length, 1, lines.join("\n"));
    assert.match(lines[0] ?? "", said);
    assert.deepEqual([code, stdout], [1, ""]);
    assert.equal(await exists(this.mark), false, "a server was called");
  }
}

type Spoil = (workspace: Workspace) => Promise<unknown>;

const READ_ONLY = /^database: ERROR: Database \S+\/state\.db is read-only: make it and its directory writable$/;

/** What an ordinary user may not do, and what he is told. */
const FORBIDDEN: readonly (readonly [what: string, spoil: Spoil, said: RegExp])[] = [
  [
    "a configuration that he may not read",
    ({ configFile }) => Deno.chmod(configFile, 0),
    /^ERROR: Can't read config file \S+\/config\/interimap\/config: permission denied$/,
  ],
  [
    "a configuration in a directory that he may not enter",
    ({ directory }) => Deno.chmod(`${directory}/config/interimap`, 0),
    /^ERROR: Can't (?:read config file|look at) \S+\/config\/interimap\S*: permission denied$/,
  ],
  [
    "a directory for the configuration that he may not make",
    async ({ directory }) => {
      await Deno.remove(`${directory}/config/interimap`, { recursive: true });
      await Deno.chmod(`${directory}/config`, 0o500);
    },
    /^ERROR: Couldn't create \S+\/config\/interimap: permission denied$/,
  ],
  [
    "a directory for the state file that he may not make",
    async ({ directory }) => {
      await Deno.remove(`${directory}/data/interimap`, { recursive: true });
      await Deno.chmod(`${directory}/data`, 0o500);
    },
    /^ERROR: Couldn't create \S+\/data\/interimap: permission denied$/,
  ],
  [
    "a state file that he may not make",
    ({ directory }) => Deno.chmod(`${directory}/data/interimap`, 0o500),
    /^database: ERROR: Can't create \S+\/state\.db: Permission denied$/,
  ],
  [
    "a state file that he may not read",
    async ({ databaseFile }) => {
      await Deno.writeTextFile(databaseFile, "");
      await Deno.chmod(databaseFile, 0);
    },
    /^database: ERROR: Cannot open database \S+\/state\.db: Permission denied$/,
  ],
  [
    "a state file that he may not write",
    async ({ databaseFile }) => {
      await Deno.writeTextFile(databaseFile, "");
      await Deno.chmod(databaseFile, 0o444);
    },
    READ_ONLY,
  ],
  [
    "a state file whose journal he may not make",
    async ({ databaseFile, directory }) => {
      await Deno.writeTextFile(databaseFile, "", { mode: 0o666 });
      await Deno.chmod(databaseFile, 0o666);
      await Deno.chmod(`${directory}/data/interimap`, 0o500);
    },
    READ_ONLY,
  ],
];

liveTest("an ordinary user is told in one line what he may not read or write", async ({ lab, program, test }) => {
  for (const [i, [what, spoil, said]] of FORBIDDEN.entries()) {
    await test.step(what, async () => {
      const office = await Office.open(lab, program, `f${i}`);
      await spoil(office.workspace);
      await office.refuses(said);
    });
  }
  await test.step("a log file that he may not make, or not write", async () => {
    const office = await Office.open(lab, program, "log");
    const { workspace } = office;
    const mute = { type: "tunnel", command: `${workspace.directory}/mute.sh` };
    await Deno.mkdir(`${workspace.directory}/closed`, { mode: 0o500 });
    await Deno.writeTextFile(`${workspace.directory}/log`, "", { mode: 0o400 });
    for (const file of ["closed/log", "log"]) {
      await workspace.configure(mute, mute, { logfile: `${workspace.directory}/${file}` });
      await office.refuses(/^ERROR: Can't open log file \S+\/log: permission denied$/);
    }
  });
}, { newProgramOnly: true });

liveTest("names of files with other letters than ASCII are found, and shown as they are", async ({ lab, program }) => {
  const directory = `${lab.directory}/Ünïcödé À 日本`;
  await Deno.mkdir(directory);
  const tunnel = { type: "tunnel", command: "/bin/false" };
  const workspace = await Workspace.create(directory, tunnel, tunnel, { database: `${directory}/none/x.db` });
  const lines = async () => (await workspace.run(program)).lines;
  assert.deepEqual(await lines(), [`database: ERROR: Can't create ${directory}/none/x.db: No such file or directory`]);
  await Deno.writeTextFile(`${directory}/x.db`, "no database, whatever its name says.\n".repeat(100));
  await workspace.configure(tunnel, tunnel, { database: `${directory}/x.db` });
  const advice = 'is not an SQLite file: name another one by the option "database"';
  assert.deepEqual(await lines(), [`database: ERROR: Database ${directory}/x.db ${advice}`]);
  await workspace.configure(tunnel, tunnel, { logfile: `${directory}/none/log` });
  const reason = "no such file or directory";
  assert.deepEqual(await lines(), [`ERROR: Can't open log file ${directory}/none/log: ${reason}`]);
  const [local, remote] = [await lab.store("local", SDBOX), await lab.store("remote", SDBOX)];
  await workspace.configure(tunnelSection(local), tunnelSection(remote), { database: `${directory}/new.db` });
  assert.ok((await lines()).includes(`Creating new schema in database file ${directory}/new.db`));
  await Deno.remove(workspace.configFile);
  const [line = ""] = await lines();
  assert.ok(line.startsWith(`ERROR: No such config file ${workspace.configFile}: `), line);
}, { newProgramOnly: true });

liveTest("files and directories get their modes whatever the umask is", async ({ lab, program }) => {
  const store = await lab.store("local", SDBOX);
  const other = await lab.store("remote", SDBOX);
  for (const [umask, logMode] of [["000", "666"], ["022", "644"], ["077", "600"]] as const) {
    const directory = `${lab.directory}/${umask}`;
    const workspace = await Workspace.create(directory, tunnelSection(store), tunnelSection(other), {
      logfile: `${directory}/log`,
    });
    await Deno.remove(`${directory}/data/interimap`);
    await workspace.sync(withUmask(program, umask));
    assert.equal(await modeOf(workspace.databaseFile), "600", umask);
    assert.equal(await modeOf(`${directory}/data/interimap`), "700", umask);
    assert.equal(await modeOf(`${directory}/log`), logMode, "the log file follows the umask");
    assert.deepEqual((await Array.fromAsync(Deno.readDir(`${directory}/data/interimap`))).map(({ name }) => name), [
      "state.db",
    ]);
  }
});

liveTest("the journal beside the state file is as private, and existing modes stay", async ({ lab, program }) => {
  const { command, mark } = await muteTunnel(lab.directory);
  const workspace = await Workspace.create(`${lab.directory}/w`, { type: "tunnel", command }, {
    type: "tunnel",
    command,
  });
  const folder = `${lab.directory}/w/data/interimap`;
  const running = workspace.start(withUmask(program, "000"));
  await waitUntil("the server is called", () => exists(mark), 10_000);
  for await (const { name } of Deno.readDir(folder)) assert.equal(await modeOf(`${folder}/${name}`), "600", name);
  running.kill("SIGTERM");
  await running.result;
  await Deno.writeTextFile(workspace.databaseFile, "");
  await Deno.chmod(workspace.databaseFile, 0o640);
  await Deno.chmod(folder, 0o755);
  await Deno.chmod(workspace.configFile, 0o644);
  await Deno.remove(mark);
  const again = workspace.start(program);
  await waitUntil("the server is called", () => exists(mark), 10_000);
  again.kill("SIGTERM");
  await again.result;
  assert.equal(await modeOf(workspace.databaseFile), "640");
  assert.equal(await modeOf(folder), "755");
  assert.equal(await modeOf(workspace.configFile), "644");
});

/** Environment and arguments, the configuration and the state file that are used then; below the directory. */
const PLACES: readonly (readonly [what: string, env: readonly string[], args: readonly string[], string, string])[] = [
  ["XDG_CONFIG_HOME and XDG_DATA_HOME are set", [], [], "config/interimap/config", "data/interimap/x.db"],
  [
    "they are not set",
    ["-u", "XDG_CONFIG_HOME", "-u", "XDG_DATA_HOME"],
    [],
    ".config/interimap/config",
    ".local/share/interimap/x.db",
  ],
  ["a relative name is given", [], ["--config=other"], "config/interimap/other", "data/interimap/x.db"],
  [
    "a relative name with a directory is given",
    [],
    ["--config", "sub/x"],
    "config/interimap/sub/x",
    "data/interimap/x.db",
  ],
  ["a tilde is given", [], ["--config=~/x"], "config/interimap/~/x", "data/interimap/x.db"],
];

/** In which only this program finds its files. */
const NEW_PLACES: typeof PLACES = [
  [
    "the variables are empty",
    ["XDG_CONFIG_HOME=", "XDG_DATA_HOME="],
    [],
    ".config/interimap/config",
    ".local/share/interimap/x.db",
  ],
];

liveTest("configuration and state file are where those of the original are", async ({ lab, program, test }) => {
  const original = await theOriginal();
  const rows = [
    ...PLACES.map((row) => ({ row, tools: [original, program] })),
    ...NEW_PLACES.map((row) => ({ row, tools: [program] })),
  ];
  for (const [i, { row: [what, env, args, configFile, databaseFile], tools }] of rows.entries()) {
    for (const tool of tools) {
      await test.step(`${what}: ${tool === program ? "the program" : "the original"}`, async () => {
        const directory = `${lab.directory}/p${i}${tools.indexOf(tool)}`;
        const workspace = await placed(directory, configFile);
        const result = await workspace.run(withEnvironment(tool, ...env), args);
        assert.ok(await exists(`${directory}/reached`), result.stderr);
        assert.equal(await Deno.readTextFile(`${directory}/reached`), `${directory}/${databaseFile}\n`);
      });
    }
  }
}, { newProgramOnly: true });

/** Base directories as a new user has them, and one configuration, whose local tunnel leaves a mark and ends. */
async function placed(directory: string, configFile: string): Promise<Workspace> {
  const workspace = await Workspace.create(directory, {}, {});
  await Deno.remove(workspace.configFile);
  await Deno.mkdir(`${directory}/.config/interimap`, { recursive: true });
  await Deno.mkdir(`${directory}/.local/share`, { recursive: true });
  // The state file that is used is there while the server is called.
  const find =
    `find ${directory} -name x.db >${directory}/reached.new; mv ${directory}/reached.new ${directory}/reached`;
  const section = (command: string) => `type = tunnel\ncommand = ${command}\n`;
  const path = `${directory}/${configFile}`;
  await Deno.mkdir(path.replace(/\/[^/]*$/, ""), { recursive: true });
  await Deno.writeTextFile(path, `database = x.db\n[local]\n${section(find)}[remote]\n${section("cat >/dev/null")}`);
  return workspace;
}

/** Settings that both refuse. */
const NOWHERE: readonly (readonly [what: string, env: readonly string[], args: readonly string[], said: RegExp])[] = [
  ["the base directory is missing", ["XDG_CONFIG_HOME=/usr/none"], [], /^ERROR: No such directory: \/usr\/none /],
  [
    "the base directory is not absolute",
    ["XDG_CONFIG_HOME=config"],
    [],
    /^ERROR: XDG_CONFIG_HOME is not an absolute path/,
  ],
  [
    "the base directory of data is missing",
    ["XDG_DATA_HOME=/usr/none"],
    [],
    /^ERROR: No such directory: \/usr\/none /,
  ],
  ["the file is missing", [], ["--config=none"], /^ERROR: No such config file \S+\/config\/interimap\/none: /],
  ["the file is a directory", [], ["--config=/"], /^ERROR: Config file \/ is not a regular file$/],
  ["the name is empty", [], ["--config="], /^ERROR: Unusable file name "": /],
  ["the name has a control character", [], ["--config=/a\x1bb"], /^ERROR: Unusable file name "\/a\\x1Bb": /],
];

liveTest("what the original cannot find is not found, and said in one line", async ({ lab, program, test }) => {
  const original = await theOriginal();
  for (const [i, [what, env, args, said]] of NOWHERE.entries()) {
    await test.step(what, async () => {
      const workspace = await placed(`${lab.directory}/n${i}`, "config/interimap/config");
      const theirs = await workspace.run(withEnvironment(original, ...env), args);
      const ours: RunResult = await workspace.run(withEnvironment(program, ...env), args);
      assert.notEqual(theirs.code, 0);
      assert.equal(ours.code, 1, ours.stderr);
      assert.equal(ours.lines.length, 1, ours.stderr);
      assert.match(ours.lines[0] ?? "", said);
      assert.equal(await exists(`${lab.directory}/n${i}/reached`), false);
    });
  }
}, { newProgramOnly: true });
