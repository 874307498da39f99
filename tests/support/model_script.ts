// Random command scripts and a client that puts them to any server and brings the answers into a form in which two
// servers can be compared: texts dropped, order within one command sorted, mod-sequences by the command that made them. Used to
// hold the model server against a real one.

import { SeededRandom } from "./live/seeded.ts";
import { plainMessage } from "./live/mail.ts";
import { octetsOf, parseDate, textOf } from "./model_values.ts";

/** What a client needs of a connection. */
export interface Wire {
  read(): Promise<Uint8Array | null>;
  write(bytes: Uint8Array): Promise<unknown>;
}

/** One command of one of the sessions. `modSeq`, `uidValidity` in a text stand for values that the server told. */
export interface ScriptCommand {
  readonly session: number;
  /** Texts and literals in turn, without tag. */
  readonly parts: readonly (string | Uint8Array)[];
}

const FLAGS = ["\\Seen", "\\Flagged", "\\Answered", "\\Deleted", "kw", "work"];
const NAMES = ["INBOX", "box", "box/sub", "other"];
const DATES = ["01-Jan-2020 00:00:00 +0000", " 7-Mar-2021 23:59:59 -0930", "22-Nov-2026 01:43:15 +1400"];

/**
 * A script of about `length` commands of `sessions` sessions, each of which begins with ENABLE QRESYNC. Before it acts on
 * what another may have changed a session says NOOP: when other commands tell that is the server's own business, and
 * Dovecot does so by its clock.
 */
export function makeScript(seed: number, length: number, sessions: number): readonly ScriptCommand[] {
  const random = new SeededRandom(seed);
  const script: ScriptCommand[] = Array.from({ length: sessions }, (_, session) => ({
    session,
    parts: ["ENABLE QRESYNC"],
  }));
  for (const name of ["box", "other"]) script.push({ session: 0, parts: [`CREATE ${name}`] });
  for (let session = 0; session < sessions; session++) script.push({ session, parts: ["SELECT box"] });
  const generator = new Generator(random);
  while (script.length < length) {
    const session = random.below(sessions);
    if (script.at(-1)?.session !== session) script.push({ session, parts: ["NOOP"] });
    script.push({ session, parts: generator.command() });
  }
  return script;
}

class Generator {
  readonly #random: SeededRandom;
  #messages = 0;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  command(): readonly (string | Uint8Array)[] {
    const random = this.#random;
    const set = this.#set();
    switch (random.below(24)) {
      case 0:
      case 1:
      case 2:
      case 3:
        return this.#append();
      case 4:
      case 5:
      case 6:
      case 7:
        return [
          `UID STORE ${set} ${random.pick(["", "+", "-"])}FLAGS${random.pick(["", ".SILENT"])} (${this.#flags()})`,
        ];
      case 8:
        return [`UID STORE ${set} (UNCHANGEDSINCE {modSeq}) +FLAGS.SILENT (${this.#flags()})`];
      case 9:
        return [`UID STORE ${set} +FLAGS.SILENT (\\Deleted)`];
      case 10:
      case 11:
        return [random.pick([`UID EXPUNGE ${set}`, "EXPUNGE"])];
      case 12:
        return [`UID COPY ${set} ${random.pick(NAMES)}`];
      case 13:
        return [`UID MOVE ${set} ${random.pick(NAMES)}`];
      case 14:
        return ["NOOP"];
      case 15:
        return [`SELECT ${random.pick(NAMES)}`];
      case 16:
      case 17:
        return [`SELECT box (QRESYNC ({uidValidity:box} {modSeq:box}${random.pick(["", " 1:5", " 1:100"])}))`];
      case 18:
        return [`UID SEARCH ${random.pick(["", "RETURN (ALL) ", "RETURN (ALL COUNT) "])}${this.#criteria(set)}`];
      case 19:
        return [`UID FETCH ${set} (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])`];
      case 20:
        return [`UID FETCH 1:* (FLAGS) (CHANGEDSINCE {modSeq}${random.pick(["", " VANISHED"])})`];
      case 21:
        return [random.pick([
          `UID FETCH ${set} (UID FLAGS)`,
          `UID FETCH ${set} (UID INTERNALDATE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID DATE FROM TO SUBJECT)])`,
          `FETCH 1:2 (FLAGS)`,
        ])];
      case 22:
        return [`STATUS ${random.pick(NAMES)} (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ UNSEEN)`];
      default:
        return this.#onMailboxes();
    }
  }

  #onMailboxes(): readonly string[] {
    const name = this.#random.pick(NAMES.slice(1));
    return [this.#random.pick([
      `SUBSCRIBE ${name}`,
      `UNSUBSCRIBE ${name}`,
      `CREATE ${name}`,
      "CREATE box/sub",
      'LIST "" *',
      'LIST "" (box "other") RETURN (SUBSCRIBED STATUS (UIDNEXT UIDVALIDITY HIGHESTMODSEQ))',
      'LIST (SUBSCRIBED) "" *',
      'LIST "" ""',
      'LIST "" %',
      "UNSELECT",
      "EXAMINE other",
      "SELECT nowhere",
      "APPEND",
    ])];
  }

  #append(): readonly (string | Uint8Array)[] {
    const random = this.#random;
    const parts: (string | Uint8Array)[] = [`APPEND ${random.pick([...NAMES, "box", "box", "nowhere"])}`];
    const count = random.pick([1, 1, 1, 3]);
    for (let i = 0; i < count; i++) {
      const date = random.chance(0.9) ? random.pick(DATES) : null;
      parts[parts.length - 1] += ` (${this.#flags()})${
        date === null ? ' "01-Jan-2020 00:00:00 +0000"' : ` "${date}"`
      } `;
      parts.push(plainMessage(`s${++this.#messages}`, "y".repeat(random.below(50))), "");
    }
    return parts;
  }

  #flags(): string {
    return this.#random.some(FLAGS, 0.3).join(" ");
  }

  #set(): string {
    const random = this.#random;
    const one = () => `${random.between(1, 12)}`;
    return random.pick([one(), `${one()}:${one()}`, `${one()},${one()}`, "1:*", `${one()}:*`]);
  }

  #criteria(set: string): string {
    return this.#random.pick([`UID ${set}`, "ALL", "UNSEEN", "KEYWORD kw", "NOT DELETED", `UID ${set} FLAGGED`]);
  }
}

/** Puts commands to one server, one after the other, and keeps what it told. */
export class ScriptClient {
  readonly #wires: readonly Wire[];
  readonly #rests: string[];
  /** By mailbox: the commands that raised its HIGHESTMODSEQ, and to what. */
  readonly #raised = new Map<string, { readonly command: number; readonly modSeq: bigint }[]>();
  readonly #validities = new Map<string, string>();
  readonly #selected: (string | null)[];
  #tags = 0;
  #commands = 0;

  /** The last of the wires is only used to look on. */
  constructor(wires: readonly Wire[]) {
    this.#wires = wires;
    this.#rests = wires.map(() => "");
    this.#selected = wires.map(() => null);
  }

  async greet(): Promise<void> {
    for (let session = 0; session < this.#wires.length; session++) await this.#response(session);
  }

  /** The lines of the answer, the tagged one last. Mod-sequences stand as <mailbox:n>: see dated(). */
  async run(command: ScriptCommand): Promise<readonly string[]> {
    const lines = await this.#exchange(command);
    this.#commands++;
    for (const name of NAMES) {
      const parts = [`STATUS ${name} (HIGHESTMODSEQ)`];
      const [status = ""] = await this.#exchange({ session: this.#wires.length - 1, parts });
      const told = /HIGHESTMODSEQ <[^:>]+:(\d+)>/.exec(status)?.[1];
      const raised = this.#raised.get(name) ?? [];
      this.#raised.set(name, raised);
      if (told !== undefined && BigInt(told) > (raised.at(-1)?.modSeq ?? 0n)) {
        raised.push({ command: this.#commands, modSeq: BigInt(told) });
      }
    }
    return lines;
  }

  async #exchange({ session, parts }: ScriptCommand): Promise<readonly string[]> {
    const tag = `s${++this.#tags}`;
    const pieces = parts.map((part, index) => {
      if (typeof part !== "string") return textOf(part);
      const next = parts[index + 1];
      return this.#filled(session, part) +
        (next === undefined || typeof next === "string" ? "" : `{${next.length}+}\r\n`);
    });
    await this.#wires[session]?.write(octetsOf(`${tag} ${pieces.join("")}\r\n`));
    const name = /^(?:SELECT|EXAMINE) (\S+)/.exec(pieces[0] ?? "")?.[1];
    if (name !== undefined) this.#selected[session] = name;
    const lines: string[] = [];
    for (;;) {
      const line = await this.#response(session);
      if (line === null) throw new Error(`the server closed the connection after ${pieces[0]}`);
      const isTagged = line.startsWith(`${tag} `);
      lines.push(this.#normalized(session, isTagged ? `= ${line.slice(tag.length + 1)}` : line));
      if (!isTagged) continue;
      if (name !== undefined && !line.startsWith(`${tag} OK`)) this.#selected[session] = null;
      const untagged = lines.slice(0, -1).filter((text) => text !== "").sort();
      return [...untagged, lines.at(-1) ?? ""];
    }
  }

  /**
   * The same lines with every mod-sequence as the number of the command that made it: how many a command uses up is the
   * server's own business.
   */
  dated(lines: readonly string[]): readonly string[] {
    const told = lines.map((line) =>
      line.replace(/<([^:>]+):(\d+)>/g, (_, name, value) => {
        const made = this.#raised.get(name)?.find(({ modSeq }) => modSeq >= BigInt(value));
        return `<${made?.command ?? "?"}>`;
      })
    );
    // Told twice by one answer is told: whether it is depends on how many a command used up.
    const byFetch = new Set(told.map((line) => /^\* \d+ FETCH .*MODSEQ (<\d+>)/.exec(line)?.[1]));
    return told.map((line) => line.replace(/ \[HIGHESTMODSEQ (<\d+>)\]/, (code, date) => byFetch.has(date) ? "" : code))
      .filter((line) => line !== "* OK");
  }

  /** A text with what this server told in the place of its names. */
  #filled(session: number, text: string): string {
    return text.replace(/\{modSeq(?::(\w+))?\}/g, (_, name) => {
      const raised = this.#raised.get(name ?? this.#selected[session] ?? "") ?? [];
      return `${raised.at(Math.floor(raised.length / 2))?.modSeq ?? 1n}`;
    }).replace(/\{uidValidity:(\w+)\}/g, (_, name) => this.#validities.get(name) ?? "1");
  }

  #normalized(session: number, line: string): string {
    const selected = this.#selected[session] ?? "";
    if (/^\* \d+ RECENT|^\* OK \[UNSEEN|^\* OK \[PERMANENTFLAGS|^\* FLAGS/.test(line)) return "";
    const status = /^(\* STATUS (\S+) )\((.*)\)$/.exec(line);
    if (status !== null) {
      const [, head, name = "", items = ""] = status;
      const pairs = (items.match(/\S+ \S+/g) ?? []).map((pair) => this.#value(name, pair)).sort();
      return `${head}(${pairs.join(" ")})`;
    }
    const fetch = /^(\* \d+ FETCH )\(([^]*)\)$/.exec(line);
    if (fetch !== null) {
      const items = splitItems(fetch[2] ?? "").map((item) => this.#value(selected, sortFlags(item))).sort();
      return `${fetch[1]}(${items.join(" ")})`;
    }
    const listed = /^\* LIST \(([^)]*)\) (.*)$/.exec(line);
    if (listed !== null) {
      const kept = (listed[1] ?? "").split(" ").filter((word) => word !== "" && !/^\\(Un)?Marked$/i.test(word)).sort();
      return `* LIST (${kept.join(" ")}) ${listed[2]}`;
    }
    const state = /^([*=] (?:OK|NO|BAD|BYE|PREAUTH))(?: \[([^\]]*)\])?/.exec(line);
    if (state === null) return line.replace(/TAG "s\d+"/, "TAG");
    const [, head = "", code = ""] = state;
    return code === "" ? head : `${head} [${this.#code(selected, code)}]`;
  }

  #code(selected: string, code: string): string {
    const copied = /^(APPENDUID|COPYUID) \d+ (.*)$/.exec(code);
    return copied !== null ? `${copied[1]} ${copied[2]}` : this.#value(selected, code);
  }

  /** "NAME value": remembers what is this server's own, and puts a name in its place. */
  #value(mailbox: string, pair: string): string {
    const modSeq = /^(HIGHESTMODSEQ|MODSEQ) \(?(\d+)\)?$/.exec(pair);
    if (modSeq !== null) return `${modSeq[1]} <${mailbox}:${modSeq[2]}>`;
    const date = /^INTERNALDATE "(.*)"$/.exec(pair)?.[1];
    // Dovecot tells every date in its own zone.
    if (date !== undefined) return `INTERNALDATE ${parseDate(date)?.seconds}`;
    const validity = /^UIDVALIDITY (\d+)$/.exec(pair)?.[1];
    if (validity === undefined) return pair;
    const before = this.#validities.get(mailbox);
    this.#validities.set(mailbox, validity);
    return `UIDVALIDITY ${before === undefined || before === validity ? "same" : "other"}`;
  }

  /** One response with its literals in place; null at the end. */
  async #response(session: number): Promise<string | null> {
    let text = "";
    for (;;) {
      const line = await this.#take(session, (rest) => {
        const end = rest.indexOf("\r\n");
        return end < 0 ? null : end + 2;
      });
      if (line === null) return null;
      text += line.slice(0, -2);
      const octets = /\{(\d+)\}$/.exec(line.slice(0, -2))?.[1];
      if (octets === undefined) return text;
      text += await this.#take(session, (rest) => rest.length < Number(octets) ? null : Number(octets)) ?? "";
    }
  }

  async #take(session: number, length: (rest: string) => number | null): Promise<string | null> {
    for (;;) {
      const rest = this.#rests[session] ?? "";
      const size = length(rest);
      if (size !== null) {
        this.#rests[session] = rest.slice(size);
        return rest.slice(0, size);
      }
      const chunk = await this.#wires[session]?.read() ?? null;
      if (chunk === null) return null;
      this.#rests[session] = rest + textOf(chunk);
    }
  }
}

/** "NAME value" pairs of a FETCH response; a value is a word, a list, a quoted string or a literal. */
function splitItems(text: string): string[] {
  const items: string[] = [];
  let rest = text;
  while (rest !== "") {
    const name = /^[^ [\]]+(?:\[[^\]]*\])?/.exec(rest)?.[0] ?? rest;
    const after = rest.slice(name.length + 1);
    const literal = /^\{(\d+)\}/.exec(after);
    const value = literal !== null
      ? after.slice(0, literal[0].length + Number(literal[1]))
      : /^(?:\([^)]*\)|"[^"]*"|[^ ]*)/.exec(after)?.[0] ?? "";
    items.push(`${name} ${value}`);
    rest = after.slice(value.length + 1);
  }
  return items;
}

function sortFlags(item: string): string {
  const flags = /^FLAGS \((.*)\)$/.exec(item)?.[1];
  if (flags === undefined) return item;
  const kept = flags.split(" ").filter((flag) => flag !== "" && flag !== "\\Recent").sort();
  return `FLAGS (${kept.join(" ")})`;
}
