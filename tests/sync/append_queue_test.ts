// What a queue of copies believes of an answer to APPEND, with a session that says what the test wants.

import assert from "node:assert/strict";
import type { Session } from "../../lib/client/mod.ts";
import { MailboxError } from "../../lib/errors.ts";
import { NO_FLAGS, UidSet } from "../../lib/protocol/mod.ts";
import { AppendQueue } from "../../lib/sync/append_queue.ts";
import { RefusedMessages } from "../../lib/sync/refused_messages.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { MemoryStore } from "../support/memory_store.ts";
import { KeepingLog } from "../support/quiet_log.ts";

Deno.test("an APPENDUID of another UIDVALIDITY records no pair, and the intent stays", async () => {
  const store = new MemoryStore();
  const { idx } = store.addMailbox("INBOX", true);
  const answer = { uidValidity: 8, uids: UidSet.range(1, 1) };
  const session = {
    capabilities: { has: () => true },
    append: () => ({ written: Promise.resolve(), done: Promise.resolve(answer) }),
  } as unknown as Session;
  const queue = new AppendQueue({
    session,
    target: "local",
    idx,
    mailbox: "INBOX",
    sourceUidValidity: 3,
    targetUidValidity: 7,
    targetUidNext: 1,
    permanentFlags: null,
    appendLimit: null,
    clock: new FakeClock(),
    refused: RefusedMessages.none,
    store,
    log: new KeepingLog(),
    agree: () => assert.fail("nothing was agreed"),
  });
  const internalDate = { seconds: 0, zone: 0 };
  await queue.send([{
    uid: 5,
    octets: 1,
    flags: NO_FLAGS,
    internalDate,
    headerDigest: "x",
    body: new Uint8Array([1]),
  }]);
  await assert.rejects(queue.finish(), MailboxError);
  assert.equal(store.pairCount(idx), 0);
  assert.equal(store.intents(idx).length, 1);
});
