// Options that say which mailboxes are looked at and how they are called (list-reference, list-mailbox, list-select-opts,
// ignore-mailbox, names on the command line), and how the log looks (logfile, log-prefix), on real stores.

import assert from "node:assert/strict";
import { liveTest } from "../support/live/live_case.ts";
import type { ImapProbe } from "../support/imap_probe.ts";
import type { Lab, Layout, MailStore } from "../support/live_dovecot.ts";
import { plainMessage } from "../support/live/mail.ts";
import { type Program, theOriginal } from "../support/live/program.ts";
import { digestsOf, Stage, type StageOptions } from "../support/live/stage.ts";
import { readStore } from "../support/live/witness.ts";

const SLASH: Layout = { format: "mdbox", separator: "/" };
const CARET: Layout = { format: "mdbox", separator: "^" };

function open(lab: Lab, program: Program, options: Omit<StageOptions, "layouts"> = {}): Promise<Stage> {
  return Stage.open(lab, program, { layouts: { local: SLASH, remote: CARET }, ...options });
}

/** Makes mailboxes, each with a message that is named after it and `tag`. */
function fill(names: readonly string[], tag = ""): (probe: ImapProbe) => Promise<void> {
  return async (probe) => {
    for (const name of names) {
      if (name !== "INBOX") await probe.create(name);
      await probe.append(name, { body: plainMessage(tag + name) });
    }
  };
}

/** Digests of the messages of a mailbox, by its internal name. */
async function digests(store: MailStore, mailbox: string): Promise<string[]> {
  return ((await readStore(store)).mailboxes.get(mailbox)?.messages ?? []).map(({ digest }) => digest).sort();
}

// ---- list-reference

liveTest("with list-reference on local, everything of remote is below it, INBOX too", async ({ lab, program }) => {
  const scene = await open(lab, program, { local: { "list-reference": "perso/" } });
  await scene.onLocal(fill(["INBOX", "other", "perso/mine/deep"]));
  await scene.onRemote(fill(["INBOX", "theirs^deep"]));
  for (const _run of [1, 2]) {
    await scene.sync();
    assert.deepEqual(
      await scene.localNames(),
      ["INBOX", "other", "perso\0INBOX", "perso\0mine\0deep", "perso\0theirs\0deep"],
    );
    assert.deepEqual(await scene.remoteNames(), ["INBOX", "mine\0deep", "theirs\0deep"]);
  }
  assert.deepEqual(await digests(scene.local, "perso\0INBOX"), digestsOf("INBOX"));
  assert.equal((await readStore(scene.local)).mailboxes.get("INBOX")?.messages.length, 1);
  await scene.onLocal(async (probe) => {
    await probe.append("perso/INBOX", { body: plainMessage("later") });
    await probe.subscribe("perso/mine/deep");
  });
  const { stderr } = await scene.sync();
  assert.deepEqual(await digests(scene.remote, "INBOX"), digestsOf("INBOX", "later"));
  assert.deepEqual([...(await readStore(scene.remote)).subscribed], ["mine\0deep"]);
  assert.match(stderr, /^remote\(INBOX\): Added 1 UID\(s\)/m);
  assert.match(stderr, /^remote: Subscribe to mine\^deep$/m);
});

liveTest("with list-reference on remote, only what is below it is seen", async ({ lab, program }) => {
  const scene = await open(lab, program, { remote: { "list-reference": "work^" } });
  await scene.onLocal(fill(["a", "b/c"]));
  await scene.onRemote(fill(["workshop", "work^d", "x"]));
  await scene.sync();
  assert.deepEqual(await scene.localNames(), ["INBOX", "a", "b\0c", "d"]);
  assert.deepEqual(
    await scene.remoteNames(),
    ["INBOX", "work\0INBOX", "work\0a", "work\0b\0c", "work\0d", "workshop", "x"],
  );
  const { stderr } = await scene.sync();
  assert.doesNotMatch(stderr, /Created|Added|ERROR|WARNING/);
});

liveTest("positional names are relative to list-reference on both sides", async ({ lab, program }) => {
  const scene = await open(lab, program, {
    local: { "list-reference": "one/" },
    remote: { "list-reference": "two^" },
  });
  await scene.onLocal(fill(["one/a/b", "one/a/c", "a/b"]));
  await scene.onRemote(fill(["two^z"]));
  await scene.sync(["a/b"]);
  assert.deepEqual(await scene.remoteNames(), ["INBOX", "two\0a\0b", "two\0z"]);
  assert.deepEqual(await digests(scene.remote, "two\0a\0b"), digestsOf("one/a/b"));
  await scene.sync(["z"]);
  assert.ok((await scene.localNames()).includes("one\0z"));
});

liveTest("the original goes on where this program stopped, and the other way round", async ({ lab, program }) => {
  const scene = await open(lab, program, {
    local: { "list-reference": "perso/" },
    remote: { "list-reference": "x^" },
    globals: { "list-mailbox": '"a\\x00%" INBOX v* "with \\"quote\\""', "ignore-mailbox": "^(?i)V" },
  });
  const original = await theOriginal();
  await scene.onLocal(fill(["perso/a/b", "perso/a/b/deep", "perso/virtual", 'perso/with "quote"']));
  await scene.onRemote(fill(["x^INBOX", "x^a^c", "a^d"]));
  for (const [i, turn] of [program, original, program].entries()) {
    const { stderr } = await scene.workspace.sync(turn);
    if (i > 0) assert.doesNotMatch(stderr.replaceAll("Added 1 UID", ""), /Created|Added|Subscribe|ERROR|WARNING/);
    const expected = ["INBOX", "a\0b", "a\0c", 'with "quote"'];
    const names = (all: readonly string[], reference: string) =>
      all.filter((name) => name.startsWith(reference)).map((name) => name.slice(reference.length));
    assert.deepEqual(names(await scene.remoteNames(), "x\0"), expected);
    const here = names(await scene.localNames(), "perso\0");
    assert.deepEqual(here.filter((name) => !["virtual", "a\0b\0deep"].includes(name)), expected);
    await scene.onLocal((probe) => probe.append("perso/a/b", { body: plainMessage(`round ${i}`) }));
  }
  assert.equal((await digests(scene.remote, "x\0a\0b")).length, 3);
}, { newProgramOnly: true });

// ---- list-mailbox and positional names

liveTest("list-mailbox restricts both servers, with NUL for the delimiter of each", async ({ lab, program }) => {
  const scene = await open(lab, program, { globals: { "list-mailbox": '"arch ive\\x00%" b* INBOX' } });
  await scene.onLocal(fill(["arch ive/one", "arch ive/one/deep", "bx", "other"]));
  await scene.onRemote(fill(["INBOX", "arch ive^two", "by", "different"]));
  await scene.sync();
  const common = ["INBOX", "arch ive\0one", "arch ive\0two", "bx", "by"];
  assert.deepEqual(await scene.localNames(), [...common, "arch ive\0one\0deep", "other"].sort());
  assert.deepEqual(await scene.remoteNames(), [...common, "different"].sort());
  assert.deepEqual(await digests(scene.local, "INBOX"), digestsOf("INBOX"));
});

liveTest("positional names replace list-mailbox, and may have wildcards", async ({ lab, program }) => {
  const scene = await open(lab, program, { globals: { "list-mailbox": "nothing" } });
  await scene.onLocal(fill(["a/one", "a/two/deep", "b"]));
  await scene.onRemote(fill(["a^three", "c"]));
  await scene.sync(["a/%"]);
  assert.deepEqual(await scene.localNames(), ["INBOX", "a\0one", "a\0three", "a\0two\0deep", "b"]);
  assert.deepEqual(await scene.remoteNames(), ["INBOX", "a\0one", "a\0three", "c"]);
  await scene.sync(["a/*", "b"]);
  assert.deepEqual(await scene.remoteNames(), ["INBOX", "a\0one", "a\0three", "a\0two\0deep", "b", "c"]);
});

// ---- list-select-opts

liveTest("with SUBSCRIBED, only mailboxes that somebody has subscribed to are looked at", async ({ lab, program }) => {
  const scene = await open(lab, program, { globals: { "list-select-opts": "subscribed" } });
  await scene.onLocal(async (probe) => {
    await fill(["here", "quiet"])(probe);
    await probe.subscribe("here");
  });
  await scene.onRemote(async (probe) => {
    await fill(["here", "there", "silent"], "r-")(probe);
    await probe.subscribe("there");
  });
  await scene.sync();
  assert.deepEqual(await scene.localNames(), ["INBOX", "here", "quiet", "there"]);
  assert.deepEqual(await scene.remoteNames(), ["INBOX", "here", "silent", "there"]);
  assert.deepEqual(await digests(scene.local, "here"), digestsOf("here", "r-here"));
  assert.deepEqual([...(await readStore(scene.remote)).subscribed].sort(), ["here", "there"]);
  const sent = (await scene.sync(["--debug"])).lines.filter((line) => / C: /.test(line));
  const names = sent.map((line) => / C: \S+ (\S+)/.exec(line)?.[1]);
  assert.deepEqual(
    names.sort(),
    ["ENABLE", "ENABLE", "LIST", "LIST", "LOGOUT", "LOGOUT"],
    "an idle run costs nothing more",
  );
}, { newProgramOnly: true });

for (const side of ["local", "remote"] as const) {
  liveTest(`with SUBSCRIBED, unsubscribing on ${side} is no deletion`, async ({ lab, program }) => {
    const scene = await open(lab, program, { globals: { "list-select-opts": "SUBSCRIBED" } });
    await scene.onLocal(async (probe) => {
      for (const name of ["a", "b"]) {
        await fill([name])(probe);
        await probe.subscribe(name);
      }
    });
    await scene.sync();
    const [here, there] = side === "local" ? [scene.local, scene.remote] : [scene.remote, scene.local];
    await here.with((probe) => probe.unsubscribe("a"));
    await there.with((probe) => probe.append("a", { body: plainMessage("last") }));
    for (const _run of [1, 2, 3]) {
      const { stderr } = await scene.sync();
      assert.doesNotMatch(stderr, /ERROR|WARNING/);
      assert.deepEqual([...(await readStore(there)).subscribed], ["b"]);
    }
    // Subscribed again later, on the other side: nothing is doubled.
    await there.with((probe) => probe.subscribe("a"));
    await scene.sync();
    for (const store of [scene.local, scene.remote]) {
      assert.deepEqual(await digests(store, "a"), digestsOf("a", "last"));
      assert.deepEqual([...(await readStore(store)).subscribed].sort(), ["a", "b"]);
    }
  }, { newProgramOnly: true });
}

liveTest("with SUBSCRIBED, unsubscribing on both sides is known when it is undone", async ({ lab, program }) => {
  const scene = await open(lab, program, { globals: { "list-select-opts": "SUBSCRIBED" } });
  await scene.onLocal(async (probe) => {
    await fill(["a"])(probe);
    await probe.subscribe("a");
  });
  await scene.sync();
  await scene.onLocal((probe) => probe.unsubscribe("a"));
  await scene.onRemote((probe) => probe.unsubscribe("a"));
  await scene.onRemote((probe) => probe.append("a", { body: plainMessage("unseen") }));
  await scene.sync();
  assert.deepEqual(await digests(scene.local, "a"), digestsOf("a"));
  await scene.onLocal((probe) => probe.subscribe("a"));
  await scene.sync();
  assert.deepEqual([...(await readStore(scene.remote)).subscribed], ["a"]);
  assert.deepEqual(await digests(scene.local, "a"), digestsOf("a", "unseen"));
}, { newProgramOnly: true });

liveTest(
  "with SUBSCRIBED, a subscribed mailbox that was deleted on one side is left alone with a hint",
  async (live) => {
    const scene = await open(live.lab, live.program, { globals: { "list-select-opts": "SUBSCRIBED" } });
    await scene.onLocal(async (probe) => {
      await fill(["a"])(probe);
      await probe.subscribe("a");
    });
    await scene.sync();
    await scene.onRemote((probe) => probe.delete("a"));
    const { code, stderr } = await scene.workspace.run(scene.program);
    assert.equal(code, 2);
    assert.match(
      stderr,
      /database: ERROR: Mailbox a exists\. Run `interimap --target=database --delete a` to delete\./,
    );
  },
  { newProgramOnly: true },
);

liveTest("RECURSIVEMATCH lists the parents of subscribed mailboxes", async ({ lab, program }) => {
  const globals = { "list-select-opts": "SUBSCRIBED RECURSIVEMATCH", "list-mailbox": "%" };
  const scene = await open(lab, program, { globals });
  await scene.onLocal(async (probe) => {
    await fill(["parent", "parent/child", "alone"])(probe);
    await probe.subscribe("parent/child");
  });
  await scene.sync();
  assert.deepEqual(await scene.remoteNames(), ["INBOX", "parent"]);
  assert.deepEqual(await digests(scene.remote, "parent"), digestsOf("parent"));
  await scene.onRemote((probe) => probe.append("parent", { body: plainMessage("new") }));
  const { stderr } = await scene.sync();
  assert.doesNotMatch(stderr, /ERROR|WARNING/);
  assert.deepEqual(await digests(scene.local, "parent"), digestsOf("parent", "new"));
}, { newProgramOnly: true });

liveTest("REMOTE is passed on", async ({ lab, program }) => {
  const scene = await open(lab, program, { globals: { "list-select-opts": "REMOTE" } });
  await scene.onLocal(fill(["a"]));
  await scene.sync();
  assert.deepEqual(await scene.remoteNames(), ["INBOX", "a"]);
});

// ---- ignore-mailbox

liveTest("ignore-mailbox leaves mailboxes of both sides alone, unless they are named", async ({ lab, program }) => {
  const scene = await open(lab, program, { globals: { "ignore-mailbox": "^virtual(?:\\x00|$)" } });
  await scene.onLocal(fill(["virtual/all", "virtually", "kept"]));
  await scene.onRemote(fill(["virtual"]));
  for (const _run of [1, 2]) {
    await scene.sync();
    assert.deepEqual(await scene.localNames(), ["INBOX", "kept", "virtual\0all", "virtually"]);
    assert.deepEqual(await scene.remoteNames(), ["INBOX", "kept", "virtual", "virtually"]);
  }
  await scene.sync(["virtual"]);
  assert.ok((await scene.localNames()).includes("virtual"));
  await scene.onRemote((probe) => probe.delete("virtual"));
  const { stderr } = await scene.sync();
  assert.doesNotMatch(stderr, /ERROR/);
});

liveTest("a Perl expression that cannot be understood is an error of its line", async ({ lab, program }) => {
  const scene = await open(lab, program, { globals: { "ignore-mailbox": "(?>virtual)" } });
  const { code, stderr } = await scene.workspace.run(scene.program);
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^ERROR: .*\/config:2: Invalid option ignore-mailbox: groups such as \(\?> are not supported$/m,
  );
}, { newProgramOnly: true });

// ---- logfile and log-prefix

liveTest("logfile gets every line with its time, and debug lines alone", async ({ lab, program }) => {
  const file = `${lab.directory}/interimap.log`;
  const scene = await open(lab, program, { globals: { logfile: file } });
  await Deno.writeTextFile(file, "an old line\n");
  await scene.onLocal(fill(["a"]));
  const { lines } = await scene.sync(["--debug"]);
  const logged = (await Deno.readTextFile(file)).trimEnd().split("\n");
  assert.equal(logged.shift(), "an old line");
  const texts = logged.map((line) => {
    const [time, text] = [line.slice(0, 23), line.slice(23)];
    if (!scene.program.isOriginal) assert.match(time, /^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d\.\d{6} $/);
    return text;
  });
  if (scene.program.isOriginal) return;
  assert.ok(lines.some((line) => /^remote\(a\): Added 1 UID/.test(line)));
  for (const line of lines) assert.ok(texts.includes(line), line);
  assert.ok(texts.some((text) => /^local: C: \d+ ENABLE/.test(text)));
  assert.ok(!lines.some((line) => / [CS]: /.test(line)));
});

liveTest("a logfile that can't be opened is one line and status 1", async ({ lab, program }) => {
  const scene = await open(lab, program, { globals: { logfile: `${lab.directory}/missing/log` } });
  const { code, lines } = await scene.workspace.run(scene.program);
  assert.equal(code, 1);
  assert.deepEqual(lines.length, 1);
  assert.match(lines[0] ?? "", /^ERROR: Can't open log file .*\/missing\/log: no such file or directory$/);
}, { newProgramOnly: true });

liveTest("log-prefix forms the beginning of every line", async ({ lab, program }) => {
  const scene = await open(lab, program, { globals: { "log-prefix": "%?n?<%n%?m?|%m&?> &-- ?100%%" } });
  await scene.onLocal(fill(["a"]));
  const { lines } = await scene.sync();
  assert.ok(lines.includes("<remote> 100%Created mailbox a"), lines.join("\n"));
  assert.ok(lines.some((line) => line.startsWith("<remote|a> 100%Added 1 UID(s) ")));
  assert.ok(lines.some((line) => line.startsWith("-- 100%Creating new schema")));
});
