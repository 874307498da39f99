// The look at INBOX with which a first run begins while a far server still lists its mailboxes: when it is sent, what is
// asked with it, and what it may be used for.

import assert from "node:assert/strict";
import type { ListEntry } from "../../lib/client/mod.ts";
import type { StatusItems } from "../../lib/protocol/mod.ts";
import type { Side } from "../../lib/state/types.ts";
import { planFirstLook, type PlannedLook } from "../../lib/sync/foreseen_looks.ts";
import { Foresight } from "../../lib/sync/foresight.ts";
import { WHOLE_VIEW } from "../../lib/sync/listing.ts";
import { type ClientRig, greetedClient } from "../support/client_rig.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { KeepingLog } from "../support/quiet_log.ts";

const INBOX = { local: "INBOX", remote: "INBOX" };

// ---- what is planned

const STATUS: StatusItems = {
  messages: 2,
  uidValidity: 1,
  uidNext: 9,
  highestModSeq: 9n,
  mailboxId: null,
  appendLimit: null,
};

const entry = (mailbox: string, status: StatusItems | null = STATUS): ListEntry =>
  ({ mailbox, status, delimiter: "/", attributes: [] }) as unknown as ListEntry;

const sizesOf = (planned: readonly PlannedLook[]) =>
  planned.map(({ sizes: { local, remote } }) => `${local}|${remote}`).join();

Deno.test("sizes are asked for on both sides when the first list tells of messages, and of so many at most", () => {
  const plan = (status: Partial<StatusItems>, side: Side = "local") =>
    sizesOf(planFirstLook(side, [entry("a"), entry("inbox", { ...STATUS, ...status })], WHOLE_VIEW));
  assert.equal(plan({}), "1:8|1:20000");
  assert.equal(plan({}, "remote"), "1:20000|1:8");
  assert.equal(plan({ messages: 20_000, uidNext: 30_001 }), "1:30000|1:20000");
  for (const status of [{ messages: 20_001 }, { messages: 0 }, { messages: null }, { uidNext: null }, { uidNext: 1 }]) {
    assert.equal(plan(status), "|", JSON.stringify(status));
  }
});

Deno.test("no look is planned where INBOX is not listed, is ignored, or is not INBOX on the other side", () => {
  const entries = [entry("a"), entry("INBOX")];
  assert.equal(planFirstLook("local", entries, WHOLE_VIEW).length, 1);
  assert.deepEqual(planFirstLook("local", [entry("a"), entry("INBOX", null)], WHOLE_VIEW), []);
  assert.deepEqual(planFirstLook("local", [entry("a")], WHOLE_VIEW), []);
  assert.deepEqual(planFirstLook("local", entries, { ...WHOLE_VIEW, ignored: /^INBOX$/ }), []);
  for (const references of [{ local: "x/", remote: "" }, { local: "", remote: "x/" }]) {
    assert.deepEqual(planFirstLook("local", entries, { ...WHOLE_VIEW, references }), []);
  }
});

// ---- when it is sent

interface Scene {
  readonly foresight: Foresight;
  readonly clients: Readonly<Record<Side, ClientRig>>;
}

async function scene(roundTripMs: number): Promise<Scene> {
  const capabilities = "IMAP4rev1 ENABLE QRESYNC UIDPLUS LIST-EXTENDED LIST-STATUS LITERAL+";
  const clients = { local: await greetedClient(capabilities), remote: await greetedClient(capabilities) };
  Object.defineProperty(clients.remote.session, "roundTripMs", { value: roundTripMs });
  const foresight = new Foresight({
    connections: null,
    trusted: { local: false, remote: false },
    cursors: () => new Map(),
    remembered: () => {
      throw new Error("a first run has no state to read");
    },
    view: WHOLE_VIEW,
    log: new KeepingLog(),
    clock: new FakeClock(),
  });
  return { foresight, clients };
}

/** The local server lists INBOX; then the remote one is there, and asked for its list. */
async function begin({ foresight, clients: { local, remote } }: Scene): Promise<void> {
  foresight.opened("local", local.session);
  for (const line of [/^000000 ENABLE/, /^000001 LIST "" ""/, /^000002 LIST "" \*/]) await local.server.expect(line);
  const status = "* STATUS INBOX (MESSAGES 2 UIDVALIDITY 1 UIDNEXT 3 HIGHESTMODSEQ 5)";
  const lines = ["* ENABLED QRESYNC", "000000 OK", '* LIST () "/" ""', "000001 OK", '* LIST () "/" INBOX', status];
  await local.server.send(...lines, "000002 OK");
  await foresight.list("local");
  foresight.opened("remote", remote.session);
  for (const line of [/^000000 ENABLE/, /^000001 LIST "" ""/, /^000002 LIST "" \*/]) await remote.server.expect(line);
}

function end({ clients }: Scene): void {
  for (const { session } of [clients.local, clients.remote]) session.abort(new Error("end"));
}

async function answer({ server }: ClientRig, uids: string): Promise<void> {
  await server.expect("000003 SELECT INBOX");
  // It is not known yet that the server has ESEARCH.
  await server.expect("000004 UID SEARCH UID 1:4294967295");
  await server.expect(`000005 UID FETCH ${uids} (UID RFC822.SIZE)`);
  const told = ["UIDVALIDITY 1", "UIDNEXT 3", "HIGHESTMODSEQ 5"].map((code) => `* OK [${code}] x`);
  await server.send("* 2 EXISTS", ...told, "000003 OK", "* SEARCH 1 2", "000004 OK");
  await server.send("* 1 FETCH (UID 1 RFC822.SIZE 7)", "* 2 FETCH (UID 2 RFC822.SIZE 8)", "000005 OK");
}

Deno.test("a first run looks at INBOX on both sides in the flight of a far server's list", async () => {
  const here = await scene(25);
  await begin(here);
  await answer(here.clients.local, "1:2");
  await answer(here.clients.remote, "1:20000");
  const mailbox = here.foresight.mailbox("INBOX", INBOX);
  for (const side of ["local", "remote"] as const) {
    const look = mailbox?.looks[side];
    const sight = await look?.take(null, true);
    assert.equal(sight?.found.toString(), "1:2");
    assert.equal(sight.sizes?.uids.toString(), "1:2");
    assert.equal((await look?.take(null, false))?.found.toString(), "1:2", "new ones are all");
    assert.equal(
      await look?.take({ uidValidity: 1, uidNext: 3, highestModSeq: 5n }, true),
      null,
      "not for what is known",
    );
  }
  end(here);
});

Deno.test("near servers are asked when both have listed their mailboxes", async () => {
  const here = await scene(24);
  await begin(here);
  assert.deepEqual([here.clients.local.server.pending, here.clients.remote.server.pending], ["", ""]);
  assert.equal(here.foresight.mailbox("INBOX", INBOX), null);
  end(here);
});
