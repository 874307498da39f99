// Random changes to two mail stores between runs, and what has to become of them: a model of the intent of both
// users, kept apart from the servers, so that a synchronization that undoes a change is found even though both sides
// are equal afterwards.

import { KEYWORDS, randomMessage, SYSTEM_FLAGS } from "./mail.ts";
import type { NewMessage } from "../imap_probe.ts";
import type { MailStore } from "../live_dovecot.ts";
import type { SeededRandom } from "./seeded.ts";
import { digestOf, shown, type StoreFacts } from "./witness.ts";

export const KINDS = ["append", "flag", "keyword", "expunge", "create", "subscribe", "unsubscribe"] as const;
export type Kind = typeof KINDS[number];

/** Flags by the digest of the body. */
type Messages = ReadonlyMap<string, readonly string[]>;

/** What both sides have to hold after a run. Names are internal names. */
export interface Expected {
  readonly mailboxes: ReadonlyMap<string, Messages>;
  readonly subscribed: ReadonlySet<string>;
}

/** What one side does between two runs. Maps: by internal name of the mailbox. */
export interface Changes {
  readonly create: readonly string[];
  readonly subscribe: ReadonlySet<string>;
  readonly unsubscribe: ReadonlySet<string>;
  readonly append: ReadonlyMap<string, readonly NewMessage[]>;
  readonly expunge: ReadonlyMap<string, ReadonlySet<string>>;
  /** New flags by digest; each differs from what the message had. */
  readonly flags: ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>;
  readonly counts: Readonly<Record<Kind, number>>;
}

/** Two new accounts. */
export const NOTHING_YET: Expected = { mailboxes: new Map([["INBOX", new Map()]]), subscribed: new Set() };

const LEVELS = ["work", "home", "lists", "a b", "Entw&APw-rfe"];

class ChangePicker {
  readonly create: string[] = [];
  readonly subscribe = new Set<string>();
  readonly unsubscribe = new Set<string>();
  readonly append = new Map<string, NewMessage[]>();
  readonly expunge = new Map<string, Set<string>>();
  readonly flags = new Map<string, Map<string, readonly string[]>>();
  readonly counts: Record<Kind, number> = {
    append: 0,
    flag: 0,
    keyword: 0,
    expunge: 0,
    create: 0,
    subscribe: 0,
    unsubscribe: 0,
  };

  constructor(readonly random: SeededRandom, readonly before: Expected, readonly label: string) {}

  #mailboxes(): string[] {
    return [...this.before.mailboxes.keys(), ...this.create];
  }

  /** A message that this side has not touched yet in this round; often one that the other side may pick as well. */
  #untouched(): readonly [mailbox: string, digest: string, flags: readonly string[]] | null {
    const contested = this.random.chance(0.4);
    const mailbox = contested ? "INBOX" : this.random.pick([...this.before.mailboxes.keys()]);
    const messages = [...this.before.mailboxes.get(mailbox) ?? []].slice(contested ? -3 : 0);
    const [digest, flags] = messages.length === 0 ? [null, []] : this.random.pick(messages);
    if (digest === null || this.expunge.get(mailbox)?.has(digest) || this.flags.get(mailbox)?.has(digest)) return null;
    return [mailbox, digest, flags];
  }

  #toggle(flagsToChoose: readonly string[]): boolean {
    const found = this.#untouched();
    if (found === null) return false;
    const [mailbox, digest, flags] = found;
    const flag = this.random.pick(flagsToChoose);
    const changed = flags.includes(flag) ? flags.filter((other) => other !== flag) : [...flags, flag].sort();
    const inMailbox = this.flags.get(mailbox) ?? new Map();
    this.flags.set(mailbox, inMailbox.set(digest, changed));
    return true;
  }

  #createOne(): boolean {
    const depth = this.random.between(1, 3);
    const name = Array.from({ length: depth }, () => this.random.pick(LEVELS)).join("\0");
    if (this.#mailboxes().includes(name)) return false;
    this.create.push(name);
    return true;
  }

  #appendSome(): boolean {
    const mailbox = this.random.pick(this.#mailboxes());
    const messages = this.append.get(mailbox) ?? [];
    const count = this.random.between(1, 3);
    for (let index = 0; index < count; index++) {
      messages.push(randomMessage(this.random, `${this.label}-${this.counts.append}-${index}`));
    }
    this.append.set(mailbox, messages);
    return true;
  }

  #expungeOne(): boolean {
    const found = this.#untouched();
    if (found === null) return false;
    const [mailbox, digest] = found;
    this.expunge.set(mailbox, (this.expunge.get(mailbox) ?? new Set()).add(digest));
    return true;
  }

  #subscribeOne(): boolean {
    const candidates = this.#mailboxes().filter((name) =>
      !this.before.subscribed.has(name) && !this.subscribe.has(name)
    );
    if (candidates.length > 0) this.subscribe.add(this.random.pick(candidates));
    return candidates.length > 0;
  }

  #unsubscribeOne(): boolean {
    const candidates = [...this.before.subscribed].filter((name) => !this.unsubscribe.has(name));
    if (candidates.length > 0) this.unsubscribe.add(this.random.pick(candidates));
    return candidates.length > 0;
  }

  pick(kind: Kind): void {
    const done = {
      append: () => this.#appendSome(),
      flag: () => this.#toggle(SYSTEM_FLAGS),
      keyword: () => this.#toggle(KEYWORDS),
      expunge: () => this.#expungeOne(),
      create: () => this.#createOne(),
      subscribe: () => this.#subscribeOne(),
      unsubscribe: () => this.#unsubscribeOne(),
    }[kind]();
    if (done) this.counts[kind]++;
  }
}

const WEIGHTED: readonly Kind[] = [
  ...KINDS,
  "append",
  "append",
  "flag",
  "flag",
  "flag",
  "keyword",
  "keyword",
  "expunge",
];

/** A whole history: what each side does between runs, and what has to come of it. */
export class History {
  #expected: Expected = NOTHING_YET;
  #round = 0;
  readonly counts = new Map<Kind | "conflict", number>();

  constructor(readonly random: SeededRandom) {}

  /** What both sides have to hold after the next run. */
  get expected(): Expected {
    return this.#expected;
  }

  /** Up to `most` changes on each side. */
  next(most: number): { readonly local: Changes; readonly remote: Changes } {
    const choose = (side: string) => {
      const label = `${side}-${this.#round}`;
      return this.#round === 0
        ? firstChanges(this.random, label)
        : chooseChanges(this.random, this.#expected, label, most);
    };
    const changes = { local: choose("local"), remote: choose("remote") };
    this.#round++;
    this.#expected = merge(this.#expected, changes.local, changes.remote);
    const add = (kind: Kind | "conflict", count: number) => this.counts.set(kind, (this.counts.get(kind) ?? 0) + count);
    for (const kind of KINDS) add(kind, changes.local.counts[kind] + changes.remote.counts[kind]);
    add("conflict", conflicts(changes.local, changes.remote));
    return changes;
  }

  /** The counts in words. */
  summary(): string {
    return `seed ${this.random.seed}: ${[...this.counts].map(([kind, count]) => `${count} ${kind}`).join(", ")}`;
  }
}

/** Up to `most` changes to a side that holds `before`. `label` makes the messages unique. */
export function chooseChanges(random: SeededRandom, before: Expected, label: string, most: number): Changes {
  const picker = new ChangePicker(random, before, label);
  const count = random.below(most + 1);
  for (let index = 0; index < count; index++) picker.pick(random.pick(WEIGHTED));
  return picker;
}

/** A first set of mailboxes and messages, so that later changes find something to change. */
export function firstChanges(random: SeededRandom, label: string): Changes {
  const picker = new ChangePicker(random, NOTHING_YET, label);
  const kinds: Kind[] = ["create", "create", "subscribe", "append", "append", "append", "append"];
  for (const kind of kinds) picker.pick(kind);
  return picker;
}

function mergedFlags(old: readonly string[], local?: readonly string[], remote?: readonly string[]): readonly string[] {
  if (local === undefined || remote === undefined) return local ?? remote ?? old;
  return [...new Set([...local, ...remote])].sort();
}

/** What both sides have to hold after a run that follows these changes of both. */
export function merge(before: Expected, local: Changes, remote: Changes): Expected {
  const mailboxes = new Map<string, Messages>();
  for (const name of new Set([...before.mailboxes.keys(), ...local.create, ...remote.create])) {
    const messages = new Map<string, readonly string[]>();
    for (const [digest, flags] of before.mailboxes.get(name) ?? []) {
      if (local.expunge.get(name)?.has(digest) || remote.expunge.get(name)?.has(digest)) continue;
      messages.set(digest, mergedFlags(flags, local.flags.get(name)?.get(digest), remote.flags.get(name)?.get(digest)));
    }
    for (const message of [...local.append.get(name) ?? [], ...remote.append.get(name) ?? []]) {
      messages.set(digestOf(message.body), message.flags ?? []);
    }
    mailboxes.set(name, messages);
  }
  const subscribed = new Set([...before.subscribed, ...local.subscribe, ...remote.subscribe]);
  for (const name of [...local.unsubscribe, ...remote.unsubscribe]) subscribed.delete(name);
  return { mailboxes, subscribed };
}

/** Messages whose flags both sides have changed, differently. */
export function conflicts(local: Changes, remote: Changes): number {
  return [...local.flags].flatMap(([name, flags]) =>
    [...flags].filter(([digest, here]) => {
      const there = remote.flags.get(name)?.get(digest);
      return there !== undefined && there.join(" ") !== here.join(" ");
    })
  ).length;
}

/** Makes the changes, in one session. `facts`: what the store holds, for the UIDs. */
export function applyChanges(store: MailStore, facts: StoreFacts, changes: Changes): Promise<void> {
  const path = (name: string) => store.path(...name.split("\0"));
  return store.with(async (probe) => {
    for (const name of changes.create) await probe.create(path(name));
    for (const name of changes.subscribe) await probe.subscribe(path(name));
    for (const name of changes.unsubscribe) await probe.unsubscribe(path(name));
    for (const name of new Set([...changes.flags.keys(), ...changes.expunge.keys()])) {
      const messages = facts.mailboxes.get(name)?.messages ?? [];
      const uidOf = (digest: string) => messages.find((message) => message.digest === digest)?.uid ?? 0;
      await probe.select(path(name));
      for (const [digest, flags] of changes.flags.get(name) ?? []) await probe.store([uidOf(digest)], "FLAGS", flags);
      await probe.expunge([...changes.expunge.get(name) ?? []].map(uidOf));
    }
    for (const [name, messages] of changes.append) {
      for (const message of messages) await probe.append(path(name), message);
    }
  });
}

/** Where a store does not hold what it has to. Empty: it does. */
export function compareWithExpected(expected: Expected, facts: StoreFacts): string[] {
  const differences: string[] = [];
  const names = new Set(facts.mailboxes.keys());
  for (const name of new Set(expected.mailboxes.keys()).symmetricDifference(names)) {
    differences.push(`${shown(name)}: ${names.has(name) ? "exists unexpectedly" : "is missing"}`);
  }
  for (const name of expected.subscribed.symmetricDifference(facts.subscribed)) {
    differences.push(`${shown(name)}: ${facts.subscribed.has(name) ? "" : "not "}subscribed unexpectedly`);
  }
  for (const [name, messages] of expected.mailboxes) {
    const actual = new Map(facts.mailboxes.get(name)?.messages.map(({ digest, flags }) => [digest, flags.join(" ")]));
    for (const digest of new Set([...messages.keys(), ...actual.keys()])) {
      const [wanted, got] = [messages.get(digest)?.join(" "), actual.get(digest)];
      if (wanted === got) continue;
      const describe = (flags?: string) => flags === undefined ? "absent" : `present with flags (${flags})`;
      differences.push(
        `${shown(name)}: message ${digest.slice(0, 8)} is ${describe(got)}, expected ${describe(wanted)}`,
      );
    }
  }
  return differences;
}
