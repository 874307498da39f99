// What several clients at once did to two mail stores while the program was at work and lost its connections, and what
// therefore has to be on both sides once it is done. A message never comes to a mailbox a second time by a client, so
// that each place has one message or none. Knows nothing of servers.

import type { NewMessage } from "../imap_probe.ts";
import type { Side } from "./watching.ts";
import { digestOf, type MailboxFacts, type MessageFacts, shown, type StoreFacts } from "./witness.ts";

type Direction = "add" | "remove";

/** A message in a mailbox. */
interface Entry {
  /** Where it was put; null: both sides had it at a point of rest. */
  origin: Side | null;
  /** Sides on which a client expunged it or moved it away. */
  readonly removedOn: Set<Side>;
  /** Flags when it was put there, or at the last point of rest; null: not known, it was moved. */
  base: ReadonlySet<string> | null;
  readonly changes: Record<Direction, Set<string>>;
}

/** What is wrong on one side, and what is not but should be seldom. */
export interface Judgement {
  readonly complaints: readonly string[];
  /**
   * Messages that were deleted on the target only, and are there. Right as long as the program could not know that the
   * copy was made: the answer to its APPEND was lost, and when it looked, the copy was gone.
   */
  readonly returned: number;
}

export class ChaosLedger {
  /** By internal name, then by digest. */
  readonly #mailboxes = new Map<string, Map<string, Entry>>();
  /** Digests by Message-ID. */
  readonly #digests = new Map<string, string>();

  constructor(mailboxes: readonly string[]) {
    for (const name of mailboxes) this.#mailboxes.set(name, new Map());
  }

  get mailboxes(): readonly string[] {
    return [...this.#mailboxes.keys()];
  }

  /** The digest of a message that a client has made. */
  digest(id: string): string {
    const digest = this.#digests.get(id);
    if (digest === undefined) throw new Error(`nobody made the message ${id}`);
    return digest;
  }

  /** Whether the message ever was in the mailbox. */
  had(mailbox: string, id: string): boolean {
    return this.#page(mailbox).has(this.digest(id));
  }

  /** Before the command is sent: others may see the message before its sender hears of it. */
  append(side: Side, mailbox: string, id: string, { body, flags = [] }: NewMessage): void {
    this.#digests.set(id, digestOf(body));
    this.#put(side, mailbox, id, new Set(flags));
  }

  /** Before the command is sent; takes the target, so that nobody else moves the message there. */
  arrive(side: Side, mailbox: string, id: string): void {
    this.#put(side, mailbox, id, null);
  }

  /** The message did not come there after all, as it was gone already. */
  takeBack(mailbox: string, id: string): void {
    this.#page(mailbox).delete(this.digest(id));
  }

  /** Only for what had an effect. */
  remove(side: Side, mailbox: string, id: string): void {
    this.#entry(mailbox, id).removedOn.add(side);
  }

  change(mailbox: string, id: string, flag: string, direction: Direction): void {
    this.#entry(mailbox, id).changes[direction].add(flag);
  }

  /** Of one side, when nobody acts any more and the program says that it is done. */
  judge(facts: StoreFacts): Judgement {
    const complaints: string[] = [];
    let returned = 0;
    for (const [name, page] of this.#mailboxes) {
      const mailbox = facts.mailboxes.get(name);
      if (mailbox === undefined) {
        complaints.push(`${shown(name)}: is missing`);
        continue;
      }
      const present = byDigest(mailbox);
      for (const digest of present.keys()) {
        if (!page.has(digest)) complaints.push(`${shown(name)}: ${this.#idOf(digest)} was never put there`);
      }
      for (const [digest, entry] of page) {
        const messages = present.get(digest) ?? [];
        if (entry.removedOn.size > 0 && messages.length === 1 && mayReturn(entry)) returned++;
        complaints.push(...entryComplaints(entry, messages).map((it) => `${shown(name)}: ${this.#idOf(digest)} ${it}`));
      }
    }
    return { complaints, returned };
  }

  /** Both sides are equal and nobody acts: what is there now is where the next claims start. */
  rest(facts: StoreFacts): void {
    for (const [name, page] of this.#mailboxes) {
      const mailbox = facts.mailboxes.get(name);
      const present = mailbox === undefined ? new Map<string, MessageFacts[]>() : byDigest(mailbox);
      for (const [digest, entry] of page) {
        entry.origin = null;
        const [message] = present.get(digest) ?? [];
        if (message === undefined) continue;
        entry.removedOn.clear();
        entry.base = new Set(message.flags);
        entry.changes.add.clear();
        entry.changes.remove.clear();
      }
    }
  }

  #idOf(digest: string): string {
    for (const [id, known] of this.#digests) if (known === digest) return id;
    return `a message with digest ${digest.slice(0, 8)}`;
  }

  #put(side: Side, mailbox: string, id: string, base: ReadonlySet<string> | null): void {
    const changes = { add: new Set<string>(), remove: new Set<string>() };
    this.#page(mailbox).set(this.digest(id), { origin: side, removedOn: new Set(), base, changes });
  }

  #page(mailbox: string): Map<string, Entry> {
    const page = this.#mailboxes.get(mailbox);
    if (page === undefined) throw new Error(`nobody made the mailbox ${mailbox}`);
    return page;
  }

  #entry(mailbox: string, id: string): Entry {
    const entry = this.#page(mailbox).get(this.digest(id));
    if (entry === undefined) throw new Error(`${id} was never put into ${mailbox}`);
    return entry;
  }
}

function byDigest({ messages }: MailboxFacts): Map<string, MessageFacts[]> {
  return Map.groupBy(messages, ({ digest }) => digest);
}

/** Deleted on the target only, since the last point of rest: the program may not know that it ever made the copy. */
function mayReturn({ origin, removedOn }: Entry): boolean {
  return origin !== null && !removedOn.has(origin);
}

function entryComplaints(entry: Entry, messages: readonly MessageFacts[]): string[] {
  const isRemoved = entry.removedOn.size > 0;
  const wanted = !isRemoved ? [1] : mayReturn(entry) ? [0, 1] : [0];
  if (!wanted.includes(messages.length)) {
    const by = isRemoved ? `, removed on ${[...entry.removedOn].join(" and ")}` : "";
    return [`is there ${messages.length} times instead of ${wanted.join(" or ")}${by}, put on ${entry.origin}`];
  }
  // One that came back did so without what was done to the copy that is gone.
  return isRemoved ? [] : messages.flatMap(({ flags }) => flagComplaints(entry, flags));
}

/** A removed flag may come back by the union; a flag that somebody set and nobody removed may not be lost. */
function flagComplaints({ base, changes: { add, remove } }: Entry, flags: readonly string[]): string[] {
  const set = new Set([...base ?? [], ...add]);
  const lost = [...set.difference(remove)].filter((flag) => !flags.includes(flag));
  const strange = base === null ? [] : flags.filter((flag) => !set.has(flag));
  return [...lost.map((flag) => `has lost the flag ${flag}`), ...strange.map((flag) => `has the flag ${flag}`)];
}
