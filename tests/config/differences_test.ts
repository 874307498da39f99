// What the manual says about the original: each of its defects is decided, and what is said to be done is shown by a test
// that is named here; what else a user notices is in the list of other differences, with its test as well.

import assert from "node:assert/strict";

const ROOT = new URL("../../", import.meta.url);

const page = Deno.readTextFileSync(new URL("man/interimap.1", ROOT));

/** Text of the page without macros, in one line. */
function plain(mdoc: string): string {
  return mdoc.split("\n").map((line) => line.replace(/^\.[A-Z][a-z]\b ?/, "")).join(" ").replaceAll(/\\[&e]/g, "")
    .replaceAll(/\b(?:Ns|Fl|Ql|Pq|Pa|Cm) /g, "").replaceAll(/\s+/g, " ");
}

/** Items by their names, or numbered from 1 in a list without names. */
function itemsOf(heading: string): ReadonlyMap<string, string> {
  const [, rest = ""] = page.split(`\n${heading}\n`, 2);
  const [section = ""] = rest.split(/^\.S[hs] /m, 1);
  const [, ...items] = section.split(/^\.It/m);
  return new Map(items.map((item, i) => {
    const [name = "", ...text] = item.split("\n");
    return [name.trim() === "" ? String(i + 1) : name.trim(), plain(text.join("\n"))];
  }));
}

/** A file below tests/, and a part of the name of a test in it. */
type Proof = readonly [file: string, name: string];

interface Defect {
  /** What goes wrong with the original. */
  readonly what: string;
  /** Words of the page. */
  readonly says: RegExp;
  /** Empty when it is kept: then the page says why. */
  readonly shownBy: readonly Proof[];
}

const DIFFERENTIAL = "live/differential_test.ts";

/** In the order of the page. */
const DEFECTS: readonly Defect[] = [
  {
    what: "a run after one that was interrupted loses changes to older messages",
    says: /interrupted.*lost.*Done/,
    shownBy: [
      [DIFFERENTIAL, "older messages were changed after a run that was interrupted"],
      ["live/interrupted_test.ts", "interrupted at"],
    ],
  },
  {
    what: "dying between APPEND and the database doubles a batch",
    says: /APPEND.*doubled.*Done/,
    shownBy: [
      ["live/interrupted_test.ts", "a message whose APPEND was carried out, but not answered, is not copied again"],
      ["live/signals_test.ts", "while it waits for the answer to an APPEND"],
    ],
  },
  { what: "a negative interval", says: /busy loop.*Done/, shownBy: [["cli/args_test.ts", "which no timer can do"]] },
  {
    what: "SUBSCRIBED and unsubscribing on one side",
    says: /SUBSCRIBED.*Done/,
    shownBy: [
      ["live/options_test.ts", "unsubscribing on ${side} is no deletion"],
      [DIFFERENTIAL, "list-select-opts = SUBSCRIBED and one side unsubscribed"],
    ],
  },
  {
    what: "extended data in LIST",
    says: /RECURSIVEMATCH.*Done/,
    shownBy: [
      ["live/options_test.ts", "RECURSIVEMATCH lists the parents of subscribed mailboxes"],
      [DIFFERENTIAL, "list-select-opts has RECURSIVEMATCH and a parent matches"],
    ],
  },
  {
    what: "events of Dovecot are missed",
    says: /-notify missed events/,
    shownBy: [["live/notify_test.ts", "--notify brings changes to the other side within 2 s, in any mailbox"]],
  },
  {
    what: "a flag is lost when both sides change it at the same moment",
    says: /flag could be lost.*Done.*union/,
    shownBy: [
      ["live/late_change_test.ts", "is found by the next run"],
      ["model/truth_test.ts", "a message that changes on the target before our STORE gets the union"],
    ],
  },
  {
    what: "a dead connection kills the program without a word",
    says: /dead connection.*Done/,
    shownBy: [
      ["live/bad_input_test.ts", "a tunnel command that does not work is refused in one line"],
      ["transport/tunnel_test.ts", "tells the exit status of a command that has gone"],
    ],
  },
  {
    what: "a server without HIGHESTMODSEQ makes an endless loop",
    says: /HIGHESTMODSEQ.*endless.*Done/,
    shownBy: [["live/profiles_test.ts", "mailboxes without mod-sequences are reported and left alone"]],
  },
  {
    what: "one message that is refused ends every run",
    says: /refused message.*Done/,
    shownBy: [
      ["live/profiles_test.ts", "messages over quota are reported, and follow when there is room"],
      ["live/list_test.ts", "a mailbox that the other server refuses to create is left out, the others go on"],
    ],
  },
  {
    what: "two mailboxes become one when a name has the delimiter of the other server",
    says: /delimiter of the other server.*Done/,
    shownBy: [
      ["live/list_test.ts", "only that mailbox is refused"],
      [DIFFERENTIAL, "the local server has a name with the delimiter of the other"],
    ],
  },
  {
    what: "accidental exit statuses",
    says: /Exit statuses.*Done/,
    shownBy: [["live/files_test.ts", "what the original cannot find is not found, and said in one line"]],
  },
  {
    what: "syntax errors have a misleading text",
    says: /syntax error.*Done.*line/,
    shownBy: [["live/config_test.ts", "options without effect, and a mistake, are named with file and line"]],
  },
  {
    what: "an empty XDG_CONFIG_HOME, and letters in paths, are refused",
    says: /XDG_CONFIG_HOME.*Done/,
    shownBy: [
      ["live/files_test.ts", "the variables are empty"],
      ["live/files_test.ts", "names of files with other letters than ASCII are found, and shown as they are"],
    ],
  },
  {
    what: "the default name of the state file ignores the local host",
    says: /local host.*Done, except/,
    shownBy: [
      ["config/interpret_test.ts", "names the state file after the remote host, then the local one"],
      ["config/load_test.ts", "goes on with the state file of the original when there is one"],
    ],
  },
  {
    what: "options without effect, PERMANENTFLAGS and READ-ONLY are passed over silently",
    says: /wrong section.*Done.*PERMANENTFLAGS/,
    shownBy: [
      ["live/config_test.ts", "options without effect, and a mistake, are named with file and line"],
      ["live/profiles_test.ts", "what a read-only server acknowledges and does not do is reported"],
    ],
  },
  {
    what: "--debug prints a digest that cannot be used",
    says: /digest.*Done/,
    shownBy: [["live/debug_test.ts", "--debug prints the digest of the server's key as openssl computes it"]],
  },
  {
    what: "LITERAL+ is overlooked or remembered wrongly",
    says: /LITERAL\+.*Done/,
    shownBy: [
      ["client/literals_test.ts", "when LITERAL+ was told"],
      ["client/open_test.ts", "what was said in the clear is forgotten"],
      ["live/connection_test.ts", "messages are sent with whatever literals and APPENDs the server knows"],
    ],
  },
  {
    what: "random order of mailboxes",
    says: /random.*Done/,
    shownBy: [["sync/mailbox_list_test.ts", "puts INBOX first and parents before their children"]],
  },
  {
    what: "flags that one server cannot store get lost",
    says: /cannot store.*PERMANENTFLAGS/,
    shownBy: [["live/kept_flags_test.ts", "flags that the target's mailbox does not keep stay on the source"]],
  },
  {
    what: "an emptied mailbox empties the other",
    says: /emptied mailbox/,
    shownBy: [[DIFFERENTIAL, "a mailbox was emptied"]],
  },
  {
    what: "a log prefix cannot end in a space, and empty parts are warned of",
    says: /log-prefix.*kept.*done/,
    shownBy: [[DIFFERENTIAL, "log-prefix has a sequence outside a condition"], ["log/prefix_test.ts", "reads ${"]],
  },
  {
    what: "microseconds lack zeros",
    says: /Microseconds.*Done/,
    shownBy: [["log/logger_test.ts", "timestamp()"], ["live/options_test.ts", "logfile gets every line with its time"]],
  },
  {
    what: "30 s of silence end a run, a silent tunnel is waited for for ever",
    says: /silence.*Done.*30 seconds.*5 minutes/,
    shownBy: [
      ["live/silent_server_test.ts", "a server that never greets is given up after half a minute"],
      ["client/connection_test.ts", "a server that stops answering is given up after ANSWER_TIMEOUT_MS"],
    ],
  },
  {
    what: "options behind a mailbox are names",
    says: /names of mailboxes.*Kept/,
    shownBy: [["cli/args_test.ts", "options behind a name as names"]],
  },
  {
    what: "a mailbox that could not be created blocks all later runs",
    says: /could not be created.*Done/,
    shownBy: [["live/list_test.ts", "a mailbox that the other server refuses to create is left out, the others go on"]],
  },
  {
    what: "a new UIDVALIDITY ends the run",
    says: /UIDVALIDITY.*Done/,
    shownBy: [
      [DIFFERENTIAL, "a mailbox has another UIDVALIDITY"],
      ["live/adopt_test.ts", "UIDVALIDITY that changed on a side deletes and doubles nothing"],
      ["live/adopt_test.ts", "mailboxes that doveadm made equal are adopted"],
    ],
  },
  {
    what: "rows of mailboxes that are gone stay",
    says: /stays in the database.*Kept/,
    shownBy: [
      [DIFFERENTIAL, "a mailbox was deleted on both sides"],
      [DIFFERENTIAL, "a mailbox deleted on both sides was made again"],
    ],
  },
  {
    what: "database errors are printed twice",
    says: /twice.*Done/,
    shownBy: [["live/bad_input_test.ts", "a file that is not a database of this program is refused in one line"]],
  },
  {
    what: "harmless answers end in a panic",
    says: /panic.*Done/,
    shownBy: [
      ["live/start_test.ts", "COMPRESS is refused"],
      ["protocol/status_response_test.ts", "ALERT"],
      ["client/session_test.ts", "[CLOSED] divides what belongs to the old mailbox from what belongs to the new one"],
    ],
  },
  {
    what: "--delete and --rename leave halves, an empty --target does nothing",
    says: /not atomic.*checked.*warning.*refused/,
    shownBy: [
      ["model/commands_test.ts", "a rename that the second server refuses says what was done"],
      ["model/commands_test.ts", "a rename on some targets only warns of the names that are left"],
      [DIFFERENTIAL, "no target is left"],
    ],
  },
  {
    what: "semicolons cut off values",
    says: /semicolon.*Kept/,
    shownBy: [["config/ini_test.ts", "an inline comment in a command"], [
      "live/config_test.ts",
      "a comment behind a value",
    ]],
  },
  {
    what: "messages without content are skipped",
    says: /without any content.*Kept/,
    shownBy: [["model/repair_test.ts", "a message without octets is left where it is"]],
  },
  {
    what: "the source is not read while the target is slow",
    says: /target is slow.*Kept/,
    shownBy: [["live/memory_test.ts", "more memory than one of 6 MiB"]],
  },
  {
    what: "new mailboxes are overlooked",
    says: /-notify overlooked new mailboxes/,
    shownBy: [["live/notify_test.ts", "--notify brings changes to the other side within 2 s, in any mailbox"]],
  },
  {
    what: "memory without limit",
    says: /memory.*Done/,
    shownBy: [
      ["live/memory_test.ts", "20,000 messages take at most 12 MB more memory than 2,000"],
      ["live/commands_test.ts", "--repair asks for slices of UIDs, never for a whole mailbox"],
    ],
  },
];

/** In the order of the page. */
const OTHERS: readonly Defect[] = [
  {
    what: "a mailbox does not end the run",
    says: /gone from one server.*status is 2/,
    shownBy: [
      [DIFFERENTIAL, "a mailbox was deleted on ${side}"],
      [DIFFERENTIAL, "a mailbox was renamed on one side"],
    ],
  },
  {
    what: "a mailbox that is nowhere",
    says: /neither server has/,
    shownBy: [[DIFFERENTIAL, "a mailbox is named that is nowhere"]],
  },
  {
    what: "INBOX among the names",
    says: /INBOX among the names/,
    shownBy: [[DIFFERENTIAL, "a later name of several is INBOX"]],
  },
  {
    what: "equal messages without a pair",
    says: /-repair makes a pair/,
    shownBy: [[DIFFERENTIAL, "messages without a pair are on both sides"]],
  },
  {
    what: "options are looked at first",
    says: /before the first server.*one line.*before the usage/,
    shownBy: [
      ["live/config_test.ts", "it is looked at before the first server is called"],
      ["live/command_line_test.ts", "combinations that make no sense"],
    ],
  },
  {
    what: "byte order mark",
    says: /byte order mark/,
    shownBy: [["live/config_test.ts", "a mark of the order of octets"]],
  },
  {
    what: "~/.local/share",
    says: /\.local\/share is created/,
    shownBy: [["config/load_test.ts", "starts from HOME when the XDG variables are unset or empty"]],
  },
  {
    what: "databases that cannot be used",
    says: /cannot be written.*newer.*another program/,
    shownBy: [
      ["live/files_test.ts", "a state file that he may not write"],
      ["live/bad_input_test.ts", "a newer version"],
      ["live/bad_input_test.ts", "somebody else's tables"],
    ],
  },
  {
    what: "injection behind STARTTLS",
    says: /STARTTLS.*ends the connection/,
    shownBy: [["client/open_test.ts", "octets behind the OK of STARTTLS end the session before a credential is sent"]],
  },
  {
    what: "capabilities after PREAUTH, and COMPRESS",
    says: /capabilities.*COMPRESS/,
    shownBy: [
      ["live/start_test.ts", "the server is logged in already, and does not tell the capabilities"],
      ["live/start_test.ts", "COMPRESS is refused"],
    ],
  },
  {
    what: "the server that lacks an extension",
    says: /extension.*server that lacks it/,
    shownBy: [["live/start_test.ts", "it does not say which server"]],
  },
  {
    what: "warnings about messages that are gone",
    says: /no warning.*once more/,
    shownBy: [
      [DIFFERENTIAL, "one side expunged what the other flagged"],
      [DIFFERENTIAL, "a message disappeared from one side and was expunged on the other"],
    ],
  },
  {
    what: "the lines of --debug",
    says: /-debug are others/,
    shownBy: [[DIFFERENTIAL, "everything is to be said"]],
  },
];

const sources = new Map<string, string>();

function sourceOf(file: string): string {
  const known = sources.get(file);
  if (known !== undefined) return known;
  const text = Deno.readTextFileSync(new URL(`tests/${file}`, ROOT));
  sources.set(file, text);
  return text;
}

function check(item: string | undefined, { what, says, shownBy }: Defect): void {
  assert.match(item ?? "(no such item)", says, what);
  // Not done yet, and said to be so.
  if (/\bOpen:/.test(item ?? "")) return;
  for (const [file, name] of shownBy) assert.ok(sourceOf(file).includes(name), `tests/${file} has no test "${name}"`);
}

const decided = itemsOf(".Sh DIFFERENCES FROM 0.5.7");

for (const [i, defect] of DEFECTS.entries()) {
  Deno.test(`the manual page decides, and a test shows: ${defect.what}`, () => {
    const item = decided.get(`B${i + 1}`);
    check(item, defect);
    assert.match(item ?? "", /\b(?:Done|done|Kept|kept|Better|Open)\b/);
  });
}

Deno.test("the manual page decides no other defect than these", () => {
  assert.deepEqual([...decided.keys()], DEFECTS.map((_, i) => `B${i + 1}`));
});

const others = itemsOf(".Ss Other differences");

for (const [i, difference] of OTHERS.entries()) {
  Deno.test(`the manual page tells, and a test shows: ${difference.what}`, () =>
    check(others.get(`${i + 1}`), difference));
}

Deno.test("the manual page tells no other difference than these", () => {
  assert.equal(others.size, OTHERS.length);
});

Deno.test("each difference of the differential test is one that the manual page tells", () => {
  const reasons = [...sourceOf(DIFFERENTIAL).matchAll(/when: "([^"]*)"(?:(?!when:)[^])*?because:/g)].map(([, when]) =>
    when
  );
  const named = new Set([...DEFECTS, ...OTHERS].flatMap(({ shownBy }) => shownBy.map(([, name]) => name)));
  assert.ok(reasons.length > 10);
  const untold = reasons.filter((when) => when !== undefined && ![...named].some((name) => when.includes(name)));
  assert.deepEqual(untold, []);
});
