import assert from "node:assert/strict";
import { messageOfSize, plainMessage } from "../support/live/mail.ts";
import { MemoryStore } from "../support/memory_store.ts";
import { differences, finished, mappingProblems, memoryHome, Rig } from "../support/model_rig.ts";
import { ModelMailstore } from "../support/model_mailstore.ts";
import { CAPABILITIES } from "../support/model_options.ts";
import { ModelServer } from "../support/model_server.ts";
import { textOf } from "../support/model_values.ts";
import { withStateFile } from "../support/state_file.ts";

const DATE = { seconds: 1_700_000_000, zone: 60 };

function message(id: string, flags: readonly string[] = []) {
  return { flags, date: DATE, body: plainMessage(id) };
}

Deno.test("`Rig.run()` makes both sides equal, then does nothing", async () => {
  const store = new MemoryStore();
  const local = new ModelMailstore({ delimiter: "/" });
  const remote = new ModelMailstore({ delimiter: ".", firstUidValidity: 7 });
  const rig = new Rig(new ModelServer(local), new ModelServer(remote), memoryHome(store));
  local.mailbox("INBOX").append([message("1", ["\\Seen"]), message("2")]);
  remote.mailbox("INBOX").append([message("3", ["work"])]);
  remote.create("a.b").append([message("4"), { ...message("5"), body: messageOfSize("5", 1_500_000) }]);
  remote.subscribe("a.b", true);
  const first = await rig.run();
  assert.ok(finished(first));
  assert.deepEqual(first.report, { problems: 0, held: 0 }, first.log.join("\n"));
  assert.deepEqual(differences(rig), []);
  assert.deepEqual(mappingProblems(rig, store), []);
  assert.equal(local.mailbox("a/b").count, 2);
  const second = await rig.run();
  assert.ok(finished(second));
  assert.deepEqual(second.log, []);
  for (const side of ["local", "remote"] as const) {
    assert.ok(!second.commands[side].includes("SELECT"), second.commands[side].join(" "));
    assert.deepEqual(rig.servers[side].violations, []);
  }
});

Deno.test("`Rig.run()` works with the state file as well", async () => {
  await withStateFile(async (file) => {
    const home = {
      open: (delimiters: { readonly local: string | null; readonly remote: string | null }) => file.store(delimiters),
      close: () => file.close(),
    };
    const rig = new Rig(new ModelServer(), new ModelServer(new ModelMailstore({ delimiter: "." })), home);
    rig.store("local").mailbox("INBOX").append([message("1"), message("2")]);
    assert.ok(finished(await rig.run()));
    rig.store("remote").mailbox("INBOX").expunge([1]);
    assert.ok(finished(await rig.run()));
    assert.deepEqual(differences(rig), []);
    assert.equal(rig.store("local").mailbox("INBOX").count, 1);
  });
});

Deno.test("`Rig.run()` counts, and is killed where it is told", async () => {
  const rig = new Rig(new ModelServer(), new ModelServer());
  rig.store("local").mailbox("INBOX").append([message("1")]);
  const killed = await rig.run({ killAt: { at: 5, spared: 0 } });
  assert.ok(killed.killed);
  assert.ok(killed.counts.commands >= 5);
  assert.equal(rig.store("remote").mailbox("INBOX").count, 0);
  assert.ok(finished(await rig.run()));
  assert.deepEqual(differences(rig), []);
});

Deno.test("`Rig.run()` compresses where the server offers it, and then nothing is in the clear", async () => {
  const capabilities = [...CAPABILITIES, "COMPRESS=DEFLATE"];
  const rig = new Rig(new ModelServer(), new ModelServer(new ModelMailstore(), { capabilities }));
  rig.store("local").mailbox("INBOX").append([message("1"), { ...message("2"), body: messageOfSize("2", 300_000) }]);
  const wire = { local: "", remote: "" };
  const result = await rig.run({
    duplex: { chunk: 37 },
    wrap: (inner, side) => ({
      read: () => inner.read(),
      write: (bytes) => {
        wire[side] += textOf(bytes);
        return inner.write(bytes);
      },
      close: () => inner.close(),
    }),
  });
  assert.ok(finished(result));
  assert.deepEqual(differences(rig), []);
  assert.equal(result.commands.remote[0], "COMPRESS");
  assert.ok(!result.commands.local.includes("COMPRESS"));
  assert.match(wire.local, /UID FETCH/);
  assert.match(wire.remote, /COMPRESS DEFLATE\r\n/);
  assert.doesNotMatch(wire.remote, /SELECT|APPEND/);
  for (const side of ["local", "remote"] as const) assert.deepEqual(rig.servers[side].violations, []);
});
