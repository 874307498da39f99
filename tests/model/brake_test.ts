// The delete brake between two model servers: an emptied mailbox empties the other one only when the user says so, and
// while its deletions wait everything else goes on.

import assert from "node:assert/strict";
import fc from "fast-check";
import type { Consent, Side } from "../../lib/state/mod.ts";
import type { BrakeOptions, DeleteLimit } from "../../lib/sync/mod.ts";
import { DEFAULT_LIMIT } from "../../lib/sync/mod.ts";
import { plainMessage } from "../support/live/mail.ts";
import { MemoryStore } from "../support/memory_store.ts";
import { CAPABILITIES, type ServerOptions } from "../support/model_options.ts";
import { type ModelMailbox, ModelMailstore } from "../support/model_mailstore.ts";
import { differences, finished, mappingProblems, memoryHome, Rig, type RunResult } from "../support/model_rig.ts";
import { mail, mails } from "../support/model_scenarios.ts";
import { ModelServer } from "../support/model_server.ts";
import { textOf } from "../support/model_values.ts";

const IDX = 1;
const NO_CONSENT: Consent = { all: false, names: new Set() };

interface Scene {
  readonly rig: Rig;
  readonly state: MemoryStore;
  readonly local: ModelMailbox;
  readonly remote: ModelMailbox;
}

/** INBOX with so many messages on both sides; remote UIDs are 100 above the local ones. */
async function scene(count: number, options: ServerOptions = {}, more: (rig: Rig) => void = () => {}): Promise<Scene> {
  const state = new MemoryStore();
  const rig = new Rig(
    new ModelServer(new ModelMailstore({ delimiter: "/" }), options),
    new ModelServer(new ModelMailstore({ delimiter: ".", firstUidValidity: 7 }), options),
    memoryHome(state),
  );
  const [local, remote] = [rig.store("local").mailbox("INBOX"), rig.store("remote").mailbox("INBOX")];
  remote.uidNext = 101;
  remote.append(mails("m", count));
  more(rig);
  assert.ok(finished(await rig.run()));
  assert.deepEqual(differences(rig), []);
  return { rig, state, local, remote };
}

class Brake implements BrakeOptions {
  readonly limit: DeleteLimit;
  readonly told = new Map<string, string>();
  consent: Consent = NO_CONSENT;
  readonly used: (readonly string[] | null)[] = [];
  readonly consents = {
    read: () => this.consent,
    used: (names: readonly string[] | null) => void this.used.push(names),
  };

  constructor(limit: DeleteLimit = DEFAULT_LIMIT) {
    this.limit = limit;
  }

  confirm(...names: readonly string[]): this {
    this.consent = { all: names.length === 0, names: new Set(names) };
    return this;
  }
}

function expunge(mailbox: ModelMailbox, uids: Iterable<number>): void {
  mailbox.store(uids, { mode: "add", flags: ["\\Deleted"] });
  mailbox.expunge(uids);
}

function upTo(last: number, first = 1): readonly number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

function heldBy(result: RunResult): number {
  assert.ok(finished(result), result.log.join("\n"));
  assert.equal(result.report?.problems, 0, result.log.join("\n"));
  return result.report?.held ?? -1;
}

function complaints({ log }: RunResult): readonly string[] {
  return log.filter((line) => line.includes("ERROR"));
}

/** Both sides equal, the pairs right, and a further run finds nothing. */
async function settled({ rig, state }: Scene): Promise<void> {
  assert.deepEqual(differences(rig), []);
  assert.deepEqual(mappingProblems(rig, state), []);
  const result = await rig.run();
  assert.equal(heldBy(result), 0);
  assert.deepEqual(result.log, []);
}

Deno.test("a mailbox that was emptied on one side stays as it is on the other, at every run", async () => {
  const s = await scene(30);
  const before = s.state.cursors(IDX);
  expunge(s.local, upTo(30));
  for (let run = 0; run < 3; run++) {
    const result = await s.rig.run();
    assert.equal(heldBy(result), 30);
    assert.equal(complaints(result).length, 1);
    assert.match(
      complaints(result)[0] ?? "",
      /^remote\(INBOX\): ERROR: Delete brake: 30 of 30 messages are gone from local .*UID 101:130.*--confirm-deletes=INBOX/,
    );
    assert.equal(s.remote.count, 30);
    assert.equal(s.state.pairCount(IDX), 30);
    assert.deepEqual(s.state.cursors(IDX)?.local, before?.local);
    assert.ok(!result.commands.remote.some((name) => name.includes("EXPUNGE")));
  }
});

Deno.test("confirmed deletions are carried out, and the mailbox is clean afterwards", async () => {
  const s = await scene(30);
  expunge(s.local, upTo(30));
  assert.equal(heldBy(await s.rig.run()), 30);
  const brake = new Brake().confirm("INBOX");
  const result = await s.rig.run({ brake });
  assert.equal(heldBy(result), 0);
  assert.deepEqual(complaints(result), []);
  assert.deepEqual(brake.used, [null]);
  assert.equal(s.remote.count, 0);
  await settled(s);
});

Deno.test("exactly the allowed number is deleted, one more is not", async () => {
  for (const [gone, held] of [[15, 0], [16, 16]] as const) {
    const s = await scene(30);
    expunge(s.remote, upTo(100 + gone, 101));
    assert.equal(heldBy(await s.rig.run()), held);
    assert.equal(s.local.count, 30 - gone + held);
  }
});

Deno.test("small mailboxes may be emptied by default, and not with a limit of 0", async () => {
  const s = await scene(20);
  expunge(s.local, upTo(19));
  assert.equal(heldBy(await s.rig.run()), 0);
  expunge(s.local, [20]);
  assert.equal(heldBy(await s.rig.run({ brake: new Brake({ count: 0, percent: null }) })), 1);
  assert.equal(s.remote.count, 1);
  assert.equal(heldBy(await s.rig.run({ brake: new Brake({ count: null, percent: null }) })), 0);
  await settled(s);
});

Deno.test("new mail and flags of a mailbox go on both ways while its deletions wait", async () => {
  const s = await scene(30);
  expunge(s.local, upTo(28));
  assert.equal(heldBy(await s.rig.run()), 28);
  s.local.append([mail("from-local")]);
  s.remote.append([mail("from-remote")]);
  s.local.store([29], { mode: "add", flags: ["\\Seen"] });
  s.remote.store([130], { mode: "add", flags: ["\\Flagged"] });
  for (let run = 0; run < 2; run++) {
    assert.equal(heldBy(await s.rig.run()), 28);
    assert.equal(s.remote.count, 32);
    assert.equal(s.local.count, 4);
    assert.deepEqual(s.remote.get(129)?.flags, ["\\Seen"]);
    assert.deepEqual(s.local.get(30)?.flags, ["\\Flagged"]);
  }
  assert.equal(heldBy(await s.rig.run({ brake: new Brake().confirm() })), 0);
  assert.equal(s.remote.count, 4);
  await settled(s);
});

Deno.test("deletions of the other direction go on while those of one wait", async () => {
  const s = await scene(30);
  expunge(s.local, upTo(20));
  expunge(s.remote, [129, 130]);
  assert.equal(heldBy(await s.rig.run()), 20);
  assert.equal(s.local.count, 8);
  assert.equal(s.remote.count, 28);
  expunge(s.remote, [128]);
  assert.equal(heldBy(await s.rig.run()), 20);
  assert.equal(s.local.count, 7);
});

Deno.test("both directions are counted apart, and both can wait", async () => {
  const s = await scene(40);
  expunge(s.local, upTo(20));
  expunge(s.remote, upTo(140, 121));
  const brake = new Brake({ count: 19, percent: null });
  const result = await s.rig.run({ brake });
  assert.equal(heldBy(result), 40);
  assert.deepEqual(complaints(result).map((line) => line.split(":", 1)[0]), ["local(INBOX)", "remote(INBOX)"]);
  assert.equal(heldBy(await s.rig.run({ brake: new Brake().confirm() })), 0);
  assert.equal(s.local.count + s.remote.count, 0);
  await settled(s);
});

Deno.test("a message whose deletion waits may get flags and vanish by itself", async () => {
  const s = await scene(30);
  expunge(s.local, upTo(30));
  assert.equal(heldBy(await s.rig.run()), 30);
  s.remote.store([101], { mode: "add", flags: ["\\Flagged"] });
  assert.equal(heldBy(await s.rig.run()), 30);
  assert.deepEqual(s.remote.get(101)?.flags, ["\\Flagged"]);
  expunge(s.remote, upTo(115, 102));
  const result = await s.rig.run();
  assert.equal(heldBy(result), 16, result.log.join("\n"));
  // Of so few any number might be deleted, had nothing been held before.
  assert.equal(s.state.pairCount(IDX), 16);
  assert.equal(heldBy(await s.rig.run()), 16);
  expunge(s.remote, upTo(130, 101));
  assert.equal(heldBy(await s.rig.run()), 0);
  await settled(s);
});

Deno.test("deletions that wait go on waiting when new mail has made them a smaller share, also after a kill", async () => {
  for (let at = 0; at < 40; at++) {
    const s = await scene(30);
    expunge(s.local, upTo(30));
    s.remote.append(mails("new", 40));
    const first = await s.rig.run({ killAt: { at, spared: at % 2 } });
    if (!first.killed) assert.equal(heldBy(first), 30);
    for (let run = 0; run < 2; run++) assert.equal(heldBy(await s.rig.run()), 30);
    assert.equal(s.remote.count, 70);
    assert.equal(s.local.count, 40);
    assert.equal(heldBy(await s.rig.run({ brake: new Brake().confirm("INBOX") })), 0);
    await settled(s);
    // What was held is forgotten with it.
    expunge(s.local, s.local.messages.slice(0, 20).map(({ uid }) => uid));
    assert.equal(heldBy(await s.rig.run()), 0);
    await settled(s);
    if (at > 0 && !first.killed) return;
  }
  assert.fail("the first run was always killed");
});

Deno.test("what was held is forgotten also in a mailbox in which a message is refused at every run", async () => {
  const s = await scene(30);
  s.rig.servers.local.lies.refuseAppend = (body) => textOf(body).includes("bad@") ? "Message is bad" : null;
  s.remote.append([mail("bad")]);
  expunge(s.local, upTo(20));
  const runs = [{}, { brake: new Brake().confirm() }, {}];
  for (const [i, options] of runs.entries()) {
    if (i === 2) expunge(s.local, [21]);
    const { report, log } = await s.rig.run(options);
    assert.deepEqual(report, i === 0 ? { problems: 1, held: 20 } : { problems: 0, held: 0 }, log.join("\n"));
  }
  assert.equal(s.remote.count, 10);
});

Deno.test("other mailboxes are synchronized while one is braked, and a confirmation holds for those that it names", async () => {
  const s = await scene(30, {}, (rig) => {
    const store = rig.store("remote");
    for (const name of ["a.b", "c"]) {
      store.create(name);
      store.mailbox(name).append(mails(name, 25));
    }
  });
  expunge(s.local, upTo(30));
  expunge(s.rig.store("local").mailbox("a/b"), upTo(25));
  s.rig.store("local").mailbox("c").append([mail("new")]);
  assert.equal(heldBy(await s.rig.run()), 55);
  assert.equal(s.rig.store("remote").mailbox("c").count, 26);
  const brake = new Brake().confirm("a/b", "none");
  const result = await s.rig.run({ brake });
  assert.equal(heldBy(result), 30);
  assert.ok(result.log.some((line) => /WARNING: No deletions to confirm in none/.test(line)), result.log.join("\n"));
  assert.equal(s.rig.store("remote").mailbox("a.b").count, 0);
  assert.equal(s.remote.count, 30);
});

Deno.test("a restricted run uses the confirmations of its mailboxes only", async () => {
  const s = await scene(30, {}, (rig) => rig.store("remote").create("c"));
  expunge(s.local, upTo(30));
  const brake = new Brake().confirm("INBOX");
  assert.equal(heldBy(await s.rig.run({ names: ["c"], brake })), 0);
  assert.deepEqual(brake.used, [["c"]]);
  assert.equal(s.remote.count, 30);
});

Deno.test("a run that ends with an error uses no confirmation", async () => {
  const s = await scene(30);
  expunge(s.local, upTo(30));
  const brake = new Brake().confirm();
  const result = await s.rig.run({ brake, killAt: { at: 8, spared: 0 } });
  assert.ok(result.killed);
  assert.deepEqual(brake.used, []);
  assert.equal(heldBy(await s.rig.run({ brake })), 0);
  assert.deepEqual(brake.used, [null]);
  await settled(s);
});

Deno.test("a watcher, whose runs share a brake, says once what waits, and again when it is something else", async () => {
  const s = await scene(30);
  const brake = new Brake();
  expunge(s.local, upTo(20));
  assert.equal(complaints(await s.rig.run({ brake })).length, 1);
  const second = await s.rig.run({ brake });
  assert.equal(heldBy(second), 20);
  assert.deepEqual(complaints(second), []);
  expunge(s.local, [21]);
  assert.equal(complaints(await s.rig.run({ brake })).length, 1);
});

Deno.test("mailboxes for waste are exempt, whichever server says so, and only a server that can is asked", async () => {
  for (const [side, use] of [["local", "\\Trash"], ["remote", "\\Junk"], ["remote", "\\Sent"]] as const) {
    const options = { capabilities: [...CAPABILITIES, "SPECIAL-USE"] };
    const s = await scene(1, side === "local" ? options : {}, (rig) => {
      for (const name of ["local", "remote"] as const) rig.store(name).create("waste");
      rig.store("local").mailbox("waste").append(mails("w", 30));
    });
    const other = side === "local" ? s.rig : new Rig(
      s.rig.servers.local,
      new ModelServer(s.rig.store("remote"), options),
      memoryHome(s.state),
    );
    other.store(side).specialUse.set("waste", use);
    expunge(other.store("local").mailbox("waste"), upTo(30));
    const result = await other.run();
    assert.equal(heldBy(result), use === "\\Sent" ? 30 : 0);
    assert.equal(other.store("remote").mailbox("waste").count, use === "\\Sent" ? 30 : 0);
  }
});

Deno.test("--repair is braked as well", async () => {
  const s = await scene(30);
  expunge(s.local, upTo(30));
  assert.equal(heldBy(await s.rig.run({ repair: true })), 30);
  assert.equal(s.remote.count, 30);
  assert.equal(heldBy(await s.rig.run({ repair: true, brake: new Brake().confirm() })), 0);
  await settled(s);
});

Deno.test("a run that deletes and is killed at any command counts anew, and never goes past the limit", async () => {
  const brake = () => new Brake({ count: 10, percent: null });
  for (let at = 1;; at++) {
    const s = await scene(25);
    expunge(s.local, upTo(10));
    const result = await s.rig.run({ brake: brake(), killAt: { at, spared: at % 2 } });
    expunge(s.local, upTo(23, 12));
    assert.equal(heldBy(await s.rig.run({ brake: brake() })), s.remote.count - s.local.count);
    assert.ok(s.remote.count >= 15);
    assert.equal(heldBy(await s.rig.run({ brake: brake().confirm("INBOX") })), 0);
    await settled(s);
    if (!result.killed) break;
  }
});

Deno.test("users who delete while runs with a limit go on lose no message that they did not delete, and in the end all agree", async () => {
  const step = fc.oneof(
    fc.record({
      kind: fc.constant("delete" as const),
      side: fc.constantFrom<Side>("local", "remote"),
      share: fc.integer({ min: 1, max: 9 }),
    }),
    fc.record({ kind: fc.constant("append" as const), side: fc.constantFrom<Side>("local", "remote") }),
    fc.record({ kind: fc.constant("run" as const), limit: fc.nat(12) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 12 }), async (steps) => {
      const s = await scene(24);
      let appended = 0;
      const deleted = new Set<string>();
      for (const one of steps) {
        if (one.kind === "append") s[one.side].append([mail(`new-${appended++}`)]);
        else if (one.kind === "delete") {
          const gone = s[one.side].messages.filter((_, i) => i % 10 < one.share);
          for (const { body } of gone) deleted.add(textOf(body));
          expunge(s[one.side], gone.map(({ uid }) => uid));
        } else {
          const before = { local: s.local.count, remote: s.remote.count };
          const arrivals = appended;
          heldBy(await s.rig.run({ brake: new Brake({ count: one.limit, percent: null }) }));
          for (const side of ["local", "remote"] as const) {
            assert.ok(s[side].count >= before[side] - one.limit && s[side].count <= before[side] + arrivals);
          }
        }
      }
      assert.equal(heldBy(await s.rig.run({ brake: new Brake().confirm() })), 0);
      const all = [
        ...mails("m", 24).map(({ body }) => textOf(body)),
        ...upTo(appended, 1).map((i) => {
          return textOf(plainMessage(`new-${i - 1}`));
        }),
      ];
      assert.deepEqual(
        s.local.messages.map(({ body }) => textOf(body)).sort(),
        all.filter((body) => !deleted.has(body)).sort(),
      );
      await settled(s);
    }),
    { numRuns: 40 },
  );
});
