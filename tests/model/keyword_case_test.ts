// Keywords are the same whatever their case (RFC 9051 2.3.2): servers that spell them differently agree.

import assert from "node:assert/strict";
import { finished, Rig } from "../support/model_rig.ts";
import { ModelMailstore } from "../support/model_mailstore.ts";
import { mail } from "../support/model_scenarios.ts";
import { ModelServer } from "../support/model_server.ts";

Deno.test("a keyword that both servers spell differently is no conflict, and keeps its spelling on each", async () => {
  const rig = new Rig(new ModelServer(), new ModelServer(new ModelMailstore({ delimiter: "." })));
  const [local, remote] = [rig.store("local").mailbox("INBOX"), rig.store("remote").mailbox("INBOX")];
  local.append([mail("one", ["Work"])]);
  assert.ok(finished(await rig.run()));
  assert.deepEqual(remote.get(1)?.flags, ["Work"]);
  const other = rig.store("remote").create("box");
  other.append([mail("two", ["WORK"])]);
  rig.store("local").create("box").append([mail("unrelated", ["work"])]);
  assert.ok(finished(await rig.run()));

  for (const [spelled, mailbox] of [["WORK", other], ["work", rig.store("local").mailbox("box")]] as const) {
    assert.deepEqual(mailbox.messages.map(({ flags }) => flags), [[spelled], [spelled]]);
  }
  other.store([1, 2], { mode: "add", flags: ["\\Seen"] });
  rig.store("local").mailbox("box").store([1], { mode: "add", flags: ["\\Flagged"] });
  const result = await rig.run();
  assert.ok(finished(result));
  assert.equal(result.report?.problems, 0);
  assert.match(
    result.log.join("\n"),
    /Conflicting flag update in box .*Setting both to the union \(WORK \\Flagged \\Seen\)/,
  );
  const flags = (mailbox: typeof other) => mailbox.messages.map((message) => message.flags.join(" ")).sort();
  assert.deepEqual(flags(other), ["WORK \\Flagged \\Seen", "WORK \\Seen"]);
  assert.deepEqual(flags(rig.store("local").mailbox("box")), ["\\Flagged \\Seen work", "\\Seen work"]);
  const silent = await rig.run();
  assert.deepEqual(silent.log, []);
  for (const side of ["local", "remote"] as const) assert.ok(!silent.commands[side].includes("SELECT"));
});
