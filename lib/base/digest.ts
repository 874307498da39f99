// SHA-256 (FIPS 180-4) of a few octets. Written here because it takes 8 MB of memory and 50 ms to load
// node:crypto, whose call for a few hundred octets is not faster.

import { latin1 } from "./bytes.ts";

/** Gives the first 32 hex digits of the SHA-256 of some octets. */
export type Digest = (octets: Uint8Array) => string;

const DIGEST_OCTETS = 16;
const BLOCK_OCTETS = 64;
/** Behind the message: an octet that ends it, and its length. */
const LENGTH_OCTETS = 8;
const END_OF_MESSAGE = 0x80;

// deno-fmt-ignore
const ROUND_CONSTANTS = Int32Array.of(
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
);

// deno-fmt-ignore
const FIRST_STATE = Int32Array.of(
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
);

// For one digest after the other: none of them waits for anything.
const STATE = new Int32Array(8);
const WORDS = new Int32Array(64);
const LAST_OCTETS = new Uint8Array(BLOCK_OCTETS);

export const digest: Digest = (octets) => {
  STATE.set(FIRST_STATE);
  const blocks = Math.ceil((octets.length + 1 + LENGTH_OCTETS) / BLOCK_OCTETS);
  for (let block = 0; block < blocks; block++) {
    readBlock(octets, block * BLOCK_OCTETS, WORDS);
    // There are fewer than 2^29 octets, so that the length in bits is one word.
    if (block === blocks - 1) WORDS[15] = octets.length << 3;
    compress(STATE, WORDS);
  }
  return hex(STATE);
};

/** The 16 words from `from` on; behind the octets their end and zeros. */
function readBlock(octets: Uint8Array, from: number, words: Int32Array): void {
  if (from + BLOCK_OCTETS <= octets.length) {
    for (let word = 0, at = from; word < 16; word++, at += 4) words[word] = wordAt(octets, at);
    return;
  }
  LAST_OCTETS.fill(0);
  for (let at = from; at < octets.length; at++) LAST_OCTETS[at - from] = octets[at] ?? 0;
  if (from <= octets.length) LAST_OCTETS[octets.length - from] = END_OF_MESSAGE;
  readBlock(LAST_OCTETS, 0, words);
}

/** Four octets, the highest first. */
function wordAt(octets: Uint8Array, at: number): number {
  return (octets[at] ?? 0) << 24 | (octets[at + 1] ?? 0) << 16 | (octets[at + 2] ?? 0) << 8 | (octets[at + 3] ?? 0);
}

/** One block: of its 64 words the first 16 are filled. */
function compress(state: Int32Array, words: Int32Array): void {
  for (let i = 16; i < 64; i++) {
    const two = words[i - 2] ?? 0;
    const fifteen = words[i - 15] ?? 0;
    const low = rotated(fifteen, 7) ^ rotated(fifteen, 18) ^ fifteen >>> 3;
    const high = rotated(two, 17) ^ rotated(two, 19) ^ two >>> 10;
    words[i] = (words[i - 16] ?? 0) + low + (words[i - 7] ?? 0) + high;
  }
  let a = state[0] ?? 0;
  let b = state[1] ?? 0;
  let c = state[2] ?? 0;
  let d = state[3] ?? 0;
  let e = state[4] ?? 0;
  let f = state[5] ?? 0;
  let g = state[6] ?? 0;
  let h = state[7] ?? 0;
  for (let i = 0; i < 64; i++) {
    const choice = (e & f) ^ (~e & g);
    const one = (h + (rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)) + choice + (ROUND_CONSTANTS[i] ?? 0) +
      (words[i] ?? 0)) | 0;
    const majority = (a & b) ^ (a & c) ^ (b & c);
    const other = ((rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)) + majority) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + one) | 0;
    d = c;
    c = b;
    b = a;
    a = (one + other) | 0;
  }
  state[0] = (state[0] ?? 0) + a;
  state[1] = (state[1] ?? 0) + b;
  state[2] = (state[2] ?? 0) + c;
  state[3] = (state[3] ?? 0) + d;
  state[4] = (state[4] ?? 0) + e;
  state[5] = (state[5] ?? 0) + f;
  state[6] = (state[6] ?? 0) + g;
  state[7] = (state[7] ?? 0) + h;
}

const HEX_DIGITS = Uint8Array.from("0123456789abcdef", (digit) => digit.charCodeAt(0));
const TEXT = new Uint8Array(DIGEST_OCTETS * 2);

/** As one text, not put together of many: it is kept for a while. */
function hex(state: Int32Array): string {
  for (let at = 0; at < TEXT.length; at++) {
    TEXT[at] = HEX_DIGITS[(state[at >> 3] ?? 0) >>> (28 - ((at & 7) << 2)) & 0xf] ?? 0;
  }
  return latin1(TEXT);
}

/** To the right. */
function rotated(word: number, bits: number): number {
  return word >>> bits | word << (32 - bits);
}
