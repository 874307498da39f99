// The scenarios of the tests on loss: two mail stores, what the users did before the run that is disturbed, and what they
// do between it and the next. What is disturbed, and what has to hold afterwards, is tests/model/crash_test.ts's.

import { messageOfSize, plainMessage } from "./live/mail.ts";
import { MemoryStore } from "./memory_store.ts";
import { ModelMailstore, type NewModelMessage } from "./model_mailstore.ts";
import { CAPABILITIES, type ServerOptions } from "./model_options.ts";
import { finished, memoryHome, Rig, type RunOptions } from "./model_rig.ts";
import { ModelServer } from "./model_server.ts";
import { octetsOf, textOf } from "./model_values.ts";

export interface Scenario {
  readonly name: string;
  readonly options?: ServerOptions;
  /** Octets that one read hands out at most. */
  readonly chunk?: number;
  /** What is there when the first run, which is not disturbed, is made; without it there is no first run. */
  readonly earlier?: (rig: Rig) => void;
  /** What is there when the disturbed run is made. */
  readonly before: (rig: Rig) => void;
  /** What users do after it. */
  readonly meanwhile?: (rig: Rig) => void;
  /** How the disturbed run and the one that repeats it are made; the one after that is an ordinary one. */
  readonly run?: RunOptions;
  /** A run that follows says nothing and selects nothing, and both sides are equal. */
  readonly settles: boolean;
  /** Then it says that so many messages stay behind that were refused, and may look whether they are taken now. */
  readonly leaves?: number;
  /** What users do in the meantime is undone by no run, and done to what was there at that moment only. */
  readonly endDepends?: boolean;
}

/** A rig in which a scenario is about to be disturbed, and its state. */
export async function prepare(scenario: Scenario): Promise<{ readonly rig: Rig; readonly state: MemoryStore }> {
  const state = new MemoryStore();
  const local = new ModelServer(new ModelMailstore({ delimiter: "/" }), scenario.options);
  const remote = new ModelServer(new ModelMailstore({ delimiter: ".", firstUidValidity: 77 }), scenario.options);
  const rig = new Rig(local, remote, memoryHome(state));
  if (scenario.earlier !== undefined) {
    scenario.earlier(rig);
    if (!finished(await rig.run())) throw new Error("the first run was killed");
  }
  scenario.before(rig);
  return { rig, state };
}

/** A small message that is the only one of its name; each name has a date of its own. */
export function mail(id: string, flags: readonly string[] = []): NewModelMessage {
  const seconds = 1_700_000_000 + id.length * 1000 + id.charCodeAt(id.length - 1);
  return { flags, date: { seconds, zone: id.length * 15 }, body: plainMessage(id) };
}

export function mails(prefix: string, count: number, flags: readonly string[] = []): readonly NewModelMessage[] {
  return Array.from({ length: count }, (_, i) => mail(`${prefix}-${i}`, flags));
}

export const inbox = (rig: Rig, side: "local" | "remote") => rig.store(side).mailbox("INBOX");

/** UIDs of messages by the name given to mail(). */
export function uidsOf(rig: Rig, side: "local" | "remote", ...ids: readonly string[]): readonly number[] {
  const wanted = ids.map((id) => `<${id}@example.net>`);
  return inbox(rig, side).messages.filter(({ body }) => wanted.some((id) => textOf(body.subarray(0, 400)).includes(id)))
    .map(({ uid }) => uid);
}

/** With what the servers on its way added. */
function delivered(message: NewModelMessage): NewModelMessage {
  return { ...message, body: octetsOf(`Received: from mx by mail.example.net\r\n${textOf(message.body)}`) };
}

/** One of which only the octets tell whether it is another one: names of one length give one size. */
function nameless(text: string): NewModelMessage {
  return { ...mail("nameless"), body: octetsOf(`Subject: none\r\n\r\n${text}\r\n`) };
}

/** The mailbox is deleted, and created again with the same messages under other UIDs. */
function madeAnew(rig: Rig, side: "local" | "remote", name: string): void {
  const store = rig.store(side);
  const { messages } = store.mailbox(name);
  store.delete(name);
  store.create(name).uidNext = 21;
  store.mailbox(name).append(messages);
}

export function bothFull(rig: Rig): void {
  inbox(rig, "local").append(mails("old-local", 5, ["\\Seen"]));
  inbox(rig, "remote").append(mails("old-remote", 5));
}

export const add = (...flags: readonly string[]) => ({ mode: "add", flags } as const);
export const remove = (...flags: readonly string[]) => ({ mode: "remove", flags } as const);

const LARGE_OCTETS = 1_100_000;

export const SCENARIOS: readonly Scenario[] = [
  {
    name: "a first pull",
    before: (rig) => {
      inbox(rig, "remote").append(mails("r", 6, ["\\Flagged"]));
      rig.store("remote").create("a").append(mails("a", 3));
    },
    settles: true,
  },
  {
    name: "a first push, equal messages among it",
    before: (rig) => {
      inbox(rig, "local").append([...mails("l", 4), mail("twin"), mail("twin"), mail("twin")]);
    },
    settles: true,
  },
  {
    name: "two filled mailboxes that nothing knows",
    before: (rig) => {
      const twins = [mail("twin"), mail("twin"), mail("twin"), nameless("same"), nameless("same")];
      const same = [...mails("same", 4).map(delivered), ...twins];
      inbox(rig, "local").append([...same, ...mails("l", 2), mail("twin"), nameless("here")]);
      inbox(rig, "remote").append([...same, ...mails("r", 2), nameless("far")]);
      inbox(rig, "local").store(uidsOf(rig, "local", "same-0", "same-1"), add("\\Seen"));
      inbox(rig, "remote").store(uidsOf(rig, "remote", "same-1", "same-2"), add("kw"));
    },
    settles: true,
  },
  {
    name: "two filled mailboxes, and changes after the interruption",
    before: (rig) => {
      inbox(rig, "local").append([...mails("same", 5), mail("l")]);
      inbox(rig, "remote").append([...mails("same", 5), mail("r")]);
    },
    meanwhile: (rig) => {
      inbox(rig, "local").store(uidsOf(rig, "local", "same-0"), add("\\Flagged"));
      inbox(rig, "remote").store(uidsOf(rig, "remote", "same-1"), add("\\Answered"));
      inbox(rig, "local").append([mail("later-local"), mail("later-both")]);
      inbox(rig, "remote").append([mail("later-remote"), mail("later-both")]);
    },
    settles: true,
  },
  {
    name: "mailboxes made anew on one side and on both",
    earlier: (rig) => {
      for (const name of ["one", "two"]) {
        for (const side of ["local", "remote"] as const) rig.store(side).create(name).append(mails(name, 4));
      }
    },
    before: (rig) => {
      madeAnew(rig, "remote", "one");
      madeAnew(rig, "local", "two");
      madeAnew(rig, "remote", "two");
      rig.store("local").mailbox("one").append(mails("new", 2));
      rig.store("remote").mailbox("one").append([mail("far")]);
      rig.store("remote").mailbox("two").store([21, 22], add("\\Seen"));
      rig.store("local").mailbox("two").store([22, 23], add("kw"));
    },
    settles: true,
  },
  {
    name: "new mail both ways",
    earlier: bothFull,
    before: (rig) => {
      inbox(rig, "local").append(mails("new-local", 4, ["work"]));
      inbox(rig, "remote").append(mails("new-remote", 4));
    },
    settles: true,
  },
  {
    name: "flags both ways with a conflict",
    earlier: bothFull,
    before: (rig) => {
      inbox(rig, "local").store(uidsOf(rig, "local", "old-local-0", "old-remote-1"), add("\\Flagged"));
      inbox(rig, "local").store(uidsOf(rig, "local", "old-local-2"), remove("\\Seen"));
      inbox(rig, "remote").store(uidsOf(rig, "remote", "old-remote-1", "old-remote-2"), add("\\Answered", "kw"));
      inbox(rig, "remote").store(uidsOf(rig, "remote", "old-local-3"), remove("\\Seen"));
    },
    settles: true,
  },
  {
    name: "deletions both ways",
    earlier: bothFull,
    before: (rig) => {
      inbox(rig, "local").expunge(uidsOf(rig, "local", "old-local-0", "old-remote-1", "old-remote-4"));
      inbox(rig, "remote").expunge(uidsOf(rig, "remote", "old-local-0", "old-local-2", "old-remote-0"));
    },
    settles: true,
  },
  {
    name: "new mail, an old one flagged and one deleted after the interruption",
    earlier: bothFull,
    before: (rig) => {
      inbox(rig, "local").append(mails("new-local", 3));
      inbox(rig, "remote").append(mails("new-remote", 3));
      inbox(rig, "local").store(uidsOf(rig, "local", "old-local-1"), add("\\Flagged"));
    },
    meanwhile: (rig) => {
      inbox(rig, "local").append([mail("later-local")]);
      inbox(rig, "remote").append([mail("later-remote")]);
      inbox(rig, "local").store(uidsOf(rig, "local", "old-remote-3"), add("\\Answered"));
      inbox(rig, "remote").store(uidsOf(rig, "remote", "new-remote-0"), add("\\Draft"));
      inbox(rig, "local").expunge(uidsOf(rig, "local", "old-local-4", "new-local-1"));
      inbox(rig, "remote").expunge(uidsOf(rig, "remote", "old-remote-2", "new-remote-2"));
    },
    settles: true,
  },
  {
    name: "new mail both ways without MULTIAPPEND, LITERAL+ and ESEARCH",
    options: { without: ["MULTIAPPEND", "LITERAL+", "ESEARCH"] },
    earlier: bothFull,
    before: (rig) => {
      inbox(rig, "local").append(mails("new-local", 3, ["work"]));
      inbox(rig, "remote").append([...mails("new-remote", 3), mail("twin"), mail("twin")]);
    },
    settles: true,
  },
  {
    name: "new mail both ways over compressed connections, in small pieces",
    options: { capabilities: [...CAPABILITIES, "COMPRESS=DEFLATE"] },
    chunk: 48,
    earlier: bothFull,
    before: (rig) => {
      inbox(rig, "local").append([...mails("new-local", 3, ["work"]), mail("twin"), mail("twin")]);
      inbox(rig, "remote").append(mails("new-remote", 3));
    },
    settles: true,
  },
  {
    name: "a large message that is streamed, between small ones",
    before: (rig) => {
      const large = { ...mail("large"), body: messageOfSize("large", LARGE_OCTETS) };
      inbox(rig, "remote").append([mail("r-0"), large, mail("r-1")]);
    },
    settles: true,
  },
  {
    name: "mailboxes created and subscribed on both sides",
    earlier: bothFull,
    before: (rig) => {
      const [local, remote] = [rig.store("local"), rig.store("remote")];
      local.create("a/b").append(mails("ab", 2));
      local.create("c");
      local.subscribe("a/b", true);
      remote.create("c").append(mails("c", 2));
      remote.create("d.e.f");
      remote.subscribe("d.e.f", true);
      remote.subscribe("c", true);
      remote.subscribe("INBOX", true);
    },
    settles: true,
  },
  {
    name: "a mailbox that was emptied, whose deletions wait, with new mail and flags both ways",
    earlier: (rig) => {
      inbox(rig, "local").append(mails("old-local", 15, ["\\Seen"]));
      inbox(rig, "remote").append(mails("old-remote", 15));
    },
    before: (rig) => {
      const gone = inbox(rig, "local").messages.map(({ uid }) => uid).slice(0, 28);
      inbox(rig, "local").store(gone, add("\\Deleted"));
      inbox(rig, "local").expunge(gone);
      for (const { uid } of inbox(rig, "local").messages) inbox(rig, "local").store([uid], add("\\Flagged"));
      inbox(rig, "local").append(mails("new-local", 2));
      // After these the deletions are less than half of all messages.
      inbox(rig, "remote").append(mails("new-remote", 30));
    },
    settles: false,
  },
  {
    name: "a message that the other side refuses",
    before: (rig) => {
      rig.servers.local.lies.refuseAppend = (body) => textOf(body).includes("bad-1@") ? "Message is bad" : null;
      inbox(rig, "remote").append([mail("good-0"), mail("bad-1"), ...mails("r", 2)]);
      inbox(rig, "local").append(mails("l", 2));
    },
    settles: true,
    leaves: 1,
  },
];
