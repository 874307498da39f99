// Messages that are on both sides already, between two model servers: they are paired and not doubled, what only looks the
// same is copied, flags become the union, and nothing is deleted, whatever is true of the state: none, lost, older than
// the mail, or of a mailbox whose UIDs mean other messages now.

import assert from "node:assert/strict";
import fc from "fast-check";
import type { Side } from "../../lib/state/types.ts";
import { UidSet } from "../../lib/protocol/uid_set.ts";
import { plainMessage } from "../support/live/mail.ts";
import { MemoryStore } from "../support/memory_store.ts";
import {
  differences,
  finished,
  mappingProblems,
  Rig,
  type RunOptions,
  type RunResult,
  SIDES,
} from "../support/model_rig.ts";
import { type ModelMailbox, ModelMailstore, type NewModelMessage } from "../support/model_mailstore.ts";
import { CAPABILITIES, type ServerOptions } from "../support/model_options.ts";
import { ModelServer } from "../support/model_server.ts";
import { octetsOf, textOf } from "../support/model_values.ts";

const DATE = { seconds: 1_700_000_000, zone: 60 };
const NAME = "box";

class Scene {
  readonly rig: Rig;
  state = new MemoryStore();

  /** A mailbox of this name on both sides. */
  constructor(readonly name = NAME, options: ServerOptions = {}) {
    const local = new ModelServer(new ModelMailstore({ delimiter: "/" }), options);
    const remote = new ModelServer(new ModelMailstore({ delimiter: ".", firstUidValidity: 7 }), options);
    this.rig = new Rig(local, remote, { open: () => this.state, close: () => {} });
    for (const side of SIDES) if (name !== "INBOX") this.rig.store(side).create(name);
    this.box("remote").uidNext = 101;
  }

  box(side: Side): ModelMailbox {
    return this.rig.store(side).mailbox(this.name);
  }

  /** The same messages on both sides. */
  both(...messages: readonly NewModelMessage[]): this {
    for (const side of SIDES) this.box(side).append(messages);
    return this;
  }

  /** What happens when a server loses its numbers, or somebody deletes the mailbox and brings back its messages. */
  renumber(side: Side, keep: (message: NewModelMessage) => boolean = () => true): void {
    const messages = this.box(side).messages.filter(keep);
    const store = this.rig.store(side);
    store.delete(this.name);
    store.create(this.name).uidNext = 501;
    this.box(side).append(messages);
  }

  async run(options: RunOptions = {}): Promise<RunResult> {
    const result = await this.rig.run(options);
    assert.ok(finished(result), result.log.join("\n"));
    assert.equal(result.report?.problems, 0, result.log.join("\n"));
    return result;
  }

  counts(): readonly number[] {
    return SIDES.map((side) => this.box(side).count);
  }

  ids(side: Side): readonly string[] {
    return this.box(side).messages.map(({ body }) => /^Subject: (.*)\r$/m.exec(textOf(body))?.[1] ?? "?").sort();
  }

  flags(side: Side, subject: string): string {
    const found = this.box(side).messages.find(({ body }) => textOf(body).includes(`Subject: ${subject}\r\n`));
    return found?.flags.join(" ") ?? "(gone)";
  }

  /** Both sides equal, the pairs right, and a further run does nothing. */
  async settled(): Promise<void> {
    assert.deepEqual(differences(this.rig), []);
    assert.deepEqual(mappingProblems(this.rig, this.state), []);
    await this.quiet();
  }

  /** A further run does nothing. */
  async quiet(): Promise<void> {
    const result = await this.run();
    assert.deepEqual(result.log, []);
    for (const side of SIDES) assert.ok(!result.commands[side].includes("SELECT"), result.commands[side].join(" "));
  }
}

/** As it comes from a mail server. */
function mail(id: string, change: Partial<NewModelMessage> = {}): NewModelMessage {
  return { flags: [], date: DATE, body: delivered(id, plainMessage(id)), ...change };
}

/** The message as it was delivered: with a mark that no other delivery has. */
function delivered(mark: string, body: Uint8Array): Uint8Array {
  return octetsOf(
    `Received: from mx by mail.example.net id ${mark}; Sun, 22 Nov 2026 01:35:43 +0000\r\n${textOf(body)}`,
  );
}

function mails(prefix: string, count: number): readonly NewModelMessage[] {
  return Array.from({ length: count }, (_, i) => mail(`${prefix}-${i}`));
}

/** The message with another header line before it. */
function headed(line: string, message: NewModelMessage): NewModelMessage {
  return { ...message, body: octetsOf(`${line}\r\n${textOf(message.body)}`) };
}

function replaced(message: NewModelMessage, from: string | RegExp, to: string): NewModelMessage {
  return { ...message, body: octetsOf(textOf(message.body).replace(from, to)) };
}

const warnings = (log: readonly string[]) => log.filter((line) => line.includes("WARNING"));
const fetches = (result: RunResult, side: Side) => result.commands[side].filter((name) => name === "UID FETCH").length;

/** A state of its own with what another one knows. */
function copyOf(state: MemoryStore): MemoryStore {
  const copy = new MemoryStore();
  for (const { idx, mailbox, subscribed } of state.overview()) {
    const row = copy.addMailbox(mailbox, subscribed);
    const cursors = state.cursors(idx);
    const all = UidSet.range(1, 4294967295);
    copy.apply([
      ...SIDES.flatMap((side) =>
        cursors === null ? [] : [{ kind: "cursor", idx: row.idx, side, cursor: cursors[side] } as const]
      ),
      { kind: "pair", idx: row.idx, pairs: state.pairsTouching(idx, "local", all) },
    ]);
  }
  return copy;
}

// ---- two filled mailboxes without state

Deno.test("what is on both sides is paired, and only what is not is copied", async () => {
  const s = new Scene().both(...mails("same", 30));
  s.box("local").append(mails("here", 3));
  s.box("remote").append(mails("there", 2));
  const result = await s.run();
  assert.deepEqual(s.counts(), [35, 35]);
  assert.match(result.log.join("\n"), /^Recognized 30 message\(s\) of box that are on both sides$/m);
  assert.deepEqual(warnings(result.log), []);
  await s.settled();
});

Deno.test("headers decide where they can: no body is read but of what is copied", async () => {
  const s = new Scene().both(...mails("same", 2500));
  const result = await s.run();
  for (const side of SIDES) {
    assert.equal(fetches(result, side), 1 + 3, "the sizes, and the headers in three slices");
    assert.ok(!result.commands[side].includes("APPEND"));
  }
  await s.settled();
});

Deno.test("no header is read of mail that has no equal in size on the other side", async () => {
  const s = new Scene();
  s.box("local").append([mail("a"), mail("bbb")]);
  s.box("remote").append([mail("cccccc"), mail("dddddddddd")]);
  const result = await s.run();
  for (const side of SIDES) assert.equal(fetches(result, side), 2, "the sizes, and the bodies of what is copied");
  await s.settled();
});

/** Of one size all of them, with a few that are on both sides. */
function strangers(): Scene {
  const s = new Scene().both(...mails("same", 9));
  s.box("local").append(mails("here", 9));
  s.box("remote").append(mails("away", 9));
  return s;
}

/** What each FETCH asked for, beside UID. */
async function asked(s: Scene, options: RunOptions = {}): Promise<Readonly<Record<Side, readonly string[]>>> {
  const questions: Record<Side, string[]> = { local: [], remote: [] };
  const { log } = await s.run({ ...options, debug: true });
  for (const line of log) {
    const [, side, items] = /(local|remote).*: C: \S+ UID FETCH \S+ \(UID (.*)\)$/.exec(line) ?? [];
    const short = items
      ?.replace(/BODY\.PEEK\[HEADER\.FIELDS \(MESSAGE-ID( X-TUID)?\)\]/, "ids")
      .replace(/BODY\.PEEK\[HEADER\.FIELDS \(MESSAGE-ID .*\)\]/, "headers");
    if (short !== undefined) questions[side as Side].push(short);
  }
  return questions;
}

const BODIES = "FLAGS INTERNALDATE BODY.PEEK[]";
const HEADERS = "FLAGS RFC822.SIZE headers";

/** On either side mail of sizes that are not on the other one. */
function withOthers(s: Scene, count = 40): Scene {
  for (const [side, name, more] of [["local", "here", 0], ["remote", "away", 1]] as const) {
    s.box(side).append(Array.from({ length: count }, (_, i) => mail(`${name}${"x".repeat(2 * i + more)}`)));
  }
  return s;
}

Deno.test("of mail that is mostly on one side only, Message-IDs are read before headers", async () => {
  const s = withOthers(strangers());
  const questions = await asked(s);
  for (const side of SIDES) assert.deepEqual(questions[side], ["RFC822.SIZE", "ids", HEADERS, BODIES]);
  assert.deepEqual(s.counts(), [107, 107]);
  await s.settled();
});

Deno.test("of mail that is mostly on one side only, all Message-IDs are read once mbsync was seen", async () => {
  const s = withOthers(new Scene());
  s.box("local").append(mails("same", 9));
  s.box("remote").append(mails("same", 9).map((one, i) => headed(`X-TUID: abcdefghijk${i}`, one)));
  const questions = await asked(s);
  // Those that have the line are longer; the others are asked for when it is seen.
  assert.deepEqual(questions.remote, ["RFC822.SIZE", "ids", "ids", HEADERS, BODIES]);
  assert.deepEqual(questions.local, ["RFC822.SIZE", "ids", HEADERS, BODIES]);
  assert.deepEqual(s.counts(), [89, 89]);
  await s.quiet();
});

for (const far of SIDES) {
  Deno.test(`when ${far} is far away, Message-IDs come with the sizes, and headers only of what they leave open`, async () => {
    const s = strangers();
    const questions = await asked(s, { far });
    for (const side of SIDES) assert.deepEqual(questions[side], ["RFC822.SIZE ids", HEADERS, BODIES]);
    assert.deepEqual(s.counts(), [27, 27]);
    await s.settled();
  });
}

for (const [many, ids] of [[500, " ids"], [900, ""]] as const) {
  Deno.test(`far away, and with ${many} messages in another mailbox, ${ids ? "Message-IDs come" : "nothing comes"} with the sizes`, async () => {
    const s = withOthers(strangers());
    s.rig.store("local").create("another");
    s.rig.store("local").mailbox("another").append(mails("more", many));
    const questions = await asked(s, { far: "remote" });
    for (const side of SIDES) {
      assert.deepEqual(questions[side].filter((items) => items.startsWith("RFC822.SIZE")), [`RFC822.SIZE${ids}`]);
    }
    await s.settled();
  });
}

Deno.test("when few headers are to be read of much mail, nothing is asked before them", async () => {
  const s = withOthers(new Scene().both(...mails("same", 2)), 160);
  const questions = await asked(s, { far: "remote" });
  for (const side of SIDES) assert.deepEqual(questions[side], ["RFC822.SIZE", HEADERS, BODIES]);
  assert.deepEqual(s.counts(), [322, 322]);
  await s.settled();
});

for (const side of SIDES) {
  Deno.test(`a first run with mail on ${side} only asks for nothing but the messages`, async () => {
    const s = new Scene("INBOX");
    s.box(side).append(mails("new", 5));
    const result = await s.run();
    const other = side === "local" ? "remote" : "local";
    const look = ["SELECT", "UID SEARCH"];
    const talk = (names: readonly string[]) => names.filter((name) => !/^(CAPABILITY|ENABLE|LIST|LOGOUT)$/.test(name));
    assert.deepEqual(talk(result.commands[side]), [...look, "UID FETCH"]);
    assert.deepEqual(talk(result.commands[other]), [...look, "APPEND", ...look]);
  });
}

Deno.test("flags become the union, and that is no conflict", async () => {
  const s = new Scene().both(...mails("same", 3));
  s.box("local").store([1], { mode: "add", flags: ["\\Seen"] });
  s.box("remote").store([101, 102], { mode: "add", flags: ["work"] });
  const result = await s.run();
  assert.deepEqual(warnings(result.log), []);
  assert.equal(s.flags("local", "same-0"), "\\Seen work");
  assert.equal(s.flags("local", "same-1"), "work");
  await s.settled();
});

Deno.test("a date that a server has replaced is no reason to copy", async () => {
  const s = new Scene();
  s.box("local").append(mails("same", 4));
  s.box("remote").append(mails("same", 4).map((one, i) => ({ ...one, date: { seconds: 1_800_000_000 + i, zone: 0 } })));
  await s.run();
  assert.deepEqual(s.counts(), [4, 4]);
  await s.quiet();
});

const NAMELESS = [/^Message-ID: .*\r\n/m, /^Date: .*\r\n/m, /^Received: .*\r\n/m];

for (const field of NAMELESS) {
  Deno.test(`without ${field} the octets decide`, async () => {
    const bare = (id: string, text: string) =>
      replaced(mail(id, { body: delivered(id, plainMessage(id, text)) }), field, "");
    const s = new Scene().both(bare("same", "equal"));
    // The same header and size.
    s.box("local").append([bare("like", "one")]);
    s.box("remote").append([bare("like", "two")]);
    await s.run();
    assert.deepEqual(s.ids("local"), ["like", "like", "same"]);
    await s.settled();
  });
}

Deno.test("messages without any header are told apart by their octets", async () => {
  const bodies = ["\r\nabc\r\n", "\r\nabd\r\n", "\r\nabcd\r\n", "x"].map((text) => mail("", { body: octetsOf(text) }));
  const s = new Scene().both(...bodies);
  s.box("local").append([mail("", { body: octetsOf("y") })]);
  await s.run();
  assert.deepEqual(s.counts(), [5, 5]);
  await s.settled();
});

for (const [here, there] of [[3, 3], [2, 5], [5, 2], [1, 4], [4, 1]] as const) {
  Deno.test(`${here} and ${there} exact copies of a message are ${Math.max(here, there)} on both sides`, async () => {
    const s = new Scene().both(...mails("other", 2));
    s.box("local").append(Array.from({ length: here }, () => mail("twin")));
    s.box("remote").append(Array.from({ length: there }, () => mail("twin")));
    await s.run();
    assert.deepEqual(s.counts(), [2 + Math.max(here, there), 2 + Math.max(here, there)]);
    await s.settled();
  });
}

Deno.test("messages of one Message-ID, Date and size that are not the same octets are never taken for one", async () => {
  const of = (text: string) => mail("id", { body: delivered("x", plainMessage("id", text)) });
  const s = new Scene();
  s.box("local").append([of("aaa"), of("bbb")]);
  s.box("remote").append([of("bbb"), of("ccc")]);
  await s.run();
  assert.deepEqual(s.counts(), [3, 3]);
  await s.settled();
});

Deno.test("what was delivered twice is two messages, whatever its writer put into it", async () => {
  const received = (mark: string) => mail("id", { body: delivered(mark, plainMessage("id")) });
  const s = new Scene().both(received("c"));
  s.box("local").append([received("a")]);
  s.box("remote").append([received("b")]);
  const result = await s.run();
  assert.deepEqual(s.counts(), [3, 3]);
  for (const side of SIDES) assert.equal(fetches(result, side), 3, "sizes, headers, and the body of what is copied");
  await s.settled();
});

Deno.test("the same names and another size: the octets decide", async () => {
  const s = new Scene();
  s.box("local").append([mail("id", { body: delivered("x", plainMessage("id", "short")) })]);
  s.box("remote").append([mail("id", { body: delivered("x", plainMessage("id", "much longer")) })]);
  await s.run();
  assert.deepEqual(s.counts(), [2, 2]);
  await s.settled();
});

Deno.test("the header line that mbsync adds does not make another message", async () => {
  const s = new Scene();
  const messages = [...mails("same", 5), mail("twin"), mail("twin"), replaced(mail("bare"), NAMELESS[0] ?? "", "")];
  s.box("local").append(messages);
  s.box("remote").append(messages.map((one, i) => headed(`X-TUID: abcdefghijk${i}`, one)));
  await s.run();
  assert.deepEqual(s.counts(), [8, 8]);
  await s.quiet();
});

Deno.test("a line that mbsync would not have added makes another message", async () => {
  const s = new Scene();
  s.box("local").append([mail("a"), mail("b")]);
  s.box("remote").append([headed("X-TUID: abcdefghijklm", mail("a")), headed("X-TUIT: abcdefghijkl", mail("b"))]);
  await s.run();
  assert.deepEqual(s.counts(), [4, 4]);
  await s.settled();
});

Deno.test("messages without octets are left on both sides, and the others are paired", async () => {
  const s = new Scene().both(mail("", { body: new Uint8Array(0) }), ...mails("same", 2));
  const result = await s.run();
  assert.deepEqual(s.counts(), [3, 3]);
  assert.equal(s.state.pairCount(2), 2);
  assert.equal(result.log.filter((line) => line.includes("Ignoring new 0-length message")).length, 2);
  await s.quiet();
});

Deno.test("a large message is digested as it comes", async () => {
  const large = (last: string) =>
    mail("large", { body: delivered("x", plainMessage("large", "x".repeat(300_000) + last)) });
  const s = new Scene();
  s.box("local").append([large("a"), large("b")]);
  s.box("remote").append([large("b"), large("c")]);
  await s.run({ duplex: { chunk: 4096 } });
  assert.deepEqual(s.counts(), [3, 3]);
  await s.settled();
});

/** Does something once, before the n-th command of this name on a side is executed. */
function before(name: string, side: Side, action: () => void, nth = 1): RunOptions {
  let seen = 0;
  return {
    during: (_number, command, at) => {
      if (command === name && at === side && ++seen === nth) action();
    },
  };
}

Deno.test("mail that comes while the messages are compared is copied by the same run", async () => {
  for (const side of SIDES) {
    const s = new Scene("INBOX").both(...mails("same", 4));
    s.box(side).append([mail("only")]);
    await s.run(before("UID FETCH", side, () => s.box(side).append([mail("late"), mail("same-1")])));
    await s.run();
    assert.deepEqual(s.counts(), [7, 7]);
    await s.settled();
  }
});

Deno.test("mail that comes to both sides while messages are compared is not doubled either", async () => {
  const s = new Scene("INBOX").both(...mails("same", 4));
  s.box("local").append([mail("only")]);
  await s.run(before("UID FETCH", "local", () => s.both(...mails("late", 2))));
  await s.run();
  assert.deepEqual(s.counts(), [7, 7]);
  await s.settled();
});

for (const side of SIDES) {
  const other = side === "local" ? "remote" : "local";

  Deno.test(`a message that is expunged on ${side} before it is compared is copied there, and later ones are paired`, async () => {
    const s = new Scene("INBOX").both(...mails("same", 4));
    const [first] = s.box(side).messages;
    await s.run(before("UID FETCH", side, () => s.box(side).expunge([first?.uid ?? 0])));
    await s.run();
    assert.deepEqual(s.counts(), [4, 4]);
    await s.settled();
  });

  Deno.test(`flags that change on ${side} while messages are compared are not lost`, async () => {
    const s = new Scene("INBOX").both(...mails("same", 3));
    const [first, second] = s.box(side).messages.map(({ uid }) => uid);
    s.box(other).store(s.box(other).messages.map(({ uid }) => uid), { mode: "add", flags: ["\\Seen"] });
    const change = (uid: number | undefined, flag: string) => () =>
      s.box(side).store([uid ?? 0], { mode: "add", flags: [flag] });
    const [early, late] = [
      before("UID FETCH", side, change(first, "early")),
      before("UID STORE", side, change(second, "late")),
    ];
    await s.run({
      during: (...of) => {
        early.during?.(...of);
        late.during?.(...of);
      },
    });
    await s.run();
    assert.equal(s.flags("local", "same-0"), "\\Seen early");
    assert.equal(s.flags("local", "same-1"), "\\Seen late");
    assert.equal(s.flags("local", "same-2"), "\\Seen");
    await s.settled();
  });
}

Deno.test("new mail that reached both sides by other ways is paired by an ordinary run", async () => {
  const s = new Scene().both(...mails("old", 3));
  await s.run();
  s.both(mail("new"), mail("twin"), mail("twin"));
  s.box("remote").append([mail("there")]);
  s.box("local").store([4], { mode: "add", flags: ["\\Seen"] });
  await s.run();
  assert.deepEqual(s.counts(), [7, 7]);
  assert.equal(s.flags("remote", "new"), "\\Seen");
  await s.settled();
});

// ---- the state is lost, or older than the mail

Deno.test("without its state file the program recognizes everything", async () => {
  const s = new Scene().both(...mails("old", 5));
  s.box("local").append(mails("here", 3));
  await s.run();
  s.state = new MemoryStore();
  s.box("remote").expunge([101]);
  await s.run();
  assert.deepEqual(s.counts(), [8, 8]);
  await s.settled();
});

for (const repair of [false, true]) {
  Deno.test(`an older state file doubles and deletes nothing${repair ? " by --repair" : ""}`, async () => {
    const s = new Scene("INBOX");
    s.box("local").append(mails("old", 6));
    await s.run();
    const older = copyOf(s.state);
    s.box("remote").append(mails("later-there", 4));
    s.box("local").append(mails("later-here", 3));
    s.box("local").expunge([2]);
    await s.run();
    s.box("remote").append([mail("twin"), mail("twin")]);
    s.box("remote").store([103], { mode: "add", flags: ["\\Seen"] });
    await s.run();
    s.state = older;
    s.box("local").append([mail("newest")]);
    await s.run({ repair });
    assert.deepEqual(s.counts(), [15, 15]);
    await s.settled();
  });
}

Deno.test("--repair finds a message whose copy is new on the other side, instead of copying it", async () => {
  const s = new Scene("INBOX").both(...mails("old", 3));
  await s.run();
  s.state.apply([{ kind: "unpair", idx: 1, pairs: [{ localUid: 2, remoteUid: 102 }] }]);
  s.box("remote").expunge([102]);
  s.box("remote").append([mail("old-1", { flags: ["\\Seen"] }), mail("new")]);
  s.rig.servers.remote.lies.forgetVanished = () => true;
  await s.run({ repair: true });
  assert.deepEqual(s.counts(), [4, 4]);
  assert.equal(s.flags("local", "old-1"), "\\Seen");
  s.rig.servers.remote.lies.forgetVanished = null;
  await s.settled();
});

// ---- the mailbox is another one

const CHANGES: readonly (readonly [name: string, sides: readonly Side[], objectId: boolean])[] = [
  ["a changed UIDVALIDITY on local", ["local"], false],
  ["a changed UIDVALIDITY on remote", ["remote"], false],
  ["a mailbox deleted and created again on both sides", SIDES, false],
  ["a changed MAILBOXID on remote", ["remote"], true],
  ["a changed MAILBOXID on both sides", SIDES, true],
];

function renumberedScene(sides: readonly Side[], objectId: boolean): Scene {
  const s = new Scene(NAME, objectId ? { capabilities: [...CAPABILITIES, "OBJECTID"] } : {});
  return Object.assign(s, { sides });
}

/** Renumbers; with OBJECTID the UIDVALIDITY stays, as on Cyrus 3.6 for mailboxes of one second. */
function renumber(
  s: Scene,
  sides: readonly Side[],
  objectId: boolean,
  keep?: (message: NewModelMessage) => boolean,
): void {
  for (const side of sides) {
    const { uidValidity } = s.box(side);
    s.renumber(side, keep);
    if (objectId) Object.defineProperty(s.box(side), "uidValidity", { value: uidValidity });
  }
}

for (const [name, sides, objectId] of CHANGES) {
  for (const repair of [false, true]) {
    Deno.test(`${name} doubles and deletes nothing, and one line says so${repair ? " (--repair)" : ""}`, async () => {
      const s = renumberedScene(sides, objectId).both(...mails("old", 8));
      await s.run();
      s.box("remote").store([101], { mode: "add", flags: ["work"] });
      s.box("local").store([1], { mode: "add", flags: ["\\Seen"] });
      s.box("local").expunge([2]);
      s.box("remote").expunge([103]);
      renumber(s, sides, objectId);
      s.box("remote").append([mail("there")]);
      s.box("local").append([mail("here")]);
      const result = await s.run({ repair });
      assert.deepEqual(s.counts(), [10, 10]);
      assert.deepEqual(s.ids("local"), [...mails("old", 8).map((_, i) => `old-${i}`), "here", "there"].sort());
      assert.equal(s.flags("local", "old-0"), "\\Seen work");
      const [side = "local"] = sides;
      const [said, ...more] = warnings(result.log);
      assert.deepEqual(more, []);
      assert.match(
        said ?? "",
        new RegExp(
          `^${side}\\(box\\): WARNING: ${objectId ? "MAILBOXID" : "UIDVALIDITY"} changed! \\(\\w+ != \\w+\\)  ` +
            "Compared the messages anew: 6 of 8 local and 8 remote ones are on both sides; the others are copied\\.",
        ),
      );
      await s.settled();
    });
  }
}

Deno.test("a mailbox that comes back empty under another UIDVALIDITY is filled again, not emptied on the other side", async () => {
  for (const side of SIDES) {
    const s = new Scene().both(...mails("old", 4));
    await s.run();
    s.renumber(side, () => false);
    await s.run();
    assert.deepEqual(s.counts(), [4, 4]);
    await s.settled();
  }
});

Deno.test("the old UIDs of a mailbox that was made anew mean nothing: another message of the same UID is not touched", async () => {
  const s = new Scene().both(...mails("old", 4));
  await s.run();
  s.rig.store("remote").delete(NAME);
  s.rig.store("remote").create(NAME).uidNext = 101;
  s.box("remote").append(mails("new", 4));
  s.box("local").expunge([1, 2]);
  s.box("local").store([3], { mode: "add", flags: ["\\Deleted"] });
  await s.run();
  assert.deepEqual(s.counts(), [6, 6]);
  for (let i = 0; i < 4; i++) assert.equal(s.flags("remote", `new-${i}`), "");
  await s.settled();
});

Deno.test("a server that gives another UIDVALIDITY every time is not believed twice, and nothing is doubled by it", async () => {
  const s = new Scene().both(...mails("old", 4));
  await s.run();
  let value = 1000;
  const fickle: RunOptions = {
    during: (_number, command, side) => {
      if (command !== "SELECT" || side !== "remote") return;
      Object.defineProperty(s.box("remote"), "uidValidity", { value: ++value, configurable: true });
    },
  };
  for (let i = 0; i < 3; i++) {
    s.box("local").append([mail(`more-${i}`)]);
    const result = await s.rig.run(fickle);
    assert.ok(finished(result));
    assert.ok((result.report?.problems ?? 0) <= 1);
  }
  await s.run();
  assert.deepEqual(s.counts(), [7, 7]);
  await s.settled();
});

Deno.test("a mailbox that is made anew while a run is under way doubles and deletes nothing", async () => {
  for (const [name, nth] of [["UID FETCH", 1], ["SELECT", 2], ["UID SEARCH", 2], ["APPEND", 1]] as const) {
    const s = new Scene().both(...mails("old", 4));
    await s.run();
    s.box("local").append([mail("here")]);
    s.box("remote").append([mail("there")]);
    const at = name === "APPEND" ? "local" : "remote";
    const disturbed = await s.rig.run(before(name, at, () => s.renumber("remote"), nth));
    const context = [`${name} ${nth}`, String(disturbed.error), ...disturbed.log].join("\n");
    for (let i = 0; i < 2; i++) assert.equal((await s.rig.run()).error, null, context);
    assert.deepEqual(s.counts(), [6, 6], context);
    await s.settled();
  }
});

// ---- anything

interface Kind {
  readonly id: number;
  readonly text: string;
  readonly lacks: number;
}

const kinds = fc.record({ id: fc.nat(4), text: fc.constantFrom("aaa", "bbb", "cccc"), lacks: fc.nat(7) });
const messages = fc.array(
  fc.record({ kind: kinds, tuid: fc.boolean(), late: fc.nat(2), flags: fc.subarray(["\\Seen", "a", "b"]) }),
  { maxLength: 10 },
);

function messageOf({ id, text, lacks }: Kind): NewModelMessage {
  const message = mail(`${id}`, { body: delivered(`${id}${text}`, plainMessage(`${id}`, text)) });
  return NAMELESS.reduce((one, pattern, bit) => (lacks >> bit & 1) === 1 ? replaced(one, pattern, "") : one, message);
}

/** The octets without what mbsync adds. */
const essence = (body: Uint8Array) => textOf(body).replace(/^X-TUID: \w{12}\r\n/, "");

function tally(list: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const one of list) counts.set(one, (counts.get(one) ?? 0) + 1);
  return counts;
}

Deno.test("whatever is on both sides, each message is there as often as on the side that had more of it", async () => {
  await fc.assert(
    fc.asyncProperty(messages, messages, fc.boolean(), async (here, there, renumbered) => {
      const s = new Scene();
      if (renumbered) {
        s.both(...mails("old", 2));
        await s.run();
        s.renumber("remote");
      }
      let serial = 0;
      const made = (list: typeof here) =>
        list.map(({ kind, tuid, late, flags }) => {
          const message = { ...messageOf(kind), flags, date: { seconds: DATE.seconds + late, zone: 0 } };
          return tuid ? headed(`X-TUID: ${`${++serial}`.padStart(12, "a")}`, message) : message;
        });
      s.box("local").append(made(here));
      s.box("remote").append(made(there));
      const content = (side: Side) => tally(s.box(side).messages.map(({ body }) => essence(body)));
      const [mine, theirs] = [content("local"), content("remote")];
      await s.run();
      for (const text of new Set([...mine.keys(), ...theirs.keys()])) {
        const wanted = Math.max(mine.get(text) ?? 0, theirs.get(text) ?? 0);
        for (const side of SIDES) assert.equal(content(side).get(text), wanted, `${side}\n${text}`);
      }
      await s.quiet();
    }),
    { numRuns: 300 },
  );
});
