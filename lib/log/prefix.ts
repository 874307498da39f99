// The format language of the option log-prefix: %n (component), %m (mailbox), %%, the conditionals `%?X?then?` and
// `%?X?then&else?`, and `\&`, `\?`, `\\`. Pure. Whatever is not of the language stands for itself, as in the original.
// The configuration file trims its values, so that a prefix ends in a space only from inside a conditional.

import type { LogContext } from "./types.ts";

/** `local(INBOX): `, `local: ` or nothing. */
export const DEFAULT_PREFIX = "%?n?%?m?%n(%m)&%n?: ?";

/** Makes the prefix of a line. Text is octets, one character each. */
export type Prefix = (context: LogContext) => string;

type Part =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "value"; readonly letter: string }
  | {
    readonly kind: "condition";
    readonly letter: string;
    readonly yes: readonly Part[];
    readonly no: readonly Part[];
  };

/** Reads a format; there is none that is wrong. */
export function compilePrefix(format: string): Prefix {
  const parts = new FormatReader(format).parts("");
  return (context) => render(parts, context);
}

/** Conditionals in conditionals; what is deeper stands for itself. */
const MAX_DEPTH = 100;

class FormatReader {
  readonly #format: string;
  #at = 0;
  #depth = 0;
  /** What was read at a position, and where it ended: behind one that is not complete everything is read again. */
  readonly #read = new Map<number, { readonly condition: Part | null; readonly end: number }>();

  constructor(format: string) {
    this.#format = format;
  }

  /** Everything up to one of the characters in `ends`, which is not consumed, or to the end. */
  parts(ends: string): readonly Part[] {
    const parts: Part[] = [];
    let text = "";
    const add = (part: Part) => {
      if (text !== "") parts.push({ kind: "text", text });
      text = "";
      parts.push(part);
    };
    while (this.#at < this.#format.length) {
      const [character, next] = [this.#format.charAt(this.#at), this.#format.charAt(this.#at + 1)];
      if (ends.includes(character)) break;
      const condition = character === "%" && next === "?" ? this.#condition() : null;
      if (condition !== null) {
        add(condition);
      } else if (character === "%" && (next === "n" || next === "m")) {
        this.#at += 2;
        add({ kind: "value", letter: next });
      } else if ((character === "%" && next === "%") || (character === "\\" && /[&?\\]/.test(next))) {
        this.#at += 2;
        text += next;
      } else {
        // The `?` of what looks like a conditional and is none does not end the one around it.
        const length = character === "%" && next !== "" ? 2 : 1;
        text += this.#format.slice(this.#at, this.#at + length);
        this.#at += length;
      }
    }
    if (text !== "") parts.push({ kind: "text", text });
    return parts;
  }

  /** A conditional, consumed; or null when there is no complete one here. */
  #condition(): Part | null {
    const start = this.#at;
    const known = this.#read.get(start);
    if (known !== undefined) {
      this.#at = known.end;
      return known.condition;
    }
    this.#depth++;
    const condition = this.#depth > MAX_DEPTH ? null : this.#readCondition(start);
    this.#depth--;
    this.#read.set(start, { condition, end: this.#at });
    return condition;
  }

  #readCondition(start: number): Part | null {
    const opening = /^%\?([A-Za-z])\?/.exec(this.#format.slice(start, start + 4));
    if (opening === null) return null;
    this.#at += opening[0].length;
    const yes = this.parts("&?");
    let no: readonly Part[] = [];
    if (this.#format.charAt(this.#at) === "&") {
      this.#at++;
      no = this.parts("&?");
    }
    if (this.#format.charAt(this.#at) === "?") {
      this.#at++;
      return { kind: "condition", letter: opening[1] ?? "", yes, no };
    }
    this.#at = start;
    return null;
  }
}

function render(parts: readonly Part[], context: LogContext): string {
  let line = "";
  for (const part of parts) {
    if (part.kind === "text") line += part.text;
    else if (part.kind === "value") line += value(part.letter, context);
    else line += render(value(part.letter, context) === "" ? part.no : part.yes, context);
  }
  return line;
}

/** Nothing for what is not known, and for letters that mean nothing. */
function value(letter: string, context: LogContext): string {
  if (letter === "n") return context.component ?? "";
  return letter === "m" ? context.mailbox ?? "" : "";
}
