// The INI dialect of the original (Config::Tiny 2.28): octets -> sections with line numbers. Pure; knows no option.
// Lines end with LF, CRLF, CR or CR CR LF; there is no quoting, no continuation line, no include, no charset.
// Differences, on purpose: a syntax error names its line, and a UTF-8 byte order mark is skipped (with the original
// it always made the first line invalid, so no working file changes its meaning).

import { latin1 } from "../base/bytes.ts";
import { ConfigError } from "../errors.ts";

/** Name of the section that holds everything above the first header; `[_]` returns to it. */
export const DEFAULT_SECTION = "_";

/** One `key = value` line. Both are octets, one character each, without blanks around; the value may be empty. */
export interface IniEntry {
  readonly key: string;
  readonly value: string;
  readonly line: number;
  /** A comment behind the value was taken off, which may have been meant as a part of it. */
  readonly commented: boolean;
}

/** One section, merged from all its occurrences; of a repeated key the last entry stands. */
export interface IniSection {
  readonly name: string;
  /** Line of the first header (or of the first entry, in the default section). */
  readonly line: number;
  readonly entries: ReadonlyMap<string, IniEntry>;
}

/** Sections by name, in the order of their first appearance. */
export type IniFile = ReadonlyMap<string, IniSection>;

interface OpenSection extends IniSection {
  readonly entries: Map<string, IniEntry>;
}

const LINE_END = /\r{1,2}\n|\r|\n/;

// Of the blanks of the dialect (TAB to CR, space), those that can stand inside a line.
const INLINE_COMMENT = /[\t\v\f ];[\t\v\f ].+$/;

/**
 * Reads a configuration file.
 * @param file its name for error texts, one character per octet
 * @throws ConfigError naming file and line. The text of the line is left out: it may be a mistyped password.
 */
export function parseIni(octets: Uint8Array, file: string): IniFile {
  const sections = new Map<string, OpenSection>();
  let current = DEFAULT_SECTION;
  let lineNumber = 0;
  for (const rawLine of withoutByteOrderMark(octets, file).split(LINE_END)) {
    lineNumber++;
    const line = significantText(rawLine);
    if (line === "") continue;
    const header = sectionName(line);
    if (header !== null) {
      current = header;
      openSection(sections, header, lineNumber);
      continue;
    }
    const entry = parseEntry(line, lineNumber, line !== trimBlanks(rawLine));
    if (entry === null) {
      throw new ConfigError(`${file}:${lineNumber}: Syntax error: expected [SECTION], OPTION = VALUE or # comment`);
    }
    openSection(sections, current, lineNumber).entries.set(entry.key, entry);
  }
  return sections;
}

function withoutByteOrderMark(octets: Uint8Array, file: string): string {
  const [first, second, third] = octets;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
    throw new ConfigError(`${file}:1: Syntax error: the file is UTF-16; save it as UTF-8 or plain ASCII`);
  }
  const marked = first === 0xef && second === 0xbb && third === 0xbf;
  return latin1(marked ? octets.subarray(3) : octets);
}

/** The line without comment and without the blanks around; empty when nothing is left. */
function significantText(line: string): string {
  const text = trimBlanks(line);
  if (text.startsWith("#") || text.startsWith(";")) return "";
  // The comment rule needs the untrimmed line: "a ;  " has a comment (of one blank), "a ; " has none.
  return line.includes(";") ? trimBlanks(line.replace(INLINE_COMMENT, "")) : text;
}

function sectionName(line: string): string | null {
  if (line.length < 3 || !line.startsWith("[") || !line.endsWith("]")) return null;
  return trimBlanks(line.slice(1, -1));
}

function parseEntry(line: string, lineNumber: number, commented: boolean): IniEntry | null {
  const equals = line.indexOf("=");
  if (equals < 1) return null;
  const [key, value] = [trimBlanks(line.slice(0, equals)), trimBlanks(line.slice(equals + 1))];
  return { key, value, line: lineNumber, commented };
}

function openSection(sections: Map<string, OpenSection>, name: string, line: number): OpenSection {
  const known = sections.get(name);
  if (known !== undefined) return known;
  const section: OpenSection = { name, line, entries: new Map() };
  sections.set(name, section);
  return section;
}

// Neither trim() nor \s will do: they also take U+00A0, which is the second octet of "à" in UTF-8.
function trimBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d);
}
