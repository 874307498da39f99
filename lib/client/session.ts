// What the synchronizer can ask of one server, one method for each thing; every method sends at once and returns a
// promise, so that pipelining is written by not awaiting yet. Knows commands and their answers, not why they are asked.

import { ByeError, CommandError, ProtocolError, TransportError } from "../errors.ts";
import type { Logger } from "../log/types.ts";
import {
  append,
  type AppendMessage,
  type Capabilities,
  Capabilities as CapabilitySet,
  type Command,
  create,
  type Data,
  deleteMailbox,
  enable,
  type FetchItems,
  type FlagSet,
  list,
  logout,
  type ModSeq,
  renameMailbox,
  type Resync,
  select,
  type StatusItems,
  type StatusResponse,
  subscribe,
  uidExpunge,
  uidFetch,
  uidSearch,
  UidSet,
  UidSetBuilder,
  uidStore,
  unsubscribe,
} from "../protocol/mod.ts";
import type { Connection, ConnectionEvents } from "./connection.ts";
import type { Request } from "./request.ts";
import { type KeepFlags, SelectedMailbox } from "./selected.ts";
import type { Appended, FetchHandler, ListEntry, Stored } from "./session_types.ts";

/** Longest UID set in one command; Dovecot 2.3.4 fails on longer lines. */
const MAX_SET_OCTETS = 4096;

export class Session implements ConnectionEvents {
  capabilities: Capabilities = new CapabilitySet([]);
  /** False until the server has named its capabilities since they were last forgotten. */
  capabilitiesKnown = false;
  readonly #log: Logger;
  #connection: Connection | null = null;
  #selected: SelectedMailbox | null = null;
  /** SELECTs in flight whose mailbox is not the selected one yet. */
  readonly #selecting: SelectedMailbox[] = [];

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

  /** The error that ended the session, or null. */
  get closed(): Error | null {
    return this.connection.closed;
  }

  // ---- events of the connection

  data(data: Data): void {
    if (data.kind === "capability") this.#learn(data.capabilities);
    else this.#selected?.data(data);
  }

  status(status: StatusResponse): void {
    const code = status.code;
    if (code === null) return;
    if (code.code === "CAPABILITY") this.#learn(code.capabilities);
    else if (code.code === "OTHER" && code.name === "ALERT") {
      this.#log.with({ component: this.component }).notice(`[ALERT] ${status.text}`);
    } else if (code.code === "OTHER" && code.name === "CLOSED") {
      // RFC 7162 3.2.11: what follows is about the mailbox that is being selected.
      this.#selected = this.#selecting.shift() ?? null;
    } else this.#selected?.status(status);
  }

  #learn(capabilities: Capabilities): void {
    this.capabilities = capabilities;
    this.capabilitiesKnown = true;
  }

  forgetCapabilities(): void {
    this.capabilities = new CapabilitySet([]);
    this.capabilitiesKnown = false;
  }

  // ---- commands

  /** Sends a command. @throws CommandError on NO or BAD */
  async run(command: Command, request: Omit<Request, "command"> = {}): Promise<StatusResponse> {
    const status = await this.connection.submit({ ...request, command }).done;
    return this.#expectOk(command, status);
  }

  #expectOk(command: Command, status: StatusResponse): StatusResponse {
    if (status.status === "OK") return status;
    const code = status.code?.code === "OTHER" ? status.code.name : (status.code?.code ?? null);
    const refusal = status.status === "NO" ? "NO" : "BAD";
    throw new CommandError(command.name, refusal, code, status.text, { component: this.component });
  }

  /** @throws CapabilityError-like ProtocolError when the server did not confirm */
  async enableQresync(): Promise<void> {
    let enabled = false;
    await this.run(enable(["QRESYNC"]), {
      claim: (data) => {
        if (data.kind !== "enabled") return false;
        enabled ||= data.names.some((name) => name.toUpperCase() === "QRESYNC");
        return true;
      },
    });
    if (!enabled) throw new ProtocolError("Couldn't ENABLE QRESYNC", { component: this.component });
  }

  /**
   * The mailboxes that match one of the patterns, with subscription and status (RFC 5258, 5819).
   * @param options the reference that the patterns are relative to, and selection options of RFC 5258; default none
   */
  async list(
    patterns: readonly string[],
    statusItems: readonly string[],
    options: { readonly reference?: string; readonly selection?: readonly string[] } = {},
  ): Promise<readonly ListEntry[]> {
    const { reference = "", selection = [] } = options;
    const entries: ListEntry[] = [];
    const statuses = new Map<string, StatusItems>();
    await this.run(list(reference, patterns, { subscribed: true, status: statusItems, selection }), {
      claim: (data) => {
        if (data.kind === "mailbox-status") statuses.set(data.mailbox, data.items);
        else if (data.kind !== "list") return false;
        else {
          const { mailbox, delimiter, attributes } = data;
          entries.push({ mailbox, delimiter, attributes, status: null });
        }
        return true;
      },
    });
    return entries.map((entry) => ({ ...entry, status: statuses.get(entry.mailbox) ?? null }));
  }

  /** The hierarchy delimiter of the personal namespace, or of that of the reference: LIST REFERENCE "". */
  async listDelimiter(reference = ""): Promise<string | null> {
    const delimiters: (string | null)[] = [];
    await this.run(list(reference, [""], null), {
      claim: (data) => {
        if (data.kind !== "list") return false;
        delimiters.push(data.delimiter);
        return true;
      },
    });
    const [delimiter] = delimiters;
    if (delimiters.length !== 1 || delimiter === undefined) {
      throw new ProtocolError("Missing or unexpected (unsolicited) LIST response.", { component: this.component });
    }
    return delimiter;
  }

  /**
   * Selects a mailbox; what the server reports of it is collected until `freeze()`. Reading commands may be sent behind
   * it without waiting; commands that change messages may not (a recreated mailbox has the old UIDs).
   */
  async select(mailbox: string, resync: Resync | null, keep: KeepFlags): Promise<SelectedMailbox> {
    const selected = new SelectedMailbox(mailbox, keep);
    if (this.#selected === null && this.#selecting.length === 0) this.#selected = selected;
    else this.#selecting.push(selected);
    try {
      await this.run(select(mailbox, resync));
    } catch (error) {
      if (this.#selected === selected) this.#selected = null;
      const waiting = this.#selecting.indexOf(selected);
      if (waiting >= 0) this.#selecting.splice(waiting, 1);
      throw error;
    }
    if (this.#selecting.includes(selected)) {
      const text = "The server selected another mailbox without [CLOSED] (RFC 7162 3.2.11)";
      throw new ProtocolError(text, { component: this.component, mailbox });
    }
    return selected;
  }

  /** Which of these UIDs exist in the selected mailbox. With `freeze`, ends the collection when the answer comes. */
  async search(uids: UidSet, options: { readonly freeze?: boolean } = {}): Promise<UidSet> {
    const esearch = this.capabilities.has("ESEARCH");
    let found = UidSet.empty;
    const claim = (data: Data): boolean => {
      if (data.kind !== "search" && data.kind !== "esearch") return false;
      found = found.union(data.kind === "search" ? data.numbers : data.all ?? UidSet.empty);
      // The answer counts the messages that were announced before it: RFC 9051 5.2.
      if (options.freeze === true) this.#selected?.freeze();
      return true;
    };
    await Promise.all([...uids.chunks(MAX_SET_OCTETS)].map((part) => this.run(uidSearch(part, esearch), { claim })));
    return found;
  }

  /** UID FETCH, split where the set is too long for one line. */
  async fetch(uids: UidSet, items: string, handler: FetchHandler): Promise<void> {
    const runs = [...uids.chunks(MAX_SET_OCTETS)].map((part) => {
      const mine = (known: FetchItems): boolean => known.uid !== null && part.has(known.uid);
      const request: Omit<Request, "command"> = {
        claim: (data) => {
          if (data.kind !== "fetch" || !mine(data.items)) return false;
          handler.message?.(data.items);
          return true;
        },
      };
      const { bodies } = handler;
      return this.run(
        uidFetch(part, items),
        bodies === undefined ? request : {
          ...request,
          bodies: { accepts: mine, begin: bodies.begin, data: bodies.data, end: bodies.end },
        },
      );
    });
    await Promise.all(runs);
  }

  /** UID STORE of exactly these flags, unless a message changed after `unchangedSince`. */
  async store(uids: UidSet, flags: FlagSet, unchangedSince: ModSeq): Promise<Stored> {
    const reported = new UidSetBuilder();
    let refused = UidSet.empty;
    const runs = [...uids.chunks(MAX_SET_OCTETS)].map(async (part) => {
      const command = uidStore(part, { mode: "replace", flags: flags.flags, unchangedSince });
      const status = await this.connection.submit({ command, claim: reportedIn(part, reported, flags) }).done;
      if (status.code?.code === "MODIFIED") refused = refused.union(status.code.uids.intersect(part));
      else this.#expectOk(command, status);
    });
    await Promise.all(runs);
    return { reported: reported.build(), refused };
  }

  /** Marks messages \Deleted and expunges exactly them (RFC 4315 2.1). Resolves to those that the server reported gone. */
  async expunge(uids: UidSet): Promise<UidSet> {
    const gone = new UidSetBuilder();
    const runs = [...uids.chunks(MAX_SET_OCTETS)].flatMap((part) => {
      const mark = uidStore(part, { mode: "add", flags: ["\\Deleted"], unchangedSince: null });
      return [
        this.run(mark, { claim: reportedIn(part, new UidSetBuilder(), null) }),
        this.run(uidExpunge(part), {
          claim: (data) => {
            if (data.kind !== "vanished" || data.earlier) return false;
            const mine = data.uids.intersect(part);
            for (let i = 0; i < mine.bounds.length; i += 2) gone.add(mine.bounds[i] ?? 0, mine.bounds[i + 1] ?? 0);
            return true;
          },
        }),
      ];
    });
    await Promise.all(runs);
    return gone.build();
  }

  /**
   * APPEND, or MULTIAPPEND for several messages (RFC 3502), which is all or nothing. `pump` writes the one streamed body.
   * `done` resolves to null when the server did not tell the UIDs, and rejects with CommandError when it refused.
   */
  append(
    mailbox: string,
    messages: readonly AppendMessage[],
    pump?: Request["pump"],
  ): { readonly written: Promise<void>; readonly done: Promise<Appended | null> } {
    const command = append(mailbox, messages);
    const sent = this.connection.submit(pump === undefined ? { command } : { command, pump });
    const done = sent.done.then((status) => {
      const { code } = this.#expectOk(command, status);
      return code?.code === "APPENDUID" ? { uidValidity: code.uidValidity, uids: code.uids } : null;
    });
    done.catch(() => {});
    return { written: sent.written, done };
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

  /** Says LOGOUT without waiting for the answer, then closes. Never throws. */
  async logout(): Promise<void> {
    if (this.closed !== null) return;
    const bye = new ByeError("Logged out", { component: this.component });
    await this.connection.submit({ command: logout() }).written.catch(() => {});
    this.connection.close(bye);
  }

  /** Ends the session at once. */
  abort(reason: Error): void {
    this.connection.close(reason);
  }

  /** Whether an error means that this session is over (and not just one command refused). */
  static isLost(error: unknown): boolean {
    return error instanceof TransportError || error instanceof ProtocolError || error instanceof ByeError;
  }
}

/** A claim for the FETCH responses that a STORE causes; one with other flags tells of somebody else's change. */
function reportedIn(uids: UidSet, reported: UidSetBuilder, wanted: FlagSet | null): (data: Data) => boolean {
  return (data) => {
    if (data.kind !== "fetch") return false;
    const { uid, flags, modSeq } = data.items;
    if (uid === null || !uids.has(uid)) return false;
    if (modSeq !== null && (flags === null || flags.key === wanted?.key)) reported.add(uid);
    return true;
  };
}
