// A server that does what the test says, one line at a time, over any ByteStream. Knows lines and octets, no IMAP.

import assert from "node:assert/strict";
import type { ByteStream } from "../../lib/transport/types.ts";

export class Script {
  readonly #stream: ByteStream;
  #buffer = "";

  constructor(stream: ByteStream) {
    this.#stream = stream;
  }

  /** Sends lines, each with CRLF. One character per octet. */
  async send(...lines: readonly string[]): Promise<void> {
    await this.raw(lines.map((line) => `${line}\r\n`).join(""));
  }

  async raw(octets: string): Promise<void> {
    await this.#stream.write(Uint8Array.from(octets, (character) => character.charCodeAt(0)));
  }

  /** The next line without CRLF; null at the end of the stream. */
  async line(): Promise<string | null> {
    for (;;) {
      const end = this.#buffer.indexOf("\r\n");
      if (end >= 0) {
        const line = this.#buffer.slice(0, end);
        this.#buffer = this.#buffer.slice(end + 2);
        return line;
      }
      if (!(await this.#more())) return null;
    }
  }

  /** So many octets. */
  async octets(count: number): Promise<string> {
    while (this.#buffer.length < count) assert.ok(await this.#more(), "the client closed the connection");
    const octets = this.#buffer.slice(0, count);
    this.#buffer = this.#buffer.slice(count);
    return octets;
  }

  /** The next line, which must be this one. */
  async expect(expected: string | RegExp): Promise<string> {
    const line = await this.line();
    if (typeof expected === "string") assert.equal(line, expected);
    else assert.match(line ?? "(end of stream)", expected);
    return line ?? "";
  }

  /** What was received and not asked for yet. */
  get pending(): string {
    return this.#buffer;
  }

  close(): void {
    this.#stream.close();
  }

  async #more(): Promise<boolean> {
    const chunk = await this.#stream.read();
    if (chunk === null) return false;
    for (const octet of chunk) this.#buffer += String.fromCharCode(octet);
    return true;
  }
}
