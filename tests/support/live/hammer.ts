// A client that appends, flags, moves and expunges without a break, by a session of its own, while others and the
// program do the same; and the ledger's record of it.

import type { ImapProbe } from "../imap_probe.ts";
import { sleep } from "../relay_outlet.ts";
import type { ChaosLedger } from "./chaos_ledger.ts";
import { asList, quoted, toText } from "./imap_values.ts";
import { KEYWORDS, plainMessage, randomDate, randomFlags } from "./mail.ts";
import type { SeededRandom } from "./seeded.ts";
import type { Side } from "./watching.ts";

export const DEEDS = ["append", "flag", "unflag", "move", "expunge"] as const;
export type Deed = typeof DEEDS[number];

/** Without \Deleted: another client that expunges would not be the only one who does. */
const FLAGS: readonly string[] = ["\\Answered", "\\Draft", "\\Flagged", "\\Seen", ...KEYWORDS];
/** From here on a mailbox loses as many messages as it gets. */
const FULL = 60;
const GROWING: readonly Deed[] = [...DEEDS, "append", "flag"];
const SHRINKING: readonly Deed[] = [...DEEDS, "expunge", "flag"];
const MOST_PAUSE_MS = 60;
const MESSAGE_ID = /^Message-ID: *<([^@>]*)@/im;

interface Picked {
  readonly uid: number;
  readonly id: string;
}

export interface HammerOptions {
  readonly side: Side;
  /** Makes its messages unique. */
  readonly label: string;
  readonly probe: ImapProbe;
  readonly ledger: ChaosLedger;
  readonly random: SeededRandom;
  /** The server's name of a mailbox. */
  readonly path: (mailbox: string) => string;
}

export class Hammer {
  /** How often each had an effect. */
  readonly counts: Record<Deed, number> = { append: 0, flag: 0, unflag: 0, move: 0, expunge: 0 };
  readonly #options: HammerOptions;
  #made = 0;

  constructor(options: HammerOptions) {
    this.#options = options;
  }

  /** Goes on until told to stop. */
  async run(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const done = await this.#act();
      if (done !== null) this.counts[done]++;
      await sleep(this.#options.random.below(MOST_PAUSE_MS));
    }
  }

  /** Returns null when there was nothing to do, or somebody else was faster. */
  async #act(): Promise<Deed | null> {
    const { random, ledger, probe, path } = this.#options;
    const mailbox = random.pick(ledger.mailboxes);
    const { exists } = await probe.select(path(mailbox));
    const deed = random.pick(exists < FULL ? GROWING : SHRINKING);
    if (deed === "append") return await this.#append(mailbox);
    const picked = exists === 0 ? null : await this.#pick(random.between(1, exists));
    if (picked === null) return null;
    if (deed === "move") return await this.#move(mailbox, picked);
    if (deed === "expunge") return await this.#expunge(mailbox, picked);
    const direction = deed === "flag" ? "add" : "remove";
    const flag = random.pick(FLAGS);
    ledger.change(mailbox, picked.id, flag, direction);
    await probe.store([picked.uid], deed === "flag" ? "+FLAGS" : "-FLAGS", [flag]);
    return deed;
  }

  /** A message of the selected mailbox; null: it was expunged by somebody at this moment. */
  async #pick(sequence: number): Promise<Picked | null> {
    const reply = await this.#options.probe.try(`FETCH ${sequence} (UID BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])`);
    for (const { text, values } of reply.untagged) {
      const uid = /\bUID (\d+)/.exec(text)?.[1];
      const octets = asList(values[2]).find((value) => value instanceof Uint8Array);
      const id = octets === undefined ? undefined : MESSAGE_ID.exec(toText(octets))?.[1];
      if (values[1] === "FETCH" && uid !== undefined && id !== undefined) return { uid: Number(uid), id };
    }
    return null;
  }

  async #append(mailbox: string): Promise<Deed> {
    const { side, label, random, ledger, probe, path } = this.#options;
    const id = `${label}-${++this.#made}`;
    const text = "A line of text that is like the others.\r\n".repeat(random.below(random.chance(0.1) ? 2000 : 40));
    const flags = randomFlags(random).filter((flag) => flag !== "\\Deleted");
    const message = { body: plainMessage(id, text), flags, internalDate: randomDate(random) };
    ledger.append(side, mailbox, id, message);
    await probe.append(path(mailbox), message);
    return "append";
  }

  async #move(mailbox: string, { uid, id }: Picked): Promise<Deed | null> {
    const { side, random, ledger, probe, path } = this.#options;
    const targets = ledger.mailboxes.filter((name) => !ledger.had(name, id));
    if (targets.length === 0) return null;
    const target = random.pick(targets);
    ledger.arrive(side, target, id);
    const { text, untagged } = await probe.try(`UID MOVE ${uid} ${quoted(path(target))}`);
    const isMoved = [text, ...untagged.map((response) => response.text)].some((it) => it.includes("[COPYUID "));
    if (isMoved) ledger.remove(side, mailbox, id);
    else ledger.takeBack(target, id);
    return isMoved ? "move" : null;
  }

  /** What is marked by somebody else is left to him. */
  async #expunge(mailbox: string, { uid, id }: Picked): Promise<Deed | null> {
    const { side, ledger, probe } = this.#options;
    const { untagged } = await probe.command(`UID STORE ${uid} +FLAGS (\\Deleted)`);
    const isMarked = untagged.some(({ text }) => text.includes("FETCH") && new RegExp(`\\bUID ${uid}\\b`).test(text));
    if (!isMarked) return null;
    ledger.remove(side, mailbox, id);
    await probe.command(`UID EXPUNGE ${uid}`);
    return "expunge";
  }
}
