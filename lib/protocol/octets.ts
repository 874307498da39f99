// Octets by name, the character classes of the IMAP grammar (RFC 9051 section 9), and words compared where they lie.
// Knows nothing of what the words mean.

export const NUL = 0x00;
export const LF = 0x0a;
export const CR = 0x0d;
export const SP = 0x20;
export const DQUOTE = 0x22;
export const LPAREN = 0x28;
export const RPAREN = 0x29;
export const STAR = 0x2a;
export const PLUS = 0x2b;
export const COMMA = 0x2c;
export const DASH = 0x2d;
export const DIGIT_0 = 0x30;
export const DIGIT_9 = 0x39;
export const COLON = 0x3a;
export const LESS = 0x3c;
export const GREATER = 0x3e;
export const LBRACKET = 0x5b;
export const BACKSLASH = 0x5c;
export const RBRACKET = 0x5d;
export const LBRACE = 0x7b;
export const RBRACE = 0x7d;
export const TILDE = 0x7e;

/** ATOM-CHAR: neither a control nor one of `( ) { SP % * " \ ]`. */
export const ATOM = 1;
/** ATOM-CHAR without `[`, which divides the name of a FETCH item from its section. */
export const ITEM_NAME = 2;
/** tag = 1*<any ASTRING-CHAR except "+">. */
export const TAG = 4;
/** What a server may put into a word: anything that is not a control, a space, a parenthesis or a quote; 8-bit too. */
export const WORD = 8;
/** list-char, and 8-bit, for names that a server sends in UTF-8 as they are: WORD without `{` and `\`. */
export const NAME = 16;

function classesOf(octet: number): number {
  if (octet <= SP || octet === 0x7f || '()"'.includes(String.fromCharCode(octet))) return 0;
  const character = String.fromCharCode(octet);
  let classes = WORD;
  if (!"{\\".includes(character)) classes |= NAME;
  if (octet < 0x80 && !"{%*\\]".includes(character)) classes |= ATOM;
  if ((classes & ATOM) !== 0 && octet !== LBRACKET) classes |= ITEM_NAME;
  if (((classes & ATOM) !== 0 || octet === RBRACKET) && octet !== PLUS) classes |= TAG;
  return classes;
}

const CLASSES: Uint8Array = Uint8Array.from({ length: 256 }, (_, octet) => classesOf(octet));

/** Whether an octet belongs to a class (ATOM, ...); false for -1, the end of the text. */
export function isA(octet: number, classes: number): boolean {
  return octet >= 0 && ((CLASSES[octet] ?? 0) & classes) !== 0;
}

export function isDigit(octet: number): boolean {
  return octet >= DIGIT_0 && octet <= DIGIT_9;
}

/** First index in from..to (exclusive) of an octet that is not in the class; `to` when all are. */
export function endOf(bytes: Uint8Array, from: number, to: number, classes: number): number {
  let i = from;
  while (i < to && ((CLASSES[bytes[i] ?? 0] ?? 0) & classes) !== 0) i++;
  return i;
}

/** Whether from..to is this word, which must be in upper case, without regard to the octets' case. */
export function isWord(bytes: Uint8Array, from: number, to: number, word: string): boolean {
  if (to - from !== word.length) return false;
  for (let i = 0; i < word.length; i++) {
    const octet = bytes[from + i] ?? 0;
    const upper = octet >= 0x61 && octet <= 0x7a ? octet - 0x20 : octet;
    if (upper !== word.charCodeAt(i)) return false;
  }
  return true;
}
