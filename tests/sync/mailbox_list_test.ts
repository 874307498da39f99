// planMailboxes(): every row of the table, the order, and what holds for any two listings.

import assert from "node:assert/strict";
import fc from "fast-check";
import type { MailboxRow } from "../../lib/state/types.ts";
import { planMailboxes } from "../../lib/sync/mailbox_list.ts";
import { type ListedMailbox, type MailboxStep, otherSide, type Side } from "../../lib/sync/model.ts";
import { mailboxListings, mailboxNames, shuffled } from "../support/generators.ts";

/** "-": not listed, "s" and "u": exists, subscribed or not; in parentheses: listed, but does not exist. */
type Listing = "-" | "s" | "u" | "(s)" | "(u)";
/** "-": no row, "s" and "u": row, subscribed or not. */
type Row = "-" | "s" | "u";

function listing(listed: Listing, mailbox = "M"): ListedMailbox[] {
  if (listed === "-") return [];
  return [{ mailbox, exists: !listed.startsWith("("), subscribed: listed.includes("s") }];
}

function steps(local: Listing, remote: Listing, row: Row): MailboxStep[] {
  const rows = row === "-" ? [] : [{ idx: 7, mailbox: "M", subscribed: row === "s" }];
  return planMailboxes(listing(local), listing(remote), rows);
}

const mailbox = "M";
const idx = 7;
const adopt = (subscribed: boolean, subscribe: Side | null): MailboxStep => (
  { kind: "adopt", mailbox, subscribed, subscribe }
);
const create = (side: Side, subscribed: boolean): MailboxStep => ({ kind: "create", mailbox, side, subscribed });
const subscription = (side: Side | null, subscribed: boolean): MailboxStep => (
  { kind: "subscription", mailbox, idx, side, subscribed }
);
const missing = (side: Side): MailboxStep => ({ kind: "missing", mailbox, idx, missing: side });
const known: MailboxStep = { kind: "known", mailbox, idx };

const TABLE: readonly (readonly [Listing, Listing, Row, MailboxStep | null])[] = [
  // on both, no row: taken over with the union of the subscriptions
  ["u", "u", "-", adopt(false, null)],
  ["s", "s", "-", adopt(true, null)],
  ["s", "u", "-", adopt(true, "remote")],
  ["u", "s", "-", adopt(true, "local")],
  // on both, equal subscriptions: the servers are right
  ["u", "u", "u", known],
  ["s", "s", "s", known],
  ["u", "u", "s", subscription(null, false)],
  ["s", "s", "u", subscription(null, true)],
  // on both, one subscribed: what differs from the row is the change
  ["s", "u", "u", subscription("remote", true)],
  ["u", "s", "u", subscription("local", true)],
  ["s", "u", "s", subscription("local", false)],
  ["u", "s", "s", subscription("remote", false)],
  // on one, no row: created on the other with the subscription of the one
  ["s", "-", "-", create("remote", true)],
  ["u", "-", "-", create("remote", false)],
  ["-", "s", "-", create("local", true)],
  ["-", "u", "-", create("local", false)],
  // listed without existing is as good as not listed, subscribed or not
  ["u", "(s)", "-", create("remote", false)],
  ["(s)", "u", "-", create("local", false)],
  ["s", "(u)", "-", create("remote", true)],
  // on one, and a row: somebody deleted or renamed it
  ["s", "-", "s", missing("remote")],
  ["u", "-", "s", missing("remote")],
  ["-", "u", "u", missing("local")],
  ["(s)", "s", "s", missing("local")],
  ["u", "(u)", "u", missing("remote")],
  // on neither
  ["-", "-", "s", null],
  ["(s)", "-", "-", null],
  ["(u)", "(s)", "u", null],
];

for (const [local, remote, row, step] of TABLE) {
  const what = step === null ? "nothing" : JSON.stringify(step);
  Deno.test(`planMailboxes() gives ${what} when local is ${local}, remote ${remote}, row ${row}`, () => {
    assert.deepEqual(steps(local, remote, row), step === null ? [] : [step]);
  });
}

Deno.test("planMailboxes() puts INBOX first and parents before their children", () => {
  const names = ["a.b", "a\0z", "B", "a", "INBOX\0c", "a b", "INBOX", "\xe9", "a\0b\0c", "a\0b"];
  const result = planMailboxes(names.flatMap((name) => listing("u", name)), [], []);
  assert.deepEqual(
    result.map((step) => step.mailbox),
    ["INBOX", "B", "INBOX\0c", "a", "a\0b", "a\0b\0c", "a\0z", "a b", "a.b", "\xe9"],
  );
});

Deno.test("planMailboxes() takes a mailbox once when two patterns listed it", () => {
  for (const twice of [[...listing("(u)"), ...listing("s")], [...listing("s"), ...listing("(u)")]]) {
    assert.deepEqual(planMailboxes(twice, listing("s"), []), [adopt(true, null)]);
  }
});

function rowsFor(names: readonly string[], subscribed: readonly boolean[]): MailboxRow[] {
  return names.map((mailbox, i) => ({ idx: i + 1, mailbox, subscribed: subscribed[i] ?? false }));
}

const cases = fc.record({
  local: mailboxListings(),
  remote: mailboxListings(),
  rows: fc.tuple(fc.uniqueArray(mailboxNames(), { maxLength: 8 }), fc.array(fc.boolean(), { maxLength: 8 }))
    .map(([names, subscribed]) => rowsFor(names, subscribed)),
});

Deno.test("planMailboxes() gives one step to each mailbox that exists somewhere, and none to others", () => {
  fc.assert(fc.property(cases, ({ local, remote, rows }) => {
    const names = planMailboxes(local, remote, rows).map((step) => step.mailbox);
    const existing = new Set([...local, ...remote].filter(({ exists }) => exists).map(({ mailbox }) => mailbox));
    assert.equal(names.length, existing.size);
    assert.deepEqual(new Set(names), existing);
  }));
});

Deno.test("planMailboxes() names every parent before its children", () => {
  fc.assert(fc.property(cases, ({ local, remote, rows }) => {
    const names = planMailboxes(local, remote, rows).map((step) => step.mailbox);
    names.forEach((name, i) => {
      for (const later of names.slice(i)) assert(!name.startsWith(`${later}\0`));
    });
  }));
});

Deno.test("planMailboxes() does not depend on the order of what it is given", () => {
  const reordered = cases.chain((given) =>
    fc.record({
      given: fc.constant(given),
      local: shuffled(given.local),
      remote: shuffled(given.remote),
      rows: shuffled(given.rows),
    })
  );
  fc.assert(fc.property(reordered, ({ given, local, remote, rows }) => {
    assert.deepEqual(planMailboxes(local, remote, rows), planMailboxes(given.local, given.remote, given.rows));
  }));
});

function mirror(step: MailboxStep): MailboxStep {
  switch (step.kind) {
    case "known":
      return step;
    case "adopt":
      return { ...step, subscribe: step.subscribe === null ? null : otherSide(step.subscribe) };
    case "create":
      return { ...step, side: otherSide(step.side) };
    case "subscription":
      return { ...step, side: step.side === null ? null : otherSide(step.side) };
    case "missing":
      return { ...step, missing: otherSide(step.missing) };
  }
}

Deno.test("planMailboxes() mirrors its steps when the sides are exchanged", () => {
  fc.assert(fc.property(cases, ({ local, remote, rows }) => {
    assert.deepEqual(planMailboxes(remote, local, rows), planMailboxes(local, remote, rows).map(mirror));
  }));
});

/** What both servers list and the rows hold after every step was carried out. */
function carryOut(steps: readonly MailboxStep[], rows: readonly MailboxRow[]) {
  const listings: Record<Side, ListedMailbox[]> = { local: [], remote: [] };
  const after: MailboxRow[] = [...rows];
  for (const step of steps) {
    if (step.kind === "missing") continue;
    const row = after.find(({ mailbox }) => mailbox === step.mailbox);
    const subscribed = step.kind === "known" ? row?.subscribed ?? false : step.subscribed;
    for (const side of ["local", "remote"] as const) {
      listings[side].push({ mailbox: step.mailbox, exists: true, subscribed });
    }
    const at = row === undefined ? after.length : after.indexOf(row);
    after[at] = { idx: row?.idx ?? 100 + at, mailbox: step.mailbox, subscribed };
  }
  return { listings, rows: after };
}

Deno.test("planMailboxes() has nothing left to do when its steps were carried out", () => {
  fc.assert(fc.property(cases, ({ local, remote, rows }) => {
    const { listings, rows: after } = carryOut(planMailboxes(local, remote, rows), rows);
    for (const step of planMailboxes(listings.local, listings.remote, after)) assert.equal(step.kind, "known");
  }));
});
