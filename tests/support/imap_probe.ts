// The witness: an independent IMAP client for tests. Whole messages, one command at a time, only synchronizing
// literals, no extension that is not needed. It uses nothing of lib/.

import {
  asList,
  asText,
  parseInternalDate,
  parseValues,
  quoted,
  toBytes,
  toText,
  type Value,
} from "./live/imap_values.ts";

/** Where a probe reads and writes. */
export interface ProbeStream {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
  /** Called when the server has closed its side. */
  closed(): Promise<void>;
}

/** One response: what follows the tag or the `*`. `text` leaves the literals out. */
export interface Response {
  readonly text: string;
  readonly values: readonly Value[];
}

export interface Reply {
  /** What follows the tag: `OK ...`, `NO ...` or `BAD ...`. */
  readonly text: string;
  readonly untagged: readonly Response[];
}

export interface ListedName {
  /** As the server spells it. */
  readonly name: string;
  readonly delimiter: string | null;
  /** In lower case. */
  readonly attributes: readonly string[];
}

export interface SelectedFacts {
  readonly exists: number;
  readonly uidValidity: number;
  readonly uidNext: number;
  /** Decimal; a mod-sequence does not fit into a number. */
  readonly highestModSeq: string;
}

export interface FetchedMessage {
  readonly uid: number;
  /** Sorted, without \Recent. */
  readonly flags: readonly string[];
  /** Seconds since the epoch. */
  readonly internalDate: number;
  readonly body: Uint8Array;
}

export interface NewMessage {
  readonly flags?: readonly string[];
  /** RFC 9051 date-time, without quotes. */
  readonly internalDate?: string;
  readonly body: Uint8Array;
}

/** Octets of one connection, handed out as lines and as blocks of a given size. */
class LineReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(readable: ReadableStream<Uint8Array>) {
    this.#reader = readable.getReader();
  }

  async #more(): Promise<Uint8Array> {
    const { done, value } = await this.#reader.read();
    if (done) throw new Error("The server closed the connection");
    return value;
  }

  /** The next line without its CRLF. */
  async line(): Promise<string> {
    let searched = 0;
    for (;;) {
      const end = this.#rest.indexOf(10, searched);
      if (end >= 0) {
        const line = toText(this.#rest.subarray(0, end));
        this.#rest = this.#rest.subarray(end + 1);
        return line.replace(/\r$/, "");
      }
      searched = this.#rest.length;
      const chunk = await this.#more();
      const joined = new Uint8Array(searched + chunk.length);
      joined.set(this.#rest);
      joined.set(chunk, searched);
      this.#rest = joined;
    }
  }

  async block(size: number): Promise<Uint8Array> {
    const block = new Uint8Array(size);
    let filled = 0;
    while (filled < size) {
      if (this.#rest.length === 0) this.#rest = await this.#more();
      const part = this.#rest.subarray(0, size - filled);
      block.set(part, filled);
      filled += part.length;
      this.#rest = this.#rest.subarray(part.length);
    }
    return block;
  }

  /** Reads until the server closes. */
  async drain(): Promise<void> {
    for (;;) {
      const { done } = await this.#reader.read();
      if (done) return;
    }
  }
}

/** An open session. Methods throw when the server does not answer OK. */
export class ImapProbe {
  readonly #stream: ProbeStream;
  readonly #reader: LineReader;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  #commands = 0;

  private constructor(stream: ProbeStream) {
    this.#stream = stream;
    this.#reader = new LineReader(stream.readable);
    this.#writer = stream.writable.getWriter();
  }

  /** Waits for the greeting. `login`: user name and password for a server that asks for them. */
  static async open(stream: ProbeStream, login?: readonly [string, string]): Promise<ImapProbe> {
    const probe = new ImapProbe(stream);
    const greeting = await probe.#response();
    if (!/^\* (OK|PREAUTH)/.test(greeting.text)) throw new Error(`Unexpected greeting: ${greeting.text}`);
    if (login !== undefined) await probe.command(`LOGIN ${quoted(login[0])} ${quoted(login[1])}`);
    return probe;
  }

  async #response(): Promise<Response> {
    const texts = [await this.#reader.line()];
    const literals: Uint8Array[] = [];
    for (;;) {
      const announced = /\{(\d+)\}$/.exec(texts.at(-1) ?? "");
      if (announced === null) break;
      literals.push(await this.#reader.block(Number(announced[1])));
      texts.push(await this.#reader.line());
    }
    const text = texts.join("");
    const isStatus = /^\S+ (OK|NO|BAD|BYE|PREAUTH)\b/i.test(text) || text.startsWith("+");
    return { text, values: isStatus ? [] : parseValues(texts, literals).slice(1) };
  }

  /** Sends one command; octets among the parts are sent as literals. Returns whatever the server answers. */
  async try(...parts: readonly (string | Uint8Array)[]): Promise<Reply> {
    const tag = `w${++this.#commands}`;
    const untagged: Response[] = [];
    const until = async (stop: (text: string) => boolean): Promise<Response> => {
      for (;;) {
        const response = await this.#response();
        if (stop(response.text)) return response;
        untagged.push({ text: response.text.replace(/^\* /, ""), values: response.values });
      }
    };
    let line = `${tag} `;
    for (const part of parts) {
      if (typeof part === "string") {
        line += part;
        continue;
      }
      await this.#writer.write(toBytes(`${line}{${part.length}}\r\n`));
      const answer = await until((text) => text.startsWith("+") || text.startsWith(`${tag} `));
      if (!answer.text.startsWith("+")) return { text: answer.text.slice(tag.length + 1), untagged };
      await this.#writer.write(part);
      line = "";
    }
    await this.#writer.write(toBytes(`${line}\r\n`));
    const answer = await until((text) => text.startsWith(`${tag} `));
    return { text: answer.text.slice(tag.length + 1), untagged };
  }

  /** As `try`, for a command that has to succeed. */
  async command(...parts: readonly (string | Uint8Array)[]): Promise<Reply> {
    const reply = await this.try(...parts);
    if (!/^OK\b/i.test(reply.text)) {
      throw new Error(`${parts.filter((part) => typeof part === "string")[0]}: ${reply.text}`);
    }
    return reply;
  }

  async #names(command: "LIST" | "LSUB"): Promise<ListedName[]> {
    const { untagged } = await this.command(`${command} "" "*"`);
    return untagged.filter((response) => response.values[0] === command).map(({ values }) => ({
      name: asText(values[3]),
      delimiter: values[2] === null ? null : asText(values[2]),
      attributes: asList(values[1]).map((attribute) => asText(attribute).toLowerCase()),
    }));
  }

  list(): Promise<ListedName[]> {
    return this.#names("LIST");
  }

  lsub(): Promise<ListedName[]> {
    return this.#names("LSUB");
  }

  async #open(command: "SELECT" | "EXAMINE", mailbox: string): Promise<SelectedFacts> {
    const { untagged } = await this.command(`${command} ${quoted(mailbox)}`);
    const find = (pattern: RegExp) => untagged.map(({ text }) => pattern.exec(text)?.[1]).find((found) => found);
    return {
      exists: Number(find(/^(\d+) EXISTS/) ?? 0),
      uidValidity: Number(find(/\[UIDVALIDITY (\d+)\]/) ?? 0),
      uidNext: Number(find(/\[UIDNEXT (\d+)\]/) ?? 0),
      highestModSeq: find(/\[HIGHESTMODSEQ (\d+)\]/) ?? "0",
    };
  }

  select(mailbox: string): Promise<SelectedFacts> {
    return this.#open("SELECT", mailbox);
  }

  /** Opens a mailbox without taking \Recent from anybody. */
  examine(mailbox: string): Promise<SelectedFacts> {
    return this.#open("EXAMINE", mailbox);
  }

  /** Messages of the open mailbox, by sequence numbers, whole; without those that are expunged meanwhile. */
  async messages(sequence: string): Promise<FetchedMessage[]> {
    const { untagged } = await this.command(`FETCH ${sequence} (UID FLAGS INTERNALDATE BODY.PEEK[])`);
    // Changes by others come as responses of their own, without what was asked for.
    return untagged.filter(({ values }) => values[1] === "FETCH").map(({ values }) => asList(values[2]))
      .filter((items) => items.includes("BODY[]") && !isGone(items)).map(fetchedMessage);
  }

  /** Returns the UID that the message got. */
  async append(mailbox: string, message: NewMessage): Promise<number> {
    const flags = `(${(message.flags ?? []).join(" ")})`;
    const date = message.internalDate === undefined ? "" : ` ${quoted(message.internalDate)}`;
    const reply = await this.command(`APPEND ${quoted(mailbox)} ${flags}${date} `, message.body);
    return Number(/\[APPENDUID \d+ (\d+)\]/.exec(reply.text)?.[1] ?? 0);
  }

  async create(mailbox: string): Promise<void> {
    await this.command(`CREATE ${quoted(mailbox)}`);
  }

  async delete(mailbox: string): Promise<void> {
    await this.command(`DELETE ${quoted(mailbox)}`);
  }

  async subscribe(mailbox: string): Promise<void> {
    await this.command(`SUBSCRIBE ${quoted(mailbox)}`);
  }

  async unsubscribe(mailbox: string): Promise<void> {
    await this.command(`UNSUBSCRIBE ${quoted(mailbox)}`);
  }

  /** `change`: `FLAGS`, `+FLAGS` or `-FLAGS`. */
  async store(uids: readonly number[], change: string, flags: readonly string[]): Promise<void> {
    if (uids.length > 0) await this.command(`UID STORE ${uids.join(",")} ${change} (${flags.join(" ")})`);
  }

  /** Removes these messages of the selected mailbox for good. */
  async expunge(uids: readonly number[]): Promise<void> {
    if (uids.length === 0) return;
    await this.store(uids, "+FLAGS.SILENT", ["\\Deleted"]);
    await this.command(`UID EXPUNGE ${uids.join(",")}`);
  }

  /** Logs out and waits until the server is gone. */
  async close(): Promise<void> {
    await this.#writer.write(toBytes("end LOGOUT\r\n"));
    await this.#reader.drain();
    await this.#writer.close().catch(() => {});
    await this.#stream.closed();
  }
}

function itemOf(items: readonly Value[], name: string): Value | undefined {
  return items[items.findIndex((value, at) => at % 2 === 0 && value === name) + 1];
}

/** Dovecot tells NIL of what another session has expunged, and says so of the sequence number when it may. */
function isGone(items: readonly Value[]): boolean {
  return itemOf(items, "BODY[]") === null;
}

function fetchedMessage(items: readonly Value[]): FetchedMessage {
  const item = (name: string) => itemOf(items, name);
  const body = item("BODY[]");
  return {
    uid: Number(asText(item("UID"))),
    flags: asList(item("FLAGS")).map(asText).filter((flag) => flag !== "\\Recent").sort(),
    internalDate: parseInternalDate(asText(item("INTERNALDATE"))),
    body: body instanceof Uint8Array ? body : toBytes(asText(body)),
  };
}
