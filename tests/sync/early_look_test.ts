// A look that is sent behind changes: when it is sent, and for which look it stands.

import assert from "node:assert/strict";
import type { Clock } from "../../lib/base/clock.ts";
import { makeFlagSet, UidSet } from "../../lib/protocol/mod.ts";
import { EarlyLook } from "../../lib/sync/early_look.ts";
import { Lanes } from "../../lib/sync/lanes.ts";
import { SharedSession } from "../../lib/sync/mailbox_session.ts";
import { type ClientRig, greetedClient } from "../support/client_rig.ts";
import { FakeClock, HastyClock } from "../support/fake_clock.ts";

const ONE = UidSet.range(1, 1);
const CURSOR = { uidValidity: 1, uidNext: 3, highestModSeq: 9n };
const QUESTION = { mailbox: "a", observed: CURSOR, all: false, news: () => true };

interface Scene extends ClientRig {
  readonly shared: SharedSession;
}

/** With a mailbox that was looked at. */
async function scene(clock: Clock = new HastyClock()): Promise<Scene> {
  const rig = await greetedClient("IMAP4rev1 ENABLE QRESYNC UIDPLUS ESEARCH");
  const { session: first, log, server } = rig;
  const lanes = new Lanes({ first, more: null, limit: 1, wanted: () => 0, log, clock });
  const shared = new SharedSession(lanes, "a");
  const looking = Promise.all([shared.select("a", null, () => true), shared.search(ONE, { freeze: true })]);
  for (let i = 0; i < 2; i++) await server.line();
  await server.send("* 2 EXISTS", "* OK [UIDVALIDITY 1] x", "* OK [HIGHESTMODSEQ 9] x", "000000 OK", "000001 OK");
  await looking;
  return { ...rig, shared };
}

function lookBehind(
  { shared }: Scene,
  isTime = true,
): { readonly early: EarlyLook; readonly storing: Promise<unknown> } {
  const storing = shared.store(ONE, makeFlagSet(["\\Seen"]), 9n);
  const early = new EarlyLook({ ...QUESTION, session: shared, behind: () => isTime });
  return { early, storing };
}

/** Both are in one flight. */
async function answer({ server }: Scene, uidValidity: number): Promise<void> {
  await server.expect(/^000002 UID STORE/);
  await server.expect("000003 SELECT a (QRESYNC (1 9 1:4294967295))");
  await server.expect(/^000004 UID SEARCH .*3:/);
  await server.send(
    "000002 OK",
    "* OK [CLOSED] x",
    "* 2 EXISTS",
    `* OK [UIDVALIDITY ${uidValidity}] x`,
    "* OK [HIGHESTMODSEQ 10] x",
    "* 1 FETCH (UID 1 FLAGS (\\Seen) MODSEQ (10))",
    "000003 OK",
    "000004 OK",
  );
}

Deno.test("an early look goes out with the changes, and stands for the look from the same cursor", async () => {
  const here = await scene();
  const { early, storing } = lookBehind(here);
  await answer(here, 1);
  await storing;
  const sight = await early.take(CURSOR, false);
  assert.equal(sight?.selected.highestModSeq, 10n);
  assert.deepEqual([...sight.selected.modified.keys()], [1]);
  here.session.abort(new Error("end"));
});

Deno.test("an early look keeps no echo of new copies, but of older messages whatever was told", async () => {
  const here = await scene();
  const seen = makeFlagSet(["\\Seen"]);
  const storing = here.shared.store(ONE, seen, 9n);
  const early = new EarlyLook({
    ...QUESTION,
    session: here.shared,
    news: (_uid, flags) => flags.key !== seen.key,
    behind: () => true,
  });
  await here.server.expect(/^000002 UID STORE/);
  await here.server.expect(/^000003 SELECT/);
  await here.server.expect(/^000004 UID SEARCH/);
  await here.server.send(
    ...["000002 OK", "* OK [CLOSED] x", "* 4 EXISTS", "* OK [UIDVALIDITY 1] x", "* OK [HIGHESTMODSEQ 12] x"],
    "* 1 FETCH (UID 1 FLAGS (\\Seen) MODSEQ (10))",
    "* 3 FETCH (UID 3 FLAGS (\\Seen) MODSEQ (11))",
    "* 4 FETCH (UID 4 FLAGS (\\Flagged) MODSEQ (12))",
    ...["000003 OK", "000004 OK"],
  );
  await storing;
  const sight = await early.take(CURSOR, false);
  assert.deepEqual([...sight?.selected.modified.keys() ?? []], [1, 4]);
  here.session.abort(new Error("end"));
});

Deno.test("an early look stands for no look from another cursor, nor for one at all UIDs", async () => {
  const here = await scene();
  const { early, storing } = lookBehind(here);
  await answer(here, 1);
  await storing;
  assert.equal(await early.take({ ...CURSOR, highestModSeq: 8n }, false), null);
  assert.equal(await early.take({ ...CURSOR, uidNext: 2 }, false), null);
  assert.equal(await early.take(CURSOR, true), null);
  assert.notEqual(await early.take(CURSOR, false), null);
  here.session.abort(new Error("end"));
});

Deno.test("an early look stands for nothing when something was changed behind it", async () => {
  const here = await scene();
  const { early, storing } = lookBehind(here);
  await answer(here, 1);
  await storing;
  const more = here.shared.expunge(ONE);
  more.catch(() => {});
  assert.equal(await early.take(CURSOR, false), null);
  here.session.abort(new Error("end"));
});

Deno.test("an early look waits a turn, in which it may turn out that there is nothing to copy", async () => {
  const here = await scene(new FakeClock());
  let isTime = false;
  const storing = here.shared.store(ONE, makeFlagSet(["\\Seen"]), 9n);
  const early = new EarlyLook({ ...QUESTION, session: here.shared, behind: () => isTime });
  await Promise.resolve();
  isTime = true;
  await answer(here, 1);
  await storing;
  assert.notEqual(await early.take(CURSOR, false), null);
  here.session.abort(new Error("end"));
});

Deno.test("an early look is not sent while copies are still being made", async () => {
  const here = await scene();
  const { early, storing } = lookBehind(here, false);
  await here.server.expect(/^000002 UID STORE/);
  await here.server.send("000002 OK");
  await storing;
  assert.equal(await early.take(CURSOR, false), null);
  assert.equal(here.server.pending, "");
  here.session.abort(new Error("end"));
});

Deno.test("an early look at a mailbox that was made anew shows nothing, and nothing more is changed there", async () => {
  const here = await scene();
  const { early, storing } = lookBehind(here);
  await answer(here, 2);
  await storing;
  assert.equal(await early.take(CURSOR, false), null);
  await assert.rejects(here.shared.expunge(ONE), /UIDVALIDITY changed/);
  assert.equal(here.server.pending, "");
  here.session.abort(new Error("end"));
});
