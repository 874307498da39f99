// The list of mailboxes and the subscriptions: every row of the table of what exists where, on real stores. Where the
// original gives up altogether, this program leaves one mailbox out, says what to do, and goes on (status 2).

import assert from "node:assert/strict";
import { liveTest } from "../support/live/live_case.ts";
import type { ImapProbe } from "../support/imap_probe.ts";
import type { Lab, Layout, MailStore } from "../support/live_dovecot.ts";
import { plainMessage } from "../support/live/mail.ts";
import type { Program, RunResult } from "../support/live/program.ts";
import { digestsOf, Stage } from "../support/live/stage.ts";
import { compareStores, readStore, type StoreFacts } from "../support/live/witness.ts";

const SLASH: Layout = { format: "maildir", separator: "/" };
const DOT: Layout = { format: "maildir", separator: "." };

function open(lab: Lab, program: Program, local = SLASH, remote = DOT): Promise<Stage> {
  return Stage.open(lab, program, { layouts: { local, remote } });
}

/** Runs, which has to succeed and to make both sides equal. */
async function syncEqual(scene: Stage): Promise<StoreFacts> {
  await scene.sync();
  const { differences, local } = await compareStores(scene.local, scene.remote, scene.workspace.databaseFile);
  assert.deepEqual(differences, []);
  return local;
}

/** Runs, which has to do everything but what it reports. */
async function syncWithStatus2(scene: Stage, said: RegExp): Promise<RunResult> {
  const result = await scene.workspace.run(scene.program);
  assert.equal(result.code, 2, result.stderr);
  assert.match(result.stderr, said);
  return result;
}

function names(facts: StoreFacts): string[] {
  return [...facts.mailboxes.keys()].sort();
}

function digests(facts: StoreFacts, mailbox: string): string[] {
  return (facts.mailboxes.get(mailbox)?.messages ?? []).map(({ digest }) => digest).sort();
}

liveTest("a mailbox of one side is created on the other, with its subscription", async ({ lab, program }) => {
  const scene = await open(lab, program);
  await scene.onLocal(async (probe) => {
    for (const name of ["here", "here/deep/er", "quiet"]) await probe.create(name);
    for (const name of ["here", "here/deep/er"]) await probe.subscribe(name);
  });
  await scene.onRemote(async (probe) => {
    for (const name of ["there.deep", "silent"]) await probe.create(name);
    await probe.subscribe("there.deep");
  });
  const facts = await syncEqual(scene);
  assert.deepEqual(names(facts), ["INBOX", "here", "here\0deep\0er", "quiet", "silent", "there\0deep"]);
  assert.deepEqual([...facts.subscribed].sort(), ["here", "here\0deep\0er", "there\0deep"]);
});

liveTest("parents that are only created along with their children stay no mailboxes", async ({ lab, program }) => {
  const scene = await open(lab, program, SLASH, { format: "mdbox", separator: "." });
  await scene.onLocal((probe) => probe.create("one/two/three"));
  await scene.onRemote((probe) => probe.create("four.five"));
  await syncEqual(scene);
  const unselectable = async (store: MailStore) => {
    const listed = await store.with((probe) => probe.list());
    return listed.filter(({ attributes }) => attributes.includes("\\noselect")).map(({ name }) => name).sort();
  };
  assert.deepEqual(await unselectable(scene.local), ["four", "one", "one/two"]);
  assert.deepEqual(await unselectable(scene.remote), ["four", "one", "one.two"]);
  await scene.onRemote((probe) => probe.create("one.two"));
  assert.ok((await syncEqual(scene)).mailboxes.has("one\0two"));
});

liveTest(
  "mailboxes that exist on both sides are taken up, and subscribed if either side is",
  async ({ lab, program }) => {
    const scene = await open(lab, program);
    const fill = (side: "local" | "remote", subscribed: readonly string[]) => async (probe: ImapProbe) => {
      for (const name of ["left", "right", "both", "none"]) {
        await probe.create(name);
        await probe.append(name, { body: plainMessage(`${side}-${name}`) });
      }
      for (const name of subscribed) await probe.subscribe(name);
    };
    await scene.onLocal(fill("local", ["left", "both"]));
    await scene.onRemote(fill("remote", ["right", "both"]));
    const facts = await syncEqual(scene);
    assert.deepEqual([...facts.subscribed].sort(), ["both", "left", "right"]);
    assert.deepEqual(digests(facts, "none"), digestsOf("local-none", "remote-none"));
  },
);

liveTest("subscribing and unsubscribing on one side is repeated on the other", async ({ lab, program }) => {
  const scene = await open(lab, program);
  await scene.onLocal(async (probe) => {
    for (const name of ["a", "b", "c", "d"]) await probe.create(name);
    for (const name of ["a", "b"]) await probe.subscribe(name);
  });
  await syncEqual(scene);
  await scene.onLocal(async (probe) => {
    await probe.unsubscribe("a");
    await probe.subscribe("c");
  });
  await scene.onRemote(async (probe) => {
    await probe.unsubscribe("b");
    await probe.subscribe("d");
  });
  assert.deepEqual([...(await syncEqual(scene)).subscribed].sort(), ["c", "d"]);
  await scene.onLocal((probe) => probe.unsubscribe("c"));
  await scene.onRemote((probe) => probe.unsubscribe("c"));
  assert.deepEqual([...(await syncEqual(scene)).subscribed], ["d"]);
});

liveTest("a mailbox that is deleted on both sides is no error", async ({ lab, program }) => {
  const scene = await open(lab, program);
  await scene.onLocal((probe) => probe.create("old"));
  await syncEqual(scene);
  await scene.onLocal((probe) => probe.delete("old"));
  await scene.onRemote((probe) => probe.delete("old"));
  await scene.onLocal((probe) => probe.append("INBOX", { body: plainMessage("news") }));
  assert.deepEqual(names(await syncEqual(scene)), ["INBOX"]);
});

for (const missing of ["local", "remote"] as const) {
  liveTest(`a mailbox that vanished from ${missing} is left alone with a hint, the others go on`, async (context) => {
    const scene = await open(context.lab, context.program);
    await scene.onLocal(async (probe) => {
      for (const name of ["gone/box", "kept"]) {
        await probe.create(name);
        await probe.append(name, { body: plainMessage(`old ${name}`) });
      }
    });
    await syncEqual(scene);
    const deleter = missing === "local" ? scene.local : scene.remote;
    const keeper = missing === "local" ? scene.remote : scene.local;
    await deleter.with((probe) => probe.delete(deleter.path("gone", "box")));
    await keeper.with((probe) => probe.append(keeper.path("gone", "box"), { body: plainMessage("kept by one") }));
    await scene.onLocal((probe) => probe.append("kept", { body: plainMessage("new on local") }));
    await scene.onRemote((probe) => probe.append("kept", { body: plainMessage("new on remote") }));
    const before = (await readStore(keeper)).mailboxes.get("gone\0box");

    const hint =
      /database: ERROR: Mailbox gone\/box exists\. Run `interimap --target=database --delete gone\/box` to delete\./;
    if (context.program.isOriginal) {
      const result = await scene.workspace.run(context.program);
      assert.equal(result.code, 1);
      assert.match(result.stderr, hint);
    } else {
      for (const _run of [1, 2]) await syncWithStatus2(scene, /gone\/box.*--target=database --delete gone\/box/);
      const facts = await readStore(scene.local);
      assert.deepEqual(digests(facts, "kept"), digestsOf("old kept", "new on local", "new on remote"));
      assert.deepEqual(digests(await readStore(scene.remote), "kept"), digests(facts, "kept"));
    }
    assert.deepEqual((await readStore(keeper)).mailboxes.get("gone\0box"), before);
    assert.ok(!(await readStore(deleter)).mailboxes.has("gone\0box"));
  });
}

/** A name on one side that means something else, or nothing, on the other. */
const AMBIGUOUS:
  readonly (readonly [what: string, localLayout: Layout, remoteLayout: Layout, local: string[], remote: string[]])[] = [
    ["local name contains the remote delimiter", { format: "mdbox", separator: "/" }, DOT, ["a.b", "a/b"], []],
    ["remote name contains the local delimiter", DOT, { format: "mdbox", separator: "^" }, [], ["a.b", "a^b"]],
  ];

for (const [what, localLayout, remoteLayout, localNames, remoteNames] of AMBIGUOUS) {
  liveTest(`when a ${what}, only that mailbox is refused`, async ({ lab, program }) => {
    const scene = await open(lab, program, localLayout, remoteLayout);
    const fill = (mailboxes: readonly string[]) => async (probe: ImapProbe) => {
      for (const name of mailboxes) {
        await probe.create(name);
        await probe.append(name, { body: plainMessage(name) });
      }
    };
    await scene.onLocal(fill(localNames));
    await scene.onRemote(fill(remoteNames));
    for (const _run of [1, 2]) {
      await syncWithStatus2(scene, /a\.b/);
      const [local, remote] = [await readStore(scene.local), await readStore(scene.remote)];
      const refusing = localNames.length > 0 ? remote : local;
      assert.deepEqual(names(refusing), ["INBOX", "a\0b"]);
      assert.equal(local.mailboxes.get("a\0b")?.messages.length, 1);
      assert.deepEqual(digests(local, "a\0b"), digests(remote, "a\0b"));
    }
  }, { newProgramOnly: true });
}

liveTest(
  "a mailbox that the other server refuses to create is left out, the others go on",
  async ({ lab, program }) => {
    // a maildir cannot hold a name with a dot
    const scene = await open(lab, program, { format: "mdbox", separator: "^" }, SLASH);
    await scene.onLocal(async (probe) => {
      for (const name of ["v1.2", "fine"]) {
        await probe.create(name);
        await probe.append(name, { body: plainMessage(name) });
      }
    });
    await syncWithStatus2(scene, /v1\.2/);
    await scene.onLocal((probe) => probe.append("fine", { body: plainMessage("later") }));
    await scene.workspace.run(program);
    const remote = await readStore(scene.remote);
    assert.deepEqual(names(remote), ["INBOX", "fine"]);
    assert.deepEqual(digests(remote, "fine"), digestsOf("fine", "later"));
  },
  { newProgramOnly: true },
);
