// --notify between two Dovecot servers: a change in any mailbox is on the other side within 2 s, nobody polls, and after
// a change the traffic stops.

import assert from "node:assert/strict";
import type { ImapProbe } from "../support/imap_probe.ts";
import { type LiveContext, liveTest } from "../support/live/live_case.ts";
import { plainMessage } from "../support/live/mail.ts";
import { type Side, Watching } from "../support/live/watching.ts";
import { waitUntil } from "../support/live/waiting.ts";
import { compareStores } from "../support/live/witness.ts";

const LIMIT_MS = 2000;

const other = (side: Side): Side => side === "local" ? "remote" : "local";

class Scene implements AsyncDisposable {
  readonly #lastIds = { count: 0 };

  private constructor(
    readonly watching: Watching,
    readonly probes: Readonly<Record<Side, ImapProbe>>,
    readonly differences: () => Promise<readonly string[]>,
  ) {}

  /** INBOX and "box" on both sides, and the program waits. */
  static async open({ lab, program }: LiveContext): Promise<Scene> {
    const daemon = await lab.daemon();
    const stores = {
      local: await lab.store("local", { format: "maildir", separator: "/" }),
      remote: await lab.store("remote", { format: "mdbox", separator: "." }),
    };
    await stores.remote.with((probe) => probe.create("box"));
    const servers = { local: daemon, remote: daemon };
    const args = ["--notify"];
    const watching = await Watching.start({ directory: `${lab.directory}/w`, program, stores, servers, args });
    const probes = { local: await stores.local.probe(), remote: await stores.remote.probe() };
    const file = watching.workspace.databaseFile;
    return new Scene(
      watching,
      probes,
      async () => (await compareStores(stores.local, stores.remote, file)).differences,
    );
  }

  async deliver(side: Side, mailbox: string): Promise<void> {
    await this.probes[side].append(mailbox, { body: plainMessage(`m${this.#lastIds.count++}`) });
  }

  /** The value of a STATUS item; 0 when there is no such mailbox. */
  async status(side: Side, mailbox: string, item: string): Promise<number> {
    const reply = await this.probes[side].try("STATUS ", mailbox, ` (${item})`);
    return Number(new RegExp(`\\(${item} (\\d+)\\)`).exec(JSON.stringify(reply))?.[1] ?? 0);
  }

  /** A change of `side`, which is complete now, has to be seen on the other side in time. */
  async arrives(side: Side, mailbox: string, item: string, value: number): Promise<void> {
    const seen = async () => await this.status(other(side), mailbox, item) === value;
    await waitUntil(`${mailbox} of the other side has ${item} ${value}`, seen, LIMIT_MS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.probes.local.close();
    await this.probes.remote.close();
    await this.watching[Symbol.asyncDispose]();
  }
}

liveTest("--notify brings changes to the other side within 2 s, in any mailbox, and then is quiet", async (context) => {
  await using scene = await Scene.open(context);
  const { probes, watching } = scene;
  const messages = new Map<string, number>();
  const deliver = async (side: Side, mailbox: string) => {
    const count = (messages.get(mailbox) ?? 0) + 1;
    messages.set(mailbox, count);
    await scene.deliver(side, mailbox);
    await scene.arrives(side, mailbox, "MESSAGES", count);
  };
  for (const mailbox of ["INBOX", "box"]) {
    for (const side of ["remote", "local", "remote"] as const) await deliver(side, mailbox);
  }
  await watching.waitsAgain();
  const listings = () => watching.said.filter(({ text }) => / LIST /.test(text)).length;
  const before = listings();
  for (const mailbox of ["INBOX", "box"]) {
    for (const side of ["remote", "local"] as const) {
      const unseen = messages.get(mailbox) ?? 0;
      await probes[side].select(mailbox);
      await probes[side].store([1], "+FLAGS", ["\\Seen"]);
      await scene.arrives(side, mailbox, "UNSEEN", unseen - 1);
      await probes[side].store([1], "-FLAGS", ["\\Seen"]);
      await scene.arrives(side, mailbox, "UNSEEN", unseen);
      await probes[side].expunge([unseen]);
      await scene.arrives(side, mailbox, "MESSAGES", unseen - 1);
      messages.set(mailbox, unseen - 1);
      await probes[side].command("UNSELECT");
    }
  }
  assert.equal(listings(), before, "somebody polls");
  await probes.remote.create("late");
  await waitUntil("the new mailbox is there", async () => await scene.status("local", "late", "UIDNEXT") > 0, LIMIT_MS);
  for (const side of ["remote", "local", "remote"] as const) await deliver(side, "late");
  await watching.waitsAgain();
  await watching.staysQuiet(3000);
  assert.equal((await watching.end("SIGTERM")).code, 0);
  assert.deepEqual(await scene.differences(), []);
});

liveTest("--notify keeps up with bursts, and with changes 1 s apart, without polling", async (context) => {
  await using scene = await Scene.open(context);
  const { watching } = scene;
  const before = watching.said.length;
  const count = { INBOX: 0, box: 0 };
  for (let burst = 0; burst < 3; burst++) {
    for (let i = 0; i < 10; i++) {
      await scene.deliver(i % 2 === 0 ? "remote" : "local", "INBOX");
      await scene.deliver("remote", "box");
    }
    count.INBOX += 10;
    count.box += 10;
    for (const [mailbox, messages] of Object.entries(count)) {
      for (const side of ["local", "remote"] as const) await scene.arrives(side, mailbox, "MESSAGES", messages);
    }
  }
  for (let i = 0; i < 8; i++) {
    const next = performance.now() + 1000;
    await scene.deliver("remote", "INBOX");
    await scene.arrives("remote", "INBOX", "MESSAGES", ++count.INBOX);
    await waitUntil("a second has passed", () => performance.now() >= next, 1000);
  }
  await watching.waitsAgain();
  assert.deepEqual(watching.commandsSince(before).filter((line) => / LIST /.test(line)), []);
  await watching.staysQuiet(2000);
  assert.equal((await watching.end("SIGINT")).code, 1);
  assert.deepEqual(await scene.differences(), []);
});
