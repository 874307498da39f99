// The mailboxes of both servers: lists them, finds the delimiters, and carries out what the comparison asks for: CREATE,
// SUBSCRIBE, UNSUBSCRIBE, rows. Commands of all mailboxes are in one flight. What to do is mailbox_list.ts's decision.

import type { ListEntry, Session } from "../client/mod.ts";
import { CommandError, MailboxError, ProtocolError } from "../errors.ts";
import type { Logger } from "../log/types.ts";
import { foldInbox, type StatusItems, toInternal, toWire } from "../protocol/mod.ts";
import type { Store } from "../state/types.ts";
import { type BothSides, onBothSides, SIDES } from "./both_sides.ts";
import { planMailboxes } from "./mailbox_list.ts";
import { type ListedMailbox, type MailboxStep, otherSide, type Side } from "./model.ts";
import { checkNamespaces, chooseDelimiter, delimiterProblems, unsafeName } from "./namespace.ts";

const STATUS_ITEMS = ["UIDVALIDITY", "UIDNEXT", "HIGHESTMODSEQ"];

/** A mailbox of one server, by its internal name. */
export interface Listed extends ListedMailbox {
  readonly status: StatusItems | null;
}

export interface Listing {
  readonly delimiters: BothSides<string | null>;
  readonly mailboxes: BothSides<ReadonlyMap<string, Listed>>;
  /** Mailboxes that were left out, and were reported. */
  readonly problems: number;
}

/** Makes the sessions ready and lists `names` (all mailboxes when empty), as the user spells them for the local server. */
export async function listMailboxes(
  sessions: BothSides<Session>,
  names: readonly string[],
  log: Logger,
): Promise<Listing> {
  const named = names.length > 0 ? await onBothSides((side) => prepareNamed(sessions[side])) : null;
  const entries = await onBothSides(async (side) => {
    if (named !== null) return await sessions[side].list(patternsFor(side, names, named), STATUS_ITEMS);
    const [, listed] = await Promise.all([sessions[side].enableQresync(), sessions[side].list(["*"], STATUS_ITEMS)]);
    return listed;
  });
  const delimiters = named ?? await onBothSides(async (side) => {
    const choice = chooseDelimiter(entries[side]);
    return choice.kind === "known" ? choice.delimiter : await sessions[side].listDelimiter();
  });
  const refusal = checkNamespaces(delimiters.local, delimiters.remote);
  if (refusal !== null) throw new ProtocolError(refusal);
  const usable = SIDES.map((side) => usableMailboxes(side, entries[side], delimiters, log));
  const [local, remote] = usable;
  return {
    delimiters,
    mailboxes: { local: local?.mailboxes ?? new Map(), remote: remote?.mailboxes ?? new Map() },
    problems: (local?.problems ?? 0) + (remote?.problems ?? 0),
  };
}

async function prepareNamed(session: Session): Promise<string | null> {
  const [, delimiter] = await Promise.all([session.enableQresync(), session.listDelimiter()]);
  return delimiter;
}

function patternsFor(side: Side, names: readonly string[], delimiters: BothSides<string | null>): readonly string[] {
  if (side === "local" || delimiters.local === null || delimiters.remote === null) return names;
  const { local, remote } = delimiters;
  return names.map((name) => name.replaceAll(local, remote));
}

function usableMailboxes(
  side: Side,
  entries: readonly ListEntry[],
  delimiters: BothSides<string | null>,
  log: Logger,
): { readonly mailboxes: Map<string, Listed>; readonly problems: number } {
  const delimiter = delimiters[side];
  const other = delimiters[otherSide(side)];
  const unusable = new Map(delimiterProblems(entries, delimiter).map(({ mailbox, text }) => [mailbox, text]));
  const mailboxes = new Map<string, Listed>();
  for (const { mailbox, attributes, status } of entries) {
    const internal = toInternal(foldInbox(mailbox), delimiter);
    if (unsafeName(internal, other)) {
      unusable.set(mailbox, `Mailbox ${mailbox} has the other server's hierarchy delimiter in its name; left out.`);
    }
    if (unusable.has(mailbox)) continue;
    mailboxes.set(internal, {
      mailbox: internal,
      // A Maildir mailbox that was deleted but has children is listed without \NoSelect: only STATUS tells.
      exists: status !== null && !attributes.includes("\\nonexistent") && !attributes.includes("\\noselect"),
      subscribed: attributes.includes("\\subscribed"),
      status,
    });
  }
  for (const text of unusable.values()) log.with({ component: side }).error(text);
  return { mailboxes, problems: unusable.size };
}

export interface Alignment {
  /** Internal names of the mailboxes that are on both servers and in the database now. */
  readonly ready: ReadonlySet<string>;
  /** How many were left behind; each was reported. */
  readonly problems: number;
}

/** Makes both servers and the rows agree on which mailboxes there are. */
export async function alignMailboxes(
  sessions: BothSides<Session>,
  listing: Listing,
  store: Store,
  log: Logger,
): Promise<Alignment> {
  const { local, remote } = listing.mailboxes;
  const steps = planMailboxes([...local.values()], [...remote.values()], store.overview());
  // Every step sends its commands at once; parents come before their children.
  const aligner = new Aligner(sessions, listing, store, log);
  const done = await Promise.all(steps.map(async (step) => ({ step, ok: await aligner.carryOut(step) })));
  const ready = done.filter(({ step, ok }) => ok || step.kind === "subscription").map(({ step }) => step.mailbox);
  return { ready: new Set(ready), problems: done.filter(({ ok }) => !ok).length };
}

class Aligner {
  readonly #sessions: BothSides<Session>;
  readonly #listing: Listing;
  readonly #store: Store;
  readonly #log: Logger;

  constructor(sessions: BothSides<Session>, listing: Listing, store: Store, log: Logger) {
    this.#sessions = sessions;
    this.#listing = listing;
    this.#store = store;
    this.#log = log;
  }

  /** False when the mailbox was left behind. */
  async carryOut(step: MailboxStep): Promise<boolean> {
    try {
      await this.#do(step);
      return true;
    } catch (error) {
      if (!(error instanceof CommandError || error instanceof MailboxError)) throw error;
      const log = this.#log.with(error.component === null ? {} : { component: error.component });
      if (error instanceof MailboxError) log.error([error.message, ...error.hints].join(" "));
      else log.warn(`${this.#attempt(step)}: ${error.status} ${error.text}`);
      return false;
    }
  }

  async #do(step: MailboxStep): Promise<void> {
    const { mailbox } = step;
    switch (step.kind) {
      case "known":
        return;
      case "adopt":
        if (step.subscribe !== null) await this.#subscribe(step.subscribe, mailbox, true);
        return this.#addRow(mailbox, step.subscribed);
      case "create": {
        const name = toWire(mailbox, this.#listing.delimiters[step.side]);
        const creating = this.#sessions[step.side].create(name);
        const subscribing = step.subscribed ? this.#subscribe(step.side, mailbox, true) : Promise.resolve();
        subscribing.catch(() => {});
        await creating;
        this.#log.with({ component: step.side }).info(`Created mailbox ${name}`);
        await subscribing;
        return this.#addRow(mailbox, step.subscribed);
      }
      case "subscription":
        if (step.side !== null) await this.#subscribe(step.side, mailbox, step.subscribed);
        return this.#store.apply([{ kind: "subscribed", idx: step.idx, subscribed: step.subscribed }]);
      case "missing": {
        const name = this.#display(mailbox);
        const text = `Mailbox ${name} exists. Run \`interimap --target=database --delete ${name}\` to delete.`;
        const hints = [`(It is gone from the ${step.missing} server; it is left alone until then.)`];
        throw new MailboxError(text, { component: "database", hints });
      }
    }
  }

  async #subscribe(side: Side, mailbox: string, subscribed: boolean): Promise<void> {
    const name = toWire(mailbox, this.#listing.delimiters[side]);
    await this.#sessions[side].subscribe(name, subscribed);
    this.#log.with({ component: side }).info(`${subscribed ? "Subscribe" : "Unsubscribe"} to ${name}`);
  }

  #addRow(mailbox: string, subscribed: boolean): void {
    this.#store.addMailbox(mailbox, subscribed);
    this.#log.with({ component: "database" }).notice(`Created mailbox ${this.#display(mailbox)}`);
  }

  /** As the user spells it: for the local server. */
  #display(mailbox: string): string {
    return toWire(mailbox, this.#listing.delimiters.local);
  }

  #attempt(step: MailboxStep): string {
    const name = this.#display(step.mailbox);
    if (step.kind === "create") return `Couldn't create mailbox ${name}`;
    if (step.kind === "subscription" && !step.subscribed) return `Couldn't unsubscribe to ${name}`;
    return `Couldn't subscribe to ${name}`;
  }
}
