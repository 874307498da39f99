// What is known of one mailbox on one server while a run works on it: its name, and which mailbox it was when it was
// last looked at, and about how large. Decides whether a later selection is of the same one; selects nothing.

import type { SelectedMailbox } from "../client/mod.ts";
import { RenumberedError } from "./renumbered_error.ts";

/** The name is the server's. */
export class Seat {
  /** About how many messages are in it. */
  messages = 0;
  #identity: Pick<SelectedMailbox, "uidValidity" | "mailboxId"> | null = null;

  /** `component`: for errors. */
  constructor(readonly mailbox: string, readonly component: string) {}

  /** The mailbox was looked at: what is done to it from now on is meant for this one. */
  lookedAt({ uidValidity, mailboxId, exists }: SelectedMailbox): void {
    this.#identity = { uidValidity, mailboxId };
    this.messages = exists;
  }

  /** Whether it was looked at. */
  get isKnown(): boolean {
    return this.#identity !== null;
  }

  /**
   * Whether it is the one that was looked at; as soon as the server has told its UIDVALIDITY, which it does before it
   * tells anything of its messages (RFC 9051 6.3.2). A MAILBOXID counts when both were told (RFC 8474).
   */
  fits(selected: SelectedMailbox | null): boolean {
    const known = this.#identity;
    if (known === null || selected === null || selected.uidValidity === null) return false;
    return known.uidValidity === selected.uidValidity &&
      (known.mailboxId === null || selected.mailboxId === null || known.mailboxId === selected.mailboxId);
  }

  /** @throws RenumberedError when it is another one */
  check(selected: SelectedMailbox | null): void {
    if (this.fits(selected)) return;
    const text = `UIDVALIDITY changed! (${selected?.uidValidity} != ${this.#identity?.uidValidity})`;
    throw new RenumberedError(text, { component: this.component, mailbox: this.mailbox });
  }
}
