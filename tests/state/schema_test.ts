import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { StateError } from "../../lib/errors.ts";
import { prepareStore, type Store } from "../../lib/state/mod.ts";
import { KeepingLog } from "../support/quiet_log.ts";
import { refusalOf, type StateFile, withStateFile } from "../support/state_file.ts";

type Row = Readonly<Record<string, unknown>>;

/** What SQLite knows of a table, in words that do not depend on how its definition is spelled. */
function describeTable(connection: DatabaseSync, table: string): string[] {
  const rows = (sql: string) => connection.prepare(sql).all(table) as Row[];
  return [
    ...rows('SELECT name, type, "notnull" AS n, pk FROM pragma_table_info(?)')
      .map(({ name, type, n, pk }) => `${name} ${type}${n === 1 ? " NOT NULL" : ""}${pk === 0 ? "" : ` PK${pk}`}`),
    ...rows('SELECT "table" AS t, "from" AS f, "to" AS o FROM pragma_foreign_key_list(?)')
      .map(({ t, f, o }) => `${f} REFERENCES ${t}(${o})`),
    ...rows(
      'SELECT i.name, i."unique" AS u, i.origin AS o, group_concat(c.name) AS c ' +
        "FROM pragma_index_list(?) i, pragma_index_info(i.name) c GROUP BY i.name ORDER BY i.name",
    )
      .map(({ u, o, c }) => `${u === 1 ? "UNIQUE" : "INDEX"} ${o} (${c})`),
  ];
}

const SIDE = [
  "idx INTEGER NOT NULL PK1",
  "UIDVALIDITY UNSIGNED INT NOT NULL",
  "UIDNEXT UNSIGNED INT NOT NULL",
  "HIGHESTMODSEQ UNSIGNED BIGINT NOT NULL",
  "idx REFERENCES mailboxes(idx)",
];

const TABLES: Readonly<Record<string, readonly string[]>> = {
  mailboxes: [
    "idx INTEGER NOT NULL PK1",
    "mailbox BLOB NOT NULL",
    "subscribed BOOLEAN NOT NULL",
    "UNIQUE u (mailbox)",
  ],
  local: SIDE,
  remote: SIDE,
  mapping: [
    "idx INTEGER NOT NULL PK1",
    "lUID UNSIGNED INT NOT NULL PK2",
    "rUID UNSIGNED INT NOT NULL",
    "idx REFERENCES mailboxes(idx)",
    "UNIQUE pk (idx,lUID)",
    "UNIQUE u (idx,rUID)",
  ],
};

function inspect<Result>(path: string, look: (connection: DatabaseSync) => Result): Result {
  const connection = new DatabaseSync(path);
  try {
    return look(connection);
  } finally {
    connection.close();
  }
}

function pragma(connection: DatabaseSync, name: string): unknown {
  return Object.values(connection.prepare(`PRAGMA ${name}`).get() as Row)[0];
}

function assertVersion1(path: string): void {
  inspect(path, (connection) => {
    assert.equal(pragma(connection, "user_version"), 1);
    assert.equal(pragma(connection, "application_id"), 0);
    assert.equal(pragma(connection, "encoding"), "UTF-8");
    const types = connection.prepare("SELECT DISTINCT typeof(mailbox) AS type FROM mailboxes").all() as Row[];
    assert.deepEqual(types.map(({ type }) => type), ["blob"]);
    for (const [table, expected] of Object.entries(TABLES)) {
      assert.deepEqual(describeTable(connection, table), expected, table);
    }
    const own = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all() as Row[];
    const names = own.map(({ name }) => `${name}`).filter((name) => !(name in TABLES) && name !== "sqlite_sequence");
    assert(names.length > 0 && names.every((name) => name.startsWith("interimap_")), names.join());
    for (const name of names) {
      assert.deepEqual(connection.prepare("SELECT * FROM pragma_foreign_key_list(?)").all(name), []);
    }
    for (
      const refused of [
        "INSERT INTO mailboxes (mailbox, subscribed) VALUES ('', 1)",
        "INSERT INTO local VALUES ((SELECT idx FROM mailboxes), 0, 1, 1)",
        "INSERT INTO mapping VALUES ((SELECT idx FROM mailboxes), 0, 1)",
        "INSERT INTO mapping VALUES ((SELECT idx FROM mailboxes), 1, 0)",
        "INSERT INTO mapping VALUES (99, 1, 1)",
      ]
    ) {
      assert.throws(() => connection.exec(refused), /constraint failed/i, refused);
    }
  });
}

Deno.test("`prepareStore()` creates the original's four tables and says so when the file is empty", () =>
  withStateFile((file) => {
    const log = new KeepingLog();
    file.store({ local: "/", remote: "." }, log).addMailbox("INBOX", true);
    file.close();
    assert.deepEqual(log.lines, [`Creating new schema in database file ${file.path}`]);
    assertVersion1(file.path);
  }));

Deno.test("`prepareStore()` says nothing and changes nothing when the schema is there", () =>
  withStateFile((file) => {
    file.store().addMailbox("INBOX", true);
    file.close();
    const log = new KeepingLog();
    const store = file.store({ local: "/", remote: "." }, log);
    assert.deepEqual(log.lines, []);
    assert.deepEqual(store.overview().map(({ mailbox }) => mailbox), ["INBOX"]);
  }));

/** A file as InterIMAP 0.4 left it: names are text, with the delimiter that both servers had. */
function writeVersion0({ path }: StateFile, extra = ""): void {
  inspect(path, (connection) =>
    connection.exec(`
      CREATE TABLE mailboxes (
        idx INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        mailbox TEXT NOT NULL CHECK (mailbox != '') UNIQUE,
        subscribed BOOLEAN NOT NULL);
      CREATE TABLE local (
        idx INTEGER NOT NULL PRIMARY KEY REFERENCES mailboxes(idx),
        UIDVALIDITY UNSIGNED INT NOT NULL CHECK (UIDVALIDITY > 0),
        UIDNEXT UNSIGNED INT NOT NULL, HIGHESTMODSEQ UNSIGNED BIGINT NOT NULL);
      CREATE TABLE remote (
        idx INTEGER NOT NULL PRIMARY KEY REFERENCES mailboxes(idx),
        UIDVALIDITY UNSIGNED INT NOT NULL CHECK (UIDVALIDITY > 0),
        UIDNEXT UNSIGNED INT NOT NULL, HIGHESTMODSEQ UNSIGNED BIGINT NOT NULL);
      CREATE TABLE mapping (
        idx INTEGER NOT NULL REFERENCES mailboxes(idx),
        lUID UNSIGNED INT NOT NULL CHECK (lUID > 0), rUID UNSIGNED INT NOT NULL CHECK (rUID > 0),
        PRIMARY KEY (idx, lUID), UNIQUE (idx, rUID));
      INSERT INTO mailboxes VALUES (1, 'INBOX', 1), (3, 'a.b.c', 0), (4, 'x/y', 1);
      INSERT INTO local VALUES (1, 10, 5, 7), (3, 11, 2, 9);
      INSERT INTO remote VALUES (1, 20, 6, 8), (3, 21, 2, 9);
      INSERT INTO mapping VALUES (1, 1, 2), (1, 4, 3), (3, 1, 1);
      PRAGMA foreign_keys = OFF;
      ${extra}`));
}

function namesIn(store: Store): readonly string[] {
  return store.overview().map(({ idx, mailbox, subscribed }) => `${idx} ${mailbox}${subscribed ? " s" : ""}`);
}

Deno.test("`prepareStore()` upgrades version 0 when both servers have the same delimiter", () =>
  withStateFile((file) => {
    writeVersion0(file);
    const log = new KeepingLog();
    const store = file.store({ local: ".", remote: "." }, log);
    assert.deepEqual(log.lines, ["Upgrading database version from 0"]);
    assert.deepEqual(store.cursors(1), {
      local: { uidValidity: 10, uidNext: 5, highestModSeq: 7n },
      remote: { uidValidity: 20, uidNext: 6, highestModSeq: 8n },
    });
    assert.deepEqual(store.pairsTouching(1, "local", store.pairedUids(1, "local", 1)), [
      { localUid: 1, remoteUid: 2 },
      { localUid: 4, remoteUid: 3 },
    ]);
    file.close();
    assertVersion1(file.path);
    const again = file.store();
    assert.deepEqual(namesIn(again), ["1 INBOX s", "3 a\0b\0c", "4 x/y s"]);
    assert.equal(again.addMailbox("new", false).idx, 5);
  }));

Deno.test("`prepareStore()` keeps the names of version 0 when the namespaces are flat", () =>
  withStateFile((file) => {
    writeVersion0(file);
    file.store({ local: null, remote: null });
    file.close();
    assertVersion1(file.path);
    assert.deepEqual(namesIn(file.store()), ["1 INBOX s", "3 a.b.c", "4 x/y s"]);
  }));

Deno.test("`prepareStore()` refuses to upgrade version 0 when the delimiters differ", () =>
  withStateFile((file) => {
    writeVersion0(file);
    const before = Deno.readFileSync(file.path).toString();
    const database = file.open();
    const prepare = () => prepareStore(database, { local: "/", remote: "\\" }, new KeepingLog());
    assert.equal(
      refusalOf(prepare),
      ': Local and remote hierachy delimiters differ (local "/", remote "\\\\"), refusing to update table `mailboxes`.',
    );
    assert.throws(prepare, StateError);
    file.close();
    assert.equal(Deno.readFileSync(file.path).toString(), before);
  }));

Deno.test("`prepareStore()` refuses to upgrade version 0 when its rows refer to nothing", () =>
  withStateFile((file) => {
    writeVersion0(file, "INSERT INTO mapping VALUES (99, 1, 1);");
    const before = Deno.readFileSync(file.path).toString();
    assert.equal(
      refusalOf(() => file.store({ local: ".", remote: "." })),
      "database: Broken referential integrity! Refusing to commit changes.",
    );
    file.close();
    assert.equal(Deno.readFileSync(file.path).toString(), before);
  }));

Deno.test("`prepareStore()` converts a file of version 0 with the tables of version 1 harmlessly", () =>
  withStateFile((file) => {
    file.store().addMailbox("a\0b", true);
    file.close();
    inspect(file.path, (connection) => connection.exec("PRAGMA user_version = 0"));
    assert.deepEqual(namesIn(file.store({ local: "/", remote: "/" })), ["1 a\0b s"]);
    file.close();
    assertVersion1(file.path);
  }));
