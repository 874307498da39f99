// Looks that are sent before both lists are there: for which mailboxes, when, under which names, and what they may be
// used for.

import assert from "node:assert/strict";
import { StateError } from "../../lib/errors.ts";
import type { StatusItems } from "../../lib/protocol/mod.ts";
import type { Cursor, MailboxOverview, Side } from "../../lib/state/types.ts";
import { changedOn, type ForeseenMailbox } from "../../lib/sync/foreseen_looks.ts";
import { Foresight } from "../../lib/sync/foresight.ts";
import { WHOLE_VIEW } from "../../lib/sync/listing.ts";
import { type ClientRig, greetedClient } from "../support/client_rig.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { MemoryStore } from "../support/memory_store.ts";
import { KeepingLog } from "../support/quiet_log.ts";

const CAPABILITIES = "IMAP4rev1 ENABLE QRESYNC UIDPLUS LIST-EXTENDED LIST-STATUS ESEARCH LITERAL+";
const CURSOR: Cursor = { uidValidity: 1, uidNext: 3, highestModSeq: 9n };
const SIDES: readonly Side[] = ["local", "remote"];
const NAMES = { local: "a/b", remote: "a.b" };

// ---- which mailboxes

const row = (mailbox: string, more: Partial<MailboxOverview> = {}): MailboxOverview => ({
  idx: 1,
  mailbox,
  subscribed: true,
  cursors: { local: CURSOR, remote: CURSOR },
  interrupted: false,
  known: { local: 2, remote: 2 },
  comparedAt: null,
  ...more,
});
const QUIET: StatusItems = {
  messages: 2,
  uidValidity: 1,
  uidNext: 3,
  highestModSeq: 9n,
  mailboxId: null,
  appendLimit: null,
};

for (
  const [what, status, more, isLooked] of [
    ["has nothing new", QUIET, {}, false],
    ["has other flags", { ...QUIET, highestModSeq: 10n }, {}, true],
    ["has a new message", { ...QUIET, uidNext: 4 }, {}, true],
    ["is another one now", { ...QUIET, uidValidity: 2 }, {}, false],
    ["was left in the middle", { ...QUIET, uidNext: 4 }, { interrupted: true }, false],
    ["was never synchronized", { ...QUIET, uidNext: 4 }, { cursors: null }, false],
    ["tells nothing", null, {}, false],
  ] as const
) {
  Deno.test(`a mailbox that ${what} is ${isLooked ? "" : "not "}looked at before the other list is there`, () => {
    const statuses = { mailboxes: { local: new Map(), remote: new Map([["m", { status }]]) } };
    assert.equal(changedOn("remote", [row("m", more)], statuses).length, isLooked ? 1 : 0);
  });
}

Deno.test("at most 64 mailboxes are looked at before the other list is there, those with most new mail first", () => {
  const rows = Array.from({ length: 70 }, (_, index) => row(`m${index}`, { idx: index + 1 }));
  const statuses = rows.map(({ mailbox }, index) => {
    const status = { ...QUIET, messages: 2 + index, uidNext: 3 + index, highestModSeq: 10n };
    return [mailbox, { status }] as const;
  });
  const mailboxes = { local: new Map(statuses), remote: new Map() };
  const changed = changedOn("local", rows, { mailboxes }).map(({ mailbox }) => mailbox);
  assert.deepEqual(changed, Array.from({ length: 64 }, (_, index) => `m${69 - index}`));
});

// ---- when, and under which names

interface Scene {
  readonly foresight: Foresight;
  readonly clients: Readonly<Record<Side, ClientRig>>;
  readonly clock: FakeClock;
  readonly log: KeepingLog;
}

async function scene(remembered: "everything" | "nothing" | "broken" = "everything"): Promise<Scene> {
  const clients = { local: await greetedClient(CAPABILITIES), remote: await greetedClient(CAPABILITIES) };
  const clock = new FakeClock();
  const log = new KeepingLog(1);
  const store = new MemoryStore();
  for (const mailbox of ["a\0b", "quiet"]) {
    const { idx } = store.addMailbox(mailbox, true);
    store.apply([
      { kind: "cursor", idx, side: "local", cursor: CURSOR },
      { kind: "cursor", idx, side: "remote", cursor: CURSOR },
      { kind: "pair", idx, pairs: [{ localUid: 1, remoteUid: 1 }, { localUid: 2, remoteUid: 2 }] },
    ]);
  }
  const foresight = new Foresight({
    connections: null,
    trusted: { local: true, remote: true },
    cursors: () => new Map(store.overview().flatMap(({ mailbox, cursors }) => cursors ? [[mailbox, cursors]] : [])),
    remembered: () => {
      if (remembered === "broken") throw new StateError("The disk is full", { component: "database" });
      return remembered === "nothing" ? null : { store, delimiters: { local: "/", remote: "." } };
    },
    view: WHOLE_VIEW,
    log,
    clock,
  });
  return { foresight, clients, clock, log };
}

/** What a server lists: one mailbox with a new message, or a changed flag, and a quiet one. */
async function list({ server }: ClientRig, name: string, delimiter: string, uidNext = 4): Promise<void> {
  const items = `MESSAGES ${uidNext - 1} UIDVALIDITY 1 UIDNEXT ${uidNext} HIGHESTMODSEQ 10`;
  await server.expect("000000 ENABLE QRESYNC");
  await server.expect(/^000001 LIST/);
  await server.send(
    "* ENABLED QRESYNC",
    "000000 OK",
    `* LIST () "${delimiter}" ${name}`,
    `* STATUS ${name} (${items})`,
    `* LIST () "${delimiter}" quiet`,
    "* STATUS quiet (MESSAGES 2 UIDVALIDITY 1 UIDNEXT 3 HIGHESTMODSEQ 9)",
    "000001 OK",
  );
}

async function listed({ foresight, clients }: Scene, side: Side, uidNext = 4): Promise<void> {
  foresight.opened(side, clients[side].session);
  await list(clients[side], NAMES[side], side === "local" ? "/" : ".", uidNext);
  await foresight.list(side);
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

function end({ clients }: Scene): void {
  for (const { session } of [clients.local, clients.remote]) session.abort(new Error("end"));
}

/** Answers a look of both commands, and the sizes when they are asked for. */
async function answer({ server }: ClientRig, name: string, hasNews: boolean): Promise<void> {
  await server.expect(`000002 SELECT ${name} (QRESYNC (1 9 1:2 (1:2 1:2)))`);
  await server.expect("000003 UID SEARCH RETURN (ALL) UID 1:4294967295");
  if (hasNews) await server.expect("000004 UID FETCH 3:4294967295 (UID RFC822.SIZE)");
  await server.send(
    "* 3 EXISTS",
    "* OK [UIDVALIDITY 1] x",
    "* OK [UIDNEXT 4] x",
    "* OK [HIGHESTMODSEQ 10] x",
    "000002 OK",
    '* ESEARCH (TAG "000003") UID ALL 1:3',
    "000003 OK",
  );
  if (hasNews) await server.send("* 3 FETCH (UID 3 RFC822.SIZE 77)", "000004 OK");
}

async function foreseen(here: Scene, uidNext = 4): Promise<ForeseenMailbox> {
  await listed(here, "local", uidNext);
  assert.equal(here.clients.local.server.pending, "");
  here.foresight.opened("remote", here.clients.remote.session);
  const { local, remote } = here.clients;
  await remote.server.expect("000000 ENABLE QRESYNC");
  await remote.server.expect(/^000001 LIST/);
  await answer(local, "a/b", uidNext > 3);
  await answer(remote, "a.b", uidNext > 3);
  const mailbox = here.foresight.mailbox("a\0b", NAMES);
  assert.ok(mailbox !== null);
  return mailbox;
}

Deno.test("what one server lists as changed is looked at on both in the flight of the other's list", async () => {
  const here = await scene();
  const mailbox = await foreseen(here);
  for (const side of SIDES) {
    const sight = await mailbox.looks[side].take(CURSOR, true);
    assert.equal(sight?.found.toString(), "1:3");
    assert.equal(sight.selected.highestModSeq, 10n);
    assert.equal(sight.sizes?.uids.toString(), "3");
    assert.equal(here.foresight.lanes(side)?.first, here.clients[side].session);
  }
  assert.equal(here.foresight.mailbox("quiet", { local: "quiet", remote: "quiet" }), null);
  assert.equal(here.foresight.mailbox("a\0b", { ...NAMES, remote: "a/b" }), null, "under another name");
  end(here);
});

Deno.test("no sizes are read where nothing has arrived", async () => {
  const here = await scene();
  const mailbox = await foreseen(here, 3);
  assert.equal((await mailbox.looks.remote.take(CURSOR, true))?.sizes, null);
  end(here);
});

Deno.test("what was seen stands for a look from the same cursor, at as many UIDs", async () => {
  const here = await scene();
  const { looks: { local } } = await foreseen(here);
  for (const other of [{ uidValidity: 2 }, { uidNext: 4 }, { highestModSeq: 10n }]) {
    assert.equal(await local.take({ ...CURSOR, ...other }, true), null);
  }
  assert.equal(await local.take(null, true), null);
  assert.equal(await local.take(CURSOR, false), null);
  assert.ok(await local.take(CURSOR, true) !== null);
  end(here);
});

for (const [ms, isFresh] of [[1000, true], [1001, false]] as const) {
  Deno.test(`what was seen ${ms} ms ago is ${isFresh ? "" : "not "}used, and the same goes for the other side`, async () => {
    const here = await scene();
    const { looks } = await foreseen(here);
    here.clock.advance(ms);
    assert.equal(await looks.local.take(CURSOR, true) !== null, isFresh);
    here.clock.advance(1000);
    assert.equal(await looks.remote.take(CURSOR, true) !== null, isFresh);
    end(here);
  });
}

Deno.test("a look that is refused is forgotten, and the other side's with it", async () => {
  const here = await scene();
  await listed(here, "local");
  here.foresight.opened("remote", here.clients.remote.session);
  const { local, remote } = here.clients;
  for (let i = 0; i < 2; i++) await remote.server.line();
  await answer(local, "a/b", true);
  for (let i = 0; i < 3; i++) await remote.server.line();
  await remote.server.send("000002 NO No such mailbox", "000003 BAD No mailbox", "000004 BAD No mailbox");
  const looks = here.foresight.mailbox("a\0b", NAMES)?.looks;
  assert.equal(await looks?.local.take(CURSOR, true), null);
  assert.equal(await looks?.remote.take(CURSOR, true), null);
  assert.equal(remote.session.closed, null);
  end(here);
});

for (const remembered of ["nothing", "broken"] as const) {
  Deno.test(`nothing is looked at before the lists are there when the state is ${remembered}`, async () => {
    const here = await scene(remembered);
    await listed(here, "local");
    await listed(here, "remote");
    await nextTurn();
    assert.deepEqual(SIDES.map((side) => here.clients[side].server.pending), ["", ""]);
    assert.equal(here.foresight.mailbox("a\0b", NAMES), null);
    const said = here.log.lines.filter((line) => line.includes("The disk is full"));
    assert.equal(said.length, remembered === "broken" ? 1 : 0);
    end(here);
  });
}
