// What the synchronizer can ask of one server, one method for each thing; every method sends at once and returns a
// promise, so that pipelining is written by not awaiting yet. Knows which mailbox is selected and which capabilities
// there are; how each question is put and its answer read stands in mailbox_list.ts, messages.ts and qresync.ts.

import { ByeError, CommandError, ProtocolError, TransportError } from "../errors.ts";
import type { Logger } from "../log/types.ts";
import {
  type AppendMessage,
  Capabilities,
  type Command,
  create,
  type Data,
  deleteMailbox,
  type FlagSet,
  logout,
  type ModSeq,
  renameMailbox,
  type Resync,
  type StatusResponse,
  subscribe,
  type UidSet,
  unsubscribe,
} from "../protocol/mod.ts";
import type { Assumption } from "./assumption.ts";
import { MAX_ALERTS, shortText } from "./bounds.ts";
import type { Connection, ConnectionEvents } from "./connection.ts";
import { findAppendLimit, findDelimiter, listMailboxes } from "./mailbox_list.ts";
import { appendMessages, expungeMessages, fetchMessages, searchMessages, storeFlags } from "./messages.ts";
import { enableQresync } from "./qresync.ts";
import type { Request } from "./request.ts";
import { type KeepFlags, SelectedMailbox } from "./selected.ts";
import { Selector } from "./selector.ts";
import type { Appending, FetchHandler, ListEntry, ListSelection, SessionListener, Stored } from "./session_types.ts";

/** How long a session that was told to stop waits for the answer to an APPEND. */
const STOP_GRACE_MS = 3000;

/** What the work on one mailbox may ask of its server. */
export type MailboxSession = Pick<
  Session,
  "capabilities" | "roundTripMs" | "select" | "search" | "fetch" | "store" | "expunge" | "append" | "appendLimit"
>;

export class Session implements ConnectionEvents {
  capabilities: Capabilities = new Capabilities([]);
  /** False until the server has named its capabilities since they were last forgotten. */
  capabilitiesKnown = false;
  /** What the server told with its answer to the login; null: nothing, or that is not known yet. */
  toldAtLogin: Capabilities | null = null;
  /** The server does not say when it leaves a mailbox for another: UNSELECT is sent, and answered, before. */
  leavesSilently = false;
  #assumption: Assumption | null = null;
  /** Who waits for what the server says unasked. */
  listener: SessionListener | null = null;
  readonly #log: Logger;
  #alerts = 0;
  #connection: Connection | null = null;
  readonly #selector = new Selector(this);
  #qresync: Promise<void> | null = null;
  readonly #delimiters = new Map<string, Promise<string | null>>();

  /** `component`: "local" or "remote", for errors and the log. */
  constructor(readonly component: string, log: Logger) {
    this.#log = log;
  }

  attach(connection: Connection): void {
    this.#connection = connection;
  }

  get connection(): Connection {
    if (this.#connection === null) throw new Error("the session has no connection");
    return this.#connection;
  }

  /** How long the server took to answer at least; Infinity before it has answered. */
  get roundTripMs(): number {
    return this.connection.fastestMs;
  }

  /** The error that ended the session, or null. */
  get closed(): Error | null {
    return this.connection.closed;
  }

  // ---- events of the connection

  data(data: Data): void {
    if (data.kind === "capability") this.#learn(data.capabilities);
    else this.#selector.current?.data(data);
  }

  unclaimed(data: Data): void {
    this.listener?.news(data);
  }

  ended(): void {
    this.#assumption?.stop();
    this.listener?.ended();
  }

  status(status: StatusResponse): void {
    if (status.tag !== null) this.#assumption?.answer(status);
    const code = status.code;
    if (code === null) return;
    if (code.code === "OTHER" && status.tag === null) this.listener?.code(code.name);
    if (code.code === "CAPABILITY") {
      if (status.tag !== null && this.#assumption !== null) this.toldAtLogin = code.capabilities;
      this.#learn(code.capabilities);
    } else if (code.code === "OTHER" && code.name === "ALERT") {
      if (this.#alerts++ < MAX_ALERTS) {
        this.#log.with({ component: this.component }).notice(`[ALERT] ${shortText(status.text)}`);
      }
    } else if (code.code === "OTHER" && code.name === "CLOSED") {
      this.#selector.left();
    } else this.#selector.current?.status(status);
  }

  #learn(capabilities: Capabilities): void {
    this.capabilities = capabilities;
    this.capabilitiesKnown = true;
  }

  /** Goes on as if the server had told these: `assumption` sees every tagged answer, and ends the session otherwise. */
  assume(capabilities: Capabilities, assumption: Assumption): void {
    this.#assumption = assumption;
    this.toldAtLogin = capabilities;
    this.#learn(capabilities);
  }

  /** Fulfilled when nothing is assumed of the login any more. @throws InterimapError when it has failed */
  get loggedIn(): Promise<void> {
    return this.#assumption?.holds ?? Promise.resolve();
  }

  forgetCapabilities(): void {
    this.capabilities = new Capabilities([]);
    this.capabilitiesKnown = false;
  }

  // ---- commands

  /** Sends a command. @throws CommandError on NO or BAD */
  async run(command: Command, request: Omit<Request, "command"> = {}): Promise<StatusResponse> {
    const status = await this.connection.submit({ ...request, command }).done;
    return this.expectOk(command, status);
  }

  /** The answer, when it is OK. @throws CommandError otherwise */
  expectOk(command: Command, status: StatusResponse): StatusResponse {
    if (status.status === "OK") return status;
    throw this.refusalOf(command, status);
  }

  /** The error for a command that was answered NO or BAD. */
  refusalOf(command: Command, status: StatusResponse): CommandError {
    const code = status.code?.code === "OTHER" ? status.code.name : (status.code?.code ?? null);
    const refusal = status.status === "NO" ? "NO" : "BAD";
    return new CommandError(command.name, refusal, code, shortText(status.text), { component: this.component });
  }

  /**
   * Once in a session, however often it is called. Goes on when the server says OK and nothing else, for what it reports is
   * checked anyway, and SELECT asks it again.
   * @throws ProtocolError when the server has enabled something else
   */
  enableQresync(): Promise<void> {
    return this.#qresync ??= enableQresync(this, this.#log);
  }

  // ---- mailboxes

  /** The mailboxes that match one of the patterns, with subscription and status (RFC 5258, 5819). */
  list(
    patterns: readonly string[],
    statusItems: readonly string[],
    options: ListSelection = {},
  ): Promise<readonly ListEntry[]> {
    return listMailboxes(this, patterns, statusItems, options);
  }

  /** The hierarchy delimiter of the personal namespace, or of that of the reference: LIST REFERENCE "", asked once. */
  listDelimiter(reference = ""): Promise<string | null> {
    const asked = this.#delimiters.get(reference) ?? findDelimiter(this, reference);
    this.#delimiters.set(reference, asked);
    return asked;
  }

  /** See `Selector.select()`. */
  select(mailbox: string, resync: Resync | null, keep: KeepFlags): Promise<SelectedMailbox> {
    return this.#selector.select(mailbox, resync, keep);
  }

  /** See `Selector.examine()`. */
  examine(mailbox: string): Promise<SelectedMailbox> {
    return this.#selector.examine(mailbox);
  }

  /** The mailbox that commands which are sent now are about, as far as the server has told of it. */
  get target(): SelectedMailbox | null {
    return this.#selector.target;
  }

  /** Whether what the server says of messages is about this one. */
  isAbout(selected: SelectedMailbox | null): boolean {
    return this.#selector.current === selected;
  }

  /** See `Selector.unselect()`. */
  unselect(): Promise<void> {
    return this.#selector.unselect();
  }

  /**
   * The size in octets beyond which no message can be appended (RFC 7889); null: the server names none. Asks the server
   * only when the limit may be another one for each mailbox.
   */
  appendLimit(mailbox: string): Promise<number | null> {
    return findAppendLimit(this, mailbox);
  }

  async create(mailbox: string): Promise<void> {
    await this.run(create(mailbox));
  }

  /** Not the mailboxes below it. */
  async delete(mailbox: string): Promise<void> {
    await this.run(deleteMailbox(mailbox));
  }

  /** With the mailboxes below it; subscriptions stay where they are. */
  async rename(from: string, to: string): Promise<void> {
    await this.run(renameMailbox(from, to));
  }

  async subscribe(mailbox: string, subscribed: boolean): Promise<void> {
    await this.run(subscribed ? subscribe(mailbox) : unsubscribe(mailbox));
  }

  // ---- messages

  /** Which of these UIDs exist in the selected mailbox. With `freeze`, ends the collection when the answer comes. */
  search(uids: UidSet, options: { readonly freeze?: boolean } = {}): Promise<UidSet> {
    // The answer counts the messages that were announced before it: RFC 9051 5.2.
    const selected = this.target;
    return searchMessages(this, uids, () => options.freeze === true && selected?.freeze());
  }

  /** UID FETCH, split where the set is too long for one line. */
  fetch(uids: UidSet, items: string, handler: FetchHandler): Promise<void> {
    return fetchMessages(this, uids, items, handler);
  }

  /** UID STORE of exactly these flags, unless a message changed after `unchangedSince`. */
  store(uids: UidSet, flags: FlagSet, unchangedSince: ModSeq): Promise<Stored> {
    return storeFlags(this, uids, flags, unchangedSince);
  }

  /** Marks messages \Deleted and expunges exactly them (RFC 4315 2.1). Resolves to those that the server reported gone. */
  expunge(uids: UidSet): Promise<UidSet> {
    return expungeMessages(this, uids);
  }

  /**
   * APPEND, or MULTIAPPEND for several messages (RFC 3502), which is all or nothing. `pump` writes the one streamed body.
   */
  append(mailbox: string, messages: readonly AppendMessage[], pump?: Request["pump"]): Appending {
    return appendMessages(this, mailbox, messages, pump);
  }

  // ---- the end

  /** Says LOGOUT without waiting for the answer, then closes. Never throws. */
  async logout(): Promise<void> {
    this.#assumption?.stop();
    if (this.closed !== null) return;
    const bye = new ByeError("Logged out", { component: this.component });
    await this.connection.submit({ command: logout() }).written.catch(() => {});
    this.connection.close(bye);
  }

  /** Ends the session; an APPEND that was sent gets a moment to be answered. */
  stop(reason: Error): void {
    this.connection.drain(reason, STOP_GRACE_MS);
  }

  /** Ends the session at once. */
  abort(reason: Error): void {
    this.#assumption?.stop();
    this.connection.close(reason);
  }

  /** Whether an error means that this session is over (and not just one command refused). */
  static isLost(error: unknown): boolean {
    return error instanceof TransportError || error instanceof ProtocolError || error instanceof ByeError;
  }
}
