// --delete and --rename: servers first, the database last. Everything that can be known beforehand is checked on every
// target before the first effect; a refusal after that says what was done and which command goes on. Knows no file and no
// command line. RFC 9051 6.3.5, 6.3.6.

import type { Session } from "../client/mod.ts";
import { CommandError, MailboxError } from "../errors.ts";
import type { Logger } from "../log/types.ts";
import { foldInbox, toInternal, toWire } from "../protocol/mod.ts";
import type { MailboxRow, StateChange, Store } from "../state/types.ts";
import { type BothSides, SIDES } from "./both_sides.ts";
import { type Listing, listMailboxes, type MailboxView, WHOLE_VIEW } from "./listing.ts";
import type { Side } from "./model.ts";
import { leavesReference, serverName, unsafeName } from "./namespace.ts";

/** Where a command acts. */
export type CommandTarget = Side | "database";

export interface CommandContext {
  readonly sessions: BothSides<Session>;
  readonly targets: ReadonlySet<CommandTarget>;
  readonly log: Logger;
  /** Of the configuration's view only the references count here; default none. */
  readonly view?: MailboxView;
  /** Prepares the state file once the servers' delimiters are known. */
  readonly openStore: (delimiters: BothSides<string | null>) => Store;
}

/** What is named is looked up whatever the configuration selects or ignores. */
function namesOnly({ view = WHOLE_VIEW }: CommandContext): MailboxView {
  return { ...WHOLE_VIEW, references: view.references };
}

/**
 * Refuses what must never be deleted. To be asked before anything else is done. INBOX exists on every server, but may be
 * forgotten: that is the way out when its state is of no use any more. @throws MailboxError
 */
export function checkDeletable(names: readonly string[], targets: ReadonlySet<CommandTarget>): void {
  if (!names.some((name) => foldInbox(name) === "INBOX") || sidesOf(targets).length === 0) return;
  throw new MailboxError("INBOX can't be deleted");
}

/**
 * Deletes mailboxes, not those below them, where they exist. `names` as the user spells them for the local server.
 * Resolves to the number of names that were left out and reported.
 * @throws MailboxError when a server refused
 */
export async function deleteMailboxes(names: readonly string[], context: CommandContext): Promise<number> {
  checkDeletable(names, context.targets);
  const { sessions, targets, log } = context;
  const listing = await listMailboxes(sessions, names, log, namesOnly(context));
  const store = context.openStore(listing.delimiters);
  const rows = rowsByName(store);
  for (const [i, name] of names.entries()) {
    const mailbox = toInternal(name, listing.delimiters.local);
    const done: Side[] = [];
    for (const side of sidesOf(targets)) {
      if (listing.mailboxes[side].get(mailbox)?.exists !== true) continue;
      const wire = serverName(mailbox, listing.naming[side]);
      try {
        await sessions[side].delete(wire);
      } catch (error) {
        throw refusal(error, side, `Couldn't delete mailbox ${wire}`, [
          ...(done.length > 0 ? [`${name} is deleted on ${done.join(" and ")}, and still in the database`] : []),
          goOn(targets, done, ["--delete", ...names.slice(i)]),
        ]);
      }
      done.push(side);
      log.with({ component: side }).info(`Deleted mailbox ${wire}`);
    }
    if (targets.has("database")) removeRow(rows.get(mailbox), name, store, log);
    warnOfOblivion(mailbox, name, { listing, targets, log });
  }
  return listing.problems;
}

function removeRow(row: MailboxRow | undefined, name: string, store: Store, log: Logger): void {
  if (row === undefined) return;
  store.apply([{ kind: "remove-mailbox", idx: row.idx }]);
  log.with({ component: "database" }).notice(`Removed mailbox ${name}`);
}

/** Without the pairs, nothing tells the next run that a message is missing because it was deleted. */
function warnOfOblivion(
  mailbox: string,
  name: string,
  { listing, targets, log }: { listing: Listing; targets: ReadonlySet<CommandTarget>; log: Logger },
): void {
  const kept = SIDES.filter((side) => !targets.has(side) && listing.mailboxes[side].get(mailbox)?.exists === true);
  if (!targets.has("database") || kept.length < 2) return;
  log.warn(
    `Mailbox ${name} exists on both servers: the next run will compare all its messages and copy what one side lacks, ` +
      "also what was deleted there.",
  );
}

/**
 * Renames a mailbox and what is below it, where it is listed. SOURCE need not exist; DEST must not. Names as the user
 * spells them for the local server. Resolves to the number of names that were left out and reported.
 * @throws MailboxError when DEST exists, when a name cannot be used, or when a server refused
 */
export async function renameMailbox(from: string, to: string, context: CommandContext): Promise<number> {
  const { sessions, targets, log } = context;
  const listing = await listMailboxes(sessions, [from, to], log, namesOnly(context));
  const { delimiters, mailboxes } = listing;
  const [source, dest] = [toInternal(from, delimiters.local), toInternal(to, delimiters.local)];
  const store = context.openStore(delimiters);
  const rows = store.overview();
  checkRename(source, dest, { listing, targets, rows });
  const done: Side[] = [];
  for (const side of sidesOf(targets)) {
    if (!mailboxes[side].has(source)) continue;
    const [old, now] = [serverName(source, listing.naming[side]), serverName(dest, listing.naming[side])];
    try {
      await sessions[side].rename(old, now);
    } catch (error) {
      throw refusal(error, side, `Couldn't rename mailbox ${old}`, [
        ...(done.length > 0 ? [`${from} is renamed on ${done.join(" and ")}, and has its old name elsewhere`] : []),
        goOn(targets, done, ["--rename", from, to]),
        ...done.map((other) => `or take it back: ${command([other], ["--rename", to, from])}`),
      ]);
    }
    done.push(side);
    log.with({ component: side }).info(`Renamed mailbox ${old} to ${now}`);
  }
  const changes = targets.has("database") ? planRename(rows, source, dest) : [];
  if (changes.length > 0) {
    store.apply(changes);
    log.with({ component: "database" }).notice(`Renamed mailbox ${from} to ${to}`);
  }
  warnOfLeftNames(from, to, leftNames(source, { listing, targets, rows }), log);
  return listing.problems;
}

interface RenameView {
  readonly listing: Listing;
  readonly targets: ReadonlySet<CommandTarget>;
  readonly rows: readonly MailboxRow[];
}

/** @throws MailboxError before anything was done */
function checkRename(source: string, dest: string, view: RenameView): void {
  const { listing, targets, rows } = view;
  const { delimiters, mailboxes } = listing;
  const going = goingOn(source, dest, view);
  for (const side of sidesOf(targets)) {
    if (mailboxes[side].get(dest)?.exists === true) {
      exists(side, serverName(dest, listing.naming[side]), toWire(dest, delimiters.local), going);
    }
  }
  if (unsafeName(dest, delimiters.remote)) {
    const text = `Mailbox ${toWire(dest, delimiters.local)} has the other server's hierarchy delimiter in its name`;
    throw new MailboxError(text, { component: "local", hints: ["nothing was renamed"] });
  }
  if (SIDES.some((side) => listing.naming[side].reference !== "") && leavesReference(dest)) {
    const text = `Mailbox ${toWire(dest, delimiters.local)} would leave list-reference`;
    throw new MailboxError(text, { hints: ["nothing was renamed"] });
  }
  if (!targets.has("database")) return;
  const moved = new Set(rows.filter(({ mailbox }) => isAtOrBelow(mailbox, source)).map(({ mailbox }) => mailbox));
  const occupied = new Set(rows.map(({ mailbox }) => mailbox));
  const wanted = [...moved].map((mailbox) => dest + mailbox.slice(source.length));
  const clash = [dest, ...wanted].find((mailbox) => occupied.has(mailbox) && (mailbox === dest || !moved.has(mailbox)));
  if (clash === undefined) return;
  const name = toWire(clash, delimiters.local);
  exists("database", name, name, going);
}

/** `local`: the name as --delete takes it, whatever the target. */
function exists(target: CommandTarget, name: string, local: string, hints: readonly string[]): never {
  const text = `Mailbox ${name} exists. Run \`interimap --target=${target} --delete ${local}\` to delete.`;
  throw new MailboxError(text, { component: target, hints });
}

/** For a rename that was interrupted: how to finish it. To delete DEST then would be to delete the renamed mailbox. */
function goingOn(source: string, dest: string, { listing, targets, rows }: RenameView): readonly string[] {
  const { mailboxes, delimiters } = listing;
  const isDone = (side: Side) => !mailboxes[side].has(source) && mailboxes[side].get(dest)?.exists === true;
  if (!SIDES.some(isDone)) return [];
  const open: CommandTarget[] = sidesOf(targets).filter((side) => mailboxes[side].has(source));
  if (targets.has("database") && rows.some(({ mailbox }) => isAtOrBelow(mailbox, source))) open.push("database");
  if (open.length === 0) return [];
  const words = ["--rename", toWire(source, delimiters.local), toWire(dest, delimiters.local)];
  return [`but if it was renamed by a run that was interrupted, go on with ${command(open, words)}`];
}

/**
 * The rows that get a new name: SOURCE's and those below it. The longest name first when DEST is below SOURCE, else the
 * shortest: no row then takes a name that another still has.
 */
export function planRename(rows: readonly MailboxRow[], source: string, dest: string): readonly StateChange[] {
  const moved = rows.filter(({ mailbox }) => isAtOrBelow(mailbox, source));
  const direction = isAtOrBelow(dest, source) ? -1 : 1;
  const ordered = moved.toSorted((a, b) => direction * (a.mailbox.length - b.mailbox.length));
  return ordered.map(({ idx, mailbox }) => ({
    kind: "rename-mailbox",
    idx,
    mailbox: dest + mailbox.slice(source.length),
  }));
}

function isAtOrBelow(mailbox: string, parent: string): boolean {
  return mailbox === parent || mailbox.startsWith(`${parent}\0`);
}

/** Targets that were not asked for and that know the mailbox by its old name. */
function leftNames(source: string, { listing, targets, rows }: RenameView): readonly CommandTarget[] {
  const left: CommandTarget[] = SIDES.filter((side) => !targets.has(side) && listing.mailboxes[side].has(source));
  if (!targets.has("database") && rows.some(({ mailbox }) => isAtOrBelow(mailbox, source))) left.push("database");
  return left;
}

function warnOfLeftNames(from: string, to: string, left: readonly CommandTarget[], log: Logger): void {
  if (left.length === 0) return;
  const command = `interimap --target=${left.join(",")} --rename ${from} ${to}`;
  log.warn(`Mailbox ${from} keeps its name on ${left.join(" and ")}. Run \`${command}\` before the next run.`);
}

function sidesOf(targets: ReadonlySet<CommandTarget>): readonly Side[] {
  return SIDES.filter((side) => targets.has(side));
}

function rowsByName(store: Store): ReadonlyMap<string, MailboxRow> {
  return new Map(store.overview().map((row) => [row.mailbox, row]));
}

/** A refused command as an error that says how to go on; anything else as it is. */
function refusal(error: unknown, side: Side, attempt: string, hints: readonly string[]): unknown {
  if (!(error instanceof CommandError)) return error;
  const code = error.code === null ? "" : `[${error.code}] `;
  const text = `${attempt}: ${error.status} ${code}${error.text}`;
  return new MailboxError(text, { component: side, hints, cause: error });
}

function goOn(targets: ReadonlySet<CommandTarget>, done: readonly Side[], words: readonly string[]): string {
  const open = [...targets].filter((target) => !done.some((side) => side === target));
  return `to go on once the cause is removed: ${command(open, words)}`;
}

function command(targets: readonly CommandTarget[], words: readonly string[]): string {
  return `\`interimap --target=${targets.join(",")} ${words.join(" ")}\``;
}
