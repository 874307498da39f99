// A yardstick, not a synchronizer: what the protocol permits to a program that trusts everybody. It logs in and lists in
// one flight, reads the changes of all changed mailboxes in one, and carries them out in one; what there is to copy at
// first is streamed over four pairs of connections. It knows no conflict, checks nothing, writes no state, and begins
// where the state of another tool ends. In clear text only.
//
//   limit.ts DIRECTORY    holds `config`, and `state.db` unless everything is to be copied

import { quoted } from "../../tests/support/live/imap_values.ts";
import { LimitConnection, type Response } from "./limit_connection.ts";
import { type Both, type Known, readState, type Side, SIDES, type Status } from "./limit_state.ts";
import { BENCH_PASSWORD, type LimitConfig } from "./tools.ts";

const PAIRS_OF_CONNECTIONS = 4;
/** Of messages in one APPEND. */
const APPENDED_OCTETS = 1048576;
const STORED_AT_ONCE = 1000;
interface Message {
  readonly flags: string;
  readonly date: string;
  readonly body: Uint8Array;
}

interface Changes {
  readonly flags: Map<number, string>;
  readonly gone: number[];
  readonly added: Message[];
}

/** Puts messages into few commands, and never waits for an answer. */
class Appender {
  readonly tags: string[] = [];
  readonly #to: LimitConnection;
  readonly #mailbox: string;
  #parts: (string | Uint8Array)[] = [];
  #octets = 0;

  constructor(to: LimitConnection, mailbox: string) {
    this.#to = to;
    this.#mailbox = mailbox;
  }

  /** Whether a command is full. */
  add({ flags, date, body }: Message): boolean {
    this.#parts.push(` (${flags}) "${date}" {${body.length}+}\r\n`, body);
    this.#octets += body.length;
    return this.#octets >= APPENDED_OCTETS;
  }

  put(): void {
    if (this.#parts.length === 0) return;
    this.tags.push(this.#to.send(`APPEND ${quoted(this.#mailbox)}`, ...this.#parts));
    this.#parts = [];
    this.#octets = 0;
  }
}

function number(text: string, item: string): number {
  return Number(new RegExp(`\\b${item} (\\d+)`).exec(text)?.[1] ?? 0);
}

function messageOf({ text, literals }: Response): Message | null {
  const [body] = literals;
  if (body === undefined) return null;
  return { flags: flagsOf(text), date: /INTERNALDATE "([^"]*)"/.exec(text)?.[1] ?? "", body };
}

function flagsOf(text: string): string {
  return (/FLAGS \(([^)]*)\)/.exec(text)?.[1] ?? "").split(" ").filter((flag) => flag !== "\\Recent").join(" ");
}

function ranges(uids: readonly number[]): string {
  const words: [number, number][] = [];
  for (const uid of uids.toSorted((one, other) => one - other)) {
    const last = words.at(-1);
    if (last !== undefined && last[1] + 1 === uid) last[1] = uid;
    else words.push([uid, uid]);
  }
  return words.map(([first, last]) => first === last ? `${first}` : `${first}:${last}`).join(",");
}

function* expanded(set: string): Generator<number> {
  for (const part of set.split(",")) {
    const [first = 0, last = first] = part.split(":").map(Number);
    for (let uid = first; uid <= last; uid++) yield uid;
  }
}

function logIn(connection: LimitConnection, user: string): void {
  connection.send(`AUTHENTICATE PLAIN ${btoa(`\0${user}\0${BENCH_PASSWORD}`)}`);
}

async function list(connection: LimitConnection, user: string): Promise<ReadonlyMap<string, Status>> {
  logIn(connection, user);
  connection.send("ENABLE QRESYNC");
  const tag = connection.send('LIST "" "*" RETURN (SUBSCRIBED STATUS (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ))');
  await connection.flush();
  const found = new Map<string, Status>();
  await connection.until(tag, ({ text }) => {
    const [, quotedName, atom, items = ""] = /^\* STATUS (?:"((?:[^"\\]|\\.)*)"|(\S+)) \((.*)\)/.exec(text) ?? [];
    const name = quotedName?.replace(/\\(.)/g, "$1") ?? atom;
    if (name === undefined) return;
    found.set(name, {
      messages: number(items, "MESSAGES"),
      uidNext: number(items, "UIDNEXT"),
      uidValidity: number(items, "UIDVALIDITY"),
      modSeq: /HIGHESTMODSEQ (\d+)/.exec(items)?.[1] ?? "0",
    });
  });
  return found;
}

// ---- what changed

/** Asks for what changed in a mailbox; `read` waits for the answers. */
function askChanges(
  connection: LimitConnection,
  mailbox: string,
  { uidValidity, uidNext, modSeq }: Known["cursors"][Side],
) {
  connection.send(`SELECT ${quoted(mailbox)} (QRESYNC (${uidValidity} ${modSeq} 1:${Math.max(1, uidNext - 1)}))`);
  const tag = connection.send(`UID FETCH ${uidNext}:4294967295 (UID FLAGS INTERNALDATE BODY.PEEK[])`);
  return {
    async read(): Promise<Changes> {
      const changes: Changes = { flags: new Map(), gone: [], added: [] };
      await connection.until(tag, (response) => {
        const { text } = response;
        const vanished = /^\* VANISHED \(EARLIER\) (\S+)/.exec(text)?.[1];
        if (vanished !== undefined) changes.gone.push(...expanded(vanished));
        else if (text.includes(" FETCH ")) {
          const [message, uid] = [messageOf(response), number(text, "UID")];
          if (message !== null) changes.added.push(message);
          else if (uid < uidNext) changes.flags.set(uid, flagsOf(text));
        }
      });
      return changes;
    },
  };
}

/** Sends what carries out the changes of one side on the other; the tags of the commands. */
function carryOut(
  to: LimitConnection,
  mailbox: string,
  { flags, gone, added }: Changes,
  other: Changes,
  pairs: ReadonlyMap<number, number>,
): readonly string[] {
  const stores = new Map<string, number[]>();
  for (const [uid, wanted] of flags) {
    const target = pairs.get(uid);
    if (target !== undefined && other.flags.get(target) !== wanted) {
      stores.set(wanted, [...stores.get(wanted) ?? [], target]);
    }
  }
  const dead = gone.flatMap((uid) => pairs.get(uid) ?? []);
  const tags: string[] = [];
  if (stores.size > 0 || dead.length > 0) to.send(`SELECT ${quoted(mailbox)}`);
  // First: behind a STORE of a keyword that is new to the mailbox, in one flight, Dovecot 2.3.19 says OK to an EXPUNGE and
  // removes nothing.
  if (dead.length > 0) {
    to.send(`UID STORE ${ranges(dead)} +FLAGS.SILENT (\\Deleted)`);
    tags.push(to.send(`UID EXPUNGE ${ranges(dead)}`));
  }
  for (const [wanted, uids] of stores) {
    for (let at = 0; at < uids.length; at += STORED_AT_ONCE) {
      tags.push(to.send(`UID STORE ${ranges(uids.slice(at, at + STORED_AT_ONCE))} FLAGS.SILENT (${wanted})`));
    }
  }
  const appender = new Appender(to, mailbox);
  for (const message of added) if (appender.add(message)) appender.put();
  appender.put();
  return [...tags, ...appender.tags];
}

async function bringUpToDate(
  connections: Both<LimitConnection>,
  known: ReadonlyMap<string, Known>,
  now: Both<ReadonlyMap<string, Status>>,
): Promise<void> {
  const isChanged = ([mailbox, { cursors }]: readonly [string, Known]) =>
    SIDES.some((side) => {
      const status = now[side].get(mailbox);
      return status?.uidNext !== cursors[side].uidNext || status.modSeq !== cursors[side].modSeq;
    });
  const asked = [...known].filter(isChanged).map(([mailbox, { cursors, pairs }]) => ({
    mailbox,
    pairs,
    local: askChanges(connections.local, mailbox, cursors.local),
    remote: askChanges(connections.remote, mailbox, cursors.remote),
  }));
  if (asked.length === 0) return;
  await Promise.all(SIDES.map((side) => connections[side].flush()));
  const tags: Both<string[]> = { local: [], remote: [] };
  const all = await Promise.all(SIDES.map(async (side) => {
    const read: Changes[] = [];
    for (const one of asked) read.push(await one[side].read());
    return read;
  }));
  for (const [at, { mailbox, pairs }] of asked.entries()) {
    const [local, remote] = [all[0]?.[at], all[1]?.[at]];
    if (local === undefined || remote === undefined) throw new Error(`${mailbox} was not read`);
    tags.remote.push(...carryOut(connections.remote, mailbox, local, remote, pairs.local));
    tags.local.push(...carryOut(connections.local, mailbox, remote, local, pairs.remote));
  }
  await Promise.all(SIDES.map(async (side) => {
    await connections[side].flush();
    const last = tags[side].at(-1);
    if (last !== undefined) await connections[side].until(last);
  }));
}

// ---- what is new altogether

/** A mailbox to copy from one side, up to a UID. */
interface Job {
  readonly mailbox: string;
  readonly from: Side;
  readonly messages: number;
  readonly lastUid: number;
}

async function copyJobs(connections: Both<LimitConnection>, from: Side, jobs: readonly Job[]): Promise<void> {
  const [source, target] = [connections[from], connections[from === "local" ? "remote" : "local"]];
  const asked = jobs.map(({ mailbox, lastUid }) => {
    source.send(`EXAMINE ${quoted(mailbox)}`);
    return { mailbox, tag: source.send(`UID FETCH 1:${lastUid} (UID FLAGS INTERNALDATE BODY.PEEK[])`) };
  });
  await source.flush();
  let last: string | undefined;
  for (const { mailbox, tag } of asked) {
    const appender = new Appender(target, mailbox);
    const put = async () => {
      appender.put();
      await target.flush();
    };
    await source.until(tag, (response) => {
      const message = messageOf(response);
      return message !== null && appender.add(message) ? put() : undefined;
    });
    await put();
    last = appender.tags.at(-1) ?? last;
  }
  if (last !== undefined) await target.until(last);
}

/** Shares the work by the number of messages. */
async function copyAll(config: LimitConfig, jobs: readonly Job[]): Promise<void> {
  const count = Math.min(PAIRS_OF_CONNECTIONS, jobs.length);
  const shares = Array.from({ length: count }, () => ({ messages: 0, jobs: [] as Job[] }));
  for (const job of jobs.toSorted((one, other) => other.messages - one.messages)) {
    const least = shares.reduce((best, share) => share.messages < best.messages ? share : best);
    least.messages += job.messages;
    least.jobs.push(job);
  }
  await Promise.all(shares.map(async ({ jobs }) => {
    const connections = await connect(config);
    for (const side of SIDES) logIn(connections[side], config[side].user);
    for (const from of ["remote", "local"] as const) {
      await copyJobs(connections, from, jobs.filter((job) => job.from === from));
    }
    for (const side of SIDES) connections[side].close();
  }));
}

async function connect(config: LimitConfig): Promise<Both<LimitConnection>> {
  const [local, remote] = await Promise.all(SIDES.map((side) => LimitConnection.open(config[side].port)));
  if (local === undefined || remote === undefined) throw new Error("there are two sides");
  return { local, remote };
}

async function createMissing(connection: LimitConnection, there: ReadonlyMap<string, Status>, names: Iterable<string>) {
  const tags = [...names].filter((name) => !there.has(name)).map((name) => connection.send(`CREATE ${quoted(name)}`));
  await connection.flush();
  const last = tags.at(-1);
  if (last !== undefined) await connection.until(last);
}

async function main(directory: string): Promise<void> {
  const config: LimitConfig = JSON.parse(await Deno.readTextFile(`${directory}/config`));
  const connections = await connect(config);
  const [local, remote] = await Promise.all(SIDES.map((side) => list(connections[side], config[side].user)));
  if (local === undefined || remote === undefined) throw new Error("there are two sides");
  const now = { local, remote };
  const known = readState(`${directory}/state.db`);
  const jobs = SIDES.flatMap((from) =>
    [...now[from]].filter(([mailbox, { messages }]) => messages > 0 && !known.has(mailbox)).map((
      [mailbox, { messages, uidNext }],
    ) => ({ mailbox, from, messages, lastUid: uidNext - 1 }))
  );
  if (jobs.length > 0) {
    const names = (from: Side) => jobs.filter((job) => job.from === from).map(({ mailbox }) => mailbox);
    await Promise.all([
      createMissing(connections.local, local, names("remote")),
      createMissing(connections.remote, remote, names("local")),
    ]);
    await copyAll(config, jobs);
  }
  await bringUpToDate(connections, known, now);
  Deno.exit(0);
}

await main(Deno.args[0] ?? ".");
