// One session, and whose mailbox is selected in it. A SELECT may be sent behind reading commands of another mailbox, and
// reading commands behind a SELECT; what changes messages is not sent before its selection is proven to be of the mailbox
// that was looked at (design A13): a mailbox that was deleted and made again has the old UIDs. Whose turn it is, others
// decide.

import type { SelectedMailbox, Session } from "../client/mod.ts";
import type { Seat } from "./seat.ts";
import type { JobKind } from "./waiting.ts";

/** Enough to keep a connection busy for a round trip. */
const MAX_BODIES = 1024;

/** Something that is asked of the server. */
export interface Job {
  readonly seat: Seat;
  readonly kind: JobKind;
  /** Messages whose bodies are asked for. */
  readonly bodies: number;
  /** The only lane that will do; null: any. */
  readonly on: Lane | null;
  /** Not sent in the turn of the event loop in which it was asked for: more may be asked for that has to go before. */
  readonly late: boolean;
  /** Sends everything at once. */
  readonly start: (lane: Lane) => void;
  readonly reject: (error: Error) => void;
}

export class Lane {
  readonly session: Session;
  /** Whose mailbox is selected, or will be by a SELECT that was sent. */
  seat: Seat | null = null;
  /** Nothing may be sent here until something is answered. */
  held = false;
  /** Messages whose bodies were asked for and have not come. */
  bodies = 0;
  #selecting: Promise<SelectedMailbox> | null = null;
  /** The selection was made to look at the mailbox: it is the one that is meant. */
  #isLook = false;
  #isProven = false;
  #isAnswered = false;

  constructor(session: Session) {
    this.session = session;
  }

  /** Whether a job can be sent without another SELECT: its mailbox is selected, and can be proven where that matters. */
  isReadyFor({ seat, kind, bodies }: Job): boolean {
    if (this.seat !== seat || kind === "look" || (bodies > 0 && this.isFull)) return false;
    // Behind a SELECT that is not answered its mailbox may be read, and no other one selected. Who waits for the proof has
    // the first turn: changes keep their order.
    return kind === "read" || (!this.held && this.#isAnswered);
  }

  /** What else is asked for here would come late: another lane may be quicker. */
  get isFull(): boolean {
    return this.bodies >= MAX_BODIES;
  }

  /** How much is waited for. */
  get load(): number {
    return this.session.connection.unanswered;
  }

  /** Makes the session ready for a job; null: it is. The job may be started when the promise is fulfilled. */
  prepare({ seat, kind }: Job): Promise<void> | null {
    if (kind !== "look" && this.seat === seat) return kind === "change" && !this.#isProven ? this.#prove(seat) : null;
    return this.#enter(seat, kind);
  }

  /** A look: the selection is what the caller says it is. */
  async look(seat: Seat, ...[resync, keep]: LookParameters): Promise<SelectedMailbox> {
    const selecting = this.#select(seat, resync, keep);
    this.#isLook = true;
    const selected = await selecting;
    seat.lookedAt(selected);
    if (this.#selecting === selecting) this.#isProven = true;
    return selected;
  }

  /** A look at the mailbox that was looked at before. @throws RenumberedError when it is another one */
  async lookAgain(seat: Seat, ...[resync, keep]: LookParameters): Promise<SelectedMailbox> {
    const selecting = this.#select(seat, resync, keep);
    await this.#prove(seat);
    return await selecting;
  }

  /** Selects a mailbox before anybody asks for it: who comes finds the selection proven when it has been looked at. */
  foresee(seat: Seat): void {
    void this.#enter(seat, "read");
  }

  /** For a job that reads: whether what the server tells is of the mailbox that is meant. To be called when it starts. */
  get reading(): { readonly fits: () => boolean; readonly check: () => void } {
    const { seat, session: { target } } = this;
    if (this.#isLook || seat === null) return { fits: () => true, check: () => {} };
    return { fits: () => seat.fits(target), check: () => seat.check(target) };
  }

  #enter(seat: Seat, kind: Job["kind"]): Promise<void> | null {
    if (kind === "look") return null;
    const selecting = this.#select(seat, null, () => false);
    // What is said of it now is the business of the next look.
    selecting.then((selected) => selected.freeze(), () => {});
    return kind === "change" ? this.#prove(seat) : null;
  }

  #select(seat: Seat, ...[resync, keep]: LookParameters): Promise<SelectedMailbox> {
    const selecting = this.session.select(seat.mailbox, resync, keep);
    this.seat = seat;
    this.#selecting = selecting;
    this.#isLook = false;
    this.#isProven = false;
    this.#isAnswered = false;
    selecting.then(
      () => {
        if (this.#selecting === selecting) this.#isAnswered = true;
      },
      () => {
        if (this.#selecting === selecting) this.seat = null;
      },
    );
    return selecting;
  }

  async #prove(seat: Seat): Promise<void> {
    const selecting = this.#selecting;
    if (selecting === null) throw new Error("bug: nothing is selected");
    seat.check(await selecting);
    if (this.#selecting === selecting) this.#isProven = true;
  }
}

type LookParameters = [resync: Parameters<Session["select"]>[1], keep: Parameters<Session["select"]>[2]];
