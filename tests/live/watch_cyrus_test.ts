// --notify with Cyrus, which has no NOTIFY, on one side: by IDLE and polling, through cut connections as well.

import assert from "node:assert/strict";
import { type CyrusContext, cyrusTest } from "../support/live/cyrus_case.ts";
import { plainMessage } from "../support/live/mail.ts";
import { count, differences, endsWithAll, type Side, type Stores, Watching } from "../support/live/watching.ts";
import { waitUntil } from "../support/live/waiting.ts";

const LIMIT_MS = 2000;
const POLL_S = 4;
const CUTS = 6;
const DEATHS = 5;
/** What Cyrus logs when a connection ends in the middle of a message that it is given. */
const CUT_APPEND = /IOERROR: reading message: unexpected end of file: func=<message_copy_strict>/;

interface Scene {
  readonly stores: Stores;
  readonly watching: Watching;
}

/** Dovecot here, Cyrus there; INBOX and "box" on both. */
async function prepare({ lab, cyrus, program }: CyrusContext): Promise<Scene> {
  const daemon = await lab.daemon();
  const stores = {
    local: await lab.store("local", { format: "maildir", separator: "/" }),
    remote: await cyrus.store("remote"),
  };
  await stores.remote.with((probe) => probe.create("box"));
  const watching = await Watching.start({
    directory: `${lab.directory}/w`,
    program,
    stores,
    servers: { local: daemon, remote: cyrus },
    args: ["--notify", `--watch=${POLL_S}`],
  });
  return { stores, watching };
}

/**
 * Two polls say nothing but what a poll says. The first may still settle: a message that arrived between the SELECT and
 * the UID SEARCH of a look was copied, but its mod-sequence is above the one that this look may remember.
 */
async function onlyPolls(watching: Watching): Promise<void> {
  const polls = new Set([
    "local LIST",
    "remote DONE",
    "remote UNSELECT",
    "remote LIST",
    "remote EXAMINE",
    "remote IDLE",
  ]);
  const since = () => watching.commandsSince(0).map((line) => line.split(" ").slice(0, 2).join(" "));
  const quiet = () => since().slice(since().findLastIndex((line) => !polls.has(line)) + 1);
  const bound = 5 * POLL_S * 1000;
  await waitUntil("two polls have passed", () => quiet().filter((line) => line === "remote LIST").length >= 2, bound);
}

cyrusTest("--notify idles in INBOX of a server without NOTIFY, and polls for the rest", async (context) => {
  const { stores, watching } = await prepare(context);
  await using _ = watching;
  const probes = { local: await stores.local.probe(), remote: await stores.remote.probe() };
  assert.ok(
    watching.commandsSince(0).includes(
      "local NOTIFY SET (PERSONAL (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange))",
    ),
  );
  assert.deepEqual(watching.commandsSince(0).filter((line) => /remote (NOTIFY|EXAMINE|IDLE)/.test(line)).slice(0, 2), [
    "remote EXAMINE INBOX",
    "remote IDLE",
  ]);
  const arrives = async (side: Side, mailbox: string, messages: number, limitMs: number) => {
    const id = `${side} ${mailbox} ${messages}`;
    await probes[side].append(mailbox, { body: plainMessage(id) });
    const to = probes[side === "local" ? "remote" : "local"];
    await waitUntil(`${id} arrives`, async () => await count(to, mailbox) === messages, limitMs);
  };
  for (const [i, side] of (["remote", "local", "remote", "local", "remote"] as const).entries()) {
    await arrives(side, "INBOX", i + 1, LIMIT_MS);
  }
  await arrives("local", "box", 1, LIMIT_MS);
  await arrives("remote", "box", 2, POLL_S * 1000 + LIMIT_MS);
  await onlyPolls(watching);
  for (const side of ["local", "remote"] as const) await probes[side].close();
  assert.equal((await watching.end("SIGTERM")).code, 0);
  assert.deepEqual(await differences(stores, watching), []);
});

cyrusTest("--notify with Cyrus on one side survives cut connections with mail arriving all along", async (context) => {
  const { stores, watching } = await prepare(context);
  await using _ = watching;
  const probes = { local: await stores.local.probe(), remote: await stores.remote.probe() };
  const next = { cut: performance.now() + 1000, cuts: 0 };
  let sent = 0;
  while (next.cuts < CUTS) {
    for (const side of ["local", "remote"] as const) {
      await probes[side].append("INBOX", { body: plainMessage(`${side}-${sent++}`) });
    }
    if (performance.now() < next.cut) continue;
    watching.relays[next.cuts % 3 === 0 ? "local" : "remote"].cutAll();
    next.cut = performance.now() + 1500;
    next.cuts++;
    assert.ok(!watching.hasEnded, "the program has ended");
  }
  await endsWithAll(watching, stores, probes, sent);
}, { expected: CUT_APPEND });

cyrusTest("--notify survives deaths of Cyrus with mail arriving all along", async (context) => {
  const { cyrus } = context;
  const { stores, watching } = await prepare(context);
  await using _ = watching;
  const local = await stores.local.probe();
  const over = { yet: false };
  const sent = { local: 0, remote: 0 };
  const delivering = (async () => {
    while (!over.yet) {
      await local.append("INBOX", { body: plainMessage(`local-${sent.local++}`) });
      const next = performance.now() + 50;
      await waitUntil("a moment has passed", () => performance.now() > next, 1000);
    }
  })();
  for (let death = 0; death < DEATHS; death++) {
    // While the server lives: of a message that was on its way at its death nobody knows whether it has arrived.
    await stores.remote.with(async (probe) => {
      for (let i = 0; i < 5; i++) await probe.append("INBOX", { body: plainMessage(`remote-${sent.remote++}`) });
      const here = sent.remote;
      await waitUntil("mail flows", async () => await count(probe, "INBOX") > here, 20_000);
    });
    await cyrus.restart();
    assert.ok(!watching.hasEnded, "the program has ended");
  }
  over.yet = true;
  await delivering;
  const all = sent.local + sent.remote;
  await stores.remote.with(async (probe) => {
    for (const one of [probe, local]) {
      await waitUntil("all has arrived", async () => await count(one, "INBOX") >= all, 30_000);
    }
  });
  await watching.waitsAgain(2500);
  assert.equal((await watching.end("SIGTERM")).code, 0);
  assert.equal(await count(local, "INBOX"), all, "lost or doubled");
  await local.close();
  assert.deepEqual(await differences(stores, watching), []);
}, { expected: /./ });
