import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { openDatabase, prepareStore } from "../../lib/state/mod.ts";
import { run } from "../support/live/child.ts";
import { KeepingLog } from "../support/quiet_log.ts";
import { refusalOf, withStateFile } from "../support/state_file.ts";
import { stateProcess, withoutPrivileges } from "../support/state_process.ts";

const FLAT = { local: null, remote: null };

/** The file, byte for byte. */
function contentOf(path: string): string {
  return Deno.readFileSync(path).toString();
}

/** Checks that the file is refused with a text like `said`, and stays as it is, without anything beside it. */
function refuses(path: string, said: RegExp): void {
  const before = contentOf(path);
  assert.match(refusalOf(() => openDatabase(path, { create: true })), said);
  assert.equal(contentOf(path), before);
  const folder = path.replace(/\/[^/]*$/, "");
  assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), [path.slice(folder.length + 1)]);
}

Deno.test("`openDatabase()` creates a missing file for its owner only when it may", () =>
  withStateFile(({ path }) => {
    const database = openDatabase(path, { create: true });
    const { mode } = Deno.statSync(path);
    database.close();
    assert.equal((mode ?? 0) & 0o777, 0o600);
  }));

Deno.test("`openDatabase()` leaves the mode of an existing file as it is", () =>
  withStateFile((file) => {
    Deno.writeFileSync(file.path, new Uint8Array(), { mode: 0o640 });
    file.store();
    assert.equal((Deno.statSync(file.path).mode ?? 0) & 0o777, 0o640);
  }));

Deno.test("`openDatabase()` creates nothing when it may not", () =>
  withStateFile(({ path }) => {
    const said = refusalOf(() => openDatabase(path, { create: false }));
    assert.match(said, /^database: Database .*state\.db does not exist: run interimap once without --watch/);
    assert.throws(() => Deno.statSync(path), Deno.errors.NotFound);
  }));

Deno.test("`openDatabase()` says why a file cannot be created", () =>
  withStateFile(({ path }) => {
    const missing = `${path}.d/state.db`;
    assert.equal(
      refusalOf(() => openDatabase(missing, { create: true })),
      `database: Can't create ${missing}: No such file or directory`,
    );
  }));

Deno.test("`openDatabase()` refuses what is no SQLite file and leaves it untouched", () =>
  withStateFile(({ path }) => {
    Deno.writeTextFileSync(path, "This is not a database, whatever its name says.\n".repeat(100));
    refuses(path, /^database: Database .*state\.db is not an SQLite file/);
    Deno.writeTextFileSync(path, "short");
    refuses(path, /is not an SQLite file/);
  }));

Deno.test("`openDatabase()` refuses a directory", () =>
  withStateFile(({ path }) => {
    Deno.mkdirSync(path);
    assert.match(refusalOf(() => openDatabase(path, { create: true })), /state\.db: it is not a regular file$/);
  }));

Deno.test("`openDatabase()` refuses another program's tables and leaves them untouched", () =>
  withStateFile(({ path }) => {
    const foreign: readonly (readonly [sql: string, said: RegExp])[] = [
      ["CREATE TABLE bookmarks (url TEXT)", /is not one of interimap's \(it has no table mailboxes\)/],
      ["CREATE VIEW v AS SELECT 1; PRAGMA user_version = 1", /it has no table mailboxes/],
      ["PRAGMA user_version = 1", /it has no table mailboxes/],
      ["PRAGMA application_id = 252006674", /it has no table mailboxes/],
      ["CREATE TABLE mailboxes (idx INTEGER, name TEXT)", /it has no column mailbox in table mailboxes/],
      ["PRAGMA user_version = 7; CREATE TABLE bookmarks (url TEXT)", /it has no table mailboxes/],
    ];
    for (const [sql, said] of foreign) {
      const connection = new DatabaseSync(path);
      connection.exec(sql);
      connection.close();
      refuses(path, said);
      Deno.removeSync(path);
    }
  }));

Deno.test("`openDatabase()` refuses a file of version 0 that bears another program's mark", () =>
  withStateFile((file) => {
    file.store();
    file.close();
    const connection = new DatabaseSync(file.path);
    connection.exec("PRAGMA user_version = 0; PRAGMA application_id = 1");
    connection.close();
    refuses(file.path, /it bears another program's mark/);
  }));

Deno.test("`openDatabase()` refuses a newer version and leaves it untouched", () =>
  withStateFile((file) => {
    file.store();
    file.close();
    const connection = new DatabaseSync(file.path);
    connection.exec("PRAGMA user_version = 2");
    connection.close();
    refuses(file.path, /^database: Database .*state\.db has version 2, newer than this program knows/);
  }));

Deno.test({
  name: "`openDatabase()` says that all permissions are needed when the file is under /dev or /proc",
  permissions: { read: "inherit", write: "inherit" },
  fn: () => {
    for (const path of ["/dev/shm/state.db", "/proc/self/state.db"]) {
      const said = refusalOf(() => openDatabase(path, { create: true }));
      assert.equal(
        said,
        `database: Cannot open database ${path}: ` +
          "Deno needs all permissions (--allow-all) for files under /dev and /proc",
      );
    }
  },
});

Deno.test({
  name: "`openDatabase()` says which permissions are missing",
  permissions: "none",
  fn: () => {
    assert.match(refusalOf(() => openDatabase("/srv/state.db", { create: true })), /--allow-read, --allow-write/);
  },
});

Deno.test("`openDatabase()` says what is wrong when modes forbid reading or writing", () =>
  withStateFile(async (file) => {
    const { path } = file;
    const folder = path.replace(/\/[^/]*$/, "");
    file.store();
    file.close();
    Deno.chmodSync(path, 0o000);
    const isPrivileged = canRead(path);
    const said = async () => (await run(withoutPrivileges(stateProcess("open", path), isPrivileged))).stdout.trim();
    assert.match(await said(), /Cannot open database .*: Permission denied/);
    Deno.chmodSync(path, 0o400);
    assert.match(await said(), /state\.db is read-only: make it and its directory writable/);
    Deno.chmodSync(path, 0o600);
    Deno.chmodSync(folder, 0o500);
    assert.match(await said(), /is read-only: make it and its directory writable/);
    Deno.chmodSync(folder, 0o700);
    assert.equal(await said(), "opened");
  }));

function canRead(path: string): boolean {
  try {
    Deno.openSync(path, { read: true }).close();
    return true;
  } catch {
    return false;
  }
}

Deno.test("`openDatabase()` writes nothing to a file that it finds as it should be", () =>
  withStateFile((file) => {
    file.store();
    file.close();
    const before = contentOf(file.path);
    const { mtime } = Deno.statSync(file.path);
    prepareStore(openDatabase(file.path, { create: false }), FLAT, new KeepingLog()).close();
    assert.equal(contentOf(file.path), before);
    assert.deepEqual(Deno.statSync(file.path).mtime, mtime);
  }));

Deno.test("`openDatabase()` keeps SQLite's defaults but the lock and the foreign keys", () =>
  withStateFile(({ path }) => {
    const database = openDatabase(path, { create: true });
    const pragma = (name: string) => database.prepare<[number | string]>(`PRAGMA ${name}`).get()?.[0];
    assert.equal(pragma("locking_mode"), "exclusive");
    assert.equal(pragma("journal_mode"), "delete");
    assert.equal(pragma("synchronous"), 2);
    assert.equal(pragma("foreign_keys"), 0);
    prepareStore(database, FLAT, new KeepingLog());
    assert.equal(pragma("synchronous"), 2);
    assert.equal(pragma("foreign_keys"), 1);
    database.close();
    database.close();
  }));

Deno.test("`transaction()` leaves nothing behind when its body throws", () =>
  withStateFile((file) => {
    const database = file.open();
    prepareStore(database, FLAT, new KeepingLog());
    const bug = new RangeError("a bug");
    const body = () => {
      database.execute("INSERT INTO mailboxes (mailbox, subscribed) VALUES (x'61', 1)");
      throw bug;
    };
    assert.throws(() => database.transaction(body), (error) => error === bug);
    assert.deepEqual(database.prepare("SELECT COUNT(*) FROM mailboxes").get(), [0]);
    database.transaction(() => database.execute("INSERT INTO mailboxes (mailbox, subscribed) VALUES (x'61', 1)"));
    assert.deepEqual(database.prepare("SELECT COUNT(*) FROM mailboxes").get(), [1]);
  }));

Deno.test("`transaction()` fails in one clear line and keeps what was there when the disk is full", () =>
  withStateFile((file) => {
    const database = file.open();
    const store = prepareStore(database, FLAT, new KeepingLog());
    store.addMailbox("before", false);
    const pages = database.prepare<[number]>("PRAGMA page_count").get()?.[0] ?? 0;
    database.prepare(`PRAGMA max_page_count = ${pages}`).get();
    const { idx } = store.addMailbox("fits", false);
    const pairs = Array.from({ length: 5000 }, (_, i) => ({ localUid: i + 1, remoteUid: i + 1 }));
    assert.match(refusalOf(() => store.apply([{ kind: "pair", idx, pairs }])), /no space is left on its disk$/);
    assert.equal(store.pairCount(idx), 0);
    assert.deepEqual(store.overview().map(({ mailbox }) => mailbox), ["before", "fits"]);
    database.prepare("PRAGMA max_page_count = 100000").get();
    store.apply([{ kind: "pair", idx, pairs }]);
    assert.equal(store.pairCount(idx), 5000);
  }));

Deno.test("a file that `openDatabase()` created goes again when nothing was written to it, and stays otherwise", () => {
  const directory = Deno.makeTempDirSync();
  try {
    const path = `${directory}/new.db`;
    openDatabase(path, { create: true }).close();
    assert.throws(() => Deno.statSync(path), Deno.errors.NotFound);
    Deno.writeFileSync(path, new Uint8Array());
    openDatabase(path, { create: true }).close();
    Deno.removeSync(path);
    const written = openDatabase(path, { create: true });
    written.transaction(() => written.execute("CREATE TABLE x (y)"));
    written.close();
    assert.ok(Deno.statSync(path).size > 0);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});
