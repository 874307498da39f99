// What the users of a random walk do to the mail stores, and the ledger's record of it. An operation is a few small
// numbers, so that a walk can be generated and made smaller; what they mean depends on what is there when it is done.

import type { Side } from "../../lib/state/types.ts";
import { plainMessage } from "../support/live/mail.ts";
import type { ModelMailbox, ModelMailstore, ModelMessage } from "../support/model_mailstore.ts";
import { internalName, nameOn, type Rig } from "../support/model_rig.ts";
import { idOf, type Ledger } from "./ledger.ts";

export const KINDS = [
  "append",
  "twin",
  "same",
  "flag",
  "unflag",
  "keyword",
  "delete",
  "purge",
  "copy",
  "move",
  "create",
  "subscribe",
  "unsubscribe",
  "rename",
  "remove",
  "renumber",
  "UIDVALIDITY",
] as const;
export type Kind = typeof KINDS[number];

export interface UserOp {
  readonly kind: Kind;
  readonly side: Side;
  /** Choose the mailbox, the message, and what is done with it. */
  readonly mailbox: number;
  readonly message: number;
  readonly choice: number;
}

const FLAGS = ["\\Seen", "\\Flagged", "\\Answered", "\\Draft", "\\Deleted"];
const KEYWORDS = ["work", "$Forwarded", "Later"];
const NAMES = ["a", "b", "a\0b", "c d", "a\0b\0c", "d"];

export class Users {
  /** How often each kind had an effect. */
  readonly counts = new Map<Kind, number>();
  readonly #rig: Rig;
  readonly #ledger: Ledger;
  #made = 0;
  #running = false;

  constructor(rig: Rig, ledger: Ledger) {
    this.#rig = rig;
    this.#ledger = ledger;
  }

  /** `running`: the program is at work meanwhile. */
  do(op: UserOp, running = false): void {
    this.#running = running;
    if (this.#act(op)) this.counts.set(op.kind, (this.counts.get(op.kind) ?? 0) + 1);
  }

  #act(op: UserOp): boolean {
    switch (op.kind) {
      case "append":
        return this.#append(op, `m${++this.#made}`, 1 + op.message % 3);
      case "twin":
        // A twin belongs to one side: equal messages of both sides could not be told apart after an interruption.
        return this.#twin(op);
      case "same":
        return this.#same(op, `b${++this.#made}`);
      case "flag":
        return this.#setFlag(op, pick(FLAGS, op.choice), "add");
      case "unflag":
        return this.#unflag(op);
      case "keyword":
        return this.#setFlag(op, pick(KEYWORDS, op.choice), "add");
      case "delete":
        return this.#delete(op);
      case "purge":
        return this.#purge(op);
      case "copy":
      case "move":
        return this.#copy(op, op.kind === "move");
      case "create":
        return this.#create(op);
      case "subscribe":
      case "unsubscribe":
        return this.#subscribe(op, op.kind === "subscribe");
      case "rename":
      case "remove":
        return this.#giveUp(op);
      case "renumber":
        return this.#renumber(op);
      case "UIDVALIDITY":
        return this.#changeUidValidity(op);
    }
  }

  #store(op: UserOp): ModelMailstore {
    return this.#rig.store(op.side);
  }

  /** Internal names of the mailboxes of a side that claims are made about. */
  #names(op: UserOp): readonly string[] {
    const store = this.#store(op);
    return store.names.map((name) => internalName(store, name)).filter((name) => this.#ledger.knows(name));
  }

  #mailbox(op: UserOp): { readonly name: string; readonly mailbox: ModelMailbox } {
    const name = pick(this.#names(op), op.mailbox);
    const store = this.#store(op);
    return { name, mailbox: store.mailbox(nameOn(store, name)) };
  }

  /** A message that is no twin. */
  #message(
    op: UserOp,
  ): { readonly name: string; readonly mailbox: ModelMailbox; readonly message: ModelMessage } | null {
    const { name, mailbox } = this.#mailbox(op);
    const messages = mailbox.messages.filter(({ body }) => !idOf(body).startsWith("twin"));
    return messages.length === 0 ? null : { name, mailbox, message: pick(messages, op.message) };
  }

  #append(op: UserOp, prefix: string, count: number): boolean {
    const { name, mailbox } = this.#mailbox(op);
    const messages = Array.from({ length: count }, (_, i) => {
      const flags = [...FLAGS, ...KEYWORDS].filter((_, bit) => ((op.choice + i) >> bit & 1) === 1).sort();
      const id = `${prefix}-${i}`;
      this.#ledger.add(op.side, name, id, flags);
      const date = { seconds: 1_600_000_000 + op.choice * 1009 + i, zone: (op.choice % 5 - 2) * 45 };
      return { flags, date, body: plainMessage(id, "x".repeat(op.choice * 3)) };
    });
    mailbox.append(messages);
    return true;
  }

  #twin(op: UserOp): boolean {
    const { name, mailbox } = this.#mailbox(op);
    const id = `twin-${op.side}-${op.message % 2}`;
    const copies = 1 + op.choice % 3;
    const twin = { flags: ["\\Seen"], date: { seconds: 1_500_000_000, zone: 0 }, body: plainMessage(id) };
    this.#ledger.add(op.side, name, id, twin.flags, copies);
    mailbox.append(Array.from({ length: copies }, () => twin));
    return true;
  }

  /** The same message comes to both sides by other ways; not during a run, which may have looked at one side already. */
  #same(op: UserOp, id: string): boolean {
    const { name, mailbox } = this.#mailbox(op);
    const other = this.#rig.store(op.side === "local" ? "remote" : "local");
    const there = other.find(nameOn(other, name));
    if (this.#running || there === null) return false;
    const message = { flags: ["\\Seen"], date: { seconds: 1_550_000_000, zone: 0 }, body: plainMessage(id) };
    for (const one of [mailbox, there]) one.append([message]);
    this.#ledger.addSeparately(op.side, name, id, message.flags);
    return true;
  }

  /** A mailbox is made anew, with the messages that it had: no UID means what it meant. */
  #renumber(op: UserOp): boolean {
    const { name, mailbox } = this.#mailbox(op);
    if (name === "INBOX") return false;
    const store = this.#store(op);
    const { messages } = mailbox;
    store.delete(nameOn(store, name));
    store.create(nameOn(store, name)).append(op.choice % 2 === 0 ? messages : messages.toReversed());
    this.#ledger.renumber(name);
    return true;
  }

  #setFlag(op: UserOp, flag: string, mode: "add" | "remove"): boolean {
    const found = this.#message(op);
    if (found === null || found.message.flags.includes(flag) === (mode === "add")) return false;
    const { name, mailbox, message } = found;
    mailbox.store([message.uid], { mode, flags: [flag] });
    this.#ledger.change(op.side, name, idOf(message.body), flag, mode);
    return true;
  }

  #unflag(op: UserOp): boolean {
    const flags = this.#message(op)?.message.flags ?? [];
    return flags.length > 0 && this.#setFlag(op, pick(flags, op.choice), "remove");
  }

  #delete(op: UserOp): boolean {
    const found = this.#message(op);
    if (found === null) return false;
    found.mailbox.expunge([found.message.uid]);
    this.#ledger.remove(op.side, found.name, idOf(found.message.body));
    return true;
  }

  /** The mailbox is the same, and INBOX may be it, but its UIDs are not. */
  #changeUidValidity(op: UserOp): boolean {
    const { name, mailbox } = this.#mailbox(op);
    const store = this.#store(op);
    const { messages, highestModSeq } = mailbox;
    const renumbered = store.renumber(nameOn(store, name), op.choice % 2 === 0 ? messages : messages.toReversed());
    if (op.message % 2 === 0) renumbered.highestModSeq += highestModSeq;
    this.#ledger.renumber(name);
    return true;
  }

  /** Most messages of a mailbox go at once: what the delete brake is for. */
  #purge(op: UserOp): boolean {
    const { name, mailbox } = this.#mailbox(op);
    const gone = mailbox.messages.filter(({ uid, body }) =>
      (uid + op.choice) % 4 !== 0 && !idOf(body).startsWith("twin")
    );
    if (gone.length < 3) return false;
    mailbox.expunge(gone.map(({ uid }) => uid));
    for (const { body } of gone) this.#ledger.remove(op.side, name, idOf(body));
    return true;
  }

  #copy(op: UserOp, move: boolean): boolean {
    const found = this.#message(op);
    if (found === null) return false;
    const { name, mailbox, message } = found;
    const id = idOf(message.body);
    const targets = this.#names(op).filter((target) => target !== name && !this.#ledger.had(target, id));
    if (targets.length === 0) return false;
    const target = pick(targets, op.choice);
    const store = this.#store(op);
    const to = store.mailbox(nameOn(store, target));
    this.#ledger.add(op.side, target, id, message.flags);
    if (move) {
      store.move(mailbox, [message.uid], to);
      this.#ledger.remove(op.side, name, id);
    } else store.copy(mailbox, [message.uid], to);
    return true;
  }

  #create(op: UserOp): boolean {
    const name = pick(NAMES, op.choice);
    const store = this.#store(op);
    if (store.find(nameOn(store, name)) !== null || this.#ledger.abandoned.has(name)) return false;
    store.create(nameOn(store, name));
    this.#ledger.create(name);
    return true;
  }

  #subscribe(op: UserOp, subscribed: boolean): boolean {
    const { name } = this.#mailbox(op);
    const store = this.#store(op);
    if (store.subscribed.has(nameOn(store, name)) === subscribed) return false;
    store.subscribe(nameOn(store, name), subscribed);
    this.#ledger.subscribe(op.side, name, subscribed);
    return true;
  }

  /** Deletes or renames a mailbox that has no children. */
  #giveUp(op: UserOp): boolean {
    const store = this.#store(op);
    // Also of those that no claims are made about: RENAME takes them along.
    const all = store.names.map((name) => internalName(store, name));
    const leaves = this.#names(op).filter((name) =>
      name !== "INBOX" && !all.some((other) => other.startsWith(`${name}\0`))
    );
    if (leaves.length === 0) return false;
    const name = pick(leaves, op.mailbox);
    if (op.kind === "remove") store.delete(nameOn(store, name));
    else {
      const renamed = `renamed ${++this.#made}`;
      store.rename(nameOn(store, name), renamed);
      this.#ledger.create(renamed);
      for (const { flags, body } of store.mailbox(renamed).messages) {
        this.#ledger.add(op.side, renamed, idOf(body), flags);
        if (this.#running) this.#ledger.inherit(op.side, name, renamed, idOf(body));
      }
    }
    this.#ledger.abandon(name);
    return true;
  }
}

function pick<T>(items: readonly T[], choice: number): T {
  const item = items[choice % items.length];
  if (item === undefined) throw new Error("nothing to choose from");
  return item;
}
