// What the fuzz tests share: the inputs that are kept, ways to damage them, and the count of what was tried. Seed and
// number of rounds are fixed; `make fuzz` sets FUZZ_ROUNDS and FUZZ_SEED for more. Knows no format.
// tests/corpus/ has one folder for each format and one file for each input, which are seeds made by hand and whatever
// input once broke something. An input that is found goes there, under a name that says what it broke.

import { latin1 } from "../../lib/base/bytes.ts";

/** Inputs of each test. */
export const ROUNDS = Number(Deno.env.get("FUZZ_ROUNDS") ?? 1500);
export const SEED = Number(Deno.env.get("FUZZ_SEED") ?? 20261122);

const CORPUS = new URL("../corpus/", import.meta.url);

/** The inputs kept for a format, one character for each octet, in the order of their names. */
export function corpus(format: string): readonly string[] {
  const folder = new URL(`${format}/`, CORPUS);
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  return names.map((name) => latin1(Deno.readFileSync(new URL(name, folder))));
}

/** One of several. */
export function pick<T>(random: () => number, from: readonly T[]): T {
  const chosen = from[Math.floor(random() * from.length)];
  if (chosen === undefined) throw new Error("nothing to choose from");
  return chosen;
}

/** A text damaged in one to four places: a piece put in, something cut out, an octet put in, or something said twice. */
export function damaged(random: () => number, text: string, pieces: readonly string[]): string {
  let result = text;
  for (let damages = 1 + Math.floor(random() * 4); damages > 0; damages--) {
    const at = Math.floor(random() * result.length);
    const length = Math.floor(random() ** 3 * 20);
    const kind = Math.floor(random() * 4);
    const put = kind === 0
      ? pick(random, pieces)
      : kind === 1
      ? ""
      : kind === 2
      ? String.fromCharCode(Math.floor(random() * 256))
      : result.slice(at, at + length).repeat(2);
    result = result.slice(0, at) + put + result.slice(at + (kind === 0 ? 0 : length));
  }
  return result;
}

/** Some pieces in a row, now and then one of them up to `most` times. */
export function heap(random: () => number, pieces: readonly string[], most = 300): string {
  let text = "";
  for (let i = 1 + Math.floor(random() * 12); i > 0; i--) {
    text += pick(random, pieces).repeat(random() < 0.02 ? 1 + Math.floor(random() ** 2 * most) : 1);
  }
  return text;
}

/** Tries one input a round, and prints how many were tried. */
export function rounds(tryOne: (round: number) => void): void {
  let passed = 0;
  try {
    while (passed < ROUNDS) {
      tryOne(passed);
      passed++;
    }
  } finally {
    console.log(`cases: ${passed} passed, ${passed < ROUNDS ? 1 : 0} failed`);
  }
}

/** Each input that is kept once, then in each further round what `make` gives. */
export function roundsFrom(kept: readonly string[], make: () => string, tryOne: (text: string) => void): void {
  rounds((round) => {
    const text = kept[round] ?? make();
    try {
      tryOne(text);
    } catch (error) {
      throw new Error(`Input ${JSON.stringify(text.slice(0, 2000))}`, { cause: error });
    }
  });
}

/** An octet string that is one line and commands no terminal. */
export function isPrintableLine(text: string): boolean {
  // deno-lint-ignore no-control-regex
  return text !== "" && !/[\x00-\x1f\x7f]|\xc2[\x80-\x9f]|[^\x00-\xff]/.test(text);
}
