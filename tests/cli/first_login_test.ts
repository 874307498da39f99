// The first run between two servers: what is presumed of them, and what becomes of it when it does not hold.

import assert from "node:assert/strict";
import { AuthenticationError, CapabilityError } from "../../lib/errors.ts";
import { differences, SIDES } from "../support/model_rig.ts";
import { mails } from "../support/model_scenarios.ts";
import { prepareRuns, type RunScene } from "../support/run_scene.ts";

function accepted({ ports }: RunScene): readonly number[] {
  return SIDES.map((side) => ports[side].accepted);
}

Deno.test("a server that tells nothing with its answer to a login is connected to twice once, and later waited for", async () => {
  await using scene = prepareRuns();
  const { rig, log } = scene;
  for (const side of SIDES) rig.servers[side].lies.tellsNothingAtLogin = true;
  rig.store("remote").find("INBOX")?.append(mails("first", 2));
  assert.equal(await scene.run(), 0, log.lines.join("\n"));
  assert.deepEqual(differences(rig), []);
  for (const round of ["second", "third"]) {
    rig.store("remote").find("INBOX")?.append(mails(round, 2));
    const before = accepted(scene);
    assert.equal(await scene.run(), 0, log.lines.join("\n"));
    assert.deepEqual(differences(rig), []);
    assert.deepEqual(accepted(scene).map((number, index) => number - (before[index] ?? 0)), [1, 1], round);
  }
  for (const side of SIDES) assert.deepEqual(rig.servers[side].violations, []);
});

Deno.test("what is presumed of a server that it does not have is what is missing", async () => {
  await using scene = prepareRuns({ without: ["UIDPLUS"] });
  await assert.rejects(scene.run(), (error) => error instanceof CapabilityError && /UIDPLUS/.test(error.message));
  for (const side of SIDES) {
    const logins = scene.rig.servers[side].commands.filter((command) => command === "AUTHENTICATE");
    assert.ok(logins.length <= 1, `${side}: ${logins.length} logins`);
  }
});

Deno.test("a wrong password is tried once although much would be sent behind it", async () => {
  await using scene = prepareRuns({ password: "another" });
  await assert.rejects(scene.run(), AuthenticationError);
  const { commands } = scene.rig.servers.remote;
  assert.deepEqual(commands.filter((command) => /AUTHENTICATE|LOGIN/.test(command)), ["AUTHENTICATE"]);
});
