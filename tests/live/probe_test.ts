// The tests' own IMAP client: what it does with answers that only a real server gives.

import assert from "node:assert/strict";
import { liveTest } from "../support/live/live_case.ts";
import { plainMessage } from "../support/live/mail.ts";

liveTest("a probe that reads messages leaves out those that another session has just expunged", async ({ lab }) => {
  const store = await lab.store("gone", { format: "maildir", separator: "/" });
  await store.with(async (reader) => {
    for (const id of ["a", "b", "c"]) await reader.append("INBOX", { body: plainMessage(id) });
    await reader.select("INBOX");
    await store.with(async (other) => {
      await other.select("INBOX");
      await other.expunge([1, 3]);
    });
    assert.deepEqual((await reader.messages("1:*")).map(({ uid }) => uid), [2]);
  });
});
