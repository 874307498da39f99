// A server that selects another mailbox without [CLOSED], over whole runs: everything arrives, in the right mailbox, and
// later runs know.

import assert from "node:assert/strict";
import { Interrupted } from "../../lib/errors.ts";
import type { Side } from "../../lib/state/types.ts";
import { differences, type Rig, SIDES } from "../support/model_rig.ts";
import { mails } from "../support/model_scenarios.ts";
import { prepareRuns as prepare } from "../support/run_scene.ts";

const NAMES = ["INBOX", "a", "b", "c"];

/** New mail, flags and deletions on both sides of every mailbox. */
function change(rig: Rig, round: string): void {
  for (const name of NAMES) {
    for (const side of SIDES) {
      const store = rig.store(side);
      const mailbox = store.find(name) ?? store.create(name);
      const uids = mailbox.messages.map(({ uid }) => uid);
      const [first, second, third, fourth] = side === "local" ? uids : uids.toReversed();
      if (first !== undefined && second !== undefined) mailbox.store([first, second], { mode: "add", flags: [round] });
      if (third !== undefined && fourth !== undefined) mailbox.expunge([third]);
      mailbox.append(mails(`${round}-${side}-${name}`, 3));
    }
  }
}

function count(names: readonly string[], name: string): number {
  return names.filter((each) => each === name).length;
}

for (const silent of [["remote"], ["local", "remote"]] as const) {
  Deno.test(`a run between servers of which ${silent.join(" and ")} leaves out [CLOSED] does everything`, async () => {
    await using scene = prepare();
    const { rig, ports, log } = scene;
    for (const side of silent) rig.servers[side].lies.leavesSilently = true;
    change(rig, "one");
    assert.equal(await scene.run(), 0, log.lines.join("\n"));
    assert.deepEqual(differences(rig), []);
    const told = (side: Side) => log.lines.filter((line) => line.startsWith(`${side}: `) && line.includes("[CLOSED]"));
    for (const side of SIDES) assert.equal(told(side).length, silent.some((one) => one === side) ? 1 : 0, side);

    change(rig, "two");
    const before = { accepted: ports.remote.accepted, commands: rig.servers.remote.commands.length };
    assert.equal(await scene.run(), 0, log.lines.join("\n"));
    assert.deepEqual(differences(rig), []);
    const commands = rig.servers.remote.commands.slice(before.commands);
    assert.ok(count(commands, "UNSELECT") > 0, commands.join(" "));
    assert.equal(count(commands, "LOGOUT"), ports.remote.accepted - before.accepted, "a session broke");
    assert.equal(log.lines.filter((line) => line.includes("[CLOSED]")).length, silent.length, "it was not remembered");

    const idle = rig.servers.remote.commands.length;
    assert.equal(await scene.run(), 0);
    assert.equal(count(rig.servers.remote.commands.slice(idle), "SELECT"), 0);
    for (const side of SIDES) assert.deepEqual(rig.servers[side].violations, []);
  });
}

Deno.test("a watch that meets a server which leaves out [CLOSED] connects again at once, and waits then", async () => {
  await using scene = prepare();
  const { rig, log } = scene;
  assert.equal(await scene.run(), 0);
  rig.servers.remote.lies.leavesSilently = true;
  change(rig, "one");
  // It waits when it asks to be told.
  const waits = Promise.withResolvers<void>();
  rig.servers.remote.gate = { before: (name) => (name === "IDLE" && waits.resolve(), true) };
  const watching = scene.watch();
  await Promise.race([waits.promise, watching]);
  assert.deepEqual(differences(rig), [], log.lines.join("\n"));
  scene.stop.abort(new Interrupted("SIGTERM"));
  assert.ok(await watching instanceof Interrupted);
  assert.equal(log.lines.filter((line) => line.includes("[CLOSED]")).length, 1, log.lines.join("\n"));
  assert.equal(log.lines.filter((line) => line.includes("WARNING")).length, 0, log.lines.join("\n"));
});

Deno.test("a server that leaves out [CLOSED] and has no UNSELECT ends the run with one error", async () => {
  await using scene = prepare({ without: ["UNSELECT"] });
  const { rig } = scene;
  rig.servers.remote.lies.leavesSilently = true;
  change(rig, "one");
  await assert.rejects(scene.run(), /without \[CLOSED\].*no UNSELECT/);
});
