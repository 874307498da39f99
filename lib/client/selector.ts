// Selects the mailboxes of one session, one SELECT behind the other, and leaves them (RFC 9051 6.3.2, RFC 3691, RFC 7162
// 3.2.11). Decides what becomes of a server that does not say when it leaves one. What is said of a mailbox it does not
// look at.

import { ProtocolError, SilentLeaveError } from "../errors.ts";
import {
  type Command,
  type Data,
  examine,
  type Resync,
  select,
  type StatusResponse,
  unselect,
} from "../protocol/mod.ts";
import type { Request } from "./request.ts";
import { type KeepFlags, SelectedMailbox } from "./selected.ts";
import { Selection } from "./selection.ts";
import type { Session } from "./session.ts";

export class Selector {
  readonly #session: Pick<Session, "abort" | "capabilities" | "component" | "connection" | "leavesSilently" | "run">;
  readonly #selection = new Selection();

  constructor(session: Session) {
    this.#session = session;
  }

  /** What the server says of messages is about this one. */
  get current(): SelectedMailbox | null {
    return this.#selection.current;
  }

  /** The server says that it has left the mailbox. */
  left(): void {
    this.#selection.left();
  }

  /**
   * Selects a mailbox; what the server reports of it is collected until `freeze()`. Reading commands may be sent behind
   * it without waiting; commands that change messages may not (a recreated mailbox has the old UIDs).
   */
  select(mailbox: string, resync: Resync | null, keep: KeepFlags): Promise<SelectedMailbox> {
    return this.#open(new SelectedMailbox(mailbox, keep, this.#session.component), select(mailbox, resync));
  }

  /** Selects a mailbox only to be told of changes in it: what is said of it later is for the listener alone. */
  async examine(mailbox: string): Promise<SelectedMailbox> {
    const claim = (data: Data) => ["exists", "recent", "fetch", "vanished", "flags"].includes(data.kind);
    const selected = new SelectedMailbox(mailbox, () => false, this.#session.component);
    const examined = await this.#open(selected, examine(mailbox), { claim });
    examined.freeze();
    return examined;
  }

  /** The mailbox that commands which are sent now are about, as far as the server has told of it. */
  get target(): SelectedMailbox | null {
    return this.#selection.last;
  }

  /** Leaves the selected mailbox, if there is one and the server knows how (RFC 3691). */
  async unselect(): Promise<void> {
    // A SELECT may be in flight before it.
    const left = this.#selection.last;
    if (left === null || !this.#session.capabilities.has("UNSELECT")) return;
    await this.#session.run(unselect(), {
      answered: ({ status }) => {
        if (status === "OK" && this.#selection.current === left) this.#selection.left();
      },
    });
  }

  async #open(
    selected: SelectedMailbox,
    command: Command,
    request: Omit<Request, "command"> = {},
  ): Promise<SelectedMailbox> {
    this.#selection.begin(selected);
    if (this.#session.leavesSilently && this.#selection.isWaiting(selected)) this.#leaveFor(selected);
    // At once, for what is said next may be about the mailbox of the next SELECT.
    const answered = ({ status }: StatusResponse) => {
      if (status !== "OK") this.#selection.failed(selected);
      else if (this.#selection.isWaiting(selected)) this.#session.abort(this.#silentLeave(selected.mailbox));
    };
    await this.#session.run(command, { ...request, answered });
    if (this.#selection.isWaiting(selected)) throw this.#silentLeave(selected.mailbox);
    return selected;
  }

  /** Nothing is sent behind UNSELECT before it is answered: SELECT, and what is sent behind that, wait with it. */
  #leaveFor(selected: SelectedMailbox): void {
    if (!this.#session.capabilities.has("UNSELECT")) return;
    const answered = ({ status }: StatusResponse) => {
      // Without a selected mailbox, for one was refused, the server may say BAD.
      if (status === "OK" || this.#selection.current === null) this.#selection.enter(selected);
    };
    this.#session.connection.submit({ command: unselect(), barrier: "last", answered });
  }

  #silentLeave(mailbox: string): ProtocolError {
    const text = "The server selected another mailbox without [CLOSED] (RFC 7162 3.2.11)";
    const context = { component: this.#session.component, mailbox };
    if (!this.#session.capabilities.has("UNSELECT")) {
      return new ProtocolError(`${text}, and has no UNSELECT (RFC 3691) to leave one by`, context);
    }
    return this.#session.leavesSilently ? new ProtocolError(text, context) : new SilentLeaveError(text, context);
  }
}
