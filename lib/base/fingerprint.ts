// Fingerprints of octets under a key (SipHash-2-4, Aumasson and Bernstein 2012): 64 bits of which nobody who does not
// know the key can foresee anything, made without an object for each message as node:crypto would need. Knows no mail.

/** 64 bits as two numbers below 2^32, for columns of millions of them. */
export interface Fingerprint {
  readonly high: number;
  readonly low: number;
}

/** A key: 16 octets that nobody else knows. */
export type FingerprintKey = Uint8Array;

/** A key for one run: fingerprints under it are worth nothing beyond. */
export function randomKey(): FingerprintKey {
  return crypto.getRandomValues(new Uint8Array(16));
}

const COMPRESSION_ROUNDS = 2;
const FINAL_ROUNDS = 4;

// Where the halves of the four words stand.
const [V0H, V0L, V1H, V1L, V2H, V2L, V3H, V3L] = [0, 1, 2, 3, 4, 5, 6, 7] as const;

/** Takes octets piece by piece, then gives their fingerprint. Can be used again after that. */
export class Fingerprinter {
  readonly #key: DataView;
  /** Four words of 64 bits as halves, the high one first: as fields they would be an object for each new value. */
  readonly #halves = new Int32Array(8);
  /** Octets that are no whole word yet, the lowest first. */
  readonly #rest = new Uint8Array(8);
  #length = 0;

  constructor(key: FingerprintKey) {
    this.#key = new DataView(key.buffer, key.byteOffset, 16);
    this.#begin();
  }

  update(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length && (this.#length & 7) !== 0) this.#add(bytes[at++] ?? 0);
    for (; at + 8 <= bytes.length; at += 8) {
      this.#length += 8;
      this.#compress(word(bytes, at), word(bytes, at + 4));
    }
    while (at < bytes.length) this.#add(bytes[at++] ?? 0);
  }

  /** Octets as characters, one each. */
  updateText(text: string): void {
    for (let i = 0; i < text.length; i++) this.#add(text.charCodeAt(i));
  }

  finish(): Fingerprint {
    this.#rest.fill(0, this.#length & 7);
    this.#rest[7] = this.#length;
    this.#compress(word(this.#rest, 0), word(this.#rest, 4));
    this.#mix(V2L, 0xff);
    this.#permute(FINAL_ROUNDS);
    const fingerprint = {
      high: this.#sum(V0H),
      low: this.#sum(V0L),
    };
    this.#begin();
    return fingerprint;
  }

  #begin(): void {
    const [k0l, k0h] = [this.#key.getInt32(0, true), this.#key.getInt32(4, true)];
    const [k1l, k1h] = [this.#key.getInt32(8, true), this.#key.getInt32(12, true)];
    this.#halves[V0H] = k0h ^ 0x736f6d65;
    this.#halves[V0L] = k0l ^ 0x70736575;
    this.#halves[V1H] = k1h ^ 0x646f7261;
    this.#halves[V1L] = k1l ^ 0x6e646f6d;
    this.#halves[V2H] = k0h ^ 0x6c796765;
    this.#halves[V2L] = k0l ^ 0x6e657261;
    this.#halves[V3H] = k1h ^ 0x74656462;
    this.#halves[V3L] = k1l ^ 0x79746573;
    this.#length = 0;
  }

  #mix(half: number, value: number): void {
    this.#halves[half] = (this.#halves[half] ?? 0) ^ value;
  }

  /** Of all high or of all low halves, without carry. */
  #sum(first: number): number {
    let sum = 0;
    for (let half = first; half < this.#halves.length; half += 2) sum ^= this.#halves[half] ?? 0;
    return sum >>> 0;
  }

  #add(octet: number): void {
    this.#rest[this.#length & 7] = octet;
    this.#length++;
    if ((this.#length & 7) === 0) this.#compress(word(this.#rest, 0), word(this.#rest, 4));
  }

  #compress(low: number, high: number): void {
    this.#mix(V3H, high);
    this.#mix(V3L, low);
    this.#permute(COMPRESSION_ROUNDS);
    this.#mix(V0H, high);
    this.#mix(V0L, low);
  }

  /**
   * SipRound, so many times. In variables: memory would be slower. Each a number of 32 bits at any time, and never two of
   * them set in one assignment: that makes an array, and with it most of the garbage of a first synchronization.
   */
  #permute(rounds: number): void {
    const halves = this.#halves;
    let v0h = halves[V0H] ?? 0;
    let v0l = halves[V0L] ?? 0;
    let v1h = halves[V1H] ?? 0;
    let v1l = halves[V1L] ?? 0;
    let v2h = halves[V2H] ?? 0;
    let v2l = halves[V2L] ?? 0;
    let v3h = halves[V3H] ?? 0;
    let v3l = halves[V3L] ?? 0;
    for (let round = 0; round < rounds; round++) {
      let low = (v0l + v1l) | 0;
      v0h = (v0h + v1h + carry(v0l, v1l, low)) | 0;
      let high = (v1h << 13 | v1l >>> 19) ^ v0h;
      v1l = (v1l << 13 | v1h >>> 19) ^ low;
      v1h = high;
      v0l = v0h;
      v0h = low;
      low = (v2l + v3l) | 0;
      v2h = (v2h + v3h + carry(v2l, v3l, low)) | 0;
      v2l = low;
      high = (v3h << 16 | v3l >>> 16) ^ v2h;
      v3l = (v3l << 16 | v3h >>> 16) ^ v2l;
      v3h = high;
      low = (v0l + v3l) | 0;
      v0h = (v0h + v3h + carry(v0l, v3l, low)) | 0;
      v0l = low;
      high = (v3h << 21 | v3l >>> 11) ^ v0h;
      v3l = (v3l << 21 | v3h >>> 11) ^ v0l;
      v3h = high;
      low = (v2l + v1l) | 0;
      v2h = (v2h + v1h + carry(v2l, v1l, low)) | 0;
      high = (v1h << 17 | v1l >>> 15) ^ v2h;
      v1l = (v1l << 17 | v1h >>> 15) ^ low;
      v1h = high;
      v2l = v2h;
      v2h = low;
    }
    halves[V0H] = v0h;
    halves[V0L] = v0l;
    halves[V1H] = v1h;
    halves[V1L] = v1l;
    halves[V2H] = v2h;
    halves[V2L] = v2l;
    halves[V3H] = v3h;
    halves[V3L] = v3l;
  }
}

/** Four octets, the lowest first. */
function word(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | (bytes[at + 1] ?? 0) << 8 | (bytes[at + 2] ?? 0) << 16 | (bytes[at + 3] ?? 0) << 24;
}

/** What the sum of two low halves carries into the high one. `sum`: its own low half. */
function carry(one: number, other: number, sum: number): number {
  return ((one & other) | ((one | other) & ~sum)) >>> 31;
}
