// The state file between processes: the lock, and what a killed process leaves behind.

import assert from "node:assert/strict";
import { openDatabase } from "../../lib/state/mod.ts";
import { LEASH, run } from "../support/live/child.ts";
import { refusalOf, withStateFile } from "../support/state_file.ts";
import { stateProcess } from "../support/state_process.ts";

/** Runs `body` while another process holds the file and has printed `word`; kills that process afterwards. */
async function whileOther(
  what: "hold" | "half",
  path: string,
  word: string,
  body: () => void | Promise<void>,
): Promise<void> {
  const [program = "", ...args] = [...LEASH, ...stateProcess(what, path)];
  const other = new Deno.Command(program, { args, stdin: "piped", stdout: "piped" }).spawn();
  try {
    const reader = other.stdout.getReader();
    const { value } = await reader.read();
    assert.equal(new TextDecoder().decode(value), `${word}\n`);
    await body();
    other.kill("SIGKILL");
    await reader.cancel();
  } finally {
    await other.stdin.abort();
    await other.status;
  }
}

Deno.test("`openDatabase()` says that another run holds the file when a second process has it", () =>
  withStateFile(async (file) => {
    file.store();
    file.close();
    await whileOther("hold", file.path, "held", () => {
      const started = performance.now();
      const said = refusalOf(() => openDatabase(file.path, { create: true }));
      assert.equal(said, `database: Database is locked: ${file.path} is held by another run or a watcher`);
      assert(performance.now() - started >= 200, "it was not waited for at all");
    });
    openDatabase(file.path, { create: false }).close();
  }));

Deno.test("`openDatabase()` keeps every other process out until close()", () =>
  withStateFile(async (file) => {
    const other = async () => (await run(stateProcess("open", file.path))).stdout.trim();
    const locked = /"Database is locked: .*","component":"database"/;
    const database = file.open();
    assert.match(await other(), locked);
    database.close();
    const store = file.store();
    assert.match(await other(), locked);
    const { idx } = store.addMailbox("INBOX", true);
    store.apply([{ kind: "pair", idx, pairs: [{ localUid: 1, remoteUid: 1 }] }]);
    assert.match(await other(), locked);
    store.close();
    assert.equal(await other(), "opened");
  }));

Deno.test("`openDatabase()` undoes what a process had written of a transaction when it was killed", () =>
  withStateFile(async (file) => {
    const store = file.store();
    const { idx } = store.addMailbox("INBOX", true);
    const pairs = Array.from({ length: 1000 }, (_, i) => ({ localUid: i + 1, remoteUid: 2 * i + 1 }));
    store.apply([{ kind: "pair", idx, pairs }]);
    file.close();
    const { size } = Deno.statSync(file.path);
    await whileOther("half", file.path, "half", () => {
      assert(Deno.statSync(file.path).size > 2 * size, "nothing has reached the file yet");
      assert(Deno.statSync(`${file.path}-journal`).size > 0, "there is no journal");
    });
    assert(Deno.statSync(`${file.path}-journal`).size > 0, "the journal did not survive");
    const after = file.store();
    assert.equal(after.pairCount(idx), 1000);
    assert.deepEqual(after.highestPaired(idx), { local: 1000, remote: 1999 });
    file.close();
    assert.throws(() => Deno.statSync(`${file.path}-journal`), Deno.errors.NotFound);
  }));
