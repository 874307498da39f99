// What the users of a random walk did, written down apart from the servers and from the program, and what therefore has
// to be on both sides once they are synchronized. It claims only what is certain: a removed flag may come back by the
// union when both sides changed the message, or a run was disturbed; a flag that was set may never be lost.

import type { Side } from "../../lib/state/types.ts";
import type { ModelMailbox } from "../support/model_mailstore.ts";
import { textOf } from "../support/model_values.ts";

type Direction = "add" | "remove";

/** A message in a mailbox, by the id in its body. */
interface Entry {
  /** How many equal messages there are. */
  copies: number;
  /** Where it was made, as long as it was not there at a point of rest. */
  origin: Side | null;
  readonly deletedOn: Set<Side>;
  /** It came to both sides by other ways, and was not there at a point of rest: nobody has seen that it is one. */
  separate: boolean;
  /** At the last point of rest, or when it was made. */
  base: ReadonlySet<string>;
  /** Last effective change of each flag by each side since then. */
  readonly changes: Record<Side, Map<string, Direction>>;
  /** Sides whose changes no mod-sequence proves any more, while the other's may win over them. */
  readonly unproven: Set<Side>;
}

/** A mailbox by its internal name. */
interface Page {
  readonly entries: Map<string, Entry>;
  subscribed: boolean;
  readonly subscriptions: Partial<Record<Side, boolean>>;
  /** A run was interrupted, or users acted while it was under way. */
  disturbed: boolean;
  /** It was made anew on a side: what was deleted or taken away before may come back. */
  renumbered: boolean;
  /** A repair could not know what was expunged: it copies again what a user deleted on one side. */
  repairedInDoubt: boolean;
}

const ID = /^Message-ID: <([^@>]*)@/m;

/** The id of a message of a walk. */
export function idOf(body: Uint8Array): string {
  return ID.exec(textOf(body.subarray(0, 400)))?.[1] ?? "";
}

export class Ledger {
  readonly #pages = new Map<string, Page>([["INBOX", newPage()]]);
  /** Mailboxes that somebody deleted or renamed: nothing is claimed of them any more. */
  readonly abandoned = new Set<string>();

  knows(mailbox: string): boolean {
    return this.#pages.has(mailbox);
  }

  /** Whether a message of this id ever was in the mailbox. */
  had(mailbox: string, id: string): boolean {
    return this.#pages.get(mailbox)?.entries.has(id) ?? false;
  }

  // ---- what users did

  create(mailbox: string): void {
    if (!this.#pages.has(mailbox)) this.#pages.set(mailbox, newPage());
  }

  add(side: Side, mailbox: string, id: string, flags: readonly string[], copies = 1): void {
    const { entries } = this.#page(mailbox);
    const entry = entries.get(id);
    if (entry !== undefined) entry.copies += copies;
    else {
      entries.set(id, {
        copies,
        origin: side,
        deletedOn: new Set(),
        separate: false,
        base: new Set(flags),
        changes: { local: new Map(), remote: new Map() },
        unproven: new Set(),
      });
    }
  }

  addSeparately(side: Side, mailbox: string, id: string, flags: readonly string[]): void {
    this.add(side, mailbox, id, flags);
    const entry = this.#page(mailbox).entries.get(id);
    if (entry !== undefined) entry.separate = true;
  }

  renumber(mailbox: string): void {
    this.#page(mailbox).renumbered = true;
  }

  /** Only for what had an effect. */
  change(side: Side, mailbox: string, id: string, flag: string, direction: Direction): void {
    this.#page(mailbox).entries.get(id)?.changes[side].set(flag, direction);
  }

  remove(side: Side, mailbox: string, id: string): void {
    this.#page(mailbox).entries.get(id)?.deletedOn.add(side);
  }

  subscribe(side: Side, mailbox: string, subscribed: boolean): void {
    this.#page(mailbox).subscriptions[side] = subscribed;
  }

  abandon(mailbox: string): void {
    this.abandoned.add(mailbox);
    this.#pages.delete(mailbox);
  }

  /**
   * A message is in a mailbox that was renamed while a run was under way: what users did to it under the old name on the
   * other side may be done to it, as the program has the mailbox selected, or not.
   */
  inherit(side: Side, from: string, to: string, id: string): void {
    const old = this.#pages.get(from)?.entries.get(id);
    const entry = this.#page(to).entries.get(id);
    if (old === undefined || entry === undefined) return;
    const other = side === "local" ? "remote" : "local";
    if (old.deletedOn.has(other)) entry.deletedOn.add(other);
    const changed = [...old.changes.local.keys(), ...old.changes.remote.keys()];
    for (const flag of changed) entry.changes[other].set(flag, "remove");
  }

  /** A server has lost track of what changed. `alone`: nobody acts until both sides were compared. */
  lose(side: Side, alone: boolean): void {
    const other = side === "local" ? "remote" : "local";
    for (const { entries, disturbed } of this.#pages.values()) {
      for (const entry of entries.values()) {
        if (!alone || disturbed || entry.changes[other].size > 0) entry.unproven.add(side);
      }
    }
  }

  // ---- what runs did

  /** A run ended in the middle, or users acted during it. */
  disturb(): void {
    for (const page of this.#pages.values()) page.disturbed = true;
  }

  /** Messages were compared while a server did not tell, or no longer knew, what was expunged. */
  repairInDoubt(): void {
    for (const page of this.#pages.values()) page.repairedInDoubt = true;
  }

  /** The state is another one than the last run left: nobody knows what was seen since, or at all. */
  forget(): void {
    for (const page of this.#pages.values()) page.renumbered = true;
    this.disturb();
  }

  /** What is there too seldom or too often of what nobody deleted, on one side while deletions wait. */
  miscounted(find: (mailbox: string) => ModelMailbox | null): readonly string[] {
    return [...this.#pages].flatMap(([name, { entries }]) => {
      const ids = (find(name)?.messages ?? []).map(({ body }) => idOf(body));
      return [...entries].flatMap(([id, { copies, deletedOn }]) => {
        const count = ids.filter((one) => one === id).length;
        return deletedOn.size > 0 || count === copies ? [] : [`${name}: ${id} is there ${count} times`];
      });
    });
  }

  /** What is wrong on one side after a run that nothing disturbed. `find`: by internal name. */
  complaints(
    find: (mailbox: string) => ModelMailbox | null,
    subscribed: (mailbox: string) => boolean,
  ): readonly string[] {
    const found: string[] = [];
    for (const [name, page] of this.#pages) {
      const mailbox = find(name);
      if (mailbox === null) {
        found.push(`${name}: is missing`);
        continue;
      }
      found.push(...messageComplaints(page, mailbox).map((text) => `${name}: ${text}`));
      const wanted = subscriptionOf(page);
      if (wanted !== null && wanted !== subscribed(name)) found.push(`${name}: ${wanted ? "not " : ""}subscribed`);
    }
    return found;
  }

  /** Both sides are equal and nobody did anything since: what is there now is where the next claims start. */
  rest(find: (mailbox: string) => ModelMailbox | null, subscribed: (mailbox: string) => boolean): void {
    for (const [name, page] of this.#pages) {
      page.disturbed = false;
      page.renumbered = false;
      page.repairedInDoubt = false;
      page.subscribed = subscribed(name);
      delete page.subscriptions.local;
      delete page.subscriptions.remote;
      for (const entry of page.entries.values()) {
        entry.origin = null;
        entry.separate = false;
      }
      for (const { flags, body } of find(name)?.messages ?? []) {
        const entry = page.entries.get(idOf(body));
        if (entry === undefined) continue;
        entry.deletedOn.clear();
        entry.base = new Set(flags);
        entry.changes.local.clear();
        entry.changes.remote.clear();
        entry.unproven.clear();
      }
    }
  }

  #page(mailbox: string): Page {
    const page = this.#pages.get(mailbox);
    if (page === undefined) throw new Error(`nobody made the mailbox ${mailbox}`);
    return page;
  }
}

function newPage(): Page {
  return {
    entries: new Map(),
    subscribed: false,
    subscriptions: {},
    disturbed: false,
    renumbered: false,
    repairedInDoubt: false,
  };
}

function messageComplaints(page: Page, mailbox: ModelMailbox): string[] {
  const found: string[] = [];
  const present = new Map<string, { readonly flags: readonly string[] }[]>();
  for (const message of mailbox.messages) {
    const id = idOf(message.body);
    const list = present.get(id) ?? [];
    list.push(message);
    present.set(id, list);
  }
  for (const id of present.keys()) if (!page.entries.has(id)) found.push(`${id} was never put there`);
  for (const [id, entry] of page.entries) {
    const messages = present.get(id) ?? [];
    const wanted = copiesWanted(page, entry);
    if (!wanted.includes(messages.length)) {
      found.push(`${id} is there ${messages.length} times instead of ${wanted.join(" or ")}`);
    }
    // One that came back did so without what was done to the copy that is gone.
    if (entry.deletedOn.size > 0) continue;
    for (const { flags } of messages) found.push(...flagComplaints(page, entry, flags).map((text) => `${id} ${text}`));
  }
  return found;
}

/** How often a message may be there. */
function copiesWanted(page: Page, { copies, origin, deletedOn, separate }: Entry): readonly number[] {
  if (deletedOn.size === 0) return [copies];
  if (page.renumbered || page.repairedInDoubt) return [0, copies];
  // As long as nobody knew that it was one, deleting one of them deletes no more.
  if (separate) return deletedOn.size === 2 && !page.disturbed ? [0] : page.disturbed ? [0, copies] : [copies];
  // A copy that an interrupted run made and could not write down, and that a user deleted before the next run: nobody
  // can know that it ever was there, so the message is copied again.
  const unseen = page.disturbed && origin !== null && !deletedOn.has(origin);
  return unseen ? [0, copies] : [0];
}

function flagComplaints(page: Page, entry: Entry, flags: readonly string[]): string[] {
  const { local, remote } = entry.changes;
  const known = new Set([...flags, ...entry.base, ...local.keys(), ...remote.keys()]);
  return [...known].flatMap((flag) => {
    const wanted = flagWanted(page, entry, flag);
    if (wanted === null || wanted === flags.includes(flag)) return [];
    return [wanted ? `has lost the flag ${flag}` : `has the flag ${flag}`];
  });
}

/** Whether a message has to have a flag; null: both would be right. */
function flagWanted(page: Page, entry: Entry, flag: string): boolean | null {
  const { local, remote } = entry.changes;
  if ([...entry.unproven].some((side) => entry.changes[side].has(flag))) return null;
  const last = [local.get(flag), remote.get(flag)].filter((direction) => direction !== undefined);
  if (last.length === 0) return entry.base.has(flag);
  if (last.every((direction) => direction === "add")) return true;
  // The flags of one side alone are taken as they are.
  const byOne = local.size === 0 || remote.size === 0;
  return byOne && !page.disturbed && !page.renumbered && !entry.separate ? false : null;
}

function subscriptionOf({ subscribed, subscriptions, disturbed }: Page): boolean | null {
  const { local, remote } = subscriptions;
  if (local === undefined && remote === undefined) return subscribed;
  if (disturbed || (local !== undefined && remote !== undefined && local !== remote)) return null;
  return local ?? remote ?? subscribed;
}
