// The first synchronization with a server that is far away: INBOX is looked at before the servers' lists are there, and
// whose messages are copied first.

import assert from "node:assert/strict";
import { finished, type RunOptions, type RunResult, SIDES } from "../support/model_rig.ts";
import { assertQuiet, before, emptyScene, messages, type ModelScene } from "../support/model_scene.ts";

const COMMON = messages("a", "b", "c", "d", "e");

/** INBOX and box with common messages, and such as are on one side only. */
function scene(): ModelScene {
  const { rig, state } = emptyScene();
  for (const side of SIDES) {
    const store = rig.store(side);
    store.create("box");
    for (const name of ["INBOX", "box"]) store.mailbox(name).append([...COMMON, ...messages(`${side}-${name}`)]);
  }
  return { rig, state };
}

/** So many messages that are on no other side. */
function numbered(count: number, side: string): ReturnType<typeof messages> {
  return messages(...Array.from({ length: count }, (_, i) => `${side}-${i}`));
}

async function run({ rig }: ModelScene, options: RunOptions): Promise<RunResult> {
  const result = await rig.run(options);
  assert.ok(finished(result));
  assert.equal(result.report?.problems, 0, result.log.join("\n"));
  return result;
}

async function settles(s: ModelScene): Promise<void> {
  await assertQuiet(s);
  for (const side of SIDES) {
    assert.deepEqual(["INBOX", "box"].map((name) => s.rig.store(side).mailbox(name).count), [7, 7]);
  }
}

/** The sides that got a message, in turn. */
function appends(): { readonly options: RunOptions; readonly to: string[] } {
  const to: string[] = [];
  return { to, options: { during: (_number, name, side) => void (name === "APPEND" && to.push(side)) } };
}

for (const [far, first] of [["remote", "remote"], ["local", "local"], [null, "local"]] as const) {
  Deno.test(`with ${far ?? "no server"} far away, ${first} gets the first messages of a first synchronization`, async () => {
    const s = scene();
    const { options, to } = appends();
    await run(s, { far, ...options });
    assert.deepEqual(
      to,
      first === "remote" ? ["remote", "remote", "local", "local"] : ["local", "local", "remote", "remote"],
    );
    await settles(s);
  });
}

Deno.test("what comes is copied first where more is sent, however far away the server is", async () => {
  const s = scene();
  for (const name of ["INBOX", "box"]) s.rig.store("local").mailbox(name).append(messages("one more"));
  const { options, to } = appends();
  await run(s, { far: "remote", ...options });
  assert.deepEqual(to, ["local", "local", "remote", "remote"]);
  await assertQuiet(s);
});

for (const [count, first] of [[4096, "remote"], [4097, "local"]] as const) {
  Deno.test(`of ${count} messages on each side, far from each other, ${first} gets the first`, async () => {
    const s = emptyScene();
    for (const side of SIDES) s.rig.store(side).mailbox("INBOX").append(numbered(count, side));
    const { options, to } = appends();
    await run(s, { far: "remote", ...options });
    assert.equal(to[0], first);
    await assertQuiet(s);
  });
}

Deno.test("a server that takes nothing for now does not keep its own mail back", async () => {
  const s = scene();
  // So many that it is known before all are sent.
  for (const side of SIDES) s.rig.store(side).mailbox("INBOX").append(numbered(2500, side));
  s.rig.servers.remote.lies.refuseAppend = () => "[INUSE] Try again later";
  const result = await s.rig.run({ far: "remote" });
  assert.ok(finished(result));
  assert.equal(result.report?.problems, 2, result.log.join("\n"));
  for (const [name, more] of [["INBOX", 2500], ["box", 0]] as const) {
    assert.deepEqual(SIDES.map((side) => s.rig.store(side).mailbox(name).count), [7 + 2 * more, 6 + more]);
  }
  s.rig.servers.remote.lies.refuseAppend = null;
  await run(s, { far: "remote" });
  await assertQuiet(s);
});

Deno.test("new mail is fetched before any is sent, however far away the server is", async () => {
  const s = scene();
  await run(s, {});
  const { options, to } = appends();
  for (const side of SIDES) s.rig.store(side).mailbox("box").append(messages(`new-${side}`));
  await run(s, { far: "remote", ...options });
  assert.deepEqual(to, ["local", "remote"]);
  await assertQuiet(s);
});

for (const far of SIDES) {
  Deno.test(`a first run looks at INBOX before ${far}, far away, has told its list, and not again`, async () => {
    const s = emptyScene();
    for (const side of SIDES) s.rig.store(side).mailbox("INBOX").append(COMMON);
    const { log } = await run(s, { far, debug: true });
    for (const side of SIDES) assert.equal(log.filter((line) => line.startsWith(side) && isSelect(line)).length, 1);
    const lines = log.filter((line) => line.startsWith(far));
    const listed = lines.findIndex((line) => line.includes("S: * LIST"));
    assert.ok(lines.findIndex(isSelect) < listed, lines.join("\n"));
    await assertQuiet(s);
    assert.equal(s.rig.store(far).mailbox("INBOX").count, COMMON.length);
  });
}

function isSelect(line: string): boolean {
  return / C: \S+ SELECT INBOX$/.test(line);
}

Deno.test("INBOX may become another one at any time of a first run: it is looked at anew", async () => {
  let nth = 1;
  for (let happened = true; happened; nth++) {
    happened = false;
    const s = scene();
    const inbox = s.rig.store("remote").mailbox("INBOX");
    const renumber = before("UID FETCH", "remote", () => {
      happened = true;
      Object.defineProperty(inbox, "uidValidity", { value: 4711, configurable: true });
    }, nth);
    await run(s, { far: "remote", connections: 2, ...renumber });
    await run(s, {});
    await settles(s);
  }
  assert.ok(nth > 5);
});

Deno.test("a mailbox that gets large is selected where its messages go, and others are changed meanwhile", async () => {
  const s = scene();
  await run(s, {});
  s.rig.store("remote").mailbox("INBOX").append(numbered(10_300, "remote"));
  const box = s.rig.store("remote").mailbox("box");
  box.store([1, 2, 3], { mode: "add", flags: ["\\Flagged"] });
  const { log } = await run(s, { debug: true });
  const commands = log.filter((line) => /^local.* C: \S+ (SELECT|APPEND|UID STORE)/.test(line));
  const again = commands.findLastIndex(isSelect);
  assert.ok(commands.slice(0, again).some((line) => line.includes("APPEND INBOX")), commands.join("\n"));
  assert.ok(commands.slice(again).some((line) => line.includes("APPEND INBOX")), commands.join("\n"));
  await assertQuiet(s);
  assert.equal(s.rig.store("local").mailbox("INBOX").count, 7 + 10_300);
});
