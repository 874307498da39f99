// What the users of a random walk do to real servers, each by a session of his own beside the program's, and the
// ledger's record of it. What an operation means depends on what is there at the moment when it is done.

import type { Side } from "../../../lib/state/types.ts";
import { idOf, type Ledger } from "../../walks/ledger.ts";
import type { FetchedMessage, ImapProbe } from "../imap_probe.ts";
import type { MailStore } from "../live_dovecot.ts";
import { quoted } from "./imap_values.ts";
import { KEYWORDS, plainMessage, SYSTEM_FLAGS } from "./mail.ts";
import type { SeededRandom } from "./seeded.ts";
import { digestOf, internalName, shown } from "./witness.ts";

/**
 * What a user may do. Equal messages in one mailbox are left to the walks on the model: the witness takes them for a
 * mistake.
 */
export type Kind =
  | "append"
  | "flag"
  | "unflag"
  | "keyword"
  | "delete"
  | "copy"
  | "move"
  | "create"
  | "subscribe"
  | "unsubscribe"
  | "rename"
  | "remove";

/** What users do at any time, more often what concerns messages. */
export const ALWAYS: readonly Kind[] = [
  ...["append", "append", "append", "append", "flag", "flag", "unflag", "keyword", "keyword", "delete", "delete"],
  ...["copy", "copy", "move", "move", "create", "subscribe", "unsubscribe"],
] as readonly Kind[];

/** While a run is under way: more of what concerns messages that the program may be about to change. */
export const DURING: readonly Kind[] = [...ALWAYS, "flag", "flag", "unflag", "unflag", "keyword", "keyword", "delete"];

/** Not while a run is under way: the program says so, and leaves such a mailbox alone. */
export const BETWEEN_RUNS: readonly Kind[] = ["rename", "remove"];

const NAMES = ["a", "b", "a\0b", "c d", "a\0b\0c", "d", "b\0e"];

interface User {
  readonly store: MailStore;
  readonly probe: ImapProbe;
}

/** A message somewhere, as its user sees it; his session has the mailbox open. */
interface Found {
  readonly mailbox: string;
  readonly message: FetchedMessage;
}

export class WalkUsers implements AsyncDisposable {
  /** How often each kind had an effect. */
  readonly counts = new Map<Kind, number>();
  /** What was done, for people. */
  readonly history: string[] = [];
  readonly #users: Readonly<Record<Side, User>>;
  readonly #ledger: Ledger;
  readonly #random: SeededRandom;
  readonly #bodies = new Map<string, Uint8Array>();
  #made = 0;
  /** Where the users' attention is; null: everywhere. */
  #focus: string | null = null;

  private constructor(users: Readonly<Record<Side, User>>, ledger: Ledger, random: SeededRandom) {
    this.#users = users;
    this.#ledger = ledger;
    this.#random = random;
  }

  static async login(
    stores: Readonly<Record<Side, MailStore>>,
    ledger: Ledger,
    random: SeededRandom,
  ): Promise<WalkUsers> {
    const local = { store: stores.local, probe: await stores.local.probe() };
    const remote = { store: stores.remote, probe: await stores.remote.probe() };
    return new WalkUsers({ local, remote }, ledger, random);
  }

  /** The whole message of a digest; null: no user has made it. */
  body(digest: string): Uint8Array | null {
    return this.#bodies.get(digest) ?? null;
  }

  /** Returns false when there was nothing to do. `focus`: a mailbox that is chosen more often than others. */
  async act(kinds: readonly Kind[], focus: string | null = null): Promise<boolean> {
    this.#focus = focus;
    const kind = this.#random.pick(kinds);
    const side = this.#random.pick(["local", "remote"] as const);
    const done = await this.#act(kind, side);
    if (done === null) return false;
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    this.history.push(`${side}: ${kind} ${done}`);
    return true;
  }

  /** Returns what was done, or null when there was nothing to do. */
  async #act(kind: Kind, side: Side): Promise<string | null> {
    switch (kind) {
      case "append":
        return await this.#append(side);
      case "create":
        return await this.#create(side);
      case "subscribe":
      case "unsubscribe":
        return await this.#subscribe(side, kind === "subscribe");
      case "rename":
      case "remove":
        return await this.#giveUp(side, kind === "rename");
      default:
        return await this.#withMessage(side, (found) => this.#touch(kind, side, found));
    }
  }

  #touch(kind: Kind, side: Side, found: Found): Promise<string | null> {
    switch (kind) {
      case "flag":
        return this.#setFlag(side, found, this.#random.pick(SYSTEM_FLAGS), true);
      case "keyword":
        return this.#setFlag(side, found, this.#random.pick(KEYWORDS), true);
      case "unflag":
        return this.#unflag(side, found);
      case "delete":
        return this.#delete(side, found);
      default:
        return this.#copy(side, found, kind === "move");
    }
  }

  #path(side: Side, mailbox: string): string {
    return this.#users[side].store.path(...mailbox.split("\0"));
  }

  async #existing(side: Side): Promise<string[]> {
    const listed = await this.#users[side].probe.list();
    return listed.filter(({ attributes }) => !/\\no(select|nexistent)/.test(attributes.join(" ")))
      .map(({ name, delimiter }) => internalName(name, delimiter));
  }

  /** Mailboxes of a side that claims are made about. */
  async #names(side: Side): Promise<string[]> {
    return (await this.#existing(side)).filter((name) => this.#ledger.knows(name)).sort();
  }

  async #mailbox(side: Side): Promise<string> {
    const names = await this.#names(side);
    const focus = this.#random.chance(0.7) ? this.#focus : null;
    return focus !== null && names.includes(focus) ? focus : this.#random.pick(names);
  }

  async #withMessage(side: Side, use: (found: Found) => Promise<string | null>): Promise<string | null> {
    const { probe } = this.#users[side];
    const mailbox = await this.#mailbox(side);
    const { exists } = await probe.select(this.#path(side, mailbox));
    try {
      if (exists === 0) return null;
      // Both users often mean the same message.
      const first = this.#random.chance(0.6) ? Math.max(1, exists - 2) : 1;
      const messages = await probe.messages(`${first}:*`);
      return messages.length === 0 ? null : await use({ mailbox, message: this.#random.pick(messages) });
    } finally {
      // a session keeps no mailbox open that somebody might rename
      await probe.command("UNSELECT");
    }
  }

  async #append(side: Side): Promise<string> {
    const mailbox = await this.#mailbox(side);
    const id = `m${++this.#made}-${side}`;
    const body = plainMessage(id, "x".repeat(this.#random.below(2000)));
    const flags = this.#random.some([...SYSTEM_FLAGS, ...KEYWORDS], 0.2).sort();
    const internalDate = `${this.#random.between(10, 28)}-Jan-20${this.#random.between(10, 20)} 12:34:56 +0100`;
    this.#bodies.set(digestOf(body), body);
    this.#ledger.add(side, mailbox, id, flags);
    await this.#users[side].probe.append(this.#path(side, mailbox), { body, flags, internalDate });
    return `${id} to ${shown(mailbox)}`;
  }

  async #setFlag(side: Side, { mailbox, message }: Found, flag: string, add: boolean): Promise<string | null> {
    if (message.flags.includes(flag) === add) return null;
    await this.#users[side].probe.store([message.uid], add ? "+FLAGS" : "-FLAGS", [flag]);
    this.#ledger.change(side, mailbox, idOf(message.body), flag, add ? "add" : "remove");
    return `${flag} of ${idOf(message.body)} in ${shown(mailbox)}`;
  }

  async #unflag(side: Side, found: Found): Promise<string | null> {
    const { flags } = found.message;
    return flags.length === 0 ? null : await this.#setFlag(side, found, this.#random.pick(flags), false);
  }

  async #delete(side: Side, { mailbox, message }: Found): Promise<string> {
    await this.#users[side].probe.expunge([message.uid]);
    this.#ledger.remove(side, mailbox, idOf(message.body));
    return `${idOf(message.body)} in ${shown(mailbox)}`;
  }

  async #copy(side: Side, { mailbox, message }: Found, move: boolean): Promise<string | null> {
    const id = idOf(message.body);
    const targets = (await this.#names(side)).filter((name) => name !== mailbox && !this.#ledger.had(name, id));
    if (targets.length === 0) return null;
    const target = this.#random.pick(targets);
    const command = `UID ${move ? "MOVE" : "COPY"} ${message.uid} ${quoted(this.#path(side, target))}`;
    await this.#users[side].probe.command(command);
    this.#ledger.add(side, target, id, message.flags);
    if (move) this.#ledger.remove(side, mailbox, id);
    return `${id} from ${shown(mailbox)} to ${shown(target)}`;
  }

  /** With its parents, which some servers create in any case. */
  async #create(side: Side): Promise<string | null> {
    const name = this.#random.pick(NAMES);
    const levels = name.split("\0");
    const family = levels.map((_level, index) => levels.slice(0, index + 1).join("\0"));
    const existing = await this.#existing(side);
    if (existing.includes(name) || family.some((one) => this.#ledger.abandoned.has(one))) return null;
    for (const one of family.filter((one) => !existing.includes(one))) {
      await this.#users[side].probe.create(this.#path(side, one));
      this.#ledger.create(one);
    }
    return shown(name);
  }

  async #subscribe(side: Side, subscribed: boolean): Promise<string | null> {
    const { probe } = this.#users[side];
    const already = new Set((await probe.lsub()).map(({ name, delimiter }) => internalName(name, delimiter)));
    const candidates = (await this.#names(side)).filter((name) => already.has(name) !== subscribed);
    if (candidates.length === 0) return null;
    const name = this.#random.pick(candidates);
    await probe.command(`${subscribed ? "" : "UN"}SUBSCRIBE ${quoted(this.#path(side, name))}`);
    this.#ledger.subscribe(side, name, subscribed);
    return shown(name);
  }

  /** Deletes or renames a mailbox that has no children. */
  async #giveUp(side: Side, rename: boolean): Promise<string | null> {
    const { probe } = this.#users[side];
    const existing = await this.#existing(side);
    const leaves = (await this.#names(side)).filter((name) =>
      name !== "INBOX" && !existing.some((other) => other.startsWith(`${name}\0`))
    );
    if (leaves.length === 0) return null;
    const name = this.#random.pick(leaves);
    this.#ledger.abandon(name);
    if (!rename) {
      await probe.delete(this.#path(side, name));
      return shown(name);
    }
    const renamed = `renamed ${++this.#made}`;
    await probe.command(`RENAME ${quoted(this.#path(side, name))} ${quoted(renamed)}`);
    this.#ledger.create(renamed);
    const { exists } = await probe.examine(renamed);
    for (const { flags, body } of exists === 0 ? [] : await probe.messages("1:*")) {
      this.#ledger.add(side, renamed, idOf(body), flags);
    }
    await probe.command("UNSELECT");
    const isSubscribed = (await probe.lsub()).some((listed) => listed.name === renamed);
    if (isSubscribed) this.#ledger.subscribe(side, renamed, true);
    return `${shown(name)} to ${renamed}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { probe } of Object.values(this.#users)) await probe.close();
  }
}
