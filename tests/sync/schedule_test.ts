// When mailboxes are compared by themselves.

import assert from "node:assert/strict";
import { isDue, isNearlyDue, notedAs } from "../../lib/sync/schedule.ts";

const DAY = 86_400;
const NOW = 1_800_000_000;

Deno.test("`isDue()` is true when the period is over, or when the clock was wrong", () => {
  assert.equal(isDue(NOW - 30 * DAY + 1, NOW, 30), false);
  assert.equal(isDue(NOW - 30 * DAY, NOW, 30), true);
  assert.equal(isDue(NOW + 3600, NOW, 30), false);
  assert.equal(isDue(NOW + 3650 * DAY, NOW, 30), true);
});

Deno.test("`isNearlyDue()` is true a thirtieth of the period earlier than `isDue()`", () => {
  assert.equal(isNearlyDue(NOW - 29 * DAY + 1, NOW, 30), false);
  assert.equal(isNearlyDue(NOW - 29 * DAY, NOW, 30), true);
  assert.equal(isNearlyDue(NOW - 2 * DAY, NOW, 30), false);
  assert.equal(isNearlyDue(NOW - 2 * DAY, NOW, 2), true);
  assert.equal(isNearlyDue(NOW + 3600, NOW, 30), false);
  assert.equal(isNearlyDue(NOW + 3650 * DAY, NOW, 30), true);
});

Deno.test("`notedAs()` spreads mailboxes over the period: no day has many more than its share", () => {
  const perDay = new Map<number, number>();
  for (let idx = 1; idx <= 300; idx++) {
    const at = notedAs(idx, NOW, 30);
    assert.ok(at <= NOW && !isNearlyDue(at, NOW, 30), `${idx}`);
    const day = Math.floor((NOW - at) / DAY);
    perDay.set(day, (perDay.get(day) ?? 0) + 1);
  }
  assert.equal(perDay.size, 29);
  assert.ok(Math.max(...perDay.values()) <= 12);
});
