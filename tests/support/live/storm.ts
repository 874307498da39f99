// Bad weather on the way to two servers: relays whose connections are cut again and again, at once, behind some octet or
// at some line of either sender; and what the program said through them. A cut waits until the program works again, or
// nothing but connecting would be tried.

import { Relay, type RelayRules, type RelayTarget, type Sender, type Verdict } from "../relay.ts";
import { sleep } from "../relay_outlet.ts";
import type { SeededRandom } from "./seeded.ts";
import type { Said, Side } from "./watching.ts";
import { waitUntil } from "./waiting.ts";

export const SIDES: readonly Side[] = ["local", "remote"];
const SENDERS: readonly Sender[] = ["client", "server"];
/** Cuts in a row, before a look is complete, make the program wait longer and longer: only some follow at once. */
const SOON_MS = 300;
const CALM_MS = 1200;
/** So long it may wait before it connects again. */
const RETURN_MS = 10_000;
/** A cut that waits for something which does not come is given up. */
const PATIENCE_MS = 1500;
const WORKS = / (LIST|SELECT|STATUS|UID|APPEND)\b/;
/** What a watch that has nothing to do goes on to say. */
const IDLE = /^\S+ (LIST|NOOP|IDLE)\b|^DONE$/;

/** Where it hurts most, most of all. */
const COPIED = /^\S+ OK \[APPENDUID /;
const LINES: readonly (readonly [Sender, RegExp])[] = [
  ["server", COPIED],
  ["server", COPIED],
  ["server", COPIED],
  ["server", COPIED],
  ["client", / APPEND /],
  ["client", / UID STORE /],
  ["client", / UID EXPUNGE /],
  ["client", / UID FETCH /],
  ["server", /^\* \d+ FETCH /],
  ["server", /^\* VANISHED /],
  ["server", /^\S+ OK /],
  ["client", /^/],
  ["server", /^/],
];

/** Cuts at a line like the pattern, after so many others like it; `passed`: behind it. */
interface LineCut {
  readonly sender: Sender;
  readonly pattern: RegExp;
  left: number;
  readonly passed: boolean;
}

type Rules = { -readonly [Key in keyof RelayRules]: RelayRules[Key] };

/** One of the two ways. */
interface Way {
  readonly relay: Relay;
  readonly rules: Rules;
  lineCut: LineCut | null;
  /** Of performance.now(). */
  lastCut: number;
}

export class Storm implements AsyncDisposable {
  readonly said: Said[] = [];
  readonly #random: SeededRandom;
  readonly #ways: Readonly<Record<Side, Way>>;
  #cuts = 0;
  #answersLost = 0;

  constructor(server: RelayTarget, random: SeededRandom) {
    this.#random = random;
    this.#ways = { local: this.#way("local", server), remote: this.#way("remote", server) };
  }

  #way(side: Side, server: RelayTarget): Way {
    const rules: Rules = { line: (sender, text) => this.#judge(side, sender, text) };
    return { relay: Relay.start(server, rules), rules, lineCut: null, lastCut: 0 };
  }

  /** In place of the servers'. */
  relay(side: Side): Relay {
    return this.#ways[side].relay;
  }

  get cuts(): number {
    return this.#cuts;
  }

  /** Copies that were made and not answered. */
  get answersLost(): number {
    return this.#answersLost;
  }

  get connections(): number {
    return SIDES.reduce((sum, side) => sum + this.#ways[side].relay.accepted, 0);
  }

  /** How often the program sent a command like this. */
  count(pattern: RegExp): number {
    return this.said.filter(({ text }) => pattern.test(text)).length;
  }

  /** Cuts connections until told to stop. */
  async rage(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const way = this.#ways[this.#random.pick(SIDES)];
      const before = this.#cuts;
      await this.#calm(isOver);
      this.#arm(way);
      const end = performance.now() + PATIENCE_MS;
      await waitUntil(
        "the cut has come",
        () => this.#cuts > before || isOver() || performance.now() > end,
        2 * PATIENCE_MS,
      );
      delete way.rules.cutAfter;
      way.lineCut = null;
    }
  }

  /** Nothing is asked any more but whether there is something to do, for so long, and both sides are connected. */
  isIdle(ms: number): boolean {
    const now = performance.now();
    const last = this.said.findLast(({ text }) => !IDLE.test(text));
    return SIDES.every((side) => this.#works(side)) && last !== undefined && now - last.at > ms;
  }

  #works(side: Side): boolean {
    const { lastCut } = this.#ways[side];
    const last = this.said.findLast((one) => one.side === side && WORKS.test(one.text));
    return last !== undefined && last.at > lastCut;
  }

  async #calm(isOver: () => boolean): Promise<void> {
    const end = performance.now() + RETURN_MS;
    const works = () => SIDES.every((side) => this.#works(side)) || isOver() || performance.now() > end;
    await waitUntil("the program works again", works, 2 * RETURN_MS);
    await sleep(this.#random.chance(0.3) ? this.#random.below(SOON_MS) : this.#random.between(SOON_MS, CALM_MS));
  }

  #arm(way: Way): void {
    const happened = () => this.#happened(way);
    switch (this.#random.below(5)) {
      case 0:
        way.relay.cutAll();
        return happened();
      case 1: {
        const sender = this.#random.pick(SENDERS);
        const octets = way.relay.octets[sender] + this.#random.between(1, 1000);
        way.rules.cutAfter = { sender, octets, also: happened };
        return;
      }
      default: {
        const [sender, pattern] = this.#random.pick(LINES);
        way.lineCut = { sender, pattern, left: this.#random.below(2), passed: this.#random.chance(0.5) };
      }
    }
  }

  #happened(way: Way): void {
    this.#cuts++;
    way.lastCut = performance.now();
    way.lineCut = null;
    delete way.rules.cutAfter;
  }

  #judge(side: Side, sender: Sender, text: string): Verdict {
    const way = this.#ways[side];
    if (sender === "client") this.said.push({ side, text, at: performance.now() });
    if (way.lineCut?.sender !== sender || !way.lineCut.pattern.test(text) || way.lineCut.left-- > 0) return "pass";
    const { passed } = way.lineCut;
    if (!passed && COPIED.test(text)) this.#answersLost++;
    this.#happened(way);
    return passed ? { instead: [text], cut: true } : "cut";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const side of SIDES) await this.#ways[side].relay[Symbol.asyncDispose]();
  }
}
