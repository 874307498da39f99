// Decides, for every mailbox that a server listed, what its existence and subscription on both servers and in the
// database ask for. Knows nothing of LIST, patterns, ignored mailboxes or delimiters: names are internal here.

import type { MailboxRow } from "../state/types.ts";
import type { ListedMailbox, MailboxStep, Side } from "./model.ts";

/** What is known of one mailbox. An absent listing counts as one that does not exist and is not subscribed. */
interface Known {
  local: ListedMailbox | null;
  remote: ListedMailbox | null;
  row: MailboxRow | null;
}

/**
 * One step for each mailbox that exists on at least one side; a row without that is left alone. INBOX first, then
 * ascending by octets with NUL, the delimiter, as the lowest, so that parents come before their children. A mailbox
 * listed twice on one side (by two patterns) counts once. Every mailbox whose step is not "missing" exists on both
 * sides once the step is done, and is to be looked at.
 */
export function planMailboxes(
  local: readonly ListedMailbox[],
  remote: readonly ListedMailbox[],
  rows: readonly MailboxRow[],
): MailboxStep[] {
  const all = new Map<string, Known>();
  for (const listed of local) {
    const known = entry(all, listed.mailbox);
    known.local = merge(known.local, listed);
  }
  for (const listed of remote) {
    const known = entry(all, listed.mailbox);
    known.remote = merge(known.remote, listed);
  }
  for (const row of rows) {
    const known = all.get(row.mailbox);
    if (known !== undefined) known.row = row;
  }
  const steps: MailboxStep[] = [];
  for (const mailbox of [...all.keys()].sort(byName)) {
    const step = stepFor(mailbox, entry(all, mailbox));
    if (step !== null) steps.push(step);
  }
  return steps;
}

/** The table: which servers have the mailbox, whether a row has it, and who is subscribed. */
function stepFor(mailbox: string, { local, remote, row }: Known): MailboxStep | null {
  const onLocal = local !== null && local.exists;
  const onRemote = remote !== null && remote.exists;
  if (onLocal && onRemote) return stepForBoth(mailbox, local.subscribed, remote.subscribed, row);
  if (!onLocal && !onRemote) return null;
  const absent: Side = onLocal ? "remote" : "local";
  if (row !== null) return { kind: "missing", mailbox, idx: row.idx, missing: absent };
  const subscribed = (onLocal ? local : remote)?.subscribed ?? false;
  return { kind: "create", mailbox, side: absent, subscribed };
}

function stepForBoth(mailbox: string, local: boolean, remote: boolean, row: MailboxRow | null): MailboxStep {
  const differ = local !== remote;
  if (row === null) {
    const subscribe = differ ? (local ? "remote" : "local") : null;
    return { kind: "adopt", mailbox, subscribed: local || remote, subscribe };
  }
  const { idx } = row;
  if (!differ) {
    if (row.subscribed === local) return { kind: "known", mailbox, idx };
    return { kind: "subscription", mailbox, idx, side: null, subscribed: local };
  }
  // The row holds what both had last: the side that still has that value is the one that has to follow.
  const side = local === row.subscribed ? "local" : "remote";
  return { kind: "subscription", mailbox, idx, side, subscribed: !row.subscribed };
}

function entry(all: Map<string, Known>, mailbox: string): Known {
  const found = all.get(mailbox);
  if (found !== undefined) return found;
  const known: Known = { local: null, remote: null, row: null };
  all.set(mailbox, known);
  return known;
}

function merge(one: ListedMailbox | null, other: ListedMailbox): ListedMailbox {
  if (one === null) return other;
  return {
    mailbox: other.mailbox,
    exists: one.exists || other.exists,
    subscribed: one.subscribed || other.subscribed,
  };
}

function byName(a: string, b: string): number {
  if (a === b) return 0;
  if (a === "INBOX" || b === "INBOX") return a === "INBOX" ? -1 : 1;
  return a < b ? -1 : 1;
}
