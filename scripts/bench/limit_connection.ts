// One connection of limit.ts: commands go out in flights, answers are read as they come. Whole lines, whole literals, no
// limits, and any answer but OK is the end: a server that can be trusted, and nothing to lose.

import { toBytes, toText } from "../../tests/support/live/imap_values.ts";

const READ_OCTETS = 262_144;

/** A response of the server, or the tagged end of a command: the text without the literals. */
export interface Response {
  readonly text: string;
  readonly literals: readonly Uint8Array[];
}

export class LimitConnection {
  readonly #connection: Deno.TcpConn;
  #buffer = new Uint8Array(READ_OCTETS);
  #start = 0;
  #end = 0;
  #out: Uint8Array[] = [];
  #commands = 0;

  private constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
  }

  /** The greeting has been read. */
  static async open(port: number): Promise<LimitConnection> {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    connection.setNoDelay(true);
    const opened = new LimitConnection(connection);
    await opened.#line();
    return opened;
  }

  close(): void {
    this.#connection.close();
  }

  /** Puts a command into the next flight; returns its tag. Octets stand as they are. */
  send(...parts: readonly (string | Uint8Array)[]): string {
    const tag = `a${++this.#commands}`;
    for (const part of [`${tag} `, ...parts, "\r\n"]) this.#out.push(typeof part === "string" ? toBytes(part) : part);
    return tag;
  }

  async flush(): Promise<void> {
    const octets = new Uint8Array(this.#out.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of this.#out.splice(0)) {
      octets.set(part, at);
      at += part.length;
    }
    for (let sent = 0; sent < octets.length;) sent += await this.#connection.write(octets.subarray(sent));
  }

  /** Reads to the end of a command. @throws Error when a command, this one or one before it, was refused */
  async until(tag: string, each: (response: Response) => void | Promise<void> = () => {}): Promise<void> {
    for (;;) {
      const response = await this.#response();
      if (response.text.startsWith("* ")) {
        const doing = each(response);
        if (doing !== undefined) await doing;
        continue;
      }
      if (!/^\S+ OK/.test(response.text)) throw new Error(response.text);
      if (response.text.startsWith(`${tag} `)) return;
    }
  }

  async #response(): Promise<Response> {
    let text = await this.#line();
    const literals: Uint8Array[] = [];
    while (text.endsWith("}")) {
      const octets = /\{(\d+)\}$/.exec(text)?.[1];
      if (octets === undefined) break;
      literals.push(await this.#block(Number(octets)));
      text += await this.#line();
    }
    return { text, literals };
  }

  async #line(): Promise<string> {
    for (let searched = 0;;) {
      const found = this.#buffer.subarray(this.#start + searched, this.#end).indexOf(10);
      if (found >= 0) {
        const line = toText(this.#buffer.subarray(this.#start, this.#start + searched + found - 1));
        this.#start += searched + found + 1;
        return line;
      }
      searched = this.#end - this.#start;
      await this.#fill();
    }
  }

  async #block(octets: number): Promise<Uint8Array> {
    const block = new Uint8Array(octets);
    let have = Math.min(octets, this.#end - this.#start);
    block.set(this.#buffer.subarray(this.#start, this.#start + have));
    this.#start += have;
    while (have < octets) have += await this.#connection.read(block.subarray(have)) ?? Infinity;
    return block;
  }

  async #fill(): Promise<void> {
    if (this.#start > 0) this.#buffer.copyWithin(0, this.#start, this.#end);
    this.#end -= this.#start;
    this.#start = 0;
    if (this.#end === this.#buffer.length) {
      const larger = new Uint8Array(2 * this.#end);
      larger.set(this.#buffer);
      this.#buffer = larger;
    }
    const count = await this.#connection.read(this.#buffer.subarray(this.#end));
    if (count === null) throw new Error("The server closed the connection");
    this.#end += count;
  }
}
