// The demonstration that `make demo` runs: two private Dovecot servers in a temporary directory, synchronized by
// interimap, changed on both sides, synchronized again. That both sides are equal is checked by an independent IMAP
// client, not claimed. Exit status 1 when anything differs.

import type { ImapProbe } from "../tests/support/imap_probe.ts";
import { Lab, type MailStore } from "../tests/support/live_dovecot.ts";
import { awkwardBodies, messageOfSize, plainMessage } from "../tests/support/live/mail.ts";
import { type Program, programUnderTest, tunnelSection, Workspace } from "../tests/support/live/program.ts";
import { compareStores, type MailboxFacts, readStore, shown, type StoreFacts } from "../tests/support/live/witness.ts";

const IDLE_COMMANDS = new Set(["CAPABILITY", "ENABLE", "LIST", "LOGOUT"]);

function say(text = ""): void {
  console.log(text);
}

function heading(text: string): void {
  say(`\n== ${text}`);
}

function indented(lines: readonly string[]): void {
  for (const line of lines) say(`   | ${line}`);
}

async function fillLocal(local: MailStore): Promise<void> {
  await local.with(async (probe) => {
    const [plans, receipts] = [local.path("Work", "Plans"), local.path("Work", "Receipts", "2026")];
    for (const name of [plans, receipts, "Drafts"]) await probe.create(name);
    for (const name of ["INBOX", plans]) await probe.subscribe(name);
    const internalDate = "01-Nov-2026 08:00:00 +0100";
    await probe.append("INBOX", { body: plainMessage("Welcome"), flags: ["\\Seen"], internalDate });
    await probe.append("INBOX", { body: plainMessage("Lunch?"), flags: ["\\Flagged", "$Important"] });
    await probe.append(plans, { body: messageOfSize("A big attachment", 2_000_000), flags: ["\\Seen", "work"] });
    for (const month of ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep"]) {
      const internalDate = `01-${month}-2026 12:00:00 -0930`;
      await probe.append(receipts, { body: plainMessage(`Receipt of ${month}`), internalDate });
    }
    await probe.append("Drafts", { body: plainMessage("Not finished"), flags: ["\\Draft"] });
  });
}

async function fillRemote(remote: MailStore): Promise<void> {
  await remote.with(async (probe) => {
    const [deno, imap] = [remote.path("Lists", "deno"), remote.path("Lists", "imap", "protocol")];
    for (const name of [deno, imap]) await probe.create(name);
    await probe.subscribe(deno);
    await probe.append("INBOX", { body: plainMessage("Hello from the other side"), flags: ["\\Answered", "\\Seen"] });
    for (let number = 1; number <= 12; number++) {
      const flags = number % 3 === 0 ? ["\\Seen", "Later"] : [];
      await probe.append(deno, { body: plainMessage(`Digest ${number}`), flags });
    }
    for (const body of Object.values(awkwardBodies())) await probe.append(imap, { body });
  });
}

/** UID of the message with this subject in the selected mailbox. */
async function uidOf(probe: ImapProbe, subject: string): Promise<number> {
  const { untagged } = await probe.command(`UID SEARCH SUBJECT "${subject}"`);
  return Number(untagged.find(({ values }) => values[0] === "SEARCH")?.values[1]);
}

async function changeLocal(local: MailStore): Promise<void> {
  await local.with(async (probe) => {
    await probe.select("INBOX");
    await probe.store([await uidOf(probe, "Welcome")], "+FLAGS", ["\\Flagged"]);
    await probe.store([await uidOf(probe, "Lunch?")], "+FLAGS", ["\\Seen"]);
    await probe.append("INBOX", { body: plainMessage("Written between two runs"), flags: ["\\Seen"] });
    await probe.create(local.path("Work", "New project"));
    await probe.subscribe(local.path("Work", "New project"));
    await probe.select(local.path("Lists", "deno"));
    await probe.expunge([1, 2, 3]);
  });
}

async function changeRemote(remote: MailStore): Promise<void> {
  await remote.with(async (probe) => {
    await probe.unsubscribe(remote.path("Lists", "deno"));
    await probe.select("INBOX");
    await probe.store([await uidOf(probe, "Lunch?")], "+FLAGS", ["\\Answered"]);
    await probe.append(remote.path("Work", "Plans"), { body: plainMessage("Re: A big attachment") });
    await probe.select(remote.path("Work", "Receipts", "2026"));
    for (const month of ["Jan", "Feb", "Mar"]) {
      await probe.store([await uidOf(probe, `Receipt of ${month}`)], "+FLAGS", ["\\Seen"]);
    }
    await probe.expunge([await uidOf(probe, "Receipt of Sep")]);
    await probe.select("Drafts");
    await probe.store([1], "FLAGS", ["\\Seen", "ready"]);
  });
}

function sameBy(
  local: MailboxFacts,
  remote: MailboxFacts,
  facts: (message: MailboxFacts["messages"][number]) => string,
): string {
  const sorted = (mailbox: MailboxFacts) => mailbox.messages.map(facts).sort().join("\n");
  return sorted(local) === sorted(remote) ? "equal" : "DIFFER";
}

function subscription(mailbox: string, facts: StoreFacts): string {
  return facts.subscribed.has(mailbox) ? "yes" : "no";
}

function table(local: StoreFacts, remote: StoreFacts): void {
  const rows = [["mailbox", "local", "remote", "octets", "flags", "dates", "subscribed"]];
  for (const mailbox of [...new Set([...local.mailboxes.keys(), ...remote.mailboxes.keys()])].sort()) {
    const [here, there] = [local.mailboxes.get(mailbox), remote.mailboxes.get(mailbox)];
    const count = (facts?: MailboxFacts) => facts === undefined ? "-" : String(facts.messages.length);
    const compared = here === undefined || there === undefined ? ["-", "-", "-"] : [
      sameBy(here, there, (message) => message.digest),
      sameBy(here, there, (message) => `${message.digest} ${message.flags.join(" ")}`),
      sameBy(here, there, (message) => `${message.digest} ${message.internalDate}`),
    ];
    const subscribed = [subscription(mailbox, local), subscription(mailbox, remote)].join(" / ");
    rows.push([shown(mailbox), count(here), count(there), ...compared, subscribed]);
  }
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  for (const row of rows) say(`   ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ").trimEnd()}`);
}

/** Prints what both servers hold now, and throws when they are not equal. */
async function check(local: MailStore, remote: MailStore, workspace: Workspace): Promise<void> {
  const { local: here, remote: there, differences } = await compareStores(local, remote, workspace.databaseFile);
  table(here, there);
  if (differences.length > 0) throw new Error(`the two sides differ:\n${differences.join("\n")}`);
  say("\n   Both sides are equal, and the database pairs every message with its copy.");
}

/** Prints what both servers hold, equal or not. */
async function look(local: MailStore, remote: MailStore): Promise<void> {
  say("   What an independent IMAP client finds on them: messages on local and on remote, and whether these have");
  say("   the same octets, flags and dates.\n");
  table(await readStore(local), await readStore(remote));
  say();
}

/** Shows the command as one would type it in the checkout, and runs it. */
async function synchronize(program: Program, workspace: Workspace): Promise<void> {
  const checkout = new URL("../", import.meta.url).pathname;
  say(`   $ ${program.command.join(" ").replace(checkout, "")}`);
  const result = await workspace.sync(program);
  indented(result.lines);
  say(`   It took ${(result.milliseconds / 1000).toFixed(2)} s.\n`);
}

async function idleRun(program: Program, workspace: Workspace, stores: readonly MailStore[]): Promise<void> {
  for (const store of stores) await store.recordCommands();
  await synchronize(program, workspace);
  for (const store of stores) {
    const commands = await store.commands();
    say(`   The ${store.name} server was only told: ${commands.join(", ")}`);
    const more = commands.filter((command) => !IDLE_COMMANDS.has(command));
    if (more.length > 0) throw new Error(`an idle run sent ${more.join(", ")}`);
  }
}

async function demonstrate(lab: Lab): Promise<void> {
  const program = await programUnderTest();
  const local = await lab.store("local", { format: "maildir", separator: "/" });
  const remote = await lab.store("remote", { format: "mdbox", separator: "." });
  const workspace = await Workspace.create(`${lab.directory}/w`, tunnelSection(local), tunnelSection(remote));

  heading("Two private Dovecot servers");
  say(`   They live in ${lab.directory} and are reached by a command, without a port or a password.`);
  say('   "local" keeps maildirs and writes mailboxes as Work/Plans, "remote" keeps mdbox and writes Work.Plans.');
  say("   The configuration file:\n");
  indented((await Deno.readTextFile(workspace.configFile)).trimEnd().split("\n"));

  heading("Different mail is delivered on both, then interimap runs for the first time");
  await fillLocal(local);
  await fillRemote(remote);
  await look(local, remote);
  await synchronize(program, workspace);
  await check(local, remote, workspace);

  heading("Things change on both sides, and interimap runs again");
  say("   On local a message is flagged, one is written, three are deleted, a mailbox is created.");
  say("   On remote three are read, one is written, one is deleted, a draft is finished, a list is unsubscribed.");
  say('   And both change the flags of the same message, "Lunch?": local has read it, remote has answered it.\n');
  await Promise.all([changeLocal(local), changeRemote(remote)]);
  await synchronize(program, workspace);
  await check(local, remote, workspace);

  heading("Nothing has changed, and interimap runs a third time");
  await idleRun(program, workspace, [local, remote]);
}

async function main(): Promise<number> {
  try {
    const lab = await Lab.open();
    try {
      await demonstrate(lab);
    } finally {
      await lab.close();
    }
  } catch (error) {
    console.error(`\nThe demonstration failed: ${error instanceof Error ? error.message : error}`);
    return 1;
  }
  say("\nDone. The servers are stopped, and their files are removed.");
  return 0;
}

Deno.exit(await main());
