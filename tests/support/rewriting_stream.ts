// A stream on which some of the server's lines arrive otherwise than they were sent: for servers that say odd things.
// Lines are taken as they come, literals and all; the test chooses lines that no message contains.

import type { ByteStream } from "../../lib/transport/types.ts";
import { octetsOf, textOf } from "./model_values.ts";

/** What arrives instead of a line, without line ends. */
export type Rewrite = (line: string) => readonly string[];

export class RewritingStream implements ByteStream {
  readonly #inner: ByteStream;
  readonly #rewrite: Rewrite;
  #rest = "";

  constructor(inner: ByteStream, rewrite: Rewrite) {
    this.#inner = inner;
    this.#rewrite = rewrite;
  }

  async read(): Promise<Uint8Array | null> {
    for (;;) {
      const bytes = await this.#inner.read();
      if (bytes === null) return null;
      const lines = (this.#rest + textOf(bytes)).split("\r\n");
      this.#rest = lines.pop() ?? "";
      const text = lines.flatMap((line) => this.#rewrite(line)).map((line) => `${line}\r\n`).join("");
      if (text !== "") return octetsOf(text);
    }
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#inner.write(bytes);
  }

  close(): void {
    this.#inner.close();
  }
}
