// --delete and --rename between two model servers: the checks come before the first effect, the database last, and a
// refusal says what was done and how to go on.

import assert from "node:assert/strict";
import { InterimapError } from "../../lib/errors.ts";
import {
  checkDeletable,
  type CommandTarget,
  deleteMailboxes,
  planRename,
  renameMailbox,
} from "../../lib/sync/mailbox_commands.ts";
import { plainMessage } from "../support/live/mail.ts";
import { MemoryStore } from "../support/memory_store.ts";
import { differences, finished, memoryHome, Rig, type RunResult } from "../support/model_rig.ts";
import { ModelMailstore, Refused } from "../support/model_mailstore.ts";
import { ModelServer } from "../support/model_server.ts";

const ALL: readonly CommandTarget[] = ["local", "remote", "database"];

interface Scene {
  readonly rig: Rig;
  readonly state: MemoryStore;
}

/** Mailboxes a, a/b, ab and c with one message each on both sides, synchronized. */
async function scene(): Promise<Scene> {
  const state = new MemoryStore();
  const rig = new Rig(new ModelServer(), new ModelServer(new ModelMailstore({ delimiter: "." })), memoryHome(state));
  for (const name of ["a", "a/b", "ab", "c"]) {
    const mailbox = rig.store("local").create(name);
    mailbox.append([{ flags: [], date: { seconds: 1_700_000_000, zone: 0 }, body: plainMessage(name) }]);
  }
  assert.ok(finished(await rig.run()));
  return { rig, state };
}

function remove({ rig }: Scene, names: readonly string[], targets = ALL): Promise<RunResult> {
  return rig.run({ command: (context) => deleteMailboxes(names, { ...context, targets: new Set(targets) }) });
}

function rename({ rig }: Scene, from: string, to: string, targets = ALL): Promise<RunResult> {
  return rig.run({ command: (context) => renameMailbox(from, to, { ...context, targets: new Set(targets) }) });
}

function errorOf(result: RunResult): string {
  assert.ok(result.error instanceof InterimapError, String(result.error));
  return `${result.error.component}: ${[result.error.message, ...result.error.hints].join("; ")}`;
}

/** What there is, everywhere. */
function names({ rig, state }: Scene): readonly string[] {
  return [
    rig.store("local").names.toSorted().join(" "),
    rig.store("remote").names.toSorted().join(" "),
    state.overview().map(({ mailbox }) => mailbox.replaceAll("\0", "/")).toSorted().join(" "),
  ];
}

const EVERYTHING = ["INBOX a a/b ab c", "INBOX a a.b ab c", "INBOX a a/b ab c"];

async function synchronizedAgain(s: Scene): Promise<void> {
  const result = await s.rig.run();
  assert.ok(finished(result));
  assert.equal(result.report?.problems, 0, result.log.join("\n"));
  assert.deepEqual(differences(s.rig), []);
}

Deno.test("a mailbox is deleted on both servers and in the database, those below it are not", async () => {
  const s = await scene();
  const result = await remove(s, ["a"]);
  assert.ok(finished(result));
  assert.deepEqual(result.log, [
    "local: Deleted mailbox a",
    "remote: Deleted mailbox a",
    "database: Removed mailbox a",
  ]);
  assert.deepEqual(names(s), ["INBOX a/b ab c", "INBOX a.b ab c", "INBOX a/b ab c"]);
  await synchronizedAgain(s);
});

Deno.test("only the targets of a deletion are touched", async () => {
  const rows: readonly (readonly [targets: readonly CommandTarget[], expected: readonly string[]])[] = [
    [["local"], ["INBOX a a/b ab", ...EVERYTHING.slice(1)]],
    [["remote"], [EVERYTHING[0] ?? "", "INBOX a a.b ab", EVERYTHING[2] ?? ""]],
    [["database"], [...EVERYTHING.slice(0, 2), "INBOX a a/b ab"]],
  ];
  for (const [targets, expected] of rows) {
    const s = await scene();
    const result = await remove(s, ["c"], targets);
    assert.ok(finished(result));
    assert.deepEqual(names(s), expected);
    const warned = result.log.some((line) =>
      line.includes("will compare all its messages and copy what one side lacks")
    );
    assert.equal(warned, targets[0] === "database");
  }
});

Deno.test("what is deleted everywhere already, and a wildcard, are no error and delete nothing", async () => {
  const s = await scene();
  for (const name of ["none", "*", "a%"]) assert.deepEqual((await remove(s, [name])).log, []);
  assert.deepEqual(names(s), EVERYTHING);
});

Deno.test("the row of a mailbox that is on no server any more is removed", async () => {
  const s = await scene();
  s.rig.store("local").delete("c");
  s.rig.store("remote").delete("c");
  assert.deepEqual((await remove(s, ["c"])).log, ["database: Removed mailbox c"]);
  assert.deepEqual(names(s), ["INBOX a a/b ab", "INBOX a a.b ab", "INBOX a a/b ab"]);
});

Deno.test("INBOX is refused before anything is deleted", async () => {
  const s = await scene();
  assert.match(errorOf(await remove(s, ["a", "Inbox"])), /INBOX can't be deleted/);
  assert.deepEqual(names(s), EVERYTHING);
  assert.deepEqual((await remove(s, ["INBOX"], ["database"])).log.filter((line) => !/WARNING/.test(line)), [
    "database: Removed mailbox INBOX",
  ]);
  assert.throws(() => checkDeletable(["x", "inBox"], new Set(["database", "remote"])), /INBOX can't be deleted/);
});

Deno.test("a deletion that the second server refuses says what was done and how to go on", async () => {
  const s = await scene();
  const store = s.rig.store("remote");
  const original = store.delete.bind(store);
  store.delete = () => {
    throw new Refused("INUSE", "Mailbox is in use");
  };
  const text = errorOf(await remove(s, ["a", "c"]));
  assert.equal(
    text,
    "remote: Couldn't delete mailbox a: NO [INUSE] Mailbox is in use; " +
      "a is deleted on local, and still in the database; " +
      "to go on once the cause is removed: `interimap --target=remote,database --delete a c`",
  );
  store.delete = original;
  assert.ok(finished(await remove(s, ["a", "c"], ["remote", "database"])));
  assert.ok(finished(await remove(s, ["c"], ["local"])));
  await synchronizedAgain(s);
});

Deno.test("a mailbox is renamed with its children on both servers and in the database", async () => {
  const s = await scene();
  const result = await rename(s, "a", "x/y");
  assert.ok(finished(result));
  assert.deepEqual(result.log, [
    "local: Renamed mailbox a to x/y",
    "remote: Renamed mailbox a to x.y",
    "database: Renamed mailbox a to x/y",
  ]);
  assert.deepEqual(names(s), ["INBOX ab c x/y x/y/b", "INBOX ab c x.y x.y.b", "INBOX ab c x/y x/y/b"]);
  const silent = await s.rig.run();
  assert.ok(finished(silent));
  assert.deepEqual(silent.log, [], "cursors and pairs have moved along");
});

Deno.test("a DEST that exists on any target is refused before the first effect", async () => {
  const s = await scene();
  assert.equal(
    errorOf(await rename(s, "a", "c")),
    "local: Mailbox c exists. Run `interimap --target=local --delete c` to delete.",
  );
  s.rig.store("remote").create("d.e");
  assert.equal(
    errorOf(await rename(s, "a", "d/e")),
    "remote: Mailbox d.e exists. Run `interimap --target=remote --delete d/e` to delete.",
  );
  s.state.addMailbox("f", false);
  assert.equal(
    errorOf(await rename(s, "a", "f")),
    "database: Mailbox f exists. Run `interimap --target=database --delete f` to delete.",
  );
  s.state.addMailbox("g\0b", false);
  assert.match(errorOf(await rename(s, "a", "g")), /^database: Mailbox g\/b exists\./);
  assert.match(errorOf(await rename(s, "a", "g.h")), /other server's hierarchy delimiter/);
  assert.deepEqual(s.rig.store("local").names.toSorted().join(" "), EVERYTHING[0]);
});

Deno.test("a SOURCE that one server lacks is renamed where it is", async () => {
  const s = await scene();
  s.rig.store("remote").delete("c");
  assert.ok(finished(await rename(s, "c", "d")));
  assert.deepEqual(names(s), ["INBOX a a/b ab d", "INBOX a a.b ab", "INBOX a a/b ab d"]);
  assert.deepEqual((await rename(s, "none", "nothing")).log, []);
});

Deno.test("a rename that the second server refuses says what was done, how to go on and how to go back", async () => {
  const s = await scene();
  const store = s.rig.store("remote");
  const original = store.rename.bind(store);
  store.rename = () => {
    throw new Refused("NOPERM", "No");
  };
  assert.equal(
    errorOf(await rename(s, "a", "z")),
    "remote: Couldn't rename mailbox a: NO [NOPERM] No; a is renamed on local, and has its old name elsewhere; " +
      "to go on once the cause is removed: `interimap --target=remote,database --rename a z`; " +
      "or take it back: `interimap --target=local --rename z a`",
  );
  store.rename = original;
  assert.ok(finished(await rename(s, "a", "z", ["remote", "database"])));
  assert.deepEqual(names(s), ["INBOX ab c z z/b", "INBOX ab c z z.b", "INBOX ab c z z/b"]);
  await synchronizedAgain(s);
});

Deno.test("a rename that was interrupted can be finished as the refusal of a second one says", async () => {
  const s = await scene();
  s.rig.store("local").rename("a", "z");
  assert.equal(
    errorOf(await rename(s, "a", "z")),
    "local: Mailbox z exists. Run `interimap --target=local --delete z` to delete.; " +
      "but if it was renamed by a run that was interrupted, go on with " +
      "`interimap --target=remote,database --rename a z`",
  );
  assert.ok(finished(await rename(s, "a", "z", ["remote", "database"])));
  await synchronizedAgain(s);
});

Deno.test("a deletion that is killed at any command is finished by another", async () => {
  for (let at = 1; at < 30; at++) {
    const s = await scene();
    const killed = await s.rig.run({
      killAt: { at, spared: at % 2 },
      command: (context) => deleteMailboxes(["a", "c"], { ...context, targets: new Set(ALL) }),
    });
    assert.ok(finished(await remove(s, ["a", "c"])));
    assert.deepEqual(names(s), ["INBOX a/b ab", "INBOX a.b ab", "INBOX a/b ab"], `killed at ${at}`);
    if (!killed.killed) return;
  }
  assert.fail("the deletion never came to its end");
});

Deno.test("a rename on some targets only warns of the names that are left", async () => {
  const s = await scene();
  const { log } = await rename(s, "c", "d", ["local"]);
  assert.deepEqual(log, [
    "local: Renamed mailbox c to d",
    "WARNING: Mailbox c keeps its name on remote and database. " +
    "Run `interimap --target=remote,database --rename c d` before the next run.",
  ]);
});

Deno.test("`planRename()` takes the rows in an order in which no two have one name", () => {
  const rows = ["a", "a\0b", "a\0b\0b", "ab"].map((mailbox, i) => ({ idx: i + 1, mailbox, subscribed: true }));
  for (const [from, to] of [["a", "a\0b"], ["a\0b", "a"], ["a", "c"]] as const) {
    const store = new MemoryStore();
    for (const { mailbox } of rows) if (from !== "a\0b" || mailbox !== "a") store.addMailbox(mailbox, true);
    const before = store.overview();
    store.apply(planRename(before, from, to));
    const expected = before.map(({ mailbox }) =>
      mailbox === from || mailbox.startsWith(`${from}\0`) ? to + mailbox.slice(from.length) : mailbox
    );
    assert.deepEqual(store.overview().map(({ mailbox }) => mailbox), expected.toSorted());
  }
});
