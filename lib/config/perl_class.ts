// A bracketed character class of a Perl regular expression -> the class of a RegExp with flag v, whose classes may be
// nested. Every character is written by its number, so that nothing in it can be taken for syntax. perlrecharclass(1)

/** The reading head of perl_regex.ts. */
export interface ClassCursor {
  readonly text: string;
  at: number;
  take(pattern: RegExp): RegExpExecArray | null;
  characterCode(): number | null;
  property(): string | null;
  fail(problem: string): never;
}

/** What a class is made of: one character, or a set as a nested class. */
type Item = { readonly code: number } | { readonly set: string };

const POSIX: ReadonlyMap<string, string> = new Map([
  ["alpha", "A-Za-z"],
  ["digit", "0-9"],
  ["alnum", "A-Za-z0-9"],
  ["upper", "A-Z"],
  ["lower", "a-z"],
  ["word", "A-Za-z0-9_"],
  ["punct", "\\x21-\\x2F\\x3A-\\x40\\x5B-\\x60\\x7B-\\x7E"],
  ["space", "\\t-\\r\\x20"],
  ["blank", "\\t\\x20"],
  ["cntrl", "\\x00-\\x1F\\x7F"],
  ["graph", "\\x21-\\x7E"],
  ["print", "\\x20-\\x7E"],
  ["xdigit", "0-9A-Fa-f"],
  ["ascii", "\\x00-\\x7F"],
]);

const SETS: ReadonlyMap<string, string> = new Map([
  ["d", "[0-9]"],
  ["D", "[^0-9]"],
  ["w", "[A-Za-z0-9_]"],
  ["W", "[^A-Za-z0-9_]"],
  ["s", "[\\t-\\r\\x20]"],
  ["S", "[^\\t-\\r\\x20]"],
  ["h", "[\\t\\x20\\xA0]"],
  ["H", "[^\\t\\x20\\xA0]"],
  ["v", "[\\n-\\r\\x85]"],
  ["V", "[^\\n-\\r\\x85]"],
  ["N", "[^\\n]"],
]);

const CONTROLS: ReadonlyMap<string, number> = new Map([
  ["a", 0x07],
  ["b", 0x08],
  ["e", 0x1b],
  ["f", 0x0c],
  ["n", 0x0a],
  ["r", 0x0d],
  ["t", 0x09],
]);

/** Translates a class; the cursor stands behind its `[`, and in the end behind its `]`. */
export function translateClass(cursor: ClassCursor): string {
  const negated = cursor.take(/\^/y) !== null;
  let members = "";
  let first = true;
  while (first || cursor.text.charAt(cursor.at) !== "]") {
    if (cursor.at >= cursor.text.length) cursor.fail("Unmatched [");
    members += member(cursor);
    first = false;
  }
  cursor.at++;
  return `[${negated ? "^" : ""}${members}]`;
}

/** One item, or a range of two. */
function member(cursor: ClassCursor): string {
  const from = item(cursor);
  if ("set" in from) return from.set;
  const dash = cursor.text.charAt(cursor.at) === "-" && !["]", ""].includes(cursor.text.charAt(cursor.at + 1));
  if (!dash) return hex(from.code);
  cursor.at++;
  const to = item(cursor);
  if ("set" in to) return hex(from.code) + hex(0x2d) + to.set;
  if (to.code < from.code) cursor.fail("a range of a character class is the wrong way round");
  return `${hex(from.code)}-${hex(to.code)}`;
}

function item(cursor: ClassCursor): Item {
  const posix = cursor.take(/\[:(\^?)([a-z]+):\]/y);
  if (posix !== null) {
    const set = POSIX.get(posix[2] ?? "");
    return set === undefined ? cursor.fail(`the class ${posix[0]} is unknown`) : { set: `[${posix[1] ?? ""}${set}]` };
  }
  if (cursor.take(/\[[=.]/y) !== null) cursor.fail("classes such as [=a=] are not supported");
  if (cursor.text.charAt(cursor.at) === "\\") return escaped(cursor);
  return { code: cursor.text.charCodeAt(cursor.at++) };
}

function escaped(cursor: ClassCursor): Item {
  const code = cursor.characterCode();
  if (code !== null) return { code };
  const property = cursor.property();
  if (property !== null) return { set: property };
  // In a class these digits can only be an octal number.
  const octal = cursor.take(/\\([1-7][0-7]{0,2})/y);
  if (octal !== null) return { code: Number.parseInt(octal[1] ?? "", 8) };
  const letter = cursor.text.charAt(cursor.at + 1);
  const set = SETS.get(letter);
  const control = CONTROLS.get(letter);
  if (letter === "" || (set === undefined && control === undefined && /[A-Za-z0-9]/.test(letter))) {
    cursor.fail(`the escape \\${letter} is not supported in a character class`);
  }
  cursor.at += 2;
  if (set !== undefined) return { set };
  return { code: control ?? letter.charCodeAt(0) };
}

function hex(code: number): string {
  return `\\u{${code.toString(16)}}`;
}
