// What a refused APPEND means, by the words that servers use, and when what was left behind is tried again.

import assert from "node:assert/strict";
import { UidSet } from "../../lib/protocol/mod.ts";
import { formatRefusal, isDue, judge, parseRefusal, type Refusal, type Verdict } from "../../lib/sync/refusal.ts";
import { hasDue, RefusedMessages, stillRefused } from "../../lib/sync/refused_messages.ts";
import { MemoryStore } from "../support/memory_store.ts";

const message = (kind: Refusal["kind"]): Verdict => ({ scope: "message", kind });
const mailbox = (kind: Refusal["kind"]): Verdict => ({ scope: "mailbox", kind });
const later = (waitMs: number | null = null): Verdict => ({ scope: "later", waitMs });

const NO: readonly (readonly [code: string | null, text: string, verdict: Verdict])[] = [
  // Dovecot 2.3.19
  ["OVERQUOTA", "Quota exceeded (mailbox for user is full)", mailbox("quota")],
  ["TRYCREATE", "Mailbox doesn't exist: nope", { scope: "gone" }],
  ["CANNOT", "Invalid characters in keyword", { scope: "keywords" }],
  ["LIMIT", "Too many keywords in mailbox", mailbox("limit")],
  ["NOPERM", "Permission denied", mailbox("permission")],
  ["SERVERBUG", "Internal error occurred. Refer to server log for more information.", message("other")],
  ["UNAVAILABLE", "Temporary failure", later()],
  ["INUSE", "Mailbox is locked", later()],
  [null, "Can't save a zero byte message.", message("content")],
  // Cyrus 3.6
  [null, "Over quota", mailbox("quota")],
  [null, "Message contains NUL characters", message("content")],
  [null, "Message contains bare newlines", message("content")],
  [null, "Message contains invalid header", message("content")],
  [null, "Message contains non-ASCII characters in headers", message("content")],
  [null, "Message size exceeds fixed limit", message("size")],
  [null, "Permission denied", mailbox("permission")],
  [null, "Mailbox does not exist", { scope: "gone" }],
  [null, "System I/O error", message("other")],
  // others
  ["TOOBIG", "Message too large.", message("size")],
  [null, "Request is throttled. Suggested Backoff Time: 299961 milliseconds", later(299961)],
  ["THROTTLED", "slow down", later()],
  [null, "Too many simultaneous connections", later()],
  [null, "Rate limit hit", later()],
  ["ALERT", "Mailbox is full", mailbox("quota")],
  [null, "Sorry", message("other")],
];

for (const [code, text, verdict] of NO) {
  Deno.test(`judge() of NO ${code === null ? "" : `[${code}] `}${text} is ${JSON.stringify(verdict)}`, () => {
    assert.deepEqual(judge({ status: "NO", code, text }, true), verdict);
  });
}

Deno.test("`judge()` of a refused keyword blames the message when it was sent without any", () => {
  const answer = { status: "NO", code: "CANNOT", text: "Invalid characters in keyword" } as const;
  assert.deepEqual(judge(answer, false), message("content"));
});

Deno.test("`judge()` of BAD never blames the mailbox, for the connection is closed", () => {
  for (const [code, text] of [["OVERQUOTA", ""], [null, "Invalid keyword"], [null, "try again later"]] as const) {
    assert.deepEqual(judge({ status: "BAD", code, text }, true), message("content"));
  }
});

const refusal = (kind: Refusal["kind"], octets = 100, limit: number | null = null): Refusal => {
  return { kind, octets, limit, text: "No: 1 2 - refused" };
};

Deno.test("`parseRefusal()` gives back what `formatRefusal()` was given", () => {
  for (const kind of ["content", "size", "quota", "permission", "limit", "read-only", "suspect", "other"] as const) {
    for (const limit of [null, 0, 2 ** 40]) {
      assert.deepEqual(parseRefusal(formatRefusal(refusal(kind, 7, limit))), refusal(kind, 7, limit));
    }
  }
  for (
    const other of ["zero-length", "not mapped by an earlier run", "refused", "refused me 1 - x", "refused size x - x"]
  ) {
    assert.equal(parseRefusal(other), null);
  }
});

Deno.test("`isDue()` is true when the reason can have changed", () => {
  for (const kind of ["quota", "permission", "limit", "read-only", "suspect", "other"] as const) {
    assert.equal(isDue(refusal(kind), null), true, kind);
  }
  assert.equal(isDue(refusal("content"), null), false);
  const sizes: readonly (readonly [then: number | null, now: number | null, due: boolean])[] = [
    [50, 50, false],
    [50, 99, false],
    [50, 100, true],
    [50, null, true],
    [null, null, false],
    [null, 99, false],
    [null, 100, true],
  ];
  for (const [then, now, due] of sizes) assert.equal(isDue(refusal("size", 100, then), now), due, `${then} ${now}`);
});

function remembering(...refusals: readonly Refusal[]): { readonly store: MemoryStore; readonly idx: number } {
  const store = new MemoryStore();
  const { idx } = store.addMailbox("INBOX", true);
  refusals.forEach((one, i) => {
    const uids = UidSet.range(i + 1, i + 1);
    store.apply([{ kind: "unmapped", idx, side: "remote", uids, reason: formatRefusal(one) }]);
  });
  return { store, idx };
}

Deno.test("`RefusedMessages` tells what is due, and the smallest of what the mailbox had no room for", () => {
  const { store, idx } = remembering(
    refusal("quota", 900),
    refusal("content"),
    refusal("quota", 30),
    refusal("size", 500, 400),
    refusal("quota", 0),
    refusal("other"),
  );
  const all = RefusedMessages.of(store, idx, "remote");
  assert.equal(`${all.uids}`, "1:6");
  assert.equal(`${all.ofKind("quota")}`, "1,3,5");
  assert.equal(all.find(4)?.kind, "size");
  assert.equal(all.find(7), null);
  const { mailbox, others } = all.due(450).split();
  assert.equal(`${mailbox.uids}`, "1,3,5");
  assert.equal(mailbox.smallest, 3);
  assert.equal(`${others.uids}`, "6");
  assert.equal(`${all.due(500).split().others.uids}`, "4,6");
  assert.equal(RefusedMessages.of(store, idx, "local").uids.isEmpty, true);
  assert.equal(RefusedMessages.none.smallest, 0);
});

Deno.test("`hasDue()` asks for the limit of the other side", () => {
  const { store, idx } = remembering(refusal("content"), refusal("size", 500, 400));
  const rows = store.unmappedBecause("refused");
  assert.equal(hasDue(rows, idx, { local: 400, remote: 900 }), false);
  assert.equal(hasDue(rows, idx, { local: 900, remote: 400 }), true);
  assert.equal(hasDue(rows, idx + 1, { local: 900, remote: 400 }), false);
});

Deno.test("`stillRefused()` counts what was refused before and is refused for the same reason", () => {
  const before = remembering(refusal("quota"), refusal("content"), refusal("other"));
  const after = remembering({ ...refusal("quota"), text: "in other words" }, refusal("quota"), refusal("other"));
  after.store.apply([{
    kind: "unmapped",
    idx: after.idx,
    side: "remote",
    uids: UidSet.range(9, 9),
    reason: "refused x",
  }]);
  const counts = stillRefused(before.store.unmappedBecause("refused"), after.store.unmappedBecause("refused"));
  assert.deepEqual([...counts], [[1, 2]]);
});
