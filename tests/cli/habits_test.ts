// What is known of the servers before they are connected to, and what an error teaches.

import assert from "node:assert/strict";
import {
  type Habits,
  learnFrom,
  NO_HABITS,
  patientHabits,
  rememberedHabits,
  rememberLogins,
} from "../../lib/cli/habits.ts";
import { AuthenticationError, SilentLeaveError, StaleCapabilitiesError } from "../../lib/errors.ts";
import { type Database, distrustLogin, openDatabase, prepareStore, rememberCapabilities } from "../../lib/state/mod.ts";
import type { Store } from "../../lib/state/types.ts";
import { KeepingLog } from "../support/quiet_log.ts";

function withFile(test: (database: Database, prepare: () => Store) => void): void {
  const directory = Deno.makeTempDirSync();
  try {
    const database = openDatabase(`${directory}/state.db`, { create: true });
    test(database, () => prepareStore(database, { local: "/", remote: "." }, new KeepingLog(0)));
    database.close();
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

const presumed = { local: true, remote: true };
const neither = { local: false, remote: false };

Deno.test("`rememberedHabits()` presumes something of servers only while no mailbox was ever synchronized", () => {
  withFile((database, prepare) => {
    assert.deepEqual(rememberedHabits(database), { ...NO_HABITS, presumed });
    const store = prepare();
    assert.deepEqual(rememberedHabits(database).presumed, presumed);
    const { idx } = store.addMailbox("INBOX", true);
    assert.deepEqual(rememberedHabits(database).presumed, presumed);
    const cursor = { uidValidity: 1, uidNext: 2, highestModSeq: 2n };
    store.apply((["local", "remote"] as const).map((side) => ({ kind: "cursor", idx, side, cursor })));
    assert.deepEqual(rememberedHabits(database), NO_HABITS);
  });
});

Deno.test("`rememberedHabits()` expects what was told, and nothing of a server that is waited for", () => {
  withFile((database, prepare) => {
    prepare();
    rememberCapabilities(database, "local", ["ENABLE"]);
    distrustLogin(database, "remote");
    const { expected, presumed } = rememberedHabits(database);
    assert.deepEqual({ expected, presumed }, { expected: { local: ["ENABLE"], remote: null }, presumed: neither });
    assert.deepEqual(patientHabits(database), NO_HABITS);
  });
});

Deno.test("`rememberLogins()` holds against a server what it lost in this run, whatever it tells", () => {
  withFile((database, prepare) => {
    prepare();
    const habits: Habits = { ...NO_HABITS, distrusted: { local: false, remote: true } };
    rememberLogins(database, habits, { local: ["ENABLE"], remote: ["ENABLE"] });
    rememberLogins(database, NO_HABITS, { local: ["ENABLE"], remote: ["ENABLE"] });
    assert.deepEqual(rememberedHabits(database).expected, { local: ["ENABLE"], remote: null });
  });
});

Deno.test("`learnFrom()` waits for both servers when what was sent behind a login did not hold", () => {
  withFile((database) => {
    const log = new KeepingLog(0);
    const told: Habits = { ...NO_HABITS, expected: { local: null, remote: ["ENABLE"] } };
    for (const habits of [told, { ...NO_HABITS, presumed }]) {
      for (const again of [true, false]) {
        const error = new StaleCapabilitiesError("no", again, { component: "remote" });
        const learned = learnFrom(error, habits, database, log);
        assert.deepEqual(learned, { ...NO_HABITS, distrusted: { local: false, remote: !again } });
        assert.equal(learnFrom(error, learned ?? told, database, log), null, "it is tried for ever");
      }
    }
  });
});

Deno.test("`learnFrom()` forgets a login that was refused, and remembers who leaves silently", () => {
  withFile((database, prepare) => {
    prepare();
    const log = new KeepingLog(0);
    rememberCapabilities(database, "remote", ["ENABLE"]);
    const habits = rememberedHabits(database);
    assert.equal(learnFrom(new AuthenticationError("no", { component: "remote" }), habits, database, log), null);
    assert.equal(rememberedHabits(database).expected.remote, null);
    const silent = learnFrom(new SilentLeaveError("no", { component: "remote" }), habits, database, log);
    assert.deepEqual(silent, { ...habits, silent: { local: false, remote: true } });
    assert.deepEqual(rememberedHabits(database).silent, { local: false, remote: true });
    assert.equal(learnFrom(new Error("a bug"), habits, database, log), null);
  });
});
