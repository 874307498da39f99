// Files and directories of the configuration, each test in a directory of its own.

import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { loadConfig } from "../../lib/config/mod.ts";
import { type Environment, fileError } from "../../lib/config/paths.ts";
import { ConfigError } from "../../lib/errors.ts";

const NOWHERE: Environment = { HOME: null, XDG_CONFIG_HOME: null, XDG_DATA_HOME: null };
const MINIMAL = "[local]\n[remote]\nhost = r\n";

/** Runs with an empty directory that is removed afterwards. */
function inDirectory(name: string, run: (directory: string) => void): void {
  Deno.test(name, () => {
    const directory = Deno.makeTempDirSync({ prefix: "interimap-" });
    try {
      run(directory);
    } finally {
      Deno.removeSync(directory, { recursive: true });
    }
  });
}

function write(path: string, text: string): void {
  Deno.mkdirSync(path.replace(/\/[^/]*$/, ""), { recursive: true });
  Deno.writeTextFileSync(path, text);
}

function modeOf(path: string): number {
  return (Deno.statSync(path).mode ?? 0) & 0o777;
}

function refusal(argument: string | null, environment: Environment): string {
  try {
    loadConfig(argument, environment);
  } catch (error) {
    ok(error instanceof ConfigError, String(error));
    ok(!error.message.includes("\n"), error.message);
    return error.message;
  }
  throw new Error("accepted");
}

inDirectory("`loadConfig()` follows XDG_CONFIG_HOME and XDG_DATA_HOME when both are set", (directory) => {
  write(`${directory}/c/interimap/config`, MINIMAL);
  Deno.mkdirSync(`${directory}/d`);
  const { config, warnings } = loadConfig(null, {
    HOME: "/nonexistent",
    XDG_CONFIG_HOME: `${directory}/c/`,
    XDG_DATA_HOME: `${directory}/d`,
  });
  strictEqual(config.file, `${directory}/c/interimap/config`);
  strictEqual(config.database, `${directory}/d/interimap/r.db`);
  strictEqual(config.remote.host, "r");
  deepStrictEqual(warnings, []);
  strictEqual(modeOf(`${directory}/d/interimap`), 0o700);
});

inDirectory("`loadConfig()` starts from HOME when the XDG variables are unset or empty", (directory) => {
  write(`${directory}/.config/interimap/config`, MINIMAL);
  write(`${directory}/.config/interimap/sub/other`, "database = sub/x.db\n" + MINIMAL);
  for (const unset of [null, ""]) {
    const environment = { HOME: directory, XDG_CONFIG_HOME: unset, XDG_DATA_HOME: unset };
    strictEqual(loadConfig(null, environment).config.database, `${directory}/.local/share/interimap/r.db`);
    strictEqual(loadConfig("sub/other", environment).config.database, `${directory}/.local/share/interimap/sub/x.db`);
  }
  strictEqual(modeOf(`${directory}/.local/share/interimap`), 0o700);
  throws(() => Deno.statSync(`${directory}/.local/share/interimap/sub`), Deno.errors.NotFound);
});

inDirectory("`loadConfig()` needs no environment when both paths are absolute, in any letters", (directory) => {
  write(`${directory}/À é/config`, `database = ${directory}/À.db\n${MINIMAL}`);
  const { config } = loadConfig(`${directory}/À é/config`, NOWHERE);
  strictEqual(config.database, `${directory}/À.db`);
});

inDirectory("`loadConfig()` creates the directory even when the file is missing", (directory) => {
  Deno.mkdirSync(`${directory}/c`);
  const message = refusal(null, { ...NOWHERE, XDG_CONFIG_HOME: `${directory}/c` });
  ok(message.startsWith(`No such config file ${directory}/c/interimap/config`), message);
  strictEqual(modeOf(`${directory}/c/interimap`), 0o700);
});

inDirectory("`loadConfig()` keeps the mode of a directory that is there", (directory) => {
  write(`${directory}/c/interimap/config`, `database = /x.db\n${MINIMAL}`);
  Deno.chmodSync(`${directory}/c/interimap`, 0o755);
  loadConfig(null, { ...NOWHERE, XDG_CONFIG_HOME: `${directory}/c` });
  strictEqual(modeOf(`${directory}/c/interimap`), 0o755);
});

inDirectory("`loadConfig()` says which directory is missing or not absolute", (directory) => {
  write(`${directory}/file`, "");
  Deno.mkdirSync(`${directory}/c`);
  const config = `${directory}/c`;
  const rows: readonly (readonly [Environment, RegExp])[] = [
    [NOWHERE, /^Neither XDG_CONFIG_HOME nor HOME is set/],
    [{ ...NOWHERE, HOME: "" }, /^Neither XDG_CONFIG_HOME nor HOME is set/],
    [{ ...NOWHERE, XDG_CONFIG_HOME: "conf" }, /^XDG_CONFIG_HOME is not an absolute path: conf$/],
    [{ ...NOWHERE, XDG_CONFIG_HOME: "~/x" }, /^XDG_CONFIG_HOME is not an absolute path: ~\/x$/],
    [{ ...NOWHERE, HOME: "home" }, /^HOME is not an absolute path: home$/],
    [{ ...NOWHERE, HOME: "/nonexistent/h" }, /^No such directory: \/nonexistent\/h .*HOME/],
    [{ ...NOWHERE, HOME: directory }, /^No such directory: .*\/\.config .*XDG_CONFIG_HOME/],
    [{ ...NOWHERE, XDG_CONFIG_HOME: "/nonexistent" }, /^No such directory: \/nonexistent /],
    [{ ...NOWHERE, XDG_CONFIG_HOME: `${directory}/file` }, /^No such directory: .*\/file /],
    [{ ...NOWHERE, XDG_CONFIG_HOME: `${directory}/file/x` }, /^No such directory: .*\/file\/x /],
  ];
  for (const [environment, message] of rows) ok(message.test(refusal(null, environment)), String(message));
  write(`${config}/interimap/config`, MINIMAL);
  const data = (XDG_DATA_HOME: string | null) => refusal(null, { HOME: null, XDG_CONFIG_HOME: config, XDG_DATA_HOME });
  ok(data(null).startsWith("Neither XDG_DATA_HOME nor HOME is set"));
  ok(data("/nonexistent").startsWith("No such directory: /nonexistent "));
  ok(data("d").startsWith("XDG_DATA_HOME is not an absolute path: d"));
  Deno.writeTextFileSync(`${directory}/interimap`, "");
  ok(data(directory).startsWith(`Couldn't create ${directory}/interimap: `), data(directory));
});

inDirectory("`loadConfig()` wants a regular file that can be read, under a name that can be", (directory) => {
  ok(refusal(`${directory}/x`, NOWHERE).startsWith(`No such config file ${directory}/x: `));
  strictEqual(refusal(directory, NOWHERE), `Config file ${directory} is not a regular file`);
  strictEqual(refusal("/dev/null", NOWHERE), "Config file /dev/null is not a regular file");
  ok(refusal("", NOWHERE).startsWith('Unusable file name ""'));
  ok(refusal("/a\n\x1b[2J", NOWHERE).startsWith('Unusable file name "/a\\x0A\\x1B[2J"'));
  ok(refusal("/a\0b", NOWHERE).startsWith("Unusable file name"));
});

inDirectory("`loadConfig()` names file and line when the text is wrong", (directory) => {
  write(`${directory}/é`, "[local]\noops\n");
  ok(refusal(`${directory}/é`, NOWHERE).startsWith(`${directory}/\xc3\xa9:2: Syntax error: `));
});

inDirectory("`loadConfig()` goes on with the state file of the original when there is one", (directory) => {
  write(`${directory}/config`, "[local]\nhost = l\n[remote]\n");
  const environment = { ...NOWHERE, XDG_DATA_HOME: directory };
  const load = () => loadConfig(`${directory}/config`, environment);
  strictEqual(load().config.database, `${directory}/interimap/l.db`);
  Deno.writeTextFileSync(`${directory}/interimap/localhost.db`, "");
  strictEqual(load().config.database, `${directory}/interimap/localhost.db`);
  deepStrictEqual(load().warnings.map((line) => line.includes(`${directory}/interimap/localhost.db`)), [true]);
  Deno.writeTextFileSync(`${directory}/interimap/l.db`, "");
  deepStrictEqual([load().config.database, load().warnings], [`${directory}/interimap/l.db`, []]);
});

inDirectory("`loadConfig()` freezes everything", (directory) => {
  write(`${directory}/config`, `database = /x.db\n${MINIMAL}`);
  const { config } = loadConfig(`${directory}/config`, NOWHERE);
  for (const value of [config, config.local, config.remote, config.local.auth, config.remote.tls]) {
    ok(Object.isFrozen(value));
  }
});

Deno.test({
  name: "`loadConfig()` says that /dev and /proc need all permissions when Deno refuses them",
  permissions: { read: true },
  fn() {
    for (const path of ["/proc/version", "/dev/shm/config"]) {
      const message = refusal(path, NOWHERE);
      ok(message.startsWith(`Can't read config file ${path}: `) && message.includes("--allow-all"), message);
    }
  },
});

Deno.test({
  name: "`loadConfig()` says what is missing when Deno may not read the file",
  permissions: { read: [] },
  fn() {
    const message = refusal("/etc/passwd", NOWHERE);
    ok(message.startsWith("Can't read config file /etc/passwd: ") && message.includes("--allow-read"), message);
  },
});

Deno.test("`fileError()` gives the reason in one line", () => {
  const rows: readonly (readonly [unknown, string])[] = [
    [new Deno.errors.PermissionDenied("x"), "permission denied"],
    [new Deno.errors.NotFound("x"), "no such file or directory"],
    [new Error("two\nlines é"), "two\\x0Alines \xc3\xa9"],
    ["thrown", "thrown"],
  ];
  for (const [error, reason] of rows) {
    const made = fileError("Can't", "/x", error);
    deepStrictEqual([made.message, made.cause], [`Can't: ${reason}`, error]);
  }
});
