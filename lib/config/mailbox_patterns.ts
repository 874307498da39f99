// The value of list-mailbox -> patterns of LIST with NUL for the hierarchy delimiter; and the selection options of
// LIST (RFC 5258 3.1). Pure; it knows no server, and does not ask whether a pattern matches anything.

/** A word as it stands: printable ASCII without space, `"`, `(`, `)`, `\`, `{`. */
const BARE = /[!#-'*-[\]-z|-~]+/y;

/** A quoted word: printable ASCII but `"` and `\`, or an escape. */
const QUOTED = /"((?:[ !#-[\]-~]|\\(?:["\\0abtnvfr]|x[0-9A-Fa-f]{2}))+)"/y;

const BLANKS = /\s+/y;

// As Perl evaluates them: it knows no \v, which is the letter.
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ["0", "\0"],
  ["a", "\x07"],
  ["b", "\b"],
  ["t", "\t"],
  ["n", "\n"],
  ["f", "\f"],
  ["r", "\r"],
]);

/** The words of list-mailbox, one character per octet; null when the value is none. */
export function parseListMailbox(value: string): readonly string[] | null {
  const patterns: string[] = [];
  for (let at = 0; at < value.length;) {
    const bare = matchAt(BARE, value, at);
    const word = bare ?? matchAt(QUOTED, value, at);
    if (word === null) return null;
    const [all, quoted = ""] = word;
    patterns.push(bare === null ? unescape(quoted) : all);
    at += all.length;
    if (at === value.length) break;
    const blanks = matchAt(BLANKS, value, at);
    if (blanks === null) return null;
    at += blanks[0].length;
  }
  return patterns.length === 0 ? null : patterns;
}

/** The selection options in upper case; a problem instead when RFC 5258 forbids the combination. */
export function parseSelectOptions(
  value: string,
): { readonly options: readonly string[]; readonly problem: string | null } {
  const options = value.toUpperCase().split(" ").filter((option) => option !== "");
  const alone = options.includes("RECURSIVEMATCH") &&
    options.every((option) => option === "RECURSIVEMATCH" || option === "REMOTE");
  return { options, problem: alone ? "RECURSIVEMATCH needs something to match, such as SUBSCRIBED" : null };
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

function unescape(quoted: string): string {
  return quoted.replace(/\\(?:x([0-9A-Fa-f]{2})|(.))/g, (_all, hex: string | undefined, letter: string) => {
    return hex === undefined ? ESCAPES.get(letter) ?? letter : String.fromCharCode(Number.parseInt(hex, 16));
  });
}
