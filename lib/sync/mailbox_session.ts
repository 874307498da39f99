// One mailbox's view of its server: as if it had a session of its own in which it stays selected. Decides which commands
// read and which change messages; when and over which connection they are sent is lanes.ts's decision.

import type { Appending, FetchHandler, MailboxSession, SelectedMailbox, Stored } from "../client/mod.ts";
import type { Capabilities, FlagSet, ModSeq, UidSet } from "../protocol/mod.ts";
import type { Lane } from "./lane.ts";
import type { Again, Lanes } from "./lanes.ts";
import { Seat } from "./seat.ts";

/**
 * Messages from which on it pays to select a mailbox for what is appended to it: Dovecot 2.3.19 reads the list of a maildir
 * again for each APPEND to one that is not selected. 256 messages take 27 ms instead of 14 when there are 20,000.
 */
const LARGE = 10_000;
/** Fewer are not worth a SELECT. */
const MANY_AT_ONCE = 64;

export class SharedSession implements MailboxSession {
  readonly #lanes: Lanes;
  readonly #seat: Seat;
  /** Appends of one mailbox keep their order. */
  #appending: Lane | null = null;
  #changes = 0;

  constructor(lanes: Lanes, mailbox: string) {
    this.#lanes = lanes;
    this.#seat = new Seat(mailbox, lanes.first.component);
  }

  get capabilities(): Capabilities {
    return this.#lanes.first.capabilities;
  }

  get roundTripMs(): number {
    return this.#lanes.first.roundTripMs;
  }

  select(mailbox: string, ...[resync, keep]: SelectParameters): Promise<SelectedMailbox> {
    if (mailbox !== this.#seat.mailbox) throw new Error("bug: this session is for another mailbox");
    return this.#lanes.look(this.#seat, resync, keep);
  }

  search(uids: UidSet, options: Parameters<MailboxSession["search"]>[1] = {}): Promise<UidSet> {
    return this.#lanes.read(this.#seat, (session) => session.search(uids, options));
  }

  fetch(uids: UidSet, items: string, handler: FetchHandler): Promise<void> {
    // One field of a header is soon told.
    const bodies = handler.bodies === undefined || items.includes("(MESSAGE-ID)") ? 0 : uids.size;
    return this.#lanes.readBodies(
      this.#seat,
      bodies,
      (session, fits, received) => session.fetch(uids, items, only(handler, fits, received)),
    );
  }

  /** How many commands were given that change messages, APPEND included. */
  get changes(): number {
    return this.#changes;
  }

  /**
   * Selects the mailbox again in the selection in which it was changed: `look` is called when the changes that were asked
   * for are sent, and sends SELECT and what belongs to it at once. Null: it was not called, for `isTime` said no.
   */
  behindChanges<T>(isTime: () => boolean, look: (again: Again) => Promise<T>): Promise<T | null> {
    return this.#lanes.behindChanges(this.#seat, isTime, look);
  }

  /** The same behind the messages that were appended: to be called when all are sent. Null: there were none. */
  async behindCopies<T>(look: (again: Again) => Promise<T>): Promise<T | null> {
    return this.#appending === null ? null : await this.#lanes.behindCopies(this.#seat, this.#appending, look);
  }

  store(uids: UidSet, flags: FlagSet, unchangedSince: ModSeq): Promise<Stored> {
    this.#changes++;
    return this.#lanes.change(this.#seat, (session) => session.store(uids, flags, unchangedSince));
  }

  expunge(uids: UidSet): Promise<UidSet> {
    this.#changes++;
    return this.#lanes.change(this.#seat, (session) => session.expunge(uids));
  }

  append(...parameters: Parameters<MailboxSession["append"]>): Appending {
    this.#changes++;
    this.#appending ??= this.#lanes.leastBusy;
    const [, messages] = parameters;
    this.#seat.messages += messages.length;
    if (messages.length >= MANY_AT_ONCE && this.#seat.messages >= LARGE) {
      this.#lanes.selectForCopies(this.#seat, this.#appending);
    }
    return this.#appending.session.append(...parameters);
  }

  appendLimit(mailbox: string): Promise<number | null> {
    return this.#lanes.first.appendLimit(mailbox);
  }
}

type SelectParameters = [
  resync: Parameters<MailboxSession["select"]>[1],
  keep: Parameters<MailboxSession["select"]>[2],
];

/** Nothing of a mailbox that is another one by now gets through: UIDs mean other messages there. */
function only({ message, bodies }: FetchHandler, fits: () => boolean, received: () => void): FetchHandler {
  return {
    ...(message === undefined ? {} : { message: (items) => void (fits() && message(items)) }),
    ...(bodies === undefined ? {} : {
      bodies: {
        begin: (known, section, octets) => fits() ? bodies.begin(known, section, octets) : undefined,
        data: (bytes) => fits() ? bodies.data(bytes) : undefined,
        end: () => {
          received();
          return fits() ? bodies.end() : undefined;
        },
      },
    }),
  };
}
