import assert from "node:assert/strict";
import { Patience } from "../../lib/sync/patience.ts";

const MINUTE = 60_000;

function statuses(uidNext: number) {
  const status = { messages: null, uidNext, uidValidity: 1, highestModSeq: 5n, mailboxId: null, appendLimit: null };
  return { local: status, remote: null };
}

Deno.test("`Patience` gives a mailbox that failed its turn after 1, 2, 4 .. 15 minutes, while nothing changes", () => {
  const time = { now: 0 };
  const patience = new Patience(() => time.now);
  for (const minutes of [1, 2, 4, 8, 15, 15]) {
    assert.ok(patience.mayTry("box", statuses(2)));
    patience.ended("box", false);
    time.now += minutes * MINUTE - 1;
    assert.ok(!patience.mayTry("box", statuses(2)), `${minutes} minutes`);
    time.now += 1;
  }
  assert.ok(patience.mayTry("box", statuses(2)));
});

Deno.test("`Patience` does not hold back what has changed, what succeeded, what is forgiven, and other mailboxes", () => {
  const patience = new Patience(() => 0);
  const fail = () => {
    assert.ok(patience.mayTry("box", statuses(2)));
    patience.ended("box", false);
    assert.ok(!patience.mayTry("box", statuses(2)));
  };
  fail();
  assert.ok(patience.mayTry("INBOX", statuses(2)));
  assert.ok(patience.mayTry("box", statuses(3)));
  patience.ended("box", true);
  fail();
  patience.forgive();
  fail();
});

Deno.test("`Patience` lets a full look try once what failed in a look at single mailboxes", () => {
  const patience = new Patience(() => 0);
  patience.ended("box", false);
  assert.ok(patience.mayTry("box", statuses(2)));
  patience.ended("box", false);
  assert.ok(!patience.mayTry("box", statuses(2)));
});
