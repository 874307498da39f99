// NOTIFY of the model server (RFC 5465): what a client asked to be told, and what of the changes since it was last told
// that comes to. Events are found by comparing mail stores, as Dovecot compares its indexes. Does not know when they are
// told: model_session.ts does, at once between commands and during IDLE, else behind the answer.

import { type Answer, no } from "./model_answer.ts";
import { fetchLine } from "./model_fetch.ts";
import { statusLine } from "./model_mailbox_commands.ts";
import type { ModelMailbox } from "./model_mailstore.ts";
import { astring, atom, BadSyntax, list, type Token } from "./model_parser.ts";
import type { ModelSession } from "./model_session.ts";
import { foldInbox, quoteName } from "./model_values.ts";

const MESSAGE_EVENTS = ["MESSAGENEW", "MESSAGEEXPUNGE", "FLAGCHANGE"];
const EVENTS = [...MESSAGE_EVENTS, "MAILBOXNAME", "SUBSCRIPTIONCHANGE"];
const FULL_STATUS = ["MESSAGES", "UIDNEXT", "UIDVALIDITY", "UNSEEN", "HIGHESTMODSEQ"];

/** Mailboxes, and what is told of them. */
interface EventGroup {
  /** SELECTED and SELECTED-DELAYED are the selected mailbox's alone. */
  readonly kind: string;
  /** Of SUBTREE and MAILBOXES. */
  readonly names: readonly string[];
  /** Upper case. */
  readonly events: ReadonlySet<string>;
  /** FETCH items told of a new message in the selected mailbox. */
  readonly items: readonly string[];
}

/** The command. What is refused leaves what was asked before. */
export function notify(session: ModelSession, args: readonly Token[]): Answer {
  const { server } = session;
  if (!server.has("NOTIFY")) throw new BadSyntax("NOTIFY was not offered");
  const [verb, ...rest] = args;
  const text = "NOTIFY completed.";
  if (atom(verb).toUpperCase() === "NONE") {
    session.notify = null;
    session.notifySets = 0;
    return { text };
  }
  if (atom(verb).toUpperCase() !== "SET") throw new BadSyntax("SET or NONE was expected");
  const withStatus = rest[0]?.kind === "atom" && rest[0].text.toUpperCase() === "STATUS";
  const groups = rest.slice(withStatus ? 1 : 0).map((token) => groupOf(list(token), server.lies.badEvents));
  if (groups.length === 0) throw new BadSyntax("Missing event groups");
  session.notifySets++;
  const isDeaf = server.lies.notifyToggles && session.notifySets % 2 === 0;
  const watch = new NotifyWatch(session, groups);
  session.notify = isDeaf ? null : watch;
  if (withStatus) watch.tellStatus();
  return { text };
}

function groupOf(items: readonly Token[], badEvents: readonly string[]): EventGroup {
  const rest = [...items];
  const kind = atom(rest.shift()).toUpperCase();
  const named = kind === "SUBTREE" || kind === "MAILBOXES";
  if (!named && !["SELECTED", "SELECTED-DELAYED", "INBOXES", "PERSONAL", "SUBSCRIBED"].includes(kind)) {
    throw new BadSyntax(`unknown mailbox filter ${kind}`);
  }
  const names = named ? namesOf(rest.shift()) : [];
  const [wanted, ...more] = rest;
  if (more.length > 0) throw new BadSyntax("something behind the events");
  if (wanted?.kind === "atom" && wanted.text.toUpperCase() === "NONE") {
    return { kind, names, events: new Set(), items: [] };
  }
  return { kind, names, ...eventsOf(list(wanted), badEvents) };
}

function namesOf(token: Token | undefined): readonly string[] {
  return (token?.kind === "list" ? token.items.map(astring) : [astring(token)]).map(foldInbox);
}

function eventsOf(tokens: readonly Token[], badEvents: readonly string[]): Pick<EventGroup, "events" | "items"> {
  const events = new Set<string>();
  let items: readonly string[] = [];
  const unknown: string[] = [];
  for (const token of tokens) {
    if (token.kind === "list") {
      items = token.items.map(atom);
      continue;
    }
    const name = atom(token);
    if (!EVENTS.includes(name.toUpperCase()) || badEvents.includes(name)) unknown.push(name);
    events.add(name.toUpperCase());
  }
  if (unknown.length > 0) no(`BADEVENT ${unknown.join(" ")}`, "Unsupported NOTIFY events");
  const [hasNew, hasExpunge, hasFlags] = MESSAGE_EVENTS.map((name) => events.has(name));
  if (hasNew !== hasExpunge) throw new BadSyntax("MessageNew and MessageExpunge must be asked for together");
  if (hasFlags && !hasNew) throw new BadSyntax("FlagChange requires MessageNew and MessageExpunge");
  return { events, items };
}

/** A mailbox as it was last compared. */
interface Seen {
  readonly name: string;
  readonly highestModSeq: bigint;
  readonly uidNext: number;
  readonly count: number;
  readonly unseen: string;
}

export class NotifyWatch {
  readonly #session: ModelSession;
  readonly #groups: readonly EventGroup[];
  #mailboxes: ReadonlyMap<ModelMailbox, Seen>;
  #subscribed: ReadonlySet<string>;

  constructor(session: ModelSession, groups: readonly EventGroup[]) {
    this.#session = session;
    this.#groups = groups;
    this.#mailboxes = this.#look();
    this.#subscribed = new Set(session.server.store.subscribed);
  }

  /** What SET STATUS tells at once. */
  tellStatus(): void {
    for (const [mailbox, { name }] of this.#mailboxes) {
      if (this.#wants(name, "MESSAGENEW") && !this.#isSelected(mailbox)) {
        this.#session.line(statusLine(name, mailbox, FULL_STATUS));
      }
    }
  }

  /** Everything that happened since the last time. */
  tell(): void {
    const { server } = this.#session;
    const lines = [...this.#namesChanged(), ...this.#messagesChanged()];
    this.#mailboxes = this.#look();
    this.#subscribed = new Set(server.store.subscribed);
    if (lines.length > 0 && server.lies.notifyOverflow) {
      this.#session.line("* OK [NOTIFICATIONOVERFLOW] Too many pending changes.");
      this.#session.notify = null;
      return;
    }
    for (const line of lines) this.#session.line(line);
    this.#tellSelected();
  }

  #look(): ReadonlyMap<ModelMailbox, Seen> {
    const { store } = this.#session.server;
    return new Map(store.names.map((name) => {
      const mailbox = store.mailbox(name);
      const { highestModSeq, uidNext, count } = mailbox;
      return [mailbox, { name, highestModSeq, uidNext, count, unseen: statusLine("", mailbox, ["UNSEEN"]) }];
    }));
  }

  #namesChanged(): string[] {
    const { store } = this.#session.server;
    const lines: string[] = [];
    const told = (attributes: string, name: string, more = "") =>
      lines.push(`* LIST (${attributes}) "${store.delimiter}" ${quoteName(name)}${more}`);
    for (const name of store.names) {
      const before = this.#mailboxes.get(store.mailbox(name))?.name;
      if (before === name) continue;
      if (before === undefined && this.#wants(name, "MAILBOXNAME")) told("", name);
      else if (before !== undefined && (this.#wants(name, "MAILBOXNAME") || this.#wants(before, "MAILBOXNAME"))) {
        told("", name, ` ("OLDNAME" (${quoteName(before)}))`);
      }
    }
    const present = new Set(store.names.map((name) => store.mailbox(name)));
    for (const [mailbox, { name }] of this.#mailboxes) {
      if (!present.has(mailbox) && store.find(name) === null && this.#wants(name, "MAILBOXNAME")) {
        told("\\NonExistent", name);
      }
    }
    for (const name of new Set([...this.#subscribed, ...store.subscribed])) {
      const isSubscribed = store.subscribed.has(name);
      if (isSubscribed === this.#subscribed.has(name) || !this.#wants(name, "SUBSCRIPTIONCHANGE")) continue;
      told(isSubscribed ? "\\Subscribed" : "", name);
    }
    return lines;
  }

  #messagesChanged(): string[] {
    const lines: string[] = [];
    for (const [mailbox, now] of this.#look()) {
      const before = this.#mailboxes.get(mailbox);
      if (before === undefined || before.highestModSeq === now.highestModSeq || this.#isSelected(mailbox)) continue;
      const isMail = before.uidNext !== now.uidNext || before.count !== now.count;
      if (!this.#wants(now.name, isMail ? "MESSAGENEW" : "FLAGCHANGE")) continue;
      const items = FULL_STATUS.filter((item) => {
        if (item === "UIDVALIDITY") return false;
        return isMail || item === "HIGHESTMODSEQ" || (item === "UNSEEN" && before.unseen !== now.unseen);
      });
      lines.push(statusLine(now.name, mailbox, items));
    }
    return lines;
  }

  #tellSelected(): void {
    const session = this.#session;
    const { view } = session;
    const group = this.#groups.find(({ kind }) => kind === "SELECTED" || kind === "SELECTED-DELAYED");
    if (view === null || group === undefined || !group.events.has("MESSAGENEW")) return;
    const last = view.lastUid;
    const highest = session.sync(group.kind === "SELECTED");
    view.messages.forEach((message, index) => {
      if (message.uid <= last || group.items.length === 0) return;
      const told = fetchLine(message, group.items, { byUid: true, modSeq: session.condstore }, true) ?? [];
      session.raw(`* ${index + 1} FETCH (`, ...told, ")\r\n");
    });
    if (highest !== null) session.line(`* OK [HIGHESTMODSEQ ${highest}] Highest`);
  }

  #isSelected(mailbox: ModelMailbox): boolean {
    return this.#session.view?.mailbox === mailbox;
  }

  /** By the first group that the mailbox is in (RFC 5465 6). */
  #wants(name: string, event: string): boolean {
    const { store } = this.#session.server;
    const group = this.#groups.find(({ kind, names }) => {
      if (kind === "PERSONAL") return true;
      if (kind === "INBOXES") return name === "INBOX";
      if (kind === "SUBSCRIBED") return store.subscribed.has(name) || this.#subscribed.has(name);
      const isBelow = (top: string) => kind === "SUBTREE" && name.startsWith(top + store.delimiter);
      return names.some((top) => name === top || isBelow(top));
    });
    return group?.events.has(event) ?? false;
  }
}
