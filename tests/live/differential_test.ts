// The program against InterIMAP 0.5.7: on copies of the same two stores and the same state file both leave the same mail,
// the same subscriptions, the same rows in all four tables, the same words and the same exit status. Each row of the
// tables is a sentence; where the two differ, it says what and why, and has to differ.

import assert from "node:assert/strict";
import type { Side } from "../../lib/state/types.ts";
import type { ImapProbe } from "../support/imap_probe.ts";
import { type LiveContext, liveTest } from "../support/live/live_case.ts";
import { plainMessage } from "../support/live/mail.ts";
import { theOriginal } from "../support/live/program.ts";
import {
  copyOf,
  emptyScene,
  falsify,
  orphansOf,
  type Outcome,
  outcomeOf,
  type Scene,
  type SceneOptions,
} from "../support/live/twins.ts";

const DATE = "22-Nov-2026 01:35:43 +0100";

interface Row {
  /** What was the case, or what was asked for. */
  readonly when: string;
  readonly change?: (scene: Scene) => Promise<void>;
  readonly options?: SceneOptions;
  /** Arguments of the runs; one run without by default. */
  readonly runs?: readonly (readonly string[])[];
  /** Where the two differ, and why. */
  readonly unlike?: { readonly in: readonly (keyof Outcome)[]; readonly because: string };
}

/** What is done in one mailbox of one store; the mailbox is selected. */
type Work = (probe: ImapProbe) => Promise<void>;

function at(side: Side, mailbox: string, work: Work): (scene: Scene) => Promise<void> {
  return (scene) =>
    scene[side].with(async (probe) => {
      await probe.select(mailbox);
      await work(probe);
    });
}

/** As `at`, and then the state file is told the mod-sequence of now: what was done is never reported. */
function unseen(side: Side, mailbox: string, work: Work): (scene: Scene) => Promise<void> {
  return async (scene) => {
    await at(side, mailbox, work)(scene);
    const { highestModSeq } = await scene[side].with((probe) => probe.select(mailbox));
    falsify(scene, [`UPDATE ${side} SET HIGHESTMODSEQ = ${highestModSeq} WHERE`], mailbox);
  };
}

function all(...changes: readonly ((scene: Scene) => Promise<void>)[]): (scene: Scene) => Promise<void> {
  return async (scene) => {
    for (const change of changes) await change(scene);
  };
}

function flag(uids: readonly number[], change: string, ...flags: readonly string[]): Work {
  return (probe) => probe.store(uids, change, flags);
}

function expunge(...uids: readonly number[]): Work {
  return (probe) => probe.expunge(uids);
}

/** Messages named after `id`; with flags on every third. */
function arrive(mailbox: string, id: string, count = 1): Work {
  return async (probe) => {
    for (let i = 1; i <= count; i++) {
      const flags = i % 3 === 0 ? ["\\Seen", "$Forwarded"] : [];
      await probe.append(mailbox, { body: plainMessage(`${id.replaceAll(" ", "-")}-${i}`), internalDate: DATE, flags });
    }
  };
}

function make(mailbox: string, subscribed = false): Work {
  return async (probe) => {
    await probe.create(mailbox);
    if (subscribed) await probe.subscribe(mailbox);
    await arrive(mailbox, `made ${mailbox.replaceAll(/[^a-z]/g, "")}`, 2)(probe);
  };
}

/** Mailboxes a, a/b, c, d e and INBOX with 12 messages, on both sides, brought there by the original. */
async function syncedBase({ lab }: LiveContext): Promise<Scene> {
  const scene = await emptyScene(lab, "base");
  await scene.remote.with(async (probe) => {
    for (const name of ["a", "a.b", "c", "d e"]) {
      await probe.create(name);
      await probe.subscribe(name);
      await arrive(name, `in ${name}`)(probe);
    }
    await arrive("INBOX", "m", 12)(probe);
  });
  await scene.workspace.sync(await theOriginal());
  return scene;
}

async function compareRows(context: LiveContext, base: Scene, rows: readonly Row[]): Promise<void> {
  const original = await theOriginal();
  for (const [i, { when, change, options, runs = [[]], unlike }] of rows.entries()) {
    const does = runs.map((args) => args.join(" ") || "a run").join(", then ");
    await context.test.step(
      `${when}: ${does}${unlike === undefined ? "" : ` (unlike the original: ${unlike.because})`}`,
      async () => {
        const outcomes: Outcome[] = [];
        for (const [name, tool] of [[`o${i}`, original], [`p${i}`, context.program]] as const) {
          const scene = await copyOf(base, name, options);
          await change?.(scene);
          outcomes.push(await outcomeOf(scene, tool, runs));
          if (tool === context.program) assert.equal(orphansOf(scene), 0, "rows of mailboxes that are gone");
        }
        const [theirs, ours] = outcomes;
        assert.ok(theirs !== undefined && ours !== undefined);
        for (const aspect of ["statuses", "words", "mail", "rows"] as const) {
          if (unlike?.in.includes(aspect)) assert.notDeepEqual(ours[aspect], theirs[aspect], `${aspect} do not differ`);
          else assert.deepEqual(ours[aspect], theirs[aspect], aspect);
        }
      },
    );
  }
}

function table(title: string, rows: readonly Row[], makeBase = syncedBase): void {
  liveTest(title, async (context) => compareRows(context, await makeBase(context), rows), { newProgramOnly: true });
}

// ---- first runs

table("without state file, this program and the original do the same", [
  { when: "both servers are empty", runs: [[], []] },
  { when: "only remote has mail", change: at("remote", "INBOX", arrive("INBOX", "r", 5)), runs: [[], []] },
  { when: "only local has mail", change: at("local", "INBOX", arrive("INBOX", "l", 5)), runs: [[], []] },
  {
    when: "both have mail, mailboxes and subscriptions of their own",
    change: all(
      at("local", "INBOX", arrive("INBOX", "l", 4)),
      at("remote", "INBOX", arrive("INBOX", "r", 7)),
      at("local", "INBOX", make("here/deep", true)),
      at("local", "INBOX", make("quiet")),
      at("remote", "INBOX", make("there.deep", true)),
      at("local", "INBOX", make("both")),
      at("remote", "INBOX", async (probe) => {
        await probe.create("both");
        await probe.subscribe("both");
        await arrive("both", "other")(probe);
      }),
    ),
    runs: [[], []],
  },
  { when: "there are more messages than a batch holds", change: at("remote", "INBOX", arrive("INBOX", "r", 300)) },
  {
    when: "one mailbox is named",
    change: all(at("remote", "INBOX", arrive("INBOX", "r", 2)), at("remote", "INBOX", make("x"))),
    runs: [["x"], []],
  },
], ({ lab }) => emptyScene(lab, "base"));

// ---- further runs

const elsewhere = at("remote", "INBOX", arrive("INBOX", "elsewhere"));

const RUNS: readonly Row[] = [
  { when: "nothing happened" },
  { when: "mail arrived on remote", change: at("remote", "INBOX", arrive("INBOX", "new", 7)) },
  { when: "mail arrived on local", change: at("local", "INBOX", arrive("INBOX", "new", 7)) },
  {
    when: "mail arrived on both sides of two mailboxes",
    change: all(
      at("local", "INBOX", arrive("INBOX", "newl", 3)),
      at("remote", "INBOX", arrive("INBOX", "newr", 4)),
      at("local", "c", arrive("c", "cl", 2)),
      at("remote", "c", arrive("c", "cr", 1)),
    ),
    runs: [[], []],
  },
  { when: "flags were set on remote", change: at("remote", "INBOX", flag([1, 2, 5], "+FLAGS", "\\Seen", "work")) },
  { when: "flags were set on local", change: at("local", "INBOX", flag([1, 2, 5], "+FLAGS", "\\Answered", "\\Draft")) },
  { when: "flags were removed", change: at("local", "INBOX", flag([3, 6], "FLAGS")) },
  { when: "a message was marked as deleted", change: at("remote", "INBOX", flag([4], "+FLAGS", "\\Deleted")) },
  {
    when: "both sides set the same flag",
    change: all(at("local", "INBOX", flag([1], "+FLAGS", "x")), at("remote", "INBOX", flag([1], "+FLAGS", "x"))),
  },
  {
    when: "both sides set different flags",
    change: all(
      at("local", "INBOX", flag([1, 2], "+FLAGS", "\\Flagged")),
      at("remote", "INBOX", flag([1, 2], "+FLAGS", "\\Seen")),
    ),
    runs: [[], []],
  },
  { when: "messages were expunged on local", change: at("local", "INBOX", expunge(2, 3, 7)) },
  { when: "messages were expunged on remote", change: at("remote", "INBOX", expunge(1, 12)) },
  {
    when: "both sides expunged, partly the same messages",
    change: all(at("local", "INBOX", expunge(2, 3, 7)), at("remote", "INBOX", expunge(3, 4))),
  },
  {
    when: "one side expunged what the other flagged",
    change: all(at("local", "INBOX", expunge(2)), at("remote", "INBOX", flag([2], "+FLAGS", "\\Seen"))),
    unlike: { in: ["words"], because: "it warns of a flag of the message that it has just removed" },
  },
  {
    when: "a mailbox was emptied",
    change: at("local", "INBOX", expunge(...Array.from({ length: 12 }, (_, i) => i + 1))),
    runs: [[], []],
  },
  {
    when: "everything happened at once",
    change: all(
      at("local", "INBOX", expunge(1, 2)),
      at("remote", "INBOX", expunge(11, 12)),
      at("local", "INBOX", flag([3, 4], "+FLAGS", "\\Flagged")),
      at("remote", "INBOX", flag([4, 5], "+FLAGS", "\\Seen")),
      at("local", "INBOX", arrive("INBOX", "newl", 5)),
      at("remote", "INBOX", arrive("INBOX", "newr", 5)),
      at("local", "INBOX", make("a/new", true)),
      at("remote", "INBOX", make("new.er")),
    ),
    runs: [[], []],
  },
  {
    when: "mailboxes were created on both sides",
    change: all(at("local", "INBOX", make("x/y", true)), at("remote", "INBOX", make("c.deep"))),
    runs: [[], []],
  },
  {
    when: "the same mailbox was created on both sides",
    change: all(
      at("local", "INBOX", make("x", true)),
      at("remote", "INBOX", async (probe) => {
        await probe.create("x");
        await arrive("x", "other", 3)(probe);
      }),
    ),
  },
  {
    when: "subscriptions were given up on one side each",
    change: all(
      at("local", "INBOX", (probe) => probe.unsubscribe("a")),
      at("remote", "INBOX", (probe) => probe.unsubscribe("c")),
    ),
    runs: [[], []],
  },
  {
    when: "subscriptions were given up on both sides, and INBOX subscribed on one",
    change: all(
      at("local", "INBOX", (probe) => probe.unsubscribe("a")),
      at("remote", "INBOX", (probe) => probe.unsubscribe("a")),
      at("remote", "INBOX", (probe) => probe.subscribe("INBOX")),
    ),
    runs: [[], []],
  },
  {
    when: "a mailbox was deleted on both sides",
    change: all(
      at("local", "INBOX", (probe) => probe.delete("c")),
      at("remote", "INBOX", (probe) => probe.delete("c")),
    ),
    runs: [[], []],
  },
  {
    when: "only mailboxes that are named are asked for",
    change: all(at("local", "c", arrive("c", "c", 2)), at("remote", "INBOX", arrive("INBOX", "r"))),
    runs: [["c"], ["inbox"], []],
  },
  {
    when: "a pattern with the local delimiter is named",
    change: all(at("remote", "a.b", arrive("a.b", "b", 2)), at("remote", "INBOX", arrive("INBOX", "r"))),
    runs: [["a/%"], ["a*", "d e"]],
  },
  {
    when: "little is to be said",
    change: all(
      at("local", "INBOX", arrive("INBOX", "r", 2)),
      at("local", "INBOX", flag([1], "+FLAGS", "a")),
      at("remote", "INBOX", flag([1], "+FLAGS", "b")),
      at("remote", "INBOX", make("x", true)),
    ),
    runs: [["-q"], ["--quiet"]],
  },
  {
    when: "everything is to be said",
    change: all(elsewhere, at("local", "INBOX", flag([1], "+FLAGS", "a"))),
    runs: [["--debug"], ["--debug", "--debug", "c"]],
    unlike: { in: ["words"], because: "each program has its own words for --debug" },
  },
];

table("after a first run, this program and the original do the same", RUNS);

// ---- what the original cannot do

/** The mailbox is deleted and made again, a second later, so that its UIDVALIDITY is another one. */
function remake(side: Side, mailbox: string): (scene: Scene) => Promise<void> {
  return at(side, "INBOX", async (probe) => {
    const before = (await probe.examine(mailbox)).uidValidity;
    await probe.select("INBOX");
    do {
      await probe.delete(mailbox);
      await probe.create(mailbox);
      const { uidValidity } = await probe.examine(mailbox);
      await probe.select("INBOX");
      if (uidValidity !== before) break;
    } while (true);
    await arrive(mailbox, "again")(probe);
  });
}

table("this program goes on where the original gives up", [
  ...(["local", "remote"] as const).map((side): Row => ({
    when: `a mailbox was deleted on ${side}`,
    change: all(at(side, "INBOX", (probe) => probe.delete("c")), elsewhere),
    unlike: { in: ["statuses", "words", "mail", "rows"], because: "it ends without a look at the other mailboxes" },
  })),
  {
    when: "a mailbox was renamed on one side",
    change: all(
      at("local", "INBOX", async (probe) => {
        await probe.command("RENAME c z");
      }),
      elsewhere,
    ),
    unlike: { in: ["statuses", "words", "mail", "rows"], because: "it ends without a look at the other mailboxes" },
  },
  {
    when: "a mailbox has another UIDVALIDITY",
    change: all(remake("remote", "c"), elsewhere),
    unlike: { in: ["statuses", "words", "mail", "rows"], because: "it ends without a look at the other mailboxes" },
  },
  {
    when: "a mailbox deleted on both sides was made again",
    change: all(remake("remote", "c"), remake("local", "c"), elsewhere),
    unlike: { in: ["statuses", "words", "mail", "rows"], because: "it ends without a look at the other mailboxes" },
  },
  {
    when: "a mailbox is named that is nowhere",
    runs: [["nowhere"]],
    unlike: { in: ["statuses", "words"], because: "it says nothing" },
  },
  {
    when: "the local server has a name with the delimiter of the other",
    change: all(at("local", "INBOX", make("v.w")), at("local", "INBOX", make("v/w"))),
    unlike: { in: ["statuses", "words", "mail", "rows"], because: "it takes two mailboxes for one" },
  },
  {
    when: "older messages were changed after a run that was interrupted",
    change: all(
      at("local", "INBOX", flag([2], "+FLAGS", "\\Seen")),
      at("remote", "INBOX", expunge(3)),
      (scene) => {
        falsify(scene, ["UPDATE local SET UIDNEXT = 9 WHERE", "UPDATE remote SET UIDNEXT = 9 WHERE"]);
        return Promise.resolve();
      },
    ),
    unlike: { in: ["words", "mail", "rows"], because: "it loses these changes" },
  },
]);

// ---- options

table("with the options for lists and for the log, this program and the original do the same", [
  {
    when: "list-mailbox leaves some",
    options: { globals: { "list-mailbox": '"a\\x00*" "d e"' } },
    change: all(elsewhere, at("local", "a/b", arrive("a/b", "b")), at("remote", "d e", arrive("d e", "d"))),
    runs: [[], ["INBOX"]],
  },
  {
    when: "ignore-mailbox leaves some out",
    options: { globals: { "ignore-mailbox": "^(?:INBOX$|a\\x00)" } },
    change: all(elsewhere, at("local", "a/b", arrive("a/b", "b")), at("remote", "c", arrive("c", "c"))),
    runs: [[], ["INBOX"]],
  },
  {
    when: "an ignored mailbox is gone from one side",
    options: { globals: { "ignore-mailbox": "^c" } },
    change: all(at("local", "INBOX", (probe) => probe.delete("c")), elsewhere),
  },
  {
    when: "list-select-opts asks for mailboxes that are subscribed on both sides",
    options: { globals: { "list-select-opts": "SUBSCRIBED" } },
    change: all(
      elsewhere,
      at("remote", "a", arrive("a", "a")),
      at("local", "INBOX", make("quiet")),
      at("remote", "INBOX", make("known", true)),
    ),
  },
  {
    when: "list-select-opts = SUBSCRIBED and one side unsubscribed",
    options: { globals: { "list-select-opts": "SUBSCRIBED" } },
    change: all(at("local", "INBOX", (probe) => probe.unsubscribe("c")), at("remote", "c", arrive("c", "c"))),
    unlike: { in: ["statuses", "words", "mail", "rows"], because: "it takes that for a deletion" },
  },
  {
    when: "list-select-opts has RECURSIVEMATCH and a parent matches",
    options: { globals: { "list-select-opts": "SUBSCRIBED RECURSIVEMATCH", "list-mailbox": "%" } },
    change: all(at("remote", "a", arrive("a", "a")), at("local", "INBOX", (probe) => probe.unsubscribe("a"))),
    unlike: { in: ["statuses", "words", "mail", "rows"], because: "it panics at CHILDINFO" },
  },
  {
    when: "log-prefix is empty",
    options: { globals: { "log-prefix": "" } },
    change: elsewhere,
  },
  {
    when: "log-prefix has every sequence",
    options: { globals: { "log-prefix": "%?n?<%n%?m?|%m&-?> &%%\\?\\&\\\\ %x?" } },
    change: all(elsewhere, at("local", "INBOX", make("new", true)), at("local", "INBOX", flag([1], "FLAGS", "x"))),
  },
  {
    when: "log-prefix has a sequence outside a condition",
    options: { globals: { "log-prefix": "%n|%m>" } },
    change: elsewhere,
    unlike: { in: ["words"], because: "it warns of uninitialized values" },
  },
  {
    when: "both connections are compressed",
    options: { local: { compress: "YES" }, remote: { compress: "yes" } },
    change: all(elsewhere, at("local", "INBOX", flag([1], "+FLAGS", "x"))),
  },
  {
    when: "neither connection is compressed",
    options: { local: { compress: "NO" }, remote: { compress: "no" } },
    change: all(elsewhere, at("local", "INBOX", flag([1], "+FLAGS", "x"))),
  },
]);

const REFERENCES: readonly (readonly [where: string, local: string, remote: string])[] = [
  ["local", "perso/", ""],
  ["remote", "", "work."],
  ["both sides", "perso/", "work."],
];

table(
  "with list-reference and without state file, this program and the original do the same",
  REFERENCES.map(([where, local, remote]): Row => ({
    when: `list-reference is set on ${where}`,
    options: {
      local: local === "" ? {} : { "list-reference": local },
      remote: remote === "" ? {} : { "list-reference": remote },
    },
    change: all(
      at("local", "INBOX", make(`${local}mine`, true)),
      at("local", "INBOX", make("other")),
      at("remote", "INBOX", make(`${remote}theirs.deep`, true)),
      at("remote", "INBOX", make("else")),
    ),
    runs: [[], [], ["mine"], ["--delete", "mine"], ["--rename", "theirs", "ours"], []],
  })),
  ({ lab }) => emptyScene(lab, "base"),
);

// ---- --repair

const damages: readonly Row[] = [
  { when: "nothing is wrong" },
  {
    when: "ordinary changes are pending",
    change: all(
      at("local", "INBOX", expunge(1)),
      at("remote", "INBOX", flag([2], "+FLAGS", "\\Seen")),
      at("local", "INBOX", flag([3], "+FLAGS", "x")),
      at("remote", "INBOX", flag([3], "+FLAGS", "y")),
      elsewhere,
    ),
  },
  { when: "a flag change on local was missed", change: unseen("local", "INBOX", flag([2, 5], "+FLAGS", "\\Seen")) },
  { when: "a flag change on remote was missed", change: unseen("remote", "INBOX", flag([2], "+FLAGS", "\\Seen")) },
  {
    when: "flag changes of both sides were missed",
    change: all(
      unseen("local", "INBOX", flag([2], "+FLAGS", "\\Seen")),
      unseen("remote", "INBOX", flag([2, 3], "+FLAGS", "later")),
    ),
  },
  {
    when: "one side missed a flag change, the other has a new one",
    change: all(
      unseen("local", "INBOX", flag([2], "+FLAGS", "\\Seen")),
      at("remote", "INBOX", flag([2], "+FLAGS", "later")),
    ),
  },
  { when: "messages disappeared from local", change: unseen("local", "INBOX", expunge(2, 3)) },
  { when: "messages disappeared from remote", change: unseen("remote", "INBOX", expunge(2, 12)) },
  {
    when: "messages disappeared from both sides",
    change: all(unseen("local", "INBOX", expunge(2)), unseen("remote", "INBOX", expunge(2))),
  },
  {
    when: "a message disappeared from one side and was expunged on the other",
    change: all(unseen("local", "INBOX", expunge(2)), at("remote", "INBOX", expunge(2))),
    unlike: { in: ["words"], because: "it does not mention the expunged message once more" },
  },
  {
    when: "a message without a pair is on one side",
    change: all(at("remote", "INBOX", expunge(4)), (scene) => {
      falsify(scene, ["DELETE FROM mapping WHERE lUID = 4 AND"]);
      return Promise.resolve();
    }),
  },
  {
    when: "messages without a pair are on both sides",
    change: (scene) => {
      falsify(scene, ["DELETE FROM mapping WHERE lUID IN (4, 5) AND"]);
      return Promise.resolve();
    },
    unlike: { in: ["words", "mail", "rows"], because: "it copies both, and so doubles them" },
  },
  {
    when: "another mailbox is damaged than the one that is named",
    change: all(unseen("local", "INBOX", expunge(2)), unseen("local", "c", flag([1], "+FLAGS", "x"))),
    runs: [["--repair", "c"]],
  },
  {
    when: "a mailbox was never synchronized",
    change: at("local", "INBOX", make("new")),
  },
  {
    when: "a run that was interrupted left messages behind that have a pair",
    change: all(elsewhere, (scene) => {
      falsify(scene, ["UPDATE local SET UIDNEXT = 9 WHERE", "UPDATE remote SET UIDNEXT = 9 WHERE"]);
      return Promise.resolve();
    }),
  },
];

table(
  "--repair does what that of the original does, and the run after it",
  damages.map(({ runs = [["--repair"], ["--repair"], []], ...row }) => ({ ...row, runs })),
);

// ---- --delete and --rename

const TARGETS: readonly (readonly string[])[] = [
  [],
  ["--target=local"],
  ["--target=remote"],
  ["--target=database"],
  ["--target=local,remote"],
  ["--target=remote", "--target=database"],
  ["--target", "database,local"],
  ["--target=database,remote,local"],
];

const COMMANDS: readonly (readonly string[])[] = [
  ["--delete", "c"],
  ["--delete", "a"],
  ["--rename", "a", "z"],
  ["--rename", "c", "new/place"],
];

table(
  "--delete and --rename act on the targets as those of the original do",
  COMMANDS.flatMap((command) =>
    TARGETS.map((targets): Row => ({ when: "both sides have the mailbox", runs: [[...targets, ...command]] }))
  ),
);

table("--delete and --rename do what those of the original do, and the run after them", [
  ...[
    ["--delete", "c", "a/b"],
    ["--delete", "a/b", "c", "none", "*"],
    ["--delete", "none"],
    ["--delete", "inbox"],
    ["--rename", "a", "new/place"],
    ["--rename", "a", "a/below"],
    ["--rename", "c", "d e"],
    ["--rename", "none", "x"],
    ["--rename", "none", "c"],
    ["--rename", "INBOX", "x"],
    ["--target=local", "--rename", "c", "z"],
    ["--target=remote,database", "--rename", "c", "z"],
    ["--target=database", "--rename", "a", "c"],
  ].map((args): Row => ({ when: "both sides have the mailboxes", runs: [args] })),
  {
    when: "a mailbox was deleted on local",
    change: at("local", "INBOX", (probe) => probe.delete("c")),
    runs: [
      ["--target=remote,database", "--delete", "c"],
      [],
    ],
  },
  {
    when: "a mailbox was deleted on remote",
    change: at("remote", "INBOX", (probe) => probe.delete("c")),
    runs: [
      ["--delete", "c"],
      [],
    ],
  },
  {
    when: "a mailbox was deleted on remote, and its copy is to come back",
    change: at("remote", "INBOX", (probe) => probe.delete("c")),
    runs: [
      ["--target=database", "--delete", "c"],
      [],
    ],
  },
  {
    when: "a mailbox was renamed on local",
    change: at("local", "INBOX", async (probe) => {
      await probe.command("RENAME a z");
    }),
    runs: [
      ["--target=remote,database", "--rename", "a", "z"],
      [],
    ],
  },
  {
    when: "a mailbox with children is renamed, then renamed back",
    runs: [["--rename", "a", "z"], [], ["--rename", "z", "a"], []],
  },
  { when: "mail arrived meanwhile", change: at("local", "c", arrive("c", "late")), runs: [["--rename", "c", "z"], []] },
  { when: "the first name of several is INBOX", runs: [["--delete", "INBOX", "c"]] },
  {
    when: "a later name of several is INBOX",
    runs: [["--delete", "c", "INBOX"]],
    unlike: { in: ["words", "mail", "rows"], because: "it deletes the names in front of INBOX first" },
  },
  {
    when: "no target is left",
    runs: [["--target=", "--delete", "c"]],
    unlike: { in: ["statuses", "words"], because: "it does nothing and reports success" },
  },
]);

// ---- both ways of changing over

const TURNS: readonly (readonly [first: string, second: string, third: string])[] = [
  ["original", "program", "original"],
  ["program", "original", "program"],
  ["original", "original", "program"],
  ["program", "program", "original"],
  ["program", "program", "program"],
];

/** What happens on both servers before each turn. */
const HISTORY: readonly ((scene: Scene) => Promise<void>)[] = [
  all(
    at("local", "INBOX", arrive("INBOX", "l", 6)),
    at("remote", "INBOX", arrive("INBOX", "r", 5)),
    at("local", "INBOX", make("x/y", true)),
  ),
  all(
    at("local", "INBOX", expunge(2, 3)),
    at("remote", "INBOX", flag([1, 2], "+FLAGS", "\\Seen", "work")),
    at("local", "INBOX", flag([1], "+FLAGS", "\\Flagged")),
    at("remote", "x.y", arrive("x.y", "more", 2)),
    at("remote", "INBOX", make("z")),
  ),
  all(
    unseen("local", "INBOX", flag([4], "+FLAGS", "missed")),
    unseen("remote", "INBOX", expunge(4)),
    at("local", "z", expunge(1)),
  ),
  at("local", "INBOX", arrive("INBOX", "last", 2)),
  () => Promise.resolve(),
];

const ARGUMENTS: readonly (readonly string[])[] = [[], [], ["--repair"], ["--rename", "x/y", "y/x"], []];

liveTest("whoever has its turn, this program and the original end where the original alone does", async (context) => {
  const original = await theOriginal();
  const base = await emptyScene(context.lab, "base");
  const play = async (name: string, turns: readonly string[]) => {
    const scene = await copyOf(base, name);
    const inTurn = (run: number) => turns[run % turns.length] === "original" ? original : context.program;
    return await outcomeOf(scene, inTurn, ARGUMENTS, async (_, run) => await HISTORY[run]?.(scene));
  };
  const expected = await play("o", ["original"]);
  assert.deepEqual(expected.statuses, [0, 0, 0, 0, 0]);
  for (const [i, turns] of TURNS.entries()) {
    await context.test.step(`${turns.join(", then ")}, and so on`, async () => {
      assert.deepEqual(await play(`t${i}`, turns), expected);
    });
  }
}, { newProgramOnly: true });
