// Reads commands off a stream of octets for the model server: lines, literals of every kind, and the tokens of one
// command (RFC 9051 9, RFC 7888). Its own parser on purpose: it has to notice when the client writes what is no IMAP.

import type { ByteStream } from "../../lib/transport/types.ts";
import { octetsOf, textOf } from "./model_values.ts";

export type Token =
  | { readonly kind: "atom"; readonly text: string }
  | { readonly kind: "string"; readonly text: string }
  | { readonly kind: "literal"; readonly bytes: Uint8Array }
  | { readonly kind: "list"; readonly items: readonly Token[] };

/** One command as it came: texts with the literals that stood between them. */
export interface RawCommand {
  readonly tag: string;
  /** Upper case; "UID FETCH" for the UID variants. */
  readonly name: string;
  readonly texts: readonly string[];
  readonly literals: readonly Uint8Array[];
  /** The answer when a literal was refused. */
  readonly refusal: string | null;
}

/** The client wrote what is no command. */
export class BadSyntax extends Error {}

/** Lines and blocks of octets. */
export class LineSource {
  #stream: ByteStream;
  #chunks: Uint8Array[] = [];

  constructor(stream: ByteStream) {
    this.#stream = stream;
  }

  /** The next line without CRLF; null at the end of the stream, a cut line included. */
  async line(): Promise<string | null> {
    let text = "";
    for (;;) {
      const chunk = await this.#next();
      if (chunk === null) return null;
      const end = chunk.indexOf(10);
      text += textOf(end < 0 ? chunk : chunk.subarray(0, end));
      if (end < 0) continue;
      if (end + 1 < chunk.length) this.#chunks.unshift(chunk.subarray(end + 1));
      return text.endsWith("\r") ? text.slice(0, -1) : text;
    }
  }

  /** So many octets; null when the stream ends before. */
  async block(octets: number): Promise<Uint8Array | null> {
    const block = new Uint8Array(octets);
    let filled = 0;
    while (filled < octets) {
      const chunk = await this.#next();
      if (chunk === null) return null;
      const taken = chunk.subarray(0, octets - filled);
      block.set(taken, filled);
      filled += taken.length;
      if (taken.length < chunk.length) this.#chunks.unshift(chunk.subarray(taken.length));
    }
    return block;
  }

  /** Reads from another layer from now on; `layer` is given what was received and not yet read. */
  goOnWith(layer: (rest: Uint8Array) => ByteStream): void {
    const rest = new Uint8Array(this.#chunks.flatMap((chunk) => [...chunk]));
    this.#chunks = [];
    this.#stream = layer(rest);
  }

  async #next(): Promise<Uint8Array | null> {
    const waiting = this.#chunks.shift();
    if (waiting !== undefined) return waiting;
    const chunk = await this.#stream.read().catch(() => null);
    return chunk === null ? null : chunk.slice();
  }
}

export interface ReadOptions {
  /** Asked for every literal that the client waits to send (`sync`) or sends anyway; a text: refused with it. */
  readonly literal: (command: RawCommand, octets: number, sync: boolean) => string | null;
  /** Sends a continuation request. */
  readonly ask: () => Promise<void>;
}

/** Reads one command. Null at the end of the stream: half a command is none. */
export async function readCommand(source: LineSource, options: ReadOptions): Promise<RawCommand | null> {
  const texts: string[] = [];
  const literals: Uint8Array[] = [];
  let refusal: string | null = null;
  for (;;) {
    const line = await source.line();
    if (line === null) return null;
    const announced = /\{(\d+)(\+?)\}$/.exec(line);
    texts.push(announced === null ? line : line.slice(0, announced.index));
    const command = { ...headOf(texts[0] ?? ""), texts, literals, refusal };
    if (announced === null) return command;
    const octets = Number(announced[1]);
    const sync = announced[2] === "";
    refusal ??= options.literal(command, octets, sync);
    if (sync && refusal !== null) return { ...command, refusal };
    if (sync) await options.ask();
    const block = await source.block(octets);
    if (block === null) return null;
    literals.push(block);
  }
}

function headOf(line: string): { tag: string; name: string } {
  const words = line.split(" ");
  const first = (words[1] ?? "").toUpperCase();
  const name = first === "UID" ? `UID ${(words[2] ?? "").toUpperCase()}` : first;
  return { tag: words[0] ?? "", name };
}

/** The arguments behind the command's name. @throws BadSyntax */
export function argumentsOf({ texts, literals, name }: RawCommand): readonly Token[] {
  const reader = new TokenReader(texts, literals);
  reader.skipWords(name.startsWith("UID ") ? 3 : 2);
  return reader.all();
}

class TokenReader {
  readonly #texts: readonly string[];
  readonly #literals: readonly Uint8Array[];
  #part = 0;
  #at = 0;

  constructor(texts: readonly string[], literals: readonly Uint8Array[]) {
    this.#texts = texts;
    this.#literals = literals;
  }

  skipWords(count: number): void {
    const words = (this.#texts[0] ?? "").split(" ").slice(0, count);
    this.#at = Math.min(words.join(" ").length, this.#text.length);
  }

  all(): readonly Token[] {
    const tokens: Token[] = [];
    while (!this.#atEnd) {
      if (this.#text[this.#at] !== " ") throw new BadSyntax("a space was expected");
      this.#at++;
      tokens.push(this.#token());
    }
    return tokens;
  }

  get #text(): string {
    return this.#texts[this.#part] ?? "";
  }

  get #atEnd(): boolean {
    return this.#at >= this.#text.length && this.#part >= this.#literals.length;
  }

  #token(): Token {
    if (this.#at >= this.#text.length) {
      const bytes = this.#literals[this.#part];
      if (bytes === undefined) throw new BadSyntax("an argument is missing");
      this.#part++;
      this.#at = 0;
      return { kind: "literal", bytes };
    }
    const char = this.#text[this.#at];
    if (char === "(") return this.#list();
    if (char === '"') return this.#quoted();
    return this.#atom();
  }

  #list(): Token {
    const items: Token[] = [];
    this.#at++;
    if (this.#text[this.#at] !== ")") {
      for (;;) {
        items.push(this.#token());
        if (this.#text[this.#at] !== " ") break;
        this.#at++;
      }
    }
    if (this.#text[this.#at] !== ")") throw new BadSyntax("a list does not end");
    this.#at++;
    return { kind: "list", items };
  }

  #quoted(): Token {
    const match = /^"((?:[^"\\]|\\["\\])*)"/.exec(this.#text.slice(this.#at));
    if (match === null) throw new BadSyntax("a quoted string does not end");
    this.#at += match[0].length;
    return { kind: "string", text: (match[1] ?? "").replace(/\\(["\\])/g, "$1") };
  }

  /** Up to a space or parenthesis; what stands in brackets belongs to it. */
  #atom(): Token {
    const match = /^(?:[^ ()"[]|\[[^\]]*\]|\[)+/.exec(this.#text.slice(this.#at));
    if (match === null) throw new BadSyntax(`unexpected ${this.#text[this.#at] ?? "end"}`);
    this.#at += match[0].length;
    return { kind: "atom", text: match[0] };
  }
}

/** An astring. @throws BadSyntax */
export function astring(token: Token | undefined): string {
  if (token === undefined || token.kind === "list") throw new BadSyntax("a string is missing");
  return token.kind === "literal" ? textOf(token.bytes) : token.text;
}

/** An atom. @throws BadSyntax */
export function atom(token: Token | undefined): string {
  if (token?.kind !== "atom") throw new BadSyntax("an atom is missing");
  return token.text;
}

/** The items of a list. @throws BadSyntax */
export function list(token: Token | undefined): readonly Token[] {
  if (token?.kind !== "list") throw new BadSyntax("a list is missing");
  return token.items;
}

/** The octets of a string or literal. @throws BadSyntax */
export function octets(token: Token | undefined): Uint8Array {
  return token?.kind === "literal" ? token.bytes : octetsOf(astring(token));
}
