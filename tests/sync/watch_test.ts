// What a watch looks at next, for all kinds of hints.

import assert from "node:assert/strict";
import { Agenda, type Hint, type LookPlan, type Picture } from "../../lib/sync/watch.ts";
import type { Cursors } from "../../lib/state/types.ts";

const STORED: Cursors = {
  local: { uidValidity: 7, uidNext: 10, highestModSeq: 100n },
  remote: { uidValidity: 8, uidNext: 20, highestModSeq: 200n },
};

/** INBOX and "box" are ours, "new" was never synchronized, others are none of ours. */
function cursorsOf(mailbox: string): Cursors | null | undefined {
  if (mailbox === "new") return null;
  return mailbox === "INBOX" || mailbox === "box" ? STORED : undefined;
}

function picture(items: Partial<Picture>, mailbox = "INBOX", side: "local" | "remote" = "local"): Hint {
  return {
    kind: "picture",
    side,
    mailbox,
    picture: { uidValidity: null, uidNext: null, highestModSeq: null, ...items },
  };
}

function change(mailbox: string): Hint {
  return { kind: "change", side: "local", mailbox };
}

const NOTHING: LookPlan = { kind: "nothing" };
const EVERYTHING: LookPlan = { kind: "everything" };

function some(...mailboxes: readonly string[]): LookPlan {
  return { kind: "some", mailboxes: new Set(mailboxes) };
}

const ROWS: readonly (readonly [what: string, hints: readonly Hint[], expected: LookPlan])[] = [
  ["nothing", [], NOTHING],
  ["a tick of the clock", [{ kind: "everything" }], EVERYTHING],
  ["everything and a mailbox", [change("box"), { kind: "everything" }], EVERYTHING],
  ["a change", [change("box")], some("box")],
  ["a change of a mailbox that is none of ours", [change("foreign")], NOTHING],
  ["what is stored", [picture({ uidNext: 10, highestModSeq: 100n, uidValidity: 7 })], NOTHING],
  ["what is stored, in part", [picture({ highestModSeq: 100n })], NOTHING],
  ["an older state", [picture({ uidNext: 9, highestModSeq: 99n })], NOTHING],
  ["a new message", [picture({ uidNext: 11, highestModSeq: 101n })], some("INBOX")],
  ["a new UID alone", [picture({ uidNext: 11, highestModSeq: 100n })], some("INBOX")],
  ["a flag", [picture({ highestModSeq: 101n })], some("INBOX")],
  ["another UIDVALIDITY", [picture({ uidValidity: 6, uidNext: 1, highestModSeq: 1n })], some("INBOX")],
  ["no mod-sequence", [picture({ uidNext: 10 })], some("INBOX")],
  ["a mailbox that was never synchronized", [picture({ highestModSeq: 1n }, "new")], some("new")],
  ["a picture of a mailbox that is none of ours", [picture({ highestModSeq: 900n }, "foreign")], NOTHING],
  ["the other side's values", [picture({ highestModSeq: 150n }, "box", "remote")], NOTHING],
  ["news of the other side", [picture({ highestModSeq: 201n }, "box", "remote")], some("box")],
  [
    "several, of which the last of a mailbox counts",
    [picture({ highestModSeq: 101n }), picture({ highestModSeq: 100n }), picture({ highestModSeq: 101n }, "box")],
    some("box"),
  ],
];

for (const [what, hints, expected] of ROWS) {
  Deno.test(`\`Agenda.plan()\` looks at the right mailboxes after ${what}`, () => {
    const agenda = new Agenda();
    for (const hint of hints) agenda.note(hint);
    assert.deepEqual(agenda.plan(cursorsOf), expected);
    assert.deepEqual(agenda.plan(cursorsOf), NOTHING, "the plan was not forgotten");
  });
}

Deno.test("`Agenda.plan()` does not look twice for a state that a look did not get to", () => {
  const agenda = new Agenda();
  const news = picture({ uidValidity: 7, uidNext: 12, highestModSeq: 120n });
  agenda.note(news);
  assert.deepEqual(agenda.plan(cursorsOf), some("INBOX"));
  agenda.note(news);
  assert.deepEqual(agenda.plan(cursorsOf), NOTHING);
  agenda.note(picture({ uidValidity: 7, uidNext: 13, highestModSeq: 121n }));
  assert.deepEqual(agenda.plan(cursorsOf), some("INBOX"));
});

Deno.test("`Agenda.plan()` remembers hints that come while somebody looks", () => {
  const agenda = new Agenda();
  agenda.note({ kind: "everything" });
  assert.deepEqual(agenda.plan(cursorsOf), EVERYTHING);
  agenda.note(picture({ highestModSeq: 101n }));
  agenda.note(change("box"));
  assert.deepEqual(agenda.plan(cursorsOf), some("box", "INBOX"));
});

Deno.test("`Agenda.busiest()` is INBOX until another mailbox has more news on that side", () => {
  const agenda = new Agenda();
  const names = ["a", "INBOX", "box"];
  assert.equal(agenda.busiest("local", []), null);
  assert.equal(agenda.busiest("local", ["a", "b"]), "a");
  assert.equal(agenda.busiest("local", names), "INBOX");
  agenda.note(change("box"));
  assert.equal(agenda.busiest("local", names), "box");
  assert.equal(agenda.busiest("remote", names), "INBOX");
  assert.equal(agenda.busiest("local", ["a", "INBOX"]), "INBOX");
});
