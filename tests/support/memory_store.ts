// The Store in memory: what lib/state promises, in the simplest way to write it down. tests/state/store_model_test.ts
// holds the SQLite store against it, and tests of the engine use it where a file adds nothing.
// Stricter than the file in one thing: a fact about a mailbox that there is not is refused.

import { StateError } from "../../lib/errors.ts";
import { UidSet } from "../../lib/protocol/uid_set.ts";
import type {
  AppendIntent,
  Cursor,
  Cursors,
  MailboxOverview,
  MailboxRow,
  Pair,
  Side,
  StateChange,
  Store,
  UnmappedMessages,
} from "../../lib/state/types.ts";

/** Disjoint. */
interface Unmapped {
  readonly uids: UidSet;
  readonly reason: string;
}

const NONE = UidSet.empty;

type PerSide<Value> = { local: Value; remote: Value };

interface Mailbox {
  mailbox: string;
  subscribed: boolean;
  readonly cursors: PerSide<Cursor | null>;
  readonly pairs: Map<number, Pair>; // by local UID
  readonly remoteUids: Set<number>;
  readonly unmapped: PerSide<readonly Unmapped[]>;
  readonly identities: PerSide<string | null>;
  readonly held: PerSide<boolean>;
  comparedAt: number | null;
}

function copyOf(mailbox: Mailbox): Mailbox {
  return {
    mailbox: mailbox.mailbox,
    subscribed: mailbox.subscribed,
    cursors: { ...mailbox.cursors },
    pairs: new Map(mailbox.pairs),
    remoteUids: new Set(mailbox.remoteUids),
    unmapped: { ...mailbox.unmapped },
    identities: { ...mailbox.identities },
    held: { ...mailbox.held },
    comparedAt: mailbox.comparedAt,
  };
}

function refuse(what: string): never {
  throw new StateError(`The memory refused a change that contradicts it: ${what}`, { component: "database" });
}

function uidOn(side: Side, pair: Pair): number {
  return side === "local" ? pair.localUid : pair.remoteUid;
}

/** What one call of apply() has changed so far: copies of what it touched. */
interface Draft {
  readonly mailboxes: Map<number, Mailbox>;
  readonly removed: Set<number>;
  readonly intents: Map<number, AppendIntent>;
}

export class MemoryStore implements Store {
  readonly #mailboxes = new Map<number, Mailbox>();
  #intents = new Map<number, AppendIntent>();
  #lastIdx = 0;
  #lastIntentId = 0;
  #closed = false;

  /** Whether close() was called; everything else goes on working, so that a next run can use the same memory. */
  get closed(): boolean {
    return this.#closed;
  }

  /** The same facts in another memory: a backup. */
  copy(): MemoryStore {
    const copy = new MemoryStore();
    for (const [idx, mailbox] of this.#mailboxes) copy.#mailboxes.set(idx, copyOf(mailbox));
    copy.#intents = new Map(this.#intents);
    copy.#lastIdx = this.#lastIdx;
    copy.#lastIntentId = this.#lastIntentId;
    return copy;
  }

  overview(): readonly MailboxOverview[] {
    const rows = [...this.#mailboxes].map(([idx, { mailbox, subscribed, comparedAt }]) => ({
      idx,
      mailbox,
      subscribed,
      cursors: this.cursors(idx),
      interrupted: this.#interrupted(idx),
      known: {
        local: this.pairCount(idx) + this.unmapped(idx, "local").size,
        remote: this.pairCount(idx) + this.unmapped(idx, "remote").size,
      },
      comparedAt,
    }));
    return rows.sort((a, b) => a.mailbox < b.mailbox ? -1 : 1);
  }

  addMailbox(mailbox: string, subscribed: boolean): MailboxRow {
    if ([...this.#mailboxes.values()].some((other) => other.mailbox === mailbox)) refuse(`two mailboxes ${mailbox}`);
    const idx = ++this.#lastIdx;
    this.#mailboxes.set(idx, {
      mailbox,
      subscribed,
      cursors: { local: null, remote: null },
      pairs: new Map(),
      remoteUids: new Set(),
      unmapped: { local: [], remote: [] },
      identities: { local: null, remote: null },
      held: { local: false, remote: false },
      comparedAt: null,
    });
    return { idx, mailbox, subscribed };
  }

  cursors(idx: number): Cursors | null {
    const { local = null, remote = null } = this.#mailboxes.get(idx)?.cursors ?? {};
    return local === null || remote === null ? null : { local, remote };
  }

  pairCount(idx: number): number {
    return this.#pairs(idx).length;
  }

  highestPaired(idx: number): { readonly local: number; readonly remote: number } {
    return { local: this.pairedUids(idx, "local", 1).last, remote: this.pairedUids(idx, "remote", 1).last };
  }

  pairsTouching(idx: number, side: Side, uids: UidSet): readonly Pair[] {
    return this.#pairs(idx)
      .filter((pair) => uids.has(uidOn(side, pair)))
      .sort((a, b) => uidOn(side, a) - uidOn(side, b));
  }

  pairedUids(idx: number, side: Side, from: number): UidSet {
    return UidSet.of(this.#pairs(idx).map((pair) => uidOn(side, pair)).filter((uid) => uid >= from));
  }

  recentUids(idx: number, side: Side, limit: number): readonly number[] {
    return this.#pairs(idx).map((pair) => uidOn(side, pair)).sort((a, b) => b - a).slice(0, limit);
  }

  unmapped(idx: number, side: Side): UidSet {
    const groups = this.#mailboxes.get(idx)?.unmapped[side] ?? [];
    return groups.reduce((all, { uids }) => all.union(uids), UidSet.empty);
  }

  unmappedBecause(prefix: string): readonly UnmappedMessages[] {
    const sides: readonly Side[] = ["local", "remote"];
    return [...this.#mailboxes].flatMap(([idx, { unmapped }]) =>
      sides.flatMap((side) =>
        unmapped[side].filter(({ reason }) => reason.startsWith(prefix)).map((group) => ({ idx, side, ...group }))
      )
    );
  }

  mailboxId(idx: number, side: Side): string | null {
    return this.#mailboxes.get(idx)?.identities[side] ?? null;
  }

  isHeld(idx: number, side: Side): boolean {
    return this.#mailboxes.get(idx)?.held[side] ?? false;
  }

  intents(idx: number): readonly AppendIntent[] {
    return [...this.#intents.values()].filter((intent) => intent.idx === idx).sort((a, b) => a.id - b.id);
  }

  newIntentId(): number {
    this.#lastIntentId = Math.max(this.#lastIntentId, ...this.#intents.keys()) + 1;
    return this.#lastIntentId;
  }

  apply(changes: readonly StateChange[]): void {
    const draft: Draft = { mailboxes: new Map(), removed: new Set(), intents: new Map(this.#intents) };
    for (const change of changes) this.#applyOne(draft, change);
    for (const [idx, mailbox] of draft.mailboxes) this.#mailboxes.set(idx, mailbox);
    for (const idx of draft.removed) this.#mailboxes.delete(idx);
    this.#intents = draft.intents;
  }

  close(): void {
    this.#closed = true;
  }

  #pairs(idx: number): Pair[] {
    return [...this.#mailboxes.get(idx)?.pairs.values() ?? []];
  }

  #interrupted(idx: number): boolean {
    const { local = null, remote = null } = this.#mailboxes.get(idx)?.cursors ?? {};
    const { local: highestLocal, remote: highestRemote } = this.highestPaired(idx);
    const above = (highest: number, cursor: Cursor | null) => highest > 0 && highest >= (cursor?.uidNext ?? 0);
    return above(highestLocal, local) || above(highestRemote, remote) || this.intents(idx).length > 0;
  }

  #rename(draft: Draft, idx: number, name: string): void {
    const present = new Map([...this.#mailboxes, ...draft.mailboxes]);
    for (const gone of draft.removed) present.delete(gone);
    present.delete(idx);
    if ([...present.values()].some(({ mailbox }) => mailbox === name)) refuse(`two mailboxes ${name}`);
    this.#touch(draft, idx).mailbox = name;
  }

  #touch(draft: Draft, idx: number): Mailbox {
    const touched = draft.mailboxes.get(idx);
    if (touched !== undefined) return touched;
    if (draft.removed.has(idx)) refuse(`there is no mailbox ${idx}`);
    const mailbox = this.#mailboxes.get(idx) ?? refuse(`there is no mailbox ${idx}`);
    const copy = copyOf(mailbox);
    draft.mailboxes.set(idx, copy);
    return copy;
  }

  #applyOne(draft: Draft, change: StateChange): void {
    if (change.kind === "settle") {
      draft.intents.delete(change.id);
      return;
    }
    if (change.kind === "intend") {
      const { intent } = change;
      this.#touch(draft, intent.idx);
      if (draft.intents.has(intent.id)) refuse(`two intents ${intent.id}`);
      draft.intents.set(intent.id, intent);
      return;
    }
    if (change.kind === "remove-mailbox") {
      draft.mailboxes.delete(change.idx);
      draft.removed.add(change.idx);
      for (const { id, idx } of draft.intents.values()) if (idx === change.idx) draft.intents.delete(id);
      return;
    }
    const mailbox = this.#touch(draft, change.idx);
    switch (change.kind) {
      case "cursor":
        if (change.cursor.uidValidity < 1) refuse("UIDVALIDITY 0");
        mailbox.cursors[change.side] = change.cursor;
        return;
      case "pair":
        for (const pair of change.pairs) addPair(mailbox, pair);
        return;
      case "unpair":
        for (const pair of change.pairs) removePair(mailbox, pair);
        return;
      case "unmapped":
        mailbox.unmapped[change.side] = without([...without(mailbox.unmapped[change.side], change.uids), change], NONE);
        return;
      case "forget-unmapped":
        mailbox.unmapped[change.side] = without(mailbox.unmapped[change.side], change.uids);
        return;
      case "forget-messages":
        mailbox.pairs.clear();
        mailbox.remoteUids.clear();
        for (const side of ["local", "remote"] as const) {
          mailbox.unmapped[side] = [];
          mailbox.identities[side] = null;
          mailbox.held[side] = false;
        }
        for (const { id, idx } of draft.intents.values()) if (idx === change.idx) draft.intents.delete(id);
        return;
      case "subscribed":
        mailbox.subscribed = change.subscribed;
        return;
      case "rename-mailbox":
        this.#rename(draft, change.idx, change.mailbox);
        return;
      case "hold":
        mailbox.held[change.side] = change.held;
        return;
      case "recount":
        return;
      case "compared":
        mailbox.comparedAt = change.at;
        return;
      case "identity":
        mailbox.identities[change.side] = change.mailboxId;
        return;
      default:
        return change satisfies never;
    }
  }
}

function without(unmapped: readonly Unmapped[], uids: UidSet): readonly Unmapped[] {
  return unmapped.map((group) => ({ reason: group.reason, uids: group.uids.subtract(uids) }))
    .filter((group) => !group.uids.isEmpty);
}

function addPair(mailbox: Mailbox, pair: Pair): void {
  const { localUid, remoteUid } = pair;
  if (localUid < 1 || remoteUid < 1) refuse("UID 0");
  if (mailbox.pairs.has(localUid) || mailbox.remoteUids.has(remoteUid)) refuse(`(${localUid},${remoteUid}) twice`);
  mailbox.pairs.set(localUid, pair);
  mailbox.remoteUids.add(remoteUid);
}

function removePair(mailbox: Mailbox, { localUid, remoteUid }: Pair): void {
  if (mailbox.pairs.get(localUid)?.remoteUid !== remoteUid) return;
  mailbox.pairs.delete(localUid);
  mailbox.remoteUids.delete(remoteUid);
}
