// The built program's command line beside that of the original: the same words are refused, with the same complaints on the
// same stream and the same status; what is accepted gets as far as the configuration.

import assert from "node:assert/strict";
import { run } from "../support/live/child.ts";
import { liveTest } from "../support/live/live_case.ts";
import { environment, type Program, type RunResult, theOriginal, Workspace } from "../support/live/program.ts";
import { SeededRandom } from "../support/live/seeded.ts";

const USAGE = [
  "Usage: interimap [OPTIONS] [COMMAND] [MAILBOX [..]]",
  "Try 'interimap --help' or consult the manpage for more information.",
];

/** Lines of words; each is answered in the same way by both. */
const SAME: readonly (readonly [what: string, lines: readonly string[]])[] = [
  ["an abbreviation", ["--conf=x", "--tar local", "--versio", "--del a"]],
  ["what is no option", ["--nonsense", "-x", "--QUIET", "-Q", "--no-quiet", "--=x", "-q=1"]],
  ["several mistakes, one line each", ["--nonsense -q --b=c x", "--debug=2 --notify=1 --repair=1 --quiet= --help=x"]],
  ["letters in a bundle", ["-q5x", "-config=x", "-qhx", "-hex"]],
  ["a value that is missing", ["--config", "--delete --target", "--target", "-q --config"]],
  ["a number that is none", ["--watch=1.5", "--watch=abc", "--watch=0x10", "--watch=5s", "--watch=_"]],
  ["help, which wins over everything but a mistake", [
    "--help",
    "-h",
    "-hq",
    "-qh",
    "--help --repair --delete",
    "--help --x",
    "--x --help",
    "--help --target=nowhere",
  ]],
];

/** Combinations that the original answers with the usage alone; this program says before it what is wrong. */
const MISUSED: readonly (readonly [line: string, said: string])[] = [
  ["--delete", "Option delete requires the name of a mailbox"],
  ["--rename", "Option rename requires two names of mailboxes"],
  ["--rename a", "Option rename requires two names of mailboxes"],
  ["--rename a b c", "Option rename requires two names of mailboxes"],
  ["--repair --delete a", "Options repair and delete exclude each other"],
  ["--delete --rename a b", "Options delete and rename exclude each other"],
  ["--repair --watch", "Option repair excludes watch and notify"],
  ["--delete --notify a", "Option delete excludes watch and notify"],
  ["--rename --watch=5 a b", "Option rename excludes watch and notify"],
  ["--target=local", "Option target requires delete or rename"],
  ["--target=local --repair", "Option target requires delete or rename"],
  ["--target --delete a", "Option target requires delete or rename"],
];

/** Lines whose options are fine: both go on, and find that there is no configuration. */
const ACCEPTED: readonly string[] = [
  "",
  "a b --nonsense -x",
  "- --nonsense",
  "-- --nonsense",
  "+q",
  "-q --debug --debug --quiet -qq a",
  "--config nowhere --quiet",
  "--config --quiet",
  "--repair",
  "--repair a b",
  "--delete a",
  "--rename a b",
  "--delete --target=local --target remote,database a",
  "--target=database,, --delete a",
];

function words(line: string): readonly string[] {
  return line === "" ? [] : line.split(" ");
}

/** A directory with nothing in it. */
async function nothing(directory: string): Promise<Workspace> {
  const workspace = await Workspace.create(directory, {}, {});
  await Deno.remove(workspace.configFile);
  return workspace;
}

function answer({ code, stdout, stderr }: RunResult): unknown {
  return { code, stdout, stderr };
}

liveTest("the words of the command line are answered as by the original", async ({ lab, program, test }) => {
  const original = await theOriginal();
  const workspace = await nothing(`${lab.directory}/w`);
  const both = async (line: string) => {
    const [theirs, ours] = [await workspace.run(original, words(line)), await workspace.run(program, words(line))];
    return { theirs, ours };
  };
  for (const [what, lines] of SAME) {
    await test.step(what, async () => {
      for (const line of lines) {
        const { theirs, ours } = await both(line);
        assert.deepEqual(answer(ours), answer(theirs), line);
      }
    });
  }
  await test.step("combinations that make no sense", async () => {
    for (const [line, said] of MISUSED) {
      const { theirs, ours } = await both(line);
      assert.deepEqual([theirs.code, theirs.lines], [1, USAGE], line);
      assert.deepEqual([ours.code, ours.stdout, ours.lines], [1, "", [said, ...USAGE]], line);
    }
  });
  await test.step("what is accepted", async () => {
    for (const line of ACCEPTED) {
      const { theirs, ours } = await both(line);
      assert.match(theirs.stderr, /^No such config file /, line);
      assert.match(ours.stderr, /^ERROR: No such config file \S+: create it, or name another with --config\n$/, line);
      assert.equal(ours.code, 1, line);
    }
  });
}, { newProgramOnly: true });

liveTest("--version is the only thing on standard output, with status 0", async ({ lab, program }) => {
  const original = await theOriginal();
  const workspace = await nothing(`${lab.directory}/w`);
  for (
    const line of ["--version", "-q --version", "--version --nonsense", "--nonsense --version", "--config x --version"]
  ) {
    const [theirs, ours] = [await workspace.run(original, words(line)), await workspace.run(program, words(line))];
    for (const { stdout, code } of [theirs, ours]) {
      assert.match(stdout, /^\S*interimap version \d+\.\d+\.\d+\n\(.+\)\n$/, line);
      assert.equal(code, 0, line);
    }
    assert.equal(ours.stderr, theirs.stderr, line);
  }
}, { newProgramOnly: true });

liveTest(
  "the program starts whatever Deno keeps of it, and whatever the environment holds",
  async ({ lab, program }) => {
    const cache = (name: string) => `${lab.directory}/${name}`;
    for (const name of ["none", "damaged"]) await Deno.mkdir(cache(name));
    await Deno.writeTextFile(`${cache("damaged")}/v8_code_cache_v2`, "no database");
    const usual = environment(lab.directory);
    const { DENO_DIR: _, ...unnamed } = usual;
    const places = [
      { ...usual, DENO_DIR: cache("none") },
      { ...usual, DENO_DIR: cache("damaged") },
      unnamed,
      { ...unnamed, XDG_CACHE_HOME: cache("none") },
      { ...usual, eager: ",--nonsense", places: "/nowhere" },
    ];
    for (const env of places) {
      const { code, stdout, stderr } = await run([...program.command, "--version"], { env });
      assert.match(stdout, /^interimap version /, stderr);
      assert.equal(code, 0);
    }
  },
  { newProgramOnly: true },
);

liveTest("a name that cannot be is refused before the configuration is read", async ({ lab, program }) => {
  const original = await theOriginal();
  const workspace = await nothing(`${lab.directory}/w`);
  for (const name of ["", "Entwürfe", "\xa0", "a\u0080"]) {
    const [theirs, ours] = [await workspace.run(original, ["a", name]), await workspace.run(program, ["a", name])];
    assert.match(theirs.stderr, /^Invalid mailbox name /, name);
    assert.notEqual(theirs.code, 0, name);
    assert.match(ours.stderr, /^Invalid mailbox name ".*" \(ASCII expected, other letters in UTF-7\)\n$/, name);
    assert.equal(ours.code, 1, name);
  }
}, { newProgramOnly: true });

const PIECES = [
  ..."-q -h -qh -x - -- --quiet --quiet=1 --debug --repair --delete --rename --notify --help --Help --config".split(
    " ",
  ),
  ..."--config= --config=x --target --target=local --target=local,remote --watch --watch=3 --watch=x --watch=".split(
    " ",
  ),
  ..."a INBOX inbox/x 5 local".split(" "),
];

/** Refused, helped, or on its way to the configuration; the last includes what the original refuses later. */
function kindOf({ code, stderr }: RunResult): string {
  if (stderr.includes("Try 'interimap --help'")) return "usage";
  if (stderr.includes("  or: interimap")) return "help";
  return code === 0 ? "nothing" : "on";
}

liveTest("random words are refused or accepted as by the original", async ({ lab, program }) => {
  const original = await theOriginal();
  const workspace = await nothing(`${lab.directory}/w`);
  const random = new SeededRandom(41);
  const kinds = new Map<string, number>();
  const complaints = ({ lines }: RunResult) =>
    lines.filter((line) => /^(?:Unknown option|Option \S+ (?:does|requires an)|Value)/.test(line));
  const ask = async (tool: Program, args: readonly string[]) => await workspace.run(tool, args);
  for (let i = 0; i < 60; i++) {
    const args = Array.from({ length: random.between(1, 5) }, () => random.pick(PIECES));
    const [theirs, ours] = [await ask(original, args), await ask(program, args)];
    assert.equal(kindOf(ours), kindOf(theirs), args.join(" "));
    assert.deepEqual(complaints(ours), complaints(theirs), args.join(" "));
    kinds.set(kindOf(ours), (kinds.get(kindOf(ours)) ?? 0) + 1);
  }
  for (const kind of ["usage", "help", "on"]) assert.ok((kinds.get(kind) ?? 0) >= 3, [...kinds].join("; "));
}, { newProgramOnly: true });
