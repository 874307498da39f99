// What the server sent, as lines for --debug: literals shown as [...], everything else as it came. Knows just enough of
// the protocol to see where a literal begins; the decoder, not this file, decides what is legal.

const MAX_SHOWN_OCTETS = 4096;
const CR = 0x0d;
const LF = 0x0a;

/** Cuts received octets into lines to show, under any chunking. Holds at most MAX_SHOWN_OCTETS. */
export class WireLog {
  #line = "";
  #continued = false;
  #skip = 0;
  /** While a command with credentials is unanswered: its tag. */
  #hiddenTag: string | null = null;

  readonly #show: (line: string) => void;

  constructor(show: (line: string) => void) {
    this.#show = show;
  }

  /** Until the answer with this tag nothing is shown that could repeat a password: some servers do. */
  hideUntil(tag: string): void {
    this.#hiddenTag = tag;
  }

  feed(chunk: Uint8Array): void {
    let i = 0;
    while (i < chunk.length) {
      if (this.#skip > 0) {
        const skipped = Math.min(this.#skip, chunk.length - i);
        this.#skip -= skipped;
        i += skipped;
        continue;
      }
      const octet = chunk[i++] ?? 0;
      if (octet === LF) this.#lineEnd();
      else if (octet !== CR && this.#line.length < MAX_SHOWN_OCTETS) this.#line += String.fromCharCode(octet);
    }
  }

  #redacted(line: string, tag: string): string {
    if (!line.startsWith(`${tag} `)) return "[REDACTED]";
    this.#hiddenTag = null;
    return withoutText(line);
  }

  #lineEnd(): void {
    const line = this.#continued ? `[...]${this.#line}` : this.#line;
    this.#show(this.#hiddenTag === null ? line : this.#redacted(line, this.#hiddenTag));
    this.#skip = announcedOctets(this.#line, this.#continued);
    this.#continued = this.#skip > 0;
    this.#line = "";
  }
}

/** What is left of an answer: its status and code. */
function withoutText(line: string): string {
  const kept = /^\S+ ((?:OK|NO|BAD)(?: \[[^\]]*\])?)/i.exec(line)?.[1] ?? "";
  return `xxx ${kept} [REDACTED]`;
}

/** Length of the literal that a line announces; 0 when it announces none (a status text is never one). */
function announcedOctets(line: string, continued: boolean): number {
  if (!continued && !/^\* (?!(?:OK|NO|BAD|BYE|PREAUTH)\b)/i.test(line)) return 0;
  const match = /\{(\d{1,10})\+?\}$/.exec(line);
  return match === null ? 0 : Number(match[1]);
}
