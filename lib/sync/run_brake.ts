// The delete brake of one run: which mailboxes it holds, what the user has confirmed, and what is said about deletions
// that wait. How many are too many is brake.ts's; where confirmations are kept is the caller's.

import type { Logger } from "../log/types.ts";
import { toWire } from "../protocol/mod.ts";
import type { Consent, MailboxRow, Store } from "../state/types.ts";
import { type BothSides, SIDES } from "./both_sides.ts";
import { DEFAULT_LIMIT, type DeleteLimit, heldText, MailboxBrake, NO_LIMIT } from "./brake.ts";
import type { Listing } from "./listing.ts";

/** Where the user's confirmations come from. */
export interface ConsentPort {
  /** What is confirmed now. */
  read(): Consent;
  /** A run that finished has used what it read: for the mailboxes named, or (null) for all. */
  used(names: readonly string[] | null): void;
}

/** Made once by each process: a watcher uses it for every run. */
export interface BrakeOptions {
  readonly limit: DeleteLimit;
  readonly consents: ConsentPort;
  /** What was said last, by side and mailbox: a watcher does not say it again at every look. Empty at first. */
  readonly told: Map<string, string>;
}

/** The default limit, and nothing confirmed. */
export function unconfirmed(): BrakeOptions {
  const consents = { read: () => ({ all: false, names: new Set<string>() }), used: () => {} };
  return { limit: DEFAULT_LIMIT, consents, told: new Map() };
}

/** Of one run. Names of mailboxes are internal here; the user knows them as the local server spells them. */
export class RunBrake {
  readonly #options: BrakeOptions;
  readonly #listing: Listing;
  readonly #consent: Consent;
  readonly #log: Logger;
  #held = 0;

  constructor(options: BrakeOptions, listing: Listing, log: Logger) {
    this.#options = options;
    this.#listing = listing;
    this.#log = log;
    this.#consent = options.consents.read();
    const known = new Set(this.#names());
    for (const name of this.#consent.names) {
      if (!known.has(name)) log.warn(`No deletions to confirm in ${name}: this run does not look at such a mailbox`);
    }
  }

  /** How many deletions wait. */
  get held(): number {
    return this.#held;
  }

  of({ idx, mailbox }: MailboxRow, store: Store): MailboxBrake {
    const isConfirmed = this.#consent.all || this.#consent.names.has(this.#display(mailbox));
    const isExempt = SIDES.some((side) => this.#listing.mailboxes[side].get(mailbox)?.disposable === true);
    return new MailboxBrake(isConfirmed || isExempt ? NO_LIMIT : this.#options.limit, {
      countPairs: () => store.pairCount(idx),
      isHeld: (side) => store.isHeld(idx, side),
      hold: (side) => store.apply([{ kind: "hold", idx, side, held: true }]),
    });
  }

  /** Says which deletions in a mailbox wait, and counts them. `names`: the mailbox on each server. */
  tell(mailbox: string, names: BothSides<string>, brake: MailboxBrake): void {
    const { told } = this.#options;
    for (const side of SIDES) {
      const held = brake.held(side);
      const key = `${side} ${mailbox}`;
      if (held.isEmpty) {
        told.delete(key);
        continue;
      }
      this.#held += held.size;
      const text = heldText(held, side, brake.pairs, this.#display(mailbox));
      const log = this.#log.with({ component: side, mailbox: names[side] });
      if (told.get(key) === text) log.debug(text);
      else log.error(text);
      told.set(key, text);
    }
  }

  /**
   * A mailbox was looked at, and not given up: what is not held any more is not remembered either. Whether something else
   * was left behind in it does not matter: a message may be refused at every run.
   */
  settle({ idx }: MailboxRow, brake: MailboxBrake, store: Store): void {
    for (const side of SIDES) {
      if (brake.held(side).isEmpty && store.isHeld(idx, side)) store.apply([{ kind: "hold", idx, side, held: false }]);
    }
  }

  /** The run has finished. `everything`: it was not restricted to some mailboxes. */
  finish(everything: boolean): void {
    const { all, names } = this.#consent;
    if (all || names.size > 0) this.#options.consents.used(everything ? null : this.#names());
  }

  /** What the user calls the mailboxes of this run. */
  #names(): readonly string[] {
    const { local, remote } = this.#listing.mailboxes;
    return [...new Set([...local.keys(), ...remote.keys()])].map((mailbox) => this.#display(mailbox));
  }

  #display(mailbox: string): string {
    return toWire(mailbox, this.#listing.delimiters.local);
  }
}
