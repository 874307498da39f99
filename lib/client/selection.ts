// Which mailbox what the server says is about, while one SELECT may be sent behind another (RFC 7162 3.2.11). Pure.

import type { SelectedMailbox } from "./selected.ts";

export class Selection {
  #current: SelectedMailbox | null = null;
  /** Those of SELECTs in flight whose mailbox is not the selected one yet. */
  readonly #waiting: SelectedMailbox[] = [];

  /** What is said of messages is about this one. */
  get current(): SelectedMailbox | null {
    return this.#current;
  }

  /** What commands that are sent now are about: the mailbox of the last SELECT. */
  get last(): SelectedMailbox | null {
    return this.#waiting.at(-1) ?? this.#current;
  }

  /** A SELECT is sent. */
  begin(selected: SelectedMailbox): void {
    if (this.#current === null && this.#waiting.length === 0) this.#current = selected;
    else this.#waiting.push(selected);
  }

  /** The server has left the mailbox: what follows is about the one that is selected next. */
  left(): void {
    this.#current = this.#waiting.shift() ?? null;
  }

  /** No mailbox before this one is selected any more. */
  enter(selected: SelectedMailbox): void {
    const waiting = this.#waiting.indexOf(selected);
    if (waiting < 0) return;
    this.#waiting.splice(0, waiting + 1);
    this.#current = selected;
  }

  /** The SELECT was refused: no mailbox is selected, and that of the next SELECT follows without [CLOSED]. */
  failed(selected: SelectedMailbox): void {
    if (this.#current === selected) this.left();
    const waiting = this.#waiting.indexOf(selected);
    if (waiting >= 0) this.#waiting.splice(waiting, 1);
  }

  /** Whether the server has not left the mailbox before it. */
  isWaiting(selected: SelectedMailbox): boolean {
    return this.#waiting.includes(selected);
  }
}
