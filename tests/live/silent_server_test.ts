// A server that accepts the connection and never says a word does not hold the run for ever. In a file of its own
// because it has to wait for the deadline of half a minute.

import assert from "node:assert/strict";
import { startFakeServer } from "../support/live/fake_server.ts";
import { liveTest } from "../support/live/live_case.ts";
import { plainSection, tunnelSection, Workspace } from "../support/live/program.ts";

liveTest("a server that never greets is given up after half a minute", async ({ lab, program }) => {
  const local = await lab.store("local", { format: "maildir", separator: "/" });
  const remote = await lab.store("remote", { format: "maildir", separator: "/" });
  await using server = startFakeServer("");
  const workspace = await Workspace.create(`${lab.directory}/w`, tunnelSection(local), plainSection(remote, server));
  const result = await workspace.run(program, [], 45_000);
  assert.notEqual(result.code, 0);
  assert.ok(result.lines.some((line) => line.startsWith("remote: ")), result.stderr);
  assert.ok(result.milliseconds > 5_000, "given up too early for a slow server");
});
