// The command line: the grammar by a table, the rules on combinations, then random lines.

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { type Invocation, parseArguments, type RunInvocation } from "../../lib/cli/args.ts";

const DEFAULTS: RunInvocation = {
  kind: "run",
  command: "sync",
  config: null,
  quiet: false,
  debugLevel: 0,
  watch: null,
  notify: false,
  targets: new Set(["local", "remote", "database"]),
  mailboxes: [],
  confirmed: null,
};

function run(differences: Partial<RunInvocation>): Invocation {
  return { ...DEFAULTS, ...differences };
}

function usage(...problems: string[]): Invocation {
  return { kind: "usage", problems };
}

const ROWS: readonly (readonly [what: string, argv: readonly string[], expected: Invocation])[] = [
  ["nothing", [], run({})],
  ["names", ["a", "B/c"], run({ mailboxes: ["a", "B/c"] })],
  [
    "options behind a name as names",
    ["foo", "--quiet", "-q", "--"],
    run({ mailboxes: ["foo", "--quiet", "-q", "--"] }),
  ],
  ["a dash as a name", ["-", "-q"], run({ mailboxes: ["-", "-q"] })],
  ["two dashes as the end of the options", ["-q", "--", "-q", "--"], run({ quiet: true, mailboxes: ["-q", "--"] })],
  ["a plus sign as part of a name", ["+q"], run({ mailboxes: ["+q"] })],
  ["INBOX in any case", ["inbox", "InBox", "inbox/x"], run({ mailboxes: ["INBOX", "INBOX", "inbox/x"] })],

  ["no abbreviation", ["--conf=x"], usage("Unknown option: conf")],
  ["no abbreviation of --version", ["--versio"], usage("Unknown option: versio")],
  ["no other case", ["--QUIET", "-Q"], usage("Unknown option: QUIET", "Unknown option: Q")],
  ["no negation", ["--no-quiet", "--noquiet"], usage("Unknown option: no-quiet", "Unknown option: noquiet")],
  ["every mistake at once", ["--a", "-q", "--b=c", "x"], usage("Unknown option: a", "Unknown option: b")],
  ["an equals sign for a name", ["--=x"], usage("Unknown option: =x")],

  ["bundles", ["-qh"], { kind: "help" }],
  ["bundles the other way round", ["-hq"], { kind: "help" }],
  ["letters that are no options", ["-q5x"], usage("Unknown option: 5", "Unknown option: x")],
  ["a long option behind one dash, letter by letter", ["-hex"], usage("Unknown option: e", "Unknown option: x")],
  ["a letter with a value", ["-q=1"], usage("Unknown option: =", "Unknown option: 1")],
  ["a letter behind two dashes", ["--q", "--h"], { kind: "help" }],
  ["a bundle that ends with a dash", ["-q-", "--quiet"], run({ quiet: true, mailboxes: ["--quiet"] })],
  ["control characters, made visible", ["--a\x1b\nb"], usage("Unknown option: a\\x1B\\x0Ab")],
  ["letters of two octets", ["-é"], usage("Unknown option: é")],

  ["--quiet", ["--quiet"], run({ quiet: true })],
  ["-q twice", ["-qq"], run({ quiet: true })],
  ["--debug, counted", ["--debug", "-q", "--debug"], run({ quiet: true, debugLevel: 2 })],
  ...["quiet", "debug", "notify", "repair", "delete", "rename", "help", "version"].map((name) =>
    [`a value of --${name}`, [`--${name}=1`], usage(`Option ${name} does not take an argument`)] as const
  ),
  ["an empty value of a flag", ["--quiet="], usage("Option quiet does not take an argument")],

  ["--config=", ["--config=x=y"], run({ config: "x=y" })],
  ["--config with the next word", ["--config", "x", "y"], run({ config: "x", mailboxes: ["y"] })],
  ["--config with an option for a value", ["--config", "--quiet"], run({ config: "--quiet" })],
  ["--config with two dashes for a value", ["--config", "--", "a"], run({ config: "--", mailboxes: ["a"] })],
  ["--config with nothing", ["--config="], run({ config: "" })],
  ["--config twice: the last counts", ["--config=a", "--config=b"], run({ config: "b" })],
  ["--config at the end", ["--config"], usage("Option config requires an argument")],
  ["--config in Unicode", ["--config=é"], run({ config: "é" })],

  ["--watch alone", ["--watch"], run({ watch: 60 })],
  ["--watch with a number", ["--watch=5"], run({ watch: 5 })],
  ["--watch with the next word, a number", ["--watch", "5", "a"], run({ watch: 5, mailboxes: ["a"] })],
  ["--watch with the next word, a name", ["--watch", "foo"], run({ watch: 60, mailboxes: ["foo"] })],
  ["--watch with the next word, an option", ["--watch", "-q"], run({ watch: 60, quiet: true })],
  ["--watch with a sign", ["--watch=+1"], run({ watch: 1 })],
  ["--watch with underscores, as Perl writes numbers", ["--watch=1_0"], run({ watch: 10 })],
  ["--watch=", ["--watch=", "5"], run({ watch: 60, mailboxes: ["5"] })],
  ["--watch=0", ["--watch=0"], run({ watch: 60 })],
  ["--watch twice: the last counts", ["--watch=5", "--watch=7"], run({ watch: 7 })],
  ["--watch twice, the last without number", ["--watch=5", "--watch"], run({ watch: 60 })],
  ["--watch with the longest timer", ["--watch=2147483"], run({ watch: 2147483 })],
  ["--notify alone", ["--notify"], run({ notify: true, watch: 900 })],
  ["--notify --watch", ["--notify", "--watch"], run({ notify: true, watch: 900 })],
  ["--notify with an interval", ["--watch=5", "--notify"], run({ notify: true, watch: 5 })],
  ...["1.5", "abc", "0x10", "5s", " 5", "_"].map((value) =>
    [
      `--watch=${value}`,
      [`--watch=${value}`],
      usage(`Value "${value}" invalid for option watch (number expected)`),
    ] as const
  ),
  ...["-5", "-1", "2147484", "99999999999999999999"].map((value) =>
    [
      `--watch ${value}, which no timer can do`,
      ["--watch", value],
      usage(`Value "${value}" invalid for option watch (0 to 2147483 expected)`),
    ] as const
  ),

  ["--help", ["--help"], { kind: "help" }],
  ["--help with a combination that is wrong", ["--help", "--repair", "--delete", "\x80"], { kind: "help" }],
  ["--help with an option that is wrong", ["--help", "--x"], usage("Unknown option: x")],
  ["--version", ["--version"], { kind: "version", problems: [] }],
  ["--version before a mistake", ["-q", "--version", "--x"], { kind: "version", problems: [] }],
  ["--version behind a mistake", ["--x", "--version"], { kind: "version", problems: ["Unknown option: x"] }],
  ["--version behind a name", ["a", "--version"], run({ mailboxes: ["a", "--version"] })],

  ["--repair", ["--repair"], run({ command: "repair" })],
  ["--repair with names", ["--repair", "a", "b"], run({ command: "repair", mailboxes: ["a", "b"] })],
  ["--delete", ["--delete", "--delete", "a"], run({ command: "delete", mailboxes: ["a"] })],
  ["--rename", ["--rename", "a", "b"], run({ command: "rename", mailboxes: ["a", "b"] })],
  ["two commands", ["--repair", "--rename", "a", "b"], usage("Options repair and rename exclude each other")],
  ["--delete without name", ["--delete"], usage("Option delete requires the name of a mailbox")],
  ["--rename with one name", ["--rename", "a"], usage("Option rename requires two names of mailboxes")],
  ["--rename with three names", ["--rename", "a", "b", "c"], usage("Option rename requires two names of mailboxes")],
  ["--repair --watch", ["--repair", "--watch"], usage("Option repair excludes watch and notify")],
  ["--delete --notify", ["--delete", "--notify", "a"], usage("Option delete excludes watch and notify")],

  ["--confirm-deletes alone", ["--confirm-deletes"], run({ confirmed: [] })],
  ["--confirm-deletes=", ["--confirm-deletes=a"], run({ confirmed: ["a"] })],
  [
    "--confirm-deletes several times, INBOX in any case",
    ["--confirm-deletes=it's a", "-q", "--confirm-deletes=inbox"],
    run({ confirmed: ["it's a", "INBOX"], quiet: true }),
  ],
  ["--confirm-deletes with the next word, as Getopt::Long does it", ["--confirm-deletes", "a", "b"], {
    ...run({ confirmed: ["a"], mailboxes: ["b"] }),
  }],
  ["--confirm-deletes with a dash", ["--confirm-deletes", "-"], run({ confirmed: ["-"] })],
  ["--confirm-deletes before an option", ["--confirm-deletes", "-q", "a"], {
    ...run({ confirmed: [], quiet: true, mailboxes: ["a"] }),
  }],
  ["--confirm-deletes before two dashes", ["--confirm-deletes", "--", "a"], run({ confirmed: [], mailboxes: ["a"] })],
  [
    "--confirm-deletes with and without name: all",
    ["--confirm-deletes=a", "--confirm-deletes"],
    run({ confirmed: [] }),
  ],
  [
    "--confirm-deletes with --repair",
    ["--repair", "--confirm-deletes=a"],
    run({ command: "repair", confirmed: ["a"] }),
  ],
  ...[["--confirm-deletes="], ["--confirm-deletes", ""]].map((argv) =>
    [
      `${argv.join(" ")} and nothing, as a shell makes of a variable without value`,
      argv,
      usage("Option confirm-deletes requires the name of a mailbox behind its ="),
    ] as const
  ),
  ...["delete", "rename"].map((name) =>
    [
      `--confirm-deletes with --${name}`,
      ["--confirm-deletes", `--${name}`, "a", "b"],
      usage(`Option ${name} excludes confirm-deletes`),
    ] as const
  ),
  ...["watch", "notify"].map((name) =>
    [
      `--confirm-deletes with --${name}`,
      [`--${name}`, "--confirm-deletes=a"],
      usage("Option confirm-deletes excludes watch and notify"),
    ] as const
  ),
  ...["a*", "*"].map((name) =>
    [`a pattern for --confirm-deletes: ${name}`, [`--confirm-deletes=${name}`], {
      kind: "invalid",
      problem: `Invalid mailbox name "${name}" for option confirm-deletes (no patterns)`,
    }] as const
  ),
  ["a line feed in a name for --confirm-deletes", ["--confirm-deletes=a\nb"], {
    kind: "invalid",
    problem: 'Invalid mailbox name "a\\x0Ab" for option confirm-deletes',
  }],

  [
    "--target",
    ["--delete", "--target=local", "a"],
    run({
      command: "delete",
      targets: new Set(["local"]),
      mailboxes: ["a"],
    }),
  ],
  [
    "several --target, lists and doubles",
    ["--target=remote,local", "--target", "remote", "--delete", "a"],
    run({
      command: "delete",
      targets: new Set(["local", "remote"]),
      mailboxes: ["a"],
    }),
  ],
  [
    "a comma at the end of --target",
    ["--target=database,,", "--rename", "a", "b"],
    run({
      command: "rename",
      targets: new Set(["database"]),
      mailboxes: ["a", "b"],
    }),
  ],
  ["--target alone", ["--target=local"], usage("Option target requires delete or rename")],
  ["--target with --repair", ["--target=local", "--repair"], usage("Option target requires delete or rename")],
  [
    "--target that swallows the command",
    ["--target", "--delete", "a"],
    usage("Option target requires delete or rename"),
  ],
  ["--target at the end", ["--delete", "--target"], usage("Option target requires an argument")],
  ["an unknown target", ["--target=Local", "--delete", "a"], {
    kind: "invalid",
    problem: 'Invalid target "Local" (local, remote or database expected)',
  }],
  ["a comma before a target", ["--target=,local", "--delete", "a"], {
    kind: "invalid",
    problem: 'Invalid target "" (local, remote or database expected)',
  }],
  ["no target at all", ["--target=", "--delete", "a"], { kind: "invalid", problem: "Option target names no target" }],

  ...["", "Entwürfe", "a\0b"].map((name) =>
    [`${JSON.stringify(name)} for a name`, ["a", name], {
      kind: "invalid",
      problem: `Invalid mailbox name "${name.replace("\0", "\\x00")}" (ASCII expected, other letters in UTF-7)`,
    }] as const
  ),
  ["ASCII of all kinds in a name", ["\x01 ~\x7f*"], run({ mailboxes: ["\x01 ~\x7f*"] })],
];

for (const [what, argv, expected] of ROWS) {
  Deno.test(`\`parseArguments()\` understands ${what}`, () => deepStrictEqual(parseArguments(argv), expected));
}

const SPELLINGS = [
  "config",
  "target",
  "watch",
  "quiet",
  "q",
  "debug",
  "help",
  "h",
  "notify",
  "version",
  "repair",
  "confirm-deletes",
];
const word = fc.oneof(
  fc.constantFrom(...SPELLINGS, "delete", "rename").map((name) => `--${name}`),
  fc.tuple(fc.constantFrom(...SPELLINGS), fc.string()).map(([name, value]) => `--${name}=${value}`),
  fc.constantFrom("-q", "-h", "-qh", "--", "-", "5", "-5", "a", "local", "--target=local,remote"),
  fc.string({ unit: "binary" }),
  fc.string({ unit: "binary" }).map((text) => `-${text}`),
);

Deno.test("`parseArguments()` answers to any words with what its type promises", () => {
  fc.assert(
    fc.property(fc.array(word, { maxLength: 8 }), (argv) => {
      const copy = [...argv];
      const invocation = parseArguments(argv);
      deepStrictEqual(argv, copy);
      switch (invocation.kind) {
        case "help":
        case "version":
          return;
        case "usage":
          ok(invocation.problems.length > 0);
          for (const problem of invocation.problems) ok(isPrintable(problem), problem);
          return;
        case "invalid":
          ok(isPrintable(invocation.problem));
          return;
        case "run":
          checkRun(invocation);
      }
    }),
    { numRuns: 3000 },
  );
});

function isPrintable(text: string): boolean {
  // deno-lint-ignore no-control-regex
  return /^[^\x00-\x1f\x7f-\x9f]+$/.test(text);
}

function checkRun(run: RunInvocation): void {
  // deno-lint-ignore no-control-regex
  for (const name of run.mailboxes) ok(/^[\x01-\x7f]+$/.test(name) && (!/^inbox$/i.test(name) || name === "INBOX"));
  ok(run.targets.size > 0);
  ok(run.watch === null || (Number.isInteger(run.watch) && run.watch >= 1));
  ok(!run.notify || run.watch !== null);
  ok(run.command === "sync" || run.watch === null);
  ok(run.confirmed === null || ((run.command === "sync" || run.command === "repair") && run.watch === null));
  for (const name of run.confirmed ?? []) ok(/^[\x20-\x7e]+$/.test(name) && !name.includes("*"));
}

Deno.test("`parseArguments()` takes everything behind the first name as names", () => {
  const options = fc.subarray(["-q", "--debug", "--config=x", "--watch=3"]);
  const names = fc.array(fc.oneof(fc.constantFrom("--quiet", "-h", "--", "--x"), fc.constantFrom("a", "5")));
  fc.assert(fc.property(options, names, (before, after) => {
    const invocation = parseArguments([...before, "first", ...after]);
    ok(invocation.kind === "run");
    deepStrictEqual(invocation.mailboxes, ["first", ...after]);
    strictEqual(invocation.quiet, before.includes("-q"));
  }));
});
