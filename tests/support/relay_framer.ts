// Finds the lines of IMAP among octets that come in pieces of any size, and the literals between them (RFC 9051 4.3).

import { toText } from "./live/imap_values.ts";

const LITERAL_END = /\{(\d+)(\+?)\}$/;

/** Some octets that belong together. */
export interface Piece {
  readonly octets: Uint8Array;
  /** Without CRLF; null: octets of a literal. */
  readonly line: string | null;
  /** A command or a response starts with this line; otherwise it goes on after a literal. */
  readonly isStart: boolean;
  /** A command or a response ends with this line. */
  readonly isEnd: boolean;
}

/** One direction of one connection. */
export class Framer {
  #line: number[] = [];
  #literal = 0;
  #isStart = true;

  /** Cuts what has come into pieces; a line is held back until it is whole. */
  *pieces(chunk: Uint8Array): Generator<Piece> {
    let start = 0;
    while (start < chunk.length) {
      if (this.#literal > 0) {
        const octets = chunk.subarray(start, start + this.#literal);
        this.#literal -= octets.length;
        start += octets.length;
        yield { octets, line: null, isStart: false, isEnd: false };
        continue;
      }
      const end = chunk.indexOf(10, start);
      const octets = chunk.subarray(start, end < 0 ? chunk.length : end + 1);
      for (const octet of octets) this.#line.push(octet);
      start += octets.length;
      if (end >= 0) yield this.#whole();
    }
  }

  #whole(): Piece {
    const octets = Uint8Array.from(this.#line);
    this.#line = [];
    const line = toText(octets).replace(/\r?\n$/, "");
    const announced = LITERAL_END.exec(line);
    this.#literal = Number(announced?.[1] ?? 0);
    const piece = { octets, line, isStart: this.#isStart, isEnd: announced === null };
    this.#isStart = piece.isEnd;
    return piece;
  }

  /** The octets of a line that has not ended yet. */
  get rest(): Uint8Array {
    return Uint8Array.from(this.#line);
  }

  /** A synchronizing literal was refused, and the command is over. */
  refuse(): void {
    this.#literal = 0;
    this.#isStart = true;
  }
}

/** Whether the client waits for leave to send a literal. */
export function announcesSynchronizing(line: string): boolean {
  return LITERAL_END.exec(line)?.[2] === "";
}
