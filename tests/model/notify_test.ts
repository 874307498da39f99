// NOTIFY of the model server (RFC 5465), in the words of Dovecot 2.3.19 as recorded; tests/model/against_dovecot_test.ts
// holds the simple cases against the real one.

import assert from "node:assert/strict";
import { duplexPair } from "../support/duplex.ts";
import { ModelMailstore } from "../support/model_mailstore.ts";
import { CAPABILITIES, type Lies } from "../support/model_options.ts";
import { mail, mails } from "../support/model_scenarios.ts";
import { ModelServer } from "../support/model_server.ts";
import { Script } from "../support/script.ts";

const EVERYTHING = "(MailboxName SubscriptionChange MessageNew MessageExpunge FlagChange)";

/** A client of a server with INBOX (2 messages) and "box" (empty). */
class Client {
  readonly server: ModelServer;
  readonly #script: Script;
  #tags = 0;

  private constructor(server: ModelServer, script: Script) {
    this.server = server;
    this.#script = script;
  }

  static async run(lies: Partial<Lies>, body: (client: Client, store: ModelMailstore) => Promise<void>): Promise<void> {
    const server = new ModelServer(new ModelMailstore(), { capabilities: [...CAPABILITIES, "NOTIFY"] });
    Object.assign(server.lies, lies);
    server.store.mailbox("INBOX").append(mails("m", 2));
    server.store.create("box");
    const [near, far] = duplexPair();
    void server.serve(far);
    const client = new Client(server, new Script(near));
    await client.#script.expect(/^\* PREAUTH /);
    await body(client, server.store);
    client.#script.close();
    await server.idle();
  }

  /** The answer to a command, the tagged line without its tag last. */
  async say(command: string): Promise<readonly string[]> {
    const tag = `t${++this.#tags}`;
    await this.#script.send(`${tag} ${command}`);
    const lines: string[] = [];
    for (;;) {
      const line = await this.#script.line();
      assert.ok(line !== null, `the server left before the answer to ${command}`);
      if (line.startsWith(`${tag} `)) return [...lines, line.slice(tag.length + 1)];
      lines.push(line);
    }
  }

  async send(line: string): Promise<void> {
    await this.#script.send(line);
  }

  async expect(...lines: readonly (string | RegExp)[]): Promise<void> {
    for (const line of lines) await this.#script.expect(line);
  }

  /** Nothing was told: the answer to the next command is the first line. */
  async expectNothing(): Promise<void> {
    assert.deepEqual(await this.say('LIST "" nowhere'), ["OK List completed."]);
  }
}

Deno.test("`NOTIFY SET STATUS` tells of every mailbox at once, then each change unasked", async () => {
  await Client.run({}, async (client, store) => {
    assert.deepEqual(await client.say(`NOTIFY SET STATUS (PERSONAL ${EVERYTHING})`), [
      "* STATUS INBOX (MESSAGES 2 UIDNEXT 3 UIDVALIDITY 1000000 UNSEEN 2 HIGHESTMODSEQ 2)",
      "* STATUS box (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 1000001 UNSEEN 0 HIGHESTMODSEQ 1)",
      "OK NOTIFY completed.",
    ]);
    store.mailbox("INBOX").append([mail("new")]);
    await client.expect("* STATUS INBOX (MESSAGES 3 UIDNEXT 4 UNSEEN 3 HIGHESTMODSEQ 3)");
    store.mailbox("INBOX").store([1], { mode: "add", flags: ["\\Flagged"] });
    await client.expect("* STATUS INBOX (HIGHESTMODSEQ 4)");
    store.mailbox("INBOX").expunge([2]);
    await client.expect("* STATUS INBOX (MESSAGES 2 UIDNEXT 4 UNSEEN 2 HIGHESTMODSEQ 5)");
  });
});

Deno.test("`NOTIFY` tells of mailboxes that come, go and are renamed, and of subscriptions", async () => {
  await Client.run({}, async (client, store) => {
    await client.say(`NOTIFY SET (PERSONAL ${EVERYTHING})`);
    store.create("newbox");
    await client.expect('* LIST () "/" newbox');
    store.subscribe("newbox", true);
    await client.expect('* LIST (\\Subscribed) "/" newbox');
    store.rename("newbox", "newbox2");
    await client.expect('* LIST () "/" newbox2 ("OLDNAME" (newbox))');
    store.delete("newbox2");
    await client.expect('* LIST (\\NonExistent) "/" newbox2');
    store.subscribe("newbox", false);
    await client.expect('* LIST () "/" newbox');
  });
});

Deno.test("`NOTIFY` tells of the mailboxes of its filters alone, by the first that fits", async () => {
  const filters: readonly (readonly [filter: string, told: readonly string[]])[] = [
    ["INBOXES", ["INBOX"]],
    ["SUBSCRIBED", ["box"]],
    ["SUBTREE (box)", ["box", "box/sub"]],
    ["MAILBOXES (box/sub INBOX)", ["INBOX", "box/sub"]],
    ["MAILBOXES box", ["box"]],
  ];
  for (const [filter, told] of filters) {
    await Client.run({}, async (client, store) => {
      store.create("box/sub");
      store.subscribe("box", true);
      await client.say(`NOTIFY SET (${filter} (MessageNew MessageExpunge))`);
      for (const name of store.names) store.mailbox(name).append([mail("new")]);
      for (const name of told) await client.expect(new RegExp(`^\\* STATUS ${name} \\(MESSAGES `));
      await client.expectNothing();
    });
  }
  await Client.run({}, async (client, store) => {
    await client.say("NOTIFY SET (MAILBOXES INBOX NONE) (PERSONAL (MessageNew MessageExpunge))");
    store.mailbox("INBOX").append([mail("new")]);
    await client.expectNothing();
  });
});

Deno.test("`NOTIFY` tells of the selected mailbox only to who asked for SELECTED, as FETCH and VANISHED", async () => {
  await Client.run({}, async (client, store) => {
    const inbox = store.mailbox("INBOX");
    await client.say("ENABLE QRESYNC");
    await client.say("SELECT INBOX");
    await client.say(`NOTIFY SET (PERSONAL ${EVERYTHING})`);
    inbox.append([mail("kept back")]);
    await client.expectNothing();
    await client.say("NOOP");
    await client.say("NOTIFY SET (SELECTED (MessageNew (UID FLAGS) MessageExpunge FlagChange))");
    inbox.append([mail("told", ["\\Seen"])]);
    await client.expect("* 4 EXISTS", "* 0 RECENT", "* 4 FETCH (UID 4 FLAGS (\\Seen) MODSEQ (4))");
    await client.expect("* OK [HIGHESTMODSEQ 4] Highest");
    inbox.expunge([1]);
    await client.expect("* VANISHED 1", "* OK [HIGHESTMODSEQ 5] Highest");
  });
});

Deno.test("`NOTIFY` events come during IDLE, and behind the answer of a command that was under way", async () => {
  await Client.run({}, async (client, store) => {
    await client.say(`NOTIFY SET (PERSONAL ${EVERYTHING})`);
    await client.send("i IDLE");
    await client.expect("+ idling");
    store.mailbox("box").append([mail("new")]);
    await client.expect("* STATUS box (MESSAGES 1 UIDNEXT 2 UNSEEN 1 HIGHESTMODSEQ 2)");
    await client.send("DONE");
    await client.expect("i OK Idle completed.");
    client.server.gate = { before: () => store.mailbox("box").expunge([1]).length >= 0 };
    await client.send("n NOOP");
    await client.expect("n OK NOOP completed.", "* STATUS box (MESSAGES 0 UIDNEXT 2 UNSEEN 0 HIGHESTMODSEQ 3)");
  });
});

Deno.test("`NOTIFY NONE` ends the events; a refused SET leaves those of the one before", async () => {
  await Client.run({ badEvents: ["SubscriptionChange"] }, async (client, store) => {
    await client.say("NOTIFY SET (PERSONAL (MessageNew MessageExpunge))");
    const bad = await client.say("NOTIFY SET (PERSONAL (MailboxName MailboxMetadataChange SubscriptionChange))");
    assert.match(bad.join("\n"), /^NO \[BADEVENT MailboxMetadataChange SubscriptionChange\] /);
    assert.match((await client.say("NOTIFY SET (PERSONAL (MessageNew))")).join("\n"), /^BAD /);
    assert.match((await client.say("NOTIFY SET (PERSONAL (FlagChange))")).join("\n"), /^BAD /);
    store.mailbox("box").append([mail("one")]);
    await client.expect(/^\* STATUS box \(MESSAGES 1 /);
    await client.say("NOTIFY NONE");
    store.mailbox("box").append([mail("two")]);
    await client.expectNothing();
  });
});

Deno.test("`ModelServer` gives up NOTIFY with [NOTIFICATIONOVERFLOW] when it is told to", async () => {
  await Client.run({ notifyOverflow: true }, async (client, store) => {
    await client.say(`NOTIFY SET (PERSONAL ${EVERYTHING})`);
    store.mailbox("box").append([mail("one")]);
    await client.expect(/^\* OK \[NOTIFICATIONOVERFLOW\] /);
    store.mailbox("box").append([mail("two")]);
    await client.expectNothing();
  });
});

Deno.test("`ModelServer` has Dovecot's habit: a second SET turns events off, NONE in between helps", async () => {
  await Client.run({ notifyToggles: true }, async (client, store) => {
    const set = `NOTIFY SET (PERSONAL ${EVERYTHING})`;
    const box = store.mailbox("box");
    for (
      const [commands, isTold] of [[[set], true], [[set], false], [[set], true], [["NOTIFY NONE", set], true]] as const
    ) {
      for (const command of commands) assert.deepEqual(await client.say(command), ["OK NOTIFY completed."]);
      box.append([mail("one")]);
      if (isTold) await client.expect(/^\* STATUS box /);
      else await client.expectNothing();
    }
  });
});

Deno.test("`ModelServer` writes down NOTIFY and COMPRESS that it did not offer", async () => {
  const server = new ModelServer();
  const [near, far] = duplexPair();
  void server.serve(far);
  const script = new Script(near);
  await script.expect(/^\* PREAUTH /);
  await script.send("a NOTIFY NONE", "b COMPRESS DEFLATE");
  await script.expect(/^a BAD /);
  await script.expect(/^b BAD /);
  script.close();
  await server.idle();
  assert.deepEqual(server.violations.map((text) => text.split(":")[0]), ["NOTIFY", "COMPRESS"]);
});
