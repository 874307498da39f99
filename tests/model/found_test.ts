// What random walks have found, each as small as it could be made.

import assert from "node:assert/strict";
import { finished, Rig } from "../support/model_rig.ts";
import { ModelMailstore } from "../support/model_mailstore.ts";
import { mail } from "../support/model_scenarios.ts";
import { ModelServer } from "../support/model_server.ts";

Deno.test("a flag that the other side would not store is not overwritten by a change that comes from there", async () => {
  const rig = new Rig(new ModelServer(), new ModelServer(new ModelMailstore({ delimiter: "." })));
  const [local, remote] = [rig.store("local").mailbox("INBOX"), rig.store("remote").mailbox("INBOX")];
  local.append([mail("one", ["\\Seen"])]);
  assert.ok(finished(await rig.run()));
  remote.store([1], { mode: "add", flags: ["work"] });
  rig.servers.local.lies.ignoreStore = true;
  let selects = 0;
  const first = await rig.run({
    during: (_, name, side) => {
      if (side !== "local" || name !== "SELECT" || ++selects !== 2) return;
      local.store([1], { mode: "remove", flags: ["\\Seen"] });
    },
  });
  assert.ok(finished(first) && selects >= 2);
  assert.ok(remote.get(1)?.flags.includes("work"), first.log.join("\n"));
  rig.servers.local.lies.ignoreStore = false;
  const second = await rig.run();
  assert.ok(finished(second));
  assert.deepEqual(remote.get(1)?.flags, ["\\Seen", "work"], second.log.join("\n"));
  assert.deepEqual(local.get(1)?.flags, ["\\Seen", "work"], second.log.join("\n"));
});

Deno.test("--repair tries again what a run has left behind that was interrupted then", async () => {
  for (let at = 1, killed = true; killed; at++) {
    const rig = new Rig(new ModelServer(), new ModelServer());
    const [local, remote] = [rig.store("local").mailbox("INBOX"), rig.store("remote").mailbox("INBOX")];
    assert.ok(finished(await rig.run()));
    remote.append([mail("large"), mail("another")]);
    local.append([mail("mine")]);
    const { lies } = rig.servers.local;
    lies.maxMessageOctets = 100;
    killed = (await rig.run({ killAt: { at, spared: 0 } })).killed;
    lies.maxMessageOctets = Infinity;
    assert.equal((await rig.run({ repair: true })).error, null);
    const last = await rig.run();
    assert.ok(finished(last));
    assert.equal(local.count, 3, `interrupted at command ${at}\n${last.log.join("\n")}`);
  }
});
