// What of the model server random scripts cannot compare: what it tells unasked, how one logs in, what it does not bear.

import assert from "node:assert/strict";
import { duplexPair } from "../support/duplex.ts";
import { finished, Rig } from "../support/model_rig.ts";
import { ModelMailstore } from "../support/model_mailstore.ts";
import type { ServerOptions } from "../support/model_options.ts";
import { mail, mails } from "../support/model_scenarios.ts";
import { ModelServer } from "../support/model_server.ts";
import { Script } from "../support/script.ts";

/** A client of the server, by lines, with the mail store that is served. */
async function withClient(
  options: ServerOptions,
  body: (client: Script, server: ModelServer) => Promise<void>,
): Promise<void> {
  const server = new ModelServer(new ModelMailstore(), options);
  const [near, far] = duplexPair();
  void server.serve(far);
  const client = new Script(near);
  await client.expect(/^\* (OK|PREAUTH) /);
  await body(client, server);
  client.close();
  await server.idle();
}

async function until(client: Script, tag: string): Promise<readonly string[]> {
  const lines: string[] = [];
  for (;;) {
    const line = await client.line();
    assert.ok(line !== null, `the server left before ${tag}`);
    lines.push(line);
    if (line.startsWith(`${tag} `)) return lines;
  }
}

Deno.test("`ModelServer` tells an IDLE client every change at once", async () => {
  await withClient({}, async (client, server) => {
    const inbox = server.store.mailbox("INBOX");
    inbox.append(mails("m", 3));
    await client.send("a ENABLE QRESYNC", "b SELECT INBOX");
    await until(client, "b");
    await client.send("c IDLE");
    await client.expect("+ idling");
    inbox.store([2], { mode: "add", flags: ["\\Seen"] });
    await client.expect("* 2 FETCH (UID 2 MODSEQ (3) FLAGS (\\Seen))");
    inbox.expunge([1, 3]);
    await client.expect("* VANISHED 1,3");
    await client.expect("* OK [HIGHESTMODSEQ 4] Highest");
    inbox.append([mail("new")]);
    await client.expect("* 2 EXISTS");
    await client.send("DONE");
    assert.match((await until(client, "c")).at(-1) ?? "", /^c OK /);
  });
});

Deno.test("`ModelServer` tells a client without QRESYNC in the old words", async () => {
  await withClient({}, async (client, server) => {
    const inbox = server.store.mailbox("INBOX");
    inbox.append(mails("m", 3));
    await client.send("b SELECT INBOX");
    await until(client, "b");
    inbox.expunge([1, 3]);
    inbox.store([2], { mode: "add", flags: ["\\Seen"] });
    await client.send("c FETCH 1:3 (FLAGS)");
    const kept = await until(client, "c");
    assert.ok(kept.every((line) => !/EXPUNGE$|VANISHED/.test(line)), kept.join("\n"));
    await client.send("d NOOP");
    assert.deepEqual((await until(client, "d")).slice(0, -1), ["* 3 EXPUNGE", "* 1 EXPUNGE"]);
  });
});

Deno.test("`ModelServer` sends the bodies that are left and says that others are gone", async () => {
  await withClient({}, async (client, server) => {
    const inbox = server.store.mailbox("INBOX");
    inbox.append(mails("m", 2));
    await client.send("a ENABLE QRESYNC", "b SELECT INBOX");
    await until(client, "b");
    inbox.expunge([1]);
    await client.send("c UID FETCH 1:2 (UID BODY.PEEK[])");
    const lines = await until(client, "c");
    assert.match(lines[0] ?? "", /^\* 2 FETCH \(UID 2 BODY\[\] \{\d+\}$/);
    assert.match(lines.at(-1) ?? "", /^c NO \[EXPUNGEISSUED\]/);
    assert.ok(lines.includes("* VANISHED 1"));
  });
});

Deno.test("`ModelServer` says [CLOSED] before it tells of the next mailbox, and BYE when its own is gone", async () => {
  await withClient({}, async (client, server) => {
    server.store.create("box");
    await client.send("a ENABLE QRESYNC", "b SELECT box", "c SELECT nowhere");
    const lines = await until(client, "c");
    assert.deepEqual(lines.slice(-2), [
      "* OK [CLOSED] Previous mailbox closed.",
      "c NO Mailbox doesn't exist: nowhere",
    ]);
    await client.send("d SELECT box");
    await until(client, "d");
    server.store.rename("box", "other");
    await client.send("e NOOP");
    await client.expect(/^\* BYE /);
  });
});

Deno.test("`ModelServer` writes down what a client may not do", async () => {
  await withClient({ without: ["LITERAL+", "ESEARCH", "MULTIAPPEND"] }, async (client, server) => {
    await client.send("a APPEND INBOX {1+}", "x", "b SELECT INBOX", "c UID SEARCH RETURN (ALL) ALL", "d NONSENSE");
    await until(client, "d");
    assert.deepEqual(server.violations.map((text) => text.split(":")[0]), [
      "APPEND",
      "UID SEARCH",
      "NONSENSE",
    ]);
  });
});

Deno.test("`Rig.run()` logs in with AUTHENTICATE, with and without an initial response", async () => {
  const login = { user: "alice", password: 'p"w \\' };
  const rig = new Rig(
    new ModelServer(new ModelMailstore(), { login }),
    new ModelServer(new ModelMailstore(), { login, without: ["SASL-IR"] }),
  );
  rig.store("local").mailbox("INBOX").append([mail("one")]);
  assert.ok(finished(await rig.run()));
  assert.equal(rig.store("remote").mailbox("INBOX").count, 1);
  for (const side of ["local", "remote"] as const) {
    assert.ok(rig.servers[side].commands.includes("AUTHENTICATE"));
    assert.deepEqual(rig.servers[side].violations, []);
  }
});
