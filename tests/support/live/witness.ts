// Reads everything that two mail stores hold, by the independent client, and says in what they differ. It decides
// whether a synchronization is complete; it knows nothing of how one is made.

import { createHash } from "node:crypto";
import type { ImapProbe } from "../imap_probe.ts";
import type { MailStore } from "../live_dovecot.ts";
import { type Mapping, readMapping, type StoredMailbox } from "./mapping.ts";

export interface MessageFacts {
  readonly uid: number;
  /** Sorted, without \Recent; keywords included. */
  readonly flags: readonly string[];
  /** Seconds since the epoch. */
  readonly internalDate: number;
  readonly octets: number;
  /** SHA-256 of the body, in hex. */
  readonly digest: string;
}

export interface MailboxFacts {
  readonly uidValidity: number;
  readonly uidNext: number;
  readonly messages: readonly MessageFacts[];
}

export interface StoreFacts {
  /** Selectable mailboxes by internal name: NUL between levels, INBOX in upper case. */
  readonly mailboxes: ReadonlyMap<string, MailboxFacts>;
  /** Internal names. */
  readonly subscribed: ReadonlySet<string>;
}

const MESSAGES_AT_ONCE = 500;

/** SHA-256 in hex. */
export function digestOf(body: Uint8Array): string {
  return createHash("sha256").update(body).digest("hex");
}

/** A server's name of a mailbox as an internal name. */
export function internalName(name: string, delimiter: string | null): string {
  if (name.toUpperCase() === "INBOX") return "INBOX";
  return delimiter === null ? name : name.split(delimiter).join("\0");
}

/** An internal name for people. */
export function shown(mailbox: string): string {
  return mailbox.replaceAll("\0", " > ");
}

async function readMailbox(probe: ImapProbe, name: string): Promise<MailboxFacts> {
  const { exists, uidValidity, uidNext } = await probe.examine(name);
  const messages: MessageFacts[] = [];
  for (let first = 1; first <= exists; first += MESSAGES_AT_ONCE) {
    const last = Math.min(exists, first + MESSAGES_AT_ONCE - 1);
    for (const { uid, flags, internalDate, body } of await probe.messages(`${first}:${last}`)) {
      messages.push({ uid, flags, internalDate, octets: body.length, digest: digestOf(body) });
    }
  }
  return { uidValidity, uidNext, messages };
}

/** Reads all mailboxes and subscriptions through a tunnel. */
export function readStore(store: MailStore): Promise<StoreFacts> {
  return store.with(async (probe) => {
    const mailboxes = new Map<string, MailboxFacts>();
    for (const { name, delimiter, attributes } of await probe.list()) {
      if (attributes.includes("\\noselect") || attributes.includes("\\nonexistent")) continue;
      mailboxes.set(internalName(name, delimiter), await readMailbox(probe, name));
    }
    const subscribed = (await probe.lsub()).map(({ name, delimiter }) => internalName(name, delimiter));
    return { mailboxes, subscribed: new Set(subscribed) };
  });
}

function describe(message: MessageFacts): string {
  return `UID ${message.uid} (${message.octets} octets, ${message.digest.slice(0, 8)}, ` +
    `${new Date(message.internalDate * 1000).toISOString()}, ${message.flags.join(" ") || "no flags"})`;
}

function identity(message: MessageFacts): string {
  return [message.digest, message.internalDate, ...message.flags].join(" ");
}

/** Messages of `here` that have no equal in `there`, each of which counts once. */
function unmatched(here: MailboxFacts, there: MailboxFacts): MessageFacts[] {
  const left = new Map<string, number>();
  for (const message of there.messages) left.set(identity(message), (left.get(identity(message)) ?? 0) + 1);
  return here.messages.filter((message) => {
    const count = left.get(identity(message)) ?? 0;
    left.set(identity(message), count - 1);
    return count <= 0;
  });
}

function duplicates(mailbox: MailboxFacts): MessageFacts[] {
  const seen = new Set<string>();
  return mailbox.messages.filter(({ digest }) => seen.has(digest) || !seen.add(digest));
}

function compareMailbox(name: string, local: MailboxFacts, remote: MailboxFacts): string[] {
  return [
    ...unmatched(local, remote).map((message) => `${name}: only local has ${describe(message)}`),
    ...unmatched(remote, local).map((message) => `${name}: only remote has ${describe(message)}`),
    ...duplicates(local).map((message) => `${name}: local has the same body twice: ${describe(message)}`),
    ...duplicates(remote).map((message) => `${name}: remote has the same body twice: ${describe(message)}`),
  ];
}

function compareNames(what: string, local: Iterable<string>, remote: Iterable<string>): string[] {
  const [here, there] = [new Set(local), new Set(remote)];
  return [
    ...[...here.difference(there)].map((name) => `${shown(name)}: ${what} on local only`),
    ...[...there.difference(here)].map((name) => `${shown(name)}: ${what} on remote only`),
  ];
}

/** The mapping is a bijection between all messages, and pairs have equal bodies and flags. */
function compareMapping(name: string, stored: StoredMailbox, local: MailboxFacts, remote: MailboxFacts): string[] {
  const differences: string[] = [];
  const sides = [["local", local, stored.local], ["remote", remote, stored.remote]] as const;
  for (const [side, facts, cursor] of sides) {
    const mapped = stored.pairs.map((pair) => pair[side]);
    const existing = facts.messages.map(({ uid }) => uid);
    if (new Set(mapped).size !== mapped.length) differences.push(`${name}: a ${side} UID is mapped twice`);
    for (const uid of new Set(existing).difference(new Set(mapped))) {
      differences.push(`${name}: ${side} UID ${uid} is not mapped`);
    }
    for (const uid of new Set(mapped).difference(new Set(existing))) {
      differences.push(`${name}: mapped ${side} UID ${uid} does not exist`);
    }
    if (cursor === null) differences.push(`${name}: no state is stored for ${side}`);
    else if (cursor.uidValidity !== facts.uidValidity) {
      differences.push(`${name}: stored UIDVALIDITY of ${side} is wrong`);
    } else if (cursor.uidNext > facts.uidNext || cursor.uidNext <= Math.max(0, ...mapped)) {
      differences.push(`${name}: stored UIDNEXT of ${side} is ${cursor.uidNext}, the server's ${facts.uidNext}`);
    }
  }
  const byUid = (facts: MailboxFacts) => new Map(facts.messages.map((message) => [message.uid, message]));
  const [localByUid, remoteByUid] = [byUid(local), byUid(remote)];
  for (const pair of stored.pairs) {
    const [here, there] = [localByUid.get(pair.local), remoteByUid.get(pair.remote)];
    if (here === undefined || there === undefined || identity(here) === identity(there)) continue;
    differences.push(`${name}: pair (${pair.local},${pair.remote}) differs: ${describe(here)}, ${describe(there)}`);
  }
  return differences;
}

/**
 * What is not the same on both sides: mailboxes, subscriptions, messages (body octets, flags, INTERNALDATE), bodies
 * that stand twice in one mailbox, and, when given, what is wrong with the mapping. Empty: all is equal.
 */
export function compareFacts(local: StoreFacts, remote: StoreFacts, mapping: Mapping | null = null): string[] {
  const differences = [
    ...compareNames("exists", local.mailboxes.keys(), remote.mailboxes.keys()),
    ...compareNames("subscribed", local.subscribed, remote.subscribed),
  ];
  for (const [mailbox, here] of local.mailboxes) {
    const there = remote.mailboxes.get(mailbox);
    if (there === undefined) continue;
    differences.push(...compareMailbox(shown(mailbox), here, there));
    if (mapping === null) continue;
    const stored = mapping.get(mailbox);
    if (stored === undefined) differences.push(`${shown(mailbox)}: not in the database`);
    else {
      differences.push(...compareMapping(shown(mailbox), stored, here, there));
      if (stored.subscribed !== local.subscribed.has(mailbox)) {
        differences.push(`${shown(mailbox)}: stored as ${stored.subscribed ? "" : "not "}subscribed`);
      }
    }
  }
  return differences;
}

export interface Comparison {
  readonly local: StoreFacts;
  readonly remote: StoreFacts;
  readonly differences: readonly string[];
}

/** Reads both stores and the state file, and compares. No run may be under way. */
export async function compareStores(local: MailStore, remote: MailStore, databaseFile: string): Promise<Comparison> {
  const [here, there] = await Promise.all([readStore(local), readStore(remote)]);
  return { local: here, remote: there, differences: compareFacts(here, there, readMapping(databaseFile)) };
}
