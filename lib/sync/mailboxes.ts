// The mailboxes of both servers: carries out what the comparison of the lists asks for: CREATE, SUBSCRIBE, UNSUBSCRIBE,
// rows. Commands of all mailboxes are in one flight. What to do is mailbox_list.ts's decision, who listed is listing.ts's.

import type { Session } from "../client/mod.ts";
import { CommandError, MailboxError } from "../errors.ts";
import type { Logger } from "../log/types.ts";
import { toWire } from "../protocol/mod.ts";
import type { Store } from "../state/types.ts";
import type { BothSides } from "./both_sides.ts";
import type { Listing } from "./listing.ts";
import { planMailboxes } from "./mailbox_list.ts";
import type { MailboxStep, Side } from "./model.ts";
import { serverName } from "./namespace.ts";

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
  const isSelected = (mailbox: string) => listing.selected?.has(mailbox) !== false;
  const steps = planMailboxes([...local.values()], [...remote.values()], store.overview())
    // Of a mailbox that both sides hide, only its row is told that nobody is subscribed any more: else subscribing again
    // on one side would be taken for an unsubscription on the other.
    .filter((step) => isSelected(step.mailbox) || (step.kind === "subscription" && step.side === null));
  // Every step sends its commands at once; parents come before their children.
  const aligner = new Aligner(sessions, listing, store, log);
  const done = await Promise.all(steps.map(async (step) => ({ step, ok: await aligner.carryOut(step) })));
  const ready = done.filter(({ step, ok }) => ok || step.kind === "subscription").map(({ step }) => step.mailbox);
  return { ready: new Set(ready.filter(isSelected)), problems: done.filter(({ ok }) => !ok).length };
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
        const name = serverName(mailbox, this.#listing.naming[step.side]);
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
    const name = serverName(mailbox, this.#listing.naming[side]);
    await this.#sessions[side].subscribe(name, subscribed);
    this.#log.with({ component: side }).info(`${subscribed ? "Subscribe" : "Unsubscribe"} to ${name}`);
  }

  #addRow(mailbox: string, subscribed: boolean): void {
    this.#store.addMailbox(mailbox, subscribed);
    this.#log.with({ component: "database" }).notice(`Created mailbox ${this.#display(mailbox)}`);
  }

  /** As the user spells it: for the local server, without its list-reference. */
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
