// Octets and the strings that stand for them. Protocol text and mailbox names are strings with one character per
// octet (U+0000 to U+00FF); this is the only place that converts them. It knows nothing of IMAP, and no UTF-7.
// TextDecoder("latin1") is no help: by the WHATWG standard it decodes windows-1252.

/** Below this many octets appending characters one by one beats a call into the runtime. */
const SHORT_OCTETS = 12;

/** Arguments of one String.fromCharCode call; more risks the engine's stack. */
const CHUNK_OCTETS = 8192;

const ASCII_DECODER = new TextDecoder();
const STRICT_UTF8_DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const UTF8_ENCODER = new TextEncoder();

/** The octets as a string, one character (U+0000 to U+00FF) per octet. */
export function latin1(bytes: Uint8Array): string {
  if (bytes.length < SHORT_OCTETS) return shortLatin1(bytes);
  if (isAscii(bytes)) return ASCII_DECODER.decode(bytes);
  let text = "";
  for (let start = 0; start < bytes.length; start += CHUNK_OCTETS) {
    // Spreading would walk the array by its iterator, eight times slower.
    const chunk: string = Reflect.apply(String.fromCharCode, null, bytes.subarray(start, start + CHUNK_OCTETS));
    text += chunk;
  }
  return text;
}

function shortLatin1(bytes: Uint8Array): string {
  let text = "";
  for (const octet of bytes) text += String.fromCharCode(octet);
  return text;
}

function isAscii(bytes: Uint8Array): boolean {
  let seen = 0;
  for (let i = 0; i < bytes.length; i++) seen |= bytes[i] ?? 0;
  return seen < 0x80;
}

/**
 * The octets that a one-character-per-octet string stands for.
 * @throws RangeError when a character is above U+00FF: cutting it to 8 bits would forge another name
 */
export function fromLatin1(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  let seen = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    bytes[i] = code;
    seen |= code;
  }
  if (seen > 0xff) throw new RangeError("a character above U+00FF is no octet");
  return bytes;
}

/** The UTF-8 octets of a Unicode string (a path, say), one character per octet. */
export function utf8Octets(text: string): string {
  return latin1(UTF8_ENCODER.encode(text));
}

/** The Unicode string whose UTF-8 octets these are (one character per octet), or null when they are not UTF-8. */
export function fromUtf8Octets(octets: string): string | null {
  try {
    return STRICT_UTF8_DECODER.decode(fromLatin1(octets));
  } catch {
    return null;
  }
}

/** Upper case for `a` to `z` only; every other octet stays (toUpperCase would turn U+00FF into U+0178). */
export function asciiUpper(text: string): string {
  return /[a-z]/.test(text) ? text.replace(/[a-z]+/g, (letters) => letters.toUpperCase()) : text;
}

/** Lower case for `A` to `Z` only; every other octet stays. */
export function asciiLower(text: string): string {
  return /[A-Z]/.test(text) ? text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) : text;
}

// C0, DEL, and C1 as it looks in UTF-8: 0xC2 is never a continuation octet, so the pair is always a control
// character. A lone octet 0x80 to 0x9F may be the middle of a letter and passes.
// deno-lint-ignore no-control-regex
const CONTROLS = /[\x00-\x1f\x7f]|\xc2[\x80-\x9f]/g;

/** Makes control characters visible as `\xHH`, so that the text is one line and commands no terminal. Idempotent. */
export function escapeControls(octets: string): string {
  return octets.replace(CONTROLS, (controls) => {
    let visible = "";
    for (let i = 0; i < controls.length; i++) {
      visible += `\\x${controls.charCodeAt(i).toString(16).toUpperCase().padStart(2, "0")}`;
    }
    return visible;
  });
}
