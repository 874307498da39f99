// More scenarios of the tests on loss: changes one way, mixed ones, mailboxes, commands, refusals, races.

import { deleteMailboxes } from "../../lib/sync/mailbox_commands.ts";
import type { Side } from "../../lib/state/types.ts";
import { messageOfSize } from "./live/mail.ts";
import { CAPABILITIES } from "./model_options.ts";
import type { Rig } from "./model_rig.ts";
import { add, bothFull, inbox, mail, mails, remove, type Scenario, SCENARIOS, uidsOf } from "./model_scenarios.ts";
import { textOf } from "./model_values.ts";

const LARGE_OCTETS = 1_100_000;
const large = (id: string) => ({ ...mail(id), body: messageOfSize(id, LARGE_OCTETS) });
const empty = (id: string) => ({ ...mail(id), body: new Uint8Array(0) });

/** APPEND on one side is refused for messages with "bad" in their name. */
function refuseBad(rig: Rig, side: Side, text: string): void {
  rig.servers[side].lies.refuseAppend = (body) => textOf(body.subarray(0, 400)).includes("bad") ? text : null;
}

function change(rig: Rig, side: Side, ids: readonly string[], what: ReturnType<typeof add | typeof remove>): void {
  inbox(rig, side).store(uidsOf(rig, side, ...ids), what);
}

function expunge(rig: Rig, side: Side, ...ids: readonly string[]): void {
  inbox(rig, side).expunge(uidsOf(rig, side, ...ids));
}

/** Mailboxes with two messages each, made on the local side. */
function mailboxes(rig: Rig, ...names: readonly string[]): void {
  for (const name of names) rig.store("local").create(name).append(mails(`in-${name}`, 2));
}

const ONE_WAY: readonly Scenario[] = [
  {
    name: "new mail for the local side only",
    earlier: bothFull,
    before: (rig) => void inbox(rig, "remote").append(mails("new", 5, ["\\Seen", "work"])),
    settles: true,
  },
  {
    name: "new mail for the remote side only",
    earlier: bothFull,
    before: (rig) => void inbox(rig, "local").append(mails("new", 5, ["\\Draft"])),
    settles: true,
  },
  {
    name: "flags set on the local side",
    earlier: bothFull,
    before: (rig) => {
      change(rig, "local", ["old-local-0", "old-local-1", "old-remote-0"], add("\\Flagged"));
      change(rig, "local", ["old-local-2"], add("\\Answered", "work"));
    },
    settles: true,
  },
  {
    name: "flags taken away on the remote side",
    earlier: bothFull,
    before: (rig) => change(rig, "remote", ["old-local-0", "old-local-3", "old-local-4"], remove("\\Seen")),
    settles: true,
  },
  {
    name: "messages expunged on the local side",
    earlier: bothFull,
    before: (rig) => expunge(rig, "local", "old-local-0", "old-remote-2", "old-remote-3"),
    settles: true,
  },
  {
    name: "messages expunged on the remote side",
    earlier: bothFull,
    before: (rig) => expunge(rig, "remote", "old-local-1", "old-local-4", "old-remote-0"),
    settles: true,
  },
  {
    name: "a mailbox emptied on one side",
    earlier: bothFull,
    before: (rig) => void inbox(rig, "remote").expunge(inbox(rig, "remote").messages.map(({ uid }) => uid)),
    settles: true,
  },
  {
    name: "more messages than go into one batch",
    before: (rig) => void inbox(rig, "remote").append(mails("many", 140)),
    settles: true,
  },
];

const MIXED: readonly Scenario[] = [
  {
    name: "the same messages expunged on both sides",
    earlier: bothFull,
    before: (rig) => {
      for (const side of ["local", "remote"] as const) expunge(rig, side, "old-local-0", "old-remote-1");
    },
    settles: true,
  },
  {
    name: "messages flagged on one side and expunged on the other",
    earlier: bothFull,
    before: (rig) => {
      change(rig, "local", ["old-local-0", "old-remote-0"], add("\\Flagged"));
      expunge(rig, "remote", "old-local-0");
      change(rig, "remote", ["old-local-1", "old-remote-1"], add("work"));
      expunge(rig, "local", "old-remote-1");
    },
    settles: true,
  },
  {
    name: "everything at once",
    earlier: bothFull,
    before: (rig) => {
      for (const side of ["local", "remote"] as const) {
        inbox(rig, side).append([...mails(`new-${side}`, 3, ["\\Seen"]), mail("twin"), mail("twin")]);
        change(rig, side, [`old-${side}-0`], add("\\Flagged", side));
        change(rig, side, ["old-local-3"], side === "local" ? remove("\\Seen") : add("\\Draft"));
      }
      expunge(rig, "local", "old-remote-1");
      expunge(rig, "remote", "old-local-1");
      mailboxes(rig, "a/b");
      rig.store("remote").create("c").append(mails("c", 2));
      rig.store("remote").subscribe("c", true);
    },
    settles: true,
  },
  {
    name: "keywords of both sides for one message",
    earlier: bothFull,
    before: (rig) => {
      change(rig, "local", ["old-local-0"], add("one", "$Forwarded"));
      change(rig, "remote", ["old-local-0"], add("two", "$Junk"));
    },
    settles: true,
  },
  {
    name: "messages moved to another mailbox",
    earlier: (rig) => {
      bothFull(rig);
      rig.store("local").create("archive");
    },
    before: (rig) => {
      const store = rig.store("local");
      store.move(inbox(rig, "local"), uidsOf(rig, "local", "old-local-0", "old-remote-0"), store.mailbox("archive"));
    },
    settles: true,
  },
  {
    name: "messages copied within a mailbox",
    earlier: bothFull,
    before: (rig) => void rig.store("remote").copy(inbox(rig, "remote"), [1, 2, 3], inbox(rig, "remote")),
    settles: true,
  },
  {
    name: "equal messages on both sides",
    earlier: bothFull,
    before: (rig) => {
      for (const side of ["local", "remote"] as const) {
        inbox(rig, side).append([mail("twin"), mail(`one-${side}`), mail("twin"), mail("twin")]);
      }
    },
    settles: true,
  },
  {
    name: "mail of several mailboxes",
    earlier: (rig) => mailboxes(rig, "a", "b", "c"),
    before: (rig) => {
      for (const name of ["a", "b", "c"]) {
        rig.store("local").mailbox(name).append(mails(`l-${name}`, 2));
        rig.store("remote").mailbox(name).append(mails(`r-${name}`, 2));
      }
    },
    settles: true,
  },
  {
    name: "everything in several mailboxes over several connections",
    run: { connections: 3 },
    earlier: (rig) => {
      mailboxes(rig, "a", "b", "c");
      for (const name of ["a", "b", "c"]) rig.store("local").mailbox(name).append(mails(`e-${name}`, 2));
    },
    before: (rig) => {
      for (const name of ["a", "b", "c"]) {
        const [local, remote] = [rig.store("local").mailbox(name), rig.store("remote").mailbox(name)];
        local.append(mails(`l-${name}`, 2));
        remote.append(mails(`r-${name}`, 2));
        local.store([1], add("\\Seen"));
        remote.store([2], add("\\Flagged"));
        local.expunge([3]);
        remote.expunge([4]);
      }
    },
    settles: true,
  },
];

const BODIES: readonly Scenario[] = [
  {
    name: "large messages both ways",
    earlier: bothFull,
    before: (rig) => {
      inbox(rig, "remote").append([large("large-remote"), mail("small-remote")]);
      inbox(rig, "local").append([mail("small-local"), large("large-local")]);
    },
    settles: true,
  },
  {
    name: "a large message without LITERAL+",
    options: { without: ["LITERAL+"] },
    before: (rig) => void inbox(rig, "local").append([mail("a"), large("large"), mail("b")]),
    settles: true,
  },
  {
    name: "a message without octets among others",
    earlier: bothFull,
    before: (rig) => void inbox(rig, "remote").append([mail("a"), empty("nothing"), mail("b")]),
    meanwhile: (rig) => {
      const nothing = inbox(rig, "remote").messages.find(({ body }) => body.length === 0);
      inbox(rig, "remote").expunge(nothing === undefined ? [] : [nothing.uid]);
    },
    settles: true,
  },
  {
    name: "mail over LITERAL- connections",
    options: { capabilities: CAPABILITIES.map((name) => name === "LITERAL+" ? "LITERAL-" : name) },
    earlier: bothFull,
    before: (rig) => {
      inbox(rig, "remote").append([mail("a"), { ...mail("medium"), body: messageOfSize("medium", 9000) }, mail("b")]);
      inbox(rig, "local").append(mails("l", 3));
    },
    settles: true,
  },
  {
    name: "mail on servers that name their mailboxes (OBJECTID)",
    options: { capabilities: [...CAPABILITIES, "OBJECTID"] },
    earlier: bothFull,
    before: (rig) => {
      inbox(rig, "local").append(mails("l", 3));
      mailboxes(rig, "new");
    },
    settles: true,
  },
];

const MAILBOXES: readonly Scenario[] = [
  {
    name: "subscriptions that change both ways",
    earlier: (rig) => {
      mailboxes(rig, "a", "b");
      rig.store("local").subscribe("a", true);
    },
    before: (rig) => {
      rig.store("local").subscribe("b", true);
      rig.store("remote").subscribe("a", false);
      rig.store("remote").subscribe("INBOX", true);
    },
    settles: true,
  },
  {
    name: "a mailbox that another client deleted, and mail elsewhere",
    earlier: (rig) => mailboxes(rig, "a", "b"),
    before: (rig) => {
      rig.store("remote").delete("a");
      rig.store("remote").mailbox("b").append(mails("new", 3));
    },
    settles: false,
  },
  {
    name: "a mailbox that another client renamed",
    earlier: (rig) => mailboxes(rig, "a"),
    before: (rig) => rig.store("remote").rename("a", "z"),
    settles: false,
  },
  {
    name: "--delete of a mailbox with others below it",
    earlier: (rig) => mailboxes(rig, "a", "a/b", "c"),
    before: () => {},
    run: {
      command: (context) => deleteMailboxes(["a"], { ...context, targets: new Set(["local", "remote", "database"]) }),
    },
    settles: true,
  },
  {
    name: "--repair of copies that disappeared and flags that were missed",
    earlier: bothFull,
    before: (rig) => {
      rig.servers.local.lies.forgetVanished = () => true;
      expunge(rig, "local", "old-remote-1", "old-local-2");
      change(rig, "remote", ["old-local-3"], add("\\Flagged"));
      inbox(rig, "remote").append([mail("new")]);
    },
    run: { repair: true },
    settles: true,
  },
  {
    name: "--repair when nothing is wrong, with new mail",
    earlier: bothFull,
    before: (rig) => {
      inbox(rig, "remote").append(mails("new", 2));
      expunge(rig, "local", "old-local-0");
    },
    run: { repair: true },
    settles: true,
  },
  {
    name: "one mailbox named on the command line",
    earlier: (rig) => mailboxes(rig, "a", "b"),
    before: (rig) => {
      rig.store("local").mailbox("a").append(mails("new", 2));
      rig.store("remote").mailbox("a").append(mails("remote", 2));
    },
    run: { names: ["a"] },
    settles: true,
  },
];

const REFUSALS: readonly Scenario[] = [
  {
    name: "one bad message in a MULTIAPPEND each way",
    earlier: bothFull,
    before: (rig) => {
      refuseBad(rig, "local", "Message contains NUL characters");
      refuseBad(rig, "remote", "Message contains bare newlines");
      inbox(rig, "remote").append([...mails("r", 5), mail("bad-r"), mail("r-last")]);
      inbox(rig, "local").append([mail("bad-l"), ...mails("l", 4)]);
    },
    settles: true,
    leaves: 2,
  },
  {
    name: "one bad message without MULTIAPPEND",
    options: { without: ["MULTIAPPEND"] },
    before: (rig) => {
      refuseBad(rig, "local", "Message contains invalid header");
      inbox(rig, "remote").append([mail("a"), mail("bad"), mail("b")]);
    },
    settles: true,
    leaves: 1,
  },
  {
    name: "bad messages that are taken later",
    before: (rig) => {
      refuseBad(rig, "local", "Something is wrong");
      inbox(rig, "remote").append([mail("a"), mail("bad"), mail("b"), mail("bad-too")]);
    },
    meanwhile: (rig) => void (rig.servers.local.lies.refuseAppend = null),
    settles: true,
  },
  {
    name: "a bad message that is expunged later",
    before: (rig) => {
      refuseBad(rig, "local", "Message contains NUL characters");
      inbox(rig, "remote").append([mail("a"), mail("bad"), mail("b")]);
    },
    meanwhile: (rig) => expunge(rig, "remote", "bad"),
    settles: true,
  },
  {
    name: "a full mailbox, and mail the other way",
    earlier: bothFull,
    before: (rig) => {
      rig.servers.local.lies.refuseAppend = () => "[OVERQUOTA] Quota exceeded";
      inbox(rig, "remote").append(mails("r", 20));
      inbox(rig, "local").append(mails("l", 2));
    },
    settles: true,
    leaves: 20,
  },
  {
    name: "a full mailbox that gets room later",
    before: (rig) => {
      rig.servers.local.lies.refuseAppend = () => "Over quota";
      inbox(rig, "remote").append(mails("r", 20));
    },
    meanwhile: (rig) => void (rig.servers.local.lies.refuseAppend = null),
    settles: true,
  },
  {
    name: "a large message that is refused before it is sent",
    before: (rig) => {
      rig.servers.local.lies.maxMessageOctets = 100_000;
      inbox(rig, "remote").append([mail("a"), large("large"), mail("b")]);
    },
    settles: true,
    leaves: 1,
  },
  {
    name: "a message that is larger than APPENDLIMIT",
    options: { capabilities: [...CAPABILITIES, "APPENDLIMIT=2000"] },
    before: (rig) => {
      inbox(rig, "remote").append([mail("a"), { ...mail("b"), body: messageOfSize("b", 2001) }, mail("c")]);
    },
    settles: true,
    leaves: 1,
  },
  {
    name: "a mailbox that may only be read",
    earlier: bothFull,
    before: (rig) => {
      rig.servers.local.lies.readOnly = ["INBOX"];
      inbox(rig, "remote").append(mails("r", 3));
      inbox(rig, "local").append(mails("l", 3));
    },
    settles: true,
    leaves: 3,
  },
  {
    name: "keywords that one side refuses",
    earlier: bothFull,
    before: (rig) => {
      rig.servers.local.lies.refusedKeywords = ["odd"];
      inbox(rig, "remote").append([mail("a", ["odd", "\\Seen"]), mail("b", ["fine"]), mail("c", ["odd"])]);
    },
    settles: false,
  },
];

const KEEPERS: readonly Scenario[] = [
  {
    name: "flags that one side cannot hold",
    earlier: bothFull,
    before: (rig) => {
      rig.servers.local.lies.permanentFlags = ["\\Seen", "\\Flagged"];
      inbox(rig, "remote").append([mail("a", ["work", "\\Seen"]), mail("b", ["\\Flagged"]), mail("c", ["\\Draft"])]);
      change(rig, "remote", ["old-remote-0", "old-local-1"], add("work", "\\Flagged"));
    },
    settles: false,
  },
  {
    name: "flags set where others cannot be held",
    earlier: (rig) => {
      rig.servers.local.lies.permanentFlags = ["\\Seen", "\\Flagged"];
      inbox(rig, "remote").append([mail("a", ["work"]), mail("b", ["\\Draft"]), mail("c")]);
    },
    before: (rig) => change(rig, "local", ["a", "b", "c"], add("\\Flagged")),
    settles: false,
  },
];

const RACES: readonly Scenario[] = [
  {
    name: "new mail that is expunged on its own side after the interruption",
    earlier: bothFull,
    before: (rig) => void inbox(rig, "remote").append(mails("new", 4)),
    meanwhile: (rig) => expunge(rig, "remote", "new-1", "new-3"),
    settles: true,
  },
  {
    name: "copies that are expunged on the other side after the interruption",
    earlier: bothFull,
    before: (rig) => void inbox(rig, "remote").append(mails("new", 4)),
    meanwhile: (rig) => expunge(rig, "local", "new-1", "new-3"),
    settles: true,
    endDepends: true,
  },
  {
    name: "the same message delivered on the other side after the interruption",
    earlier: bothFull,
    before: (rig) => void inbox(rig, "remote").append([mail("twin"), mail("twin"), mail("other")]),
    meanwhile: (rig) => void inbox(rig, "local").append([mail("twin")]),
    settles: true,
    endDepends: true,
  },
  {
    name: "flags changed on both sides, and back after the interruption",
    earlier: bothFull,
    before: (rig) => {
      change(rig, "local", ["old-local-0"], add("\\Flagged"));
      change(rig, "remote", ["old-local-1"], remove("\\Seen"));
    },
    meanwhile: (rig) => {
      change(rig, "local", ["old-local-0"], remove("\\Flagged"));
      change(rig, "remote", ["old-local-1"], add("\\Seen"));
    },
    settles: true,
    endDepends: true,
  },
  {
    name: "a mailbox that is deleted again after the interruption",
    earlier: bothFull,
    before: (rig) => {
      rig.store("remote").create("short").append(mails("short", 2));
      inbox(rig, "remote").append([mail("new")]);
    },
    meanwhile: (rig) => rig.store("remote").delete("short"),
    settles: false,
    endDepends: true,
  },
];

export const ALL_SCENARIOS: readonly Scenario[] = [
  ...SCENARIOS,
  ...ONE_WAY,
  ...MIXED,
  ...BODIES,
  ...MAILBOXES,
  ...REFUSALS,
  ...KEEPERS,
  ...RACES,
];
