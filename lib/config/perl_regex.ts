// A Perl regular expression (the value of ignore-mailbox) -> a RegExp with the same meaning, or the reason why there is
// none. Nothing is passed on unread: where JavaScript would understand something else by it, it is rewritten or refused.
// Subjects are octets, one character each, so that \s, \h and the like are the sets of ASCII and Latin-1. perlre(1)

import { type ClassCursor, translateClass } from "./perl_class.ts";

/** A RegExp without `g` or `y`, which keeps no state; or what cannot be mapped. */
export type PerlRegex =
  | { readonly kind: "regex"; readonly regex: RegExp }
  | { readonly kind: "problem"; readonly problem: string };

const START = "(?<![^])";
const END = "(?![^])";
const BEFORE_END = `(?=\\n?${END})`;

/** Escapes outside of a class that JavaScript lacks, or reads in another way. */
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ["A", START],
  ["z", END],
  ["Z", BEFORE_END],
  ["h", "[\\t \\xA0]"],
  ["H", "[^\\t \\xA0]"],
  ["v", "[\\n-\\r\\x85]"],
  ["V", "[^\\n-\\r\\x85]"],
  ["s", "[\\t-\\r ]"],
  ["S", "[^\\t-\\r ]"],
  ["R", "(?:\\r\\n|[\\n-\\r\\x85])"],
  ["N", "[^\\n]"],
  ["a", "\\x07"],
  ["e", "\\x1B"],
]);

/** Escapes that mean the same in both languages. */
const COMMON_ESCAPES = "bBdDwWtnrf";

/** Openings of groups that mean the same in both languages. */
const COMMON_GROUPS = ["(?:", "(?=", "(?!", "(?<=", "(?<!", "(?i:", "(?-i:", "(?^:"];

const SYNTAX = /[\^$\\.*+?()[\]{}|/]/;

/** V8 takes seconds to compile 60 of them, and hours for 250. */
const MAX_OPTIONAL = 32;

class Unmappable extends Error {}

/** Translates `pattern`, which is ASCII. */
export function translatePerlRegex(pattern: string): PerlRegex {
  try {
    const { source, ignoreCase } = new Translator(pattern).run();
    const regex = new RegExp(source, ignoreCase ? "vi" : "v");
    // Only now the engine compiles it, and may find it too large.
    regex.test("");
    return { kind: "regex", regex };
  } catch (error) {
    if (error instanceof Unmappable) return { kind: "problem", problem: error.message };
    // The engine quotes the pattern, which the user has before him already, and then says what is wrong.
    if (error instanceof SyntaxError) return { kind: "problem", problem: error.message.replace(/^.*\/v?i?v?: /s, "") };
    throw error;
  }
}

class Translator implements ClassCursor {
  readonly text: string;
  at = 0;
  readonly #flags = new Set<string>();
  /** For each open group, and the whole, the groups opened for flags inside it, which last to its end. */
  readonly #open: string[][] = [[]];

  constructor(text: string) {
    this.text = text;
  }

  run(): { readonly source: string; readonly ignoreCase: boolean } {
    this.#leadingFlags();
    let source = "";
    const row = new OptionalRow();
    while (this.at < this.text.length) {
      const piece = this.#next();
      if (row.grows(piece)) this.fail(`more than ${MAX_OPTIONAL} optional characters in a row are not supported`);
      source += piece;
    }
    if (this.#open.length > 1) this.fail("Unmatched (");
    source += this.#closing();
    return { source, ignoreCase: this.#flags.has("i") };
  }

  fail(problem: string): never {
    throw new Unmappable(problem);
  }

  /** The match of a sticky pattern here, consumed; or null. */
  take(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found !== null) this.at += found[0].length;
    return found;
  }

  #leadingFlags(): void {
    for (let flags = this.take(/\(\?\^?([a-z]+)\)/y); flags !== null; flags = this.take(/\(\?\^?([a-z]+)\)/y)) {
      for (const flag of flags[1] ?? "") {
        if (!"imsxaudp".includes(flag)) this.fail(`the flag (?${flag}) is not supported`);
        if (flag === "x" && this.#flags.has("x")) this.fail("the flag (?xx) is not supported");
        this.#flags.add(flag);
      }
    }
  }

  #next(): string {
    const character = this.text.charAt(this.at);
    switch (character) {
      case "\\":
        return this.#escape();
      case "[":
        this.at++;
        return translateClass(this);
      case "(":
        return this.#group();
      case "{":
        return this.#brace();
      case "*":
      case "+":
      case "?":
        this.at++;
        return character + this.#afterQuantifier();
      default:
        this.at++;
        return this.#plain(character);
    }
  }

  #plain(character: string): string {
    const { text } = this;
    switch (character) {
      case "^":
        return this.#flags.has("m") ? `(?<=\\n|${START})` : START;
      case "$":
        return this.#flags.has("m") ? `(?=\\n|${END})` : BEFORE_END;
      case ".":
        return this.#flags.has("s") ? "[^]" : "[^\\n]";
      case ")":
        return this.#endOfGroup();
      case "|":
        return `${this.#closing()}|${(this.#open.at(-1) ?? []).join("")}`;
      case "#":
        if (!this.#flags.has("x")) return character;
        this.at = text.includes("\n", this.at) ? text.indexOf("\n", this.at) + 1 : text.length;
        return "";
      default:
        if (this.#flags.has("x") && /\s/.test(character)) return "";
        return literal(character);
    }
  }

  #brace(): string {
    const quantifier = this.take(/\{(\d*)(,?)(\d*)\}/y);
    const [, from = "", comma = "", to = ""] = quantifier ?? [];
    if (from !== "" || to !== "") return `{${from || "0"}${comma}${to}}${this.#afterQuantifier()}`;
    if (quantifier !== null) this.at -= quantifier[0].length;
    this.at++;
    return "\\{";
  }

  #afterQuantifier(): string {
    if (this.take(/\+/y) !== null) this.fail("possessive quantifiers such as a++ are not supported");
    return this.take(/\?/y) === null ? "" : "?";
  }

  /** Ends what was opened for flags in the current group. */
  #closing(): string {
    return ")".repeat(this.#open.at(-1)?.length ?? 0);
  }

  #endOfGroup(): string {
    const closing = this.#closing();
    this.#open.pop();
    if (this.#open.length === 0) this.fail("Unmatched )");
    return `${closing})`;
  }

  /** A comment, a flag for the rest of the group, a reference, or the beginning of a group. */
  #group(): string {
    if (this.take(/\(\?#[^)]*\)/y) !== null) return "";
    const flag = this.take(/\(\?(-?i)\)/y);
    if (flag !== null) {
      const opening = `(?${flag[1] ?? ""}:`;
      this.#open.at(-1)?.push(opening);
      return opening;
    }
    const reference = this.take(/\(\?P=(\w+)\)/y);
    if (reference !== null) return `\\k<${reference[1] ?? ""}>`;
    this.#open.push([]);
    return this.#beginningOfGroup();
  }

  #beginningOfGroup(): string {
    const named = this.take(/\(\?(?:P?<([A-Za-z_]\w*)>|'([A-Za-z_]\w*)')/y);
    if (named !== null) return `(?<${named[1] ?? named[2] ?? ""}>`;
    const common = COMMON_GROUPS.find((group) => this.text.startsWith(group, this.at));
    if (common !== undefined) {
      this.at += common.length;
      return common === "(?^:" ? (this.#flags.has("i") ? "(?-i:" : "(?:") : common;
    }
    const special = this.take(/\([?*].?/y);
    if (special !== null) this.fail(`groups such as ${special[0]} are not supported`);
    this.at++;
    return "(";
  }

  #escape(): string {
    const quoted = this.take(/\\Q((?:(?!\\E).)*)(?:\\E)?/ys);
    if (quoted !== null) return [...quoted[1] ?? ""].map(literal).join("");
    if (this.take(/\\E/y) !== null) return "";
    const code = this.characterCode();
    if (code !== null) return hex(code);
    const reference = this.take(/\\(?:g\{?([1-9]\d*)\}?|([1-9]\d*))/y);
    if (reference !== null) return `(?:\\${reference[1] ?? reference[2] ?? ""})`;
    const named = this.take(/\\[gk](?:\{([A-Za-z_]\w*)\}|<([A-Za-z_]\w*)>|'([A-Za-z_]\w*)')/y);
    if (named !== null) return `\\k<${named[1] ?? named[2] ?? named[3] ?? ""}>`;
    const property = this.property();
    if (property !== null) return property;
    const [whole, letter = ""] = this.take(/\\(.?)/ys) ?? [""];
    if (letter === "" || ("bBN".includes(letter) && this.text.startsWith("{", this.at))) {
      this.fail(`the escape ${whole}${letter === "" ? "" : "{"} is not supported`);
    }
    const translated = ESCAPES.get(letter);
    if (translated !== undefined) return translated;
    if (COMMON_ESCAPES.includes(letter)) return whole;
    if (/[A-Za-z0-9]/.test(letter)) this.fail(`the escape ${whole} is not supported`);
    return literal(letter);
  }

  /** \xHH, \x{...}, \o{...}, an octal number or \cX: a character by its number; or null. */
  characterCode(): number | null {
    const found = this.take(
      /\\(?:x\{\s*([0-9A-Fa-f]+)\s*\}|x([0-9A-Fa-f]{1,2}|(?![{0-9A-Fa-f]))|o\{([0-7]+)\}|(0[0-7]{0,2})|c([A-Za-z]))/y,
    );
    if (found === null) return null;
    const [, braced, short, octalBraced, octal, control] = found;
    if (control !== undefined) return control.toUpperCase().charCodeAt(0) ^ 0x40;
    const digits = braced ?? short;
    return digits === undefined ? Number.parseInt(octalBraced ?? octal ?? "0", 8) : Number.parseInt(digits || "0", 16);
  }

  /** \p{...} or \P{...}, of which the engine knows the names it knows; or null. */
  property(): string | null {
    const found = this.take(/\\([pP])(?:\{(\^?)([\w=: ]+)\}|([A-Z]))/y);
    if (found === null) return null;
    const [, letter = "p", inverted = "", name, short] = found;
    const sign = inverted === "" ? letter : letter === "p" ? "P" : "p";
    return `\\${sign}{${name ?? short ?? ""}}`;
  }
}

/** Counts optional characters, in groups or not, with none between them that has to be there. */
class OptionalRow {
  #length = 0;
  #wasCharacter = false;

  /** Takes the next piece of an expression; true when there are too many. */
  grows(piece: string): boolean {
    if (/^[?*+{]/.test(piece)) {
      if (/^(?:\?|\{0)/.test(piece)) this.#length++;
      else if (!piece.startsWith("*")) this.#length = 0;
      this.#wasCharacter = false;
    } else if (!/^[()]|^$/.test(piece)) {
      if (this.#wasCharacter) this.#length = 0;
      this.#wasCharacter = true;
    }
    return this.#length > MAX_OPTIONAL;
  }
}

function literal(character: string): string {
  return SYNTAX.test(character) ? `\\${character}` : character;
}

function hex(code: number): string {
  return `\\u{${code.toString(16)}}`;
}
