// A mailbox that keeps only some flags holds the poorer copies: what happens to them takes nothing from the better ones.

import assert from "node:assert/strict";
import { finished, Rig } from "../support/model_rig.ts";
import { type ModelMailbox, ModelMailstore } from "../support/model_mailstore.ts";
import { mail } from "../support/model_scenarios.ts";
import { ModelServer } from "../support/model_server.ts";

interface Scene {
  readonly rig: Rig;
  readonly rich: ModelMailbox;
  readonly poor: ModelMailbox;
}

/** Local INBOX keeps everything, remote INBOX system flags only. */
async function scene(): Promise<Scene> {
  const rig = new Rig(new ModelServer(), new ModelServer(new ModelMailstore({ delimiter: "." })));
  const [rich, poor] = [rig.store("local").mailbox("INBOX"), rig.store("remote").mailbox("INBOX")];
  poor.permanentFlags = ["\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft"];
  rich.append(["one", "two", "three"].map((id) => mail(id, ["\\Answered", "work"])));
  await run(rig);
  assert.deepEqual(flagsOf(poor), ["\\Answered", "\\Answered", "\\Answered"]);
  return { rig, rich, poor };
}

async function run(rig: Rig): Promise<readonly string[]> {
  const result = await rig.run();
  assert.ok(finished(result), result.log.join("\n"));
  assert.equal(result.report?.problems, 0, result.log.join("\n"));
  return result.log;
}

async function quiet(rig: Rig): Promise<void> {
  const result = await rig.run();
  assert.deepEqual(result.log, []);
  for (const side of ["local", "remote"] as const) assert.ok(!result.commands[side].includes("SELECT"));
}

const flagsOf = (mailbox: ModelMailbox) => mailbox.messages.map(({ flags }) => flags.join(" "));

Deno.test("a change of the poorer copy leaves the other one the flags that it has no room for", async () => {
  const { rig, rich, poor } = await scene();
  poor.store([1], { mode: "add", flags: ["\\Seen"] });
  poor.store([2], { mode: "replace", flags: [] });
  poor.store([3], { mode: "replace", flags: ["\\Flagged"] });
  await run(rig);
  assert.deepEqual(flagsOf(rich), ["\\Answered \\Seen work", "work", "\\Flagged work"]);
  assert.deepEqual(flagsOf(poor), ["\\Answered \\Seen", "", "\\Flagged"]);
  await quiet(rig);
});

Deno.test("a change of the better copy goes on as usual, and takes its own flags away", async () => {
  const { rig, rich, poor } = await scene();
  rich.store([1], { mode: "remove", flags: ["work", "\\Answered"] });
  rich.store([2], { mode: "add", flags: ["\\Seen", "more"] });
  await run(rig);
  assert.deepEqual(flagsOf(poor), ["", "\\Answered \\Seen", "\\Answered"]);
  assert.deepEqual(flagsOf(rich), ["", "\\Answered \\Seen more work", "\\Answered work"]);
  await quiet(rig);
});

Deno.test("changes of both copies are united, and the union keeps what only one has room for", async () => {
  const { rig, rich, poor } = await scene();
  rich.store([1], { mode: "add", flags: ["\\Flagged"] });
  poor.store([1], { mode: "add", flags: ["\\Seen"] });
  await run(rig);
  assert.equal(flagsOf(rich)[0], "\\Answered \\Flagged \\Seen work");
  assert.equal(flagsOf(poor)[0], "\\Answered \\Flagged \\Seen");
  await quiet(rig);
});

Deno.test("two changes of the poorer copy in one run do not take it for an echo", async () => {
  const { rig, rich, poor } = await scene();
  poor.store([1], { mode: "add", flags: ["\\Seen"] });
  let done = false;
  const result = await rig.run({
    during: (_number, name, side) => {
      if (done || side !== "local" || name !== "UID STORE") return;
      done = true;
      poor.store([1], { mode: "remove", flags: ["\\Seen", "\\Answered"] });
    },
  });
  assert.ok(finished(result) && done);
  await run(rig);
  assert.equal(flagsOf(rich)[0], "work");
  assert.equal(flagsOf(poor)[0], "");
  await quiet(rig);
});

Deno.test("a full comparison finds nothing to repair in what the poorer copies lack", async () => {
  const { rig, rich, poor } = await scene();
  poor.highestModSeq += 9n;
  rich.append([mail("four", [])]);
  await run(rig);
  poor.store([1], { mode: "add", flags: ["\\Seen"] });
  poor.loseIndex();
  const log = await run(rig);
  assert.deepEqual(log.filter((line) => line.includes("Conflicting")).length, 1, log.join("\n"));
  assert.deepEqual(flagsOf(rich), ["\\Answered \\Seen work", "\\Answered work", "\\Answered work", ""]);
  await quiet(rig);
});

/** Both INBOXes keep everything, and we may only read the remote one from now on. */
async function readOnlyScene(): Promise<Scene> {
  const rig = new Rig(new ModelServer(), new ModelServer(new ModelMailstore({ delimiter: "." })));
  const [rich, poor] = [rig.store("local").mailbox("INBOX"), rig.store("remote").mailbox("INBOX")];
  rich.append([...["one", "two"].map((id) => mail(id, ["\\Answered", "work"])), mail("three", [])]);
  await run(rig);
  rig.servers.remote.lies.readOnly = ["INBOX"];
  return { rig, rich, poor };
}

Deno.test("what others take away in a mailbox that we may only read is taken away from the other copy", async () => {
  const { rig, rich, poor } = await readOnlyScene();
  poor.store([1], { mode: "replace", flags: ["\\Flagged"] });
  await run(rig);
  assert.deepEqual(flagsOf(rich), ["\\Flagged", "\\Answered work", ""]);
  await quiet(rig);
});

Deno.test("a full comparison takes away what others took away in a mailbox that we may only read", async () => {
  const { rig, rich, poor } = await readOnlyScene();
  rich.highestModSeq += 9n;
  rich.store([2], { mode: "add", flags: ["\\Seen"] });
  rig.servers.remote.lies.readOnly = [];
  await run(rig);
  rig.servers.remote.lies.readOnly = ["INBOX"];
  poor.store([1], { mode: "replace", flags: ["\\Flagged"] });
  rich.loseIndex();
  await run(rig);
  assert.deepEqual(flagsOf(rich), ["\\Flagged", "\\Answered \\Seen work", ""]);
});

Deno.test("a keyword that a mailbox that we may only read did not get outlives a change there", async () => {
  const { rig, rich, poor } = await readOnlyScene();
  rich.store([3], { mode: "add", flags: ["mine"] });
  const refused = await rig.run();
  assert.match(refused.log.join("\n"), /may only be read: couldn't store flags \(mine\)/);
  poor.store([3], { mode: "add", flags: ["\\Seen"] });
  assert.ok(finished(await rig.run()));
  assert.equal(flagsOf(rich)[2], "\\Seen mine");
});

Deno.test("flags that both mailboxes keep cost no question before they are stored", async () => {
  const rig = new Rig(new ModelServer(), new ModelServer(new ModelMailstore({ delimiter: "." })));
  const inbox = rig.store("local").mailbox("INBOX");
  inbox.append(Array.from({ length: 20 }, (_, index) => mail(`m${index}`, [])));
  await run(rig);
  for (let uid = 1; uid <= 20; uid++) inbox.store([uid], { mode: "add", flags: [`k${uid % 5}`] });
  const result = await rig.run();
  assert.ok(finished(result));
  assert.ok(!result.commands.local.includes("UID STORE") && !result.commands.local.includes("UID FETCH"));
  assert.deepEqual(result.commands.remote.filter((name) => name === "UID STORE").length, 5);
  assert.ok(!result.commands.remote.includes("UID FETCH"), result.commands.remote.join(", "));
});
