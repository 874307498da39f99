// A second process for the tests of lib/state; its arguments are what to do, and the path of the state file.
//   open: opens and closes the file, and prints "opened" or the error as JSON
//   hold: opens and prepares it, prints "held", and keeps it until its standard input ends
//   half: is in the middle of a transaction, a part of which has reached the file, when it prints "half"

import { StateError } from "../../lib/errors.ts";
import { type Database, openDatabase, prepareStore } from "../../lib/state/mod.ts";
import { KeepingLog } from "./quiet_log.ts";

/** More pages than SQLite's cache holds, so that some are written before the end of the transaction. */
const HALF_PAIRS = 200_000;

const PRIVILEGES = "-dac_override,-dac_read_search";

/** The arguments of `deno` that run this file. */
export function stateProcess(what: "open" | "hold" | "half", path: string): string[] {
  return [
    Deno.execPath(),
    "run",
    "--quiet",
    "--no-check",
    "--cached-only",
    "--allow-read",
    "--allow-write",
    new URL(import.meta.url).pathname,
    what,
    path,
  ];
}

/** Makes a command obey the modes of files, also when root runs the tests. */
export function withoutPrivileges(command: readonly string[], isPrivileged: boolean): readonly string[] {
  return isPrivileged ? ["setpriv", `--bounding-set=${PRIVILEGES}`, ...command] : command;
}

function say(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

/** Blocks, also in the middle of a transaction. */
function waitForEndOfInput(): void {
  const buffer = new Uint8Array(1);
  while (Deno.stdin.readSync(buffer) !== null);
}

function hold(database: Database): void {
  prepareStore(database, { local: "/", remote: "/" }, new KeepingLog());
  say("held");
  waitForEndOfInput();
}

function half(database: Database): void {
  const insert = database.prepare("INSERT INTO mapping (idx, lUID, rUID) VALUES (1, ?, ?)");
  database.transaction(() => {
    database.execute("DELETE FROM mapping");
    for (let uid = 1; uid <= HALF_PAIRS; uid++) insert.run(uid, HALF_PAIRS - uid + 1);
    say("half");
    waitForEndOfInput();
  });
}

function main(what: string, path: string): void {
  try {
    const database = openDatabase(path, { create: false });
    if (what === "hold") hold(database);
    if (what === "half") half(database);
    if (what === "open") say("opened");
    database.close();
  } catch (error) {
    if (!(error instanceof StateError)) throw error;
    say(JSON.stringify({ message: error.message, component: error.component }));
  }
}

if (import.meta.main) main(Deno.args[0] ?? "", Deno.args[1] ?? "");
