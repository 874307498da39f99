// Whether EXISTS is explained.

import assert from "node:assert/strict";
import { accounts, unexplained } from "../../lib/sync/accounting.ts";

Deno.test("accounts() is true when nothing happened, and when everything adds up", () => {
  assert.equal(accounts({ known: 0, knownVanished: 0, arrived: 0, exists: 0 }), true);
  assert.equal(accounts({ known: 5, knownVanished: 0, arrived: 0, exists: 5 }), true);
  assert.equal(accounts({ known: 5, knownVanished: 2, arrived: 4, exists: 7 }), true);
});

Deno.test("accounts() is false when VANISHED names messages that are still there", () => {
  // VANISHED 1:26185 of a mailbox with 5393 messages
  const census = { known: 5393, knownVanished: 5393, arrived: 0, exists: 5393 };
  assert.equal(accounts(census), false);
  assert.equal(unexplained(census), 5393);
});

Deno.test("accounts() is false when messages are gone that VANISHED does not name", () => {
  const census = { known: 5, knownVanished: 0, arrived: 0, exists: 3 };
  assert.equal(accounts(census), false);
  assert.equal(unexplained(census), -2);
});
