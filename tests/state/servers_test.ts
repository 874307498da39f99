// What is remembered of the servers' capabilities.

import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import {
  distrustLogin,
  expectedCapabilities,
  forgetLogin,
  openDatabase,
  peekCursors,
  prepareStore,
  rememberCapabilities,
  rememberDelimiters,
  rememberedDelimiters,
  rememberSilentLeaver,
  silentLeavers,
  storeAsItIs,
} from "../../lib/state/mod.ts";
import { KeepingLog } from "../support/quiet_log.ts";

function withFile(test: (path: string) => void): void {
  const directory = Deno.makeTempDirSync();
  try {
    test(`${directory}/state.db`);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

Deno.test("`expectedCapabilities()` gives back what was remembered, and nothing of a file without our tables", () => {
  withFile((path) => {
    const database = openDatabase(path, { create: true });
    assert.deepEqual(expectedCapabilities(database), { local: null, remote: null });
    const store = prepareStore(database, { local: "/", remote: "." }, new KeepingLog(0));
    rememberCapabilities(database, "remote", ["QRESYNC", "ENABLE"]);
    rememberCapabilities(database, "local", []);
    assert.deepEqual(expectedCapabilities(database), { local: null, remote: ["ENABLE", "QRESYNC"] });
    rememberCapabilities(database, "remote", ["ENABLE"]);
    assert.deepEqual(expectedCapabilities(database).remote, ["ENABLE"]);
    store.close();
    const again = openDatabase(path, { create: false });
    assert.deepEqual(expectedCapabilities(again).remote, ["ENABLE"]);
    again.close();
  });
});

Deno.test("`forgetLogin()` holds until capabilities are remembered again", () => {
  withFile((path) => {
    const database = openDatabase(path, { create: true });
    const store = prepareStore(database, { local: "/", remote: "." }, new KeepingLog(0));
    for (const side of ["local", "remote"] as const) rememberCapabilities(database, side, ["ENABLE"]);
    forgetLogin(database, "remote");
    assert.deepEqual(expectedCapabilities(database), { local: ["ENABLE"], remote: null });
    rememberCapabilities(database, "remote", ["ENABLE"]);
    assert.deepEqual(expectedCapabilities(database).remote, ["ENABLE"]);
    store.close();
  });
});

Deno.test("`peekCursors()` tells what the rows say, and nothing of a file that has to be made first", () => {
  withFile((path) => {
    const database = openDatabase(path, { create: true });
    assert.equal(peekCursors(database).size, 0);
    const store = prepareStore(database, { local: "/", remote: "." }, new KeepingLog(0));
    const { idx } = store.addMailbox("a\0b", true);
    store.addMailbox("c", true);
    const cursor = { uidValidity: 1, uidNext: 2, highestModSeq: 2n ** 63n };
    store.apply((["local", "remote"] as const).map((side) => ({ kind: "cursor", idx, side, cursor })));
    assert.deepEqual([...peekCursors(database)], [["a\0b", { local: cursor, remote: cursor }]]);
    store.close();
  });
});

Deno.test("`distrustLogin()` holds although capabilities are remembered later", () => {
  withFile((path) => {
    const database = openDatabase(path, { create: true });
    const store = prepareStore(database, { local: "/", remote: "." }, new KeepingLog(0));
    rememberCapabilities(database, "remote", ["ENABLE"]);
    distrustLogin(database, "remote");
    rememberCapabilities(database, "remote", ["ENABLE"]);
    assert.deepEqual(expectedCapabilities(database), { local: null, remote: [] });
    store.close();
  });
});

Deno.test("`silentLeavers()` gives back what was remembered, and nothing of a file without our tables", () => {
  withFile((path) => {
    const database = openDatabase(path, { create: true });
    assert.deepEqual(silentLeavers(database), { local: false, remote: false });
    const store = prepareStore(database, { local: "/", remote: "." }, new KeepingLog(0));
    assert.deepEqual(silentLeavers(database), { local: false, remote: false });
    rememberSilentLeaver(database, "remote");
    rememberSilentLeaver(database, "remote");
    store.close();
    const again = openDatabase(path, { create: false });
    assert.deepEqual(silentLeavers(again), { local: false, remote: true });
    again.close();
  });
});

Deno.test("`rememberedDelimiters()` gives back what the last run found, and nothing of a file without our tables", () => {
  withFile((path) => {
    const database = openDatabase(path, { create: true });
    assert.equal(rememberedDelimiters(database), null);
    const store = prepareStore(database, { local: "/", remote: "." }, new KeepingLog(0));
    assert.equal(rememberedDelimiters(database), null);
    for (
      const delimiters of [{ local: "/", remote: "." }, { local: "/", remote: "\\" }, { local: null, remote: null }]
    ) {
      rememberDelimiters(database, delimiters);
      assert.deepEqual(rememberedDelimiters(database), delimiters);
    }
    store.close();
    const again = openDatabase(path, { create: false });
    assert.deepEqual(rememberedDelimiters(again), { local: null, remote: null });
    again.close();
  });
});

Deno.test("`storeAsItIs()` gives a store where nothing has to be written, and else leaves the file as it is", () => {
  withFile((path) => {
    const open = () => openDatabase(path, { create: true });
    const first = open();
    assert.equal(storeAsItIs(first), null, "an empty file");
    const store = prepareStore(first, { local: "/", remote: "/" }, new KeepingLog(0));
    const { idx } = store.addMailbox("INBOX", true);
    const cursor = { uidValidity: 1, uidNext: 1, highestModSeq: 1n };
    for (const side of ["local", "remote"] as const) store.apply([{ kind: "cursor", idx, side, cursor }]);
    store.close();
    const before = Deno.readFileSync(path);
    const second = open();
    assert.equal(storeAsItIs(second), null, "a mailbox that is not counted");
    second.close();
    assert.deepEqual(Deno.readFileSync(path), before);
    const third = open();
    prepareStore(third, { local: "/", remote: "/" }, new KeepingLog(0)).close();
    const settled = Deno.readFileSync(path);
    const fourth = open();
    assert.equal(storeAsItIs(fourth)?.overview()[0]?.mailbox, "INBOX");
    fourth.close();
    assert.deepEqual(Deno.readFileSync(path), settled);
    const other = new DatabaseSync(path);
    other.exec("UPDATE local SET UIDNEXT = 2");
    other.close();
    const fifth = open();
    assert.equal(storeAsItIs(fifth), null, "a mailbox that another program went on with");
    fifth.close();
  });
});
