// Command line -> Invocation. The grammar is that of Getopt::Long with POSIX order and bundling, which the original
// uses: options end at the first other word, nothing may be abbreviated, one complaint per mistake, parsing goes on.
// Pure: it prints nothing and reads no file. --target words and negative intervals are refused here, not later.

import { asciiUpper, escapeControls, fromUtf8Octets, utf8Octets } from "../base/bytes.ts";

/** What the program does with the mailboxes: the default is "sync". */
export type Command = "sync" | "repair" | "delete" | "rename";

/** Where --delete and --rename act. */
export type Target = "local" | "remote" | "database";

/** A command line to be executed. */
export interface RunInvocation {
  readonly kind: "run";
  readonly command: Command;
  /** The value of --config, possibly empty; null when it is missing. */
  readonly config: string | null;
  readonly quiet: boolean;
  /** How often --debug was given. */
  readonly debugLevel: number;
  /** Seconds between two runs, at least 1, or null for a single run. */
  readonly watch: number | null;
  readonly notify: boolean;
  /** Non-empty; all three unless --target says otherwise. */
  readonly targets: ReadonlySet<Target>;
  /** Names as given, ASCII 0x01 to 0x7F, non-empty; INBOX in upper case. */
  readonly mailboxes: readonly string[];
  /** Mailboxes in which deletions are confirmed, names as in `mailboxes`; empty: in all; null: in none. */
  readonly confirmed: readonly string[] | null;
}

/**
 * What the user asked for. Problems are one line each, printable, without final period.
 * - version: the problems stand left of --version, nothing right of it was looked at, and the exit status is 0.
 * - usage: the short usage follows the problems.
 * - invalid: the options are fine, a name is not; no usage follows.
 */
export type Invocation =
  | { readonly kind: "help" }
  | { readonly kind: "version"; readonly problems: readonly string[] }
  | { readonly kind: "usage"; readonly problems: readonly string[] }
  | { readonly kind: "invalid"; readonly problem: string }
  | RunInvocation;

type OptionName =
  | "config"
  | "quiet"
  | "target"
  | "debug"
  | "help"
  | "watch"
  | "notify"
  | "version"
  | "confirm-deletes"
  | CommandOption;
type CommandOption = "repair" | "delete" | "rename";

/** By spelling; a single letter may be one of several behind one dash. */
const OPTIONS: ReadonlyMap<string, OptionName> = new Map([
  ["config", "config"],
  ["target", "target"],
  ["watch", "watch"],
  ["quiet", "quiet"],
  ["q", "quiet"],
  ["debug", "debug"],
  ["help", "help"],
  ["h", "help"],
  ["notify", "notify"],
  ["version", "version"],
  ["repair", "repair"],
  ["delete", "delete"],
  ["rename", "rename"],
  ["confirm-deletes", "confirm-deletes"],
]);

/** What may stand behind the dash or dashes of an option. */
export const OPTION_SPELLINGS: readonly string[] = [...OPTIONS.keys()];

const TARGETS: readonly Target[] = ["local", "remote", "database"];

const INTEGER = /^[-+]?_*[0-9][0-9_]*$/;

const DEFAULT_WATCH_S = 60;
const DEFAULT_NOTIFY_WATCH_S = 900;

/** Longest timer of the runtime, 2^31 - 1 ms; a longer one would fire at once. */
const MAX_WATCH_S = 2147483;

/** Reads the words behind the program's name. */
export function parseArguments(argv: readonly string[]): Invocation {
  const scan = new Scan(argv);
  scan.run();
  const problems = scan.problems;
  if (scan.given.has("version")) return { kind: "version", problems };
  if (problems.length > 0) return { kind: "usage", problems };
  if (scan.given.has("help")) return { kind: "help" };
  return checked(scan);
}

/** One pass over the words. `words` holds what is left; behind the last option these are the mailboxes. */
class Scan {
  readonly given = new Set<OptionName>();
  readonly problems: string[] = [];
  readonly targetValues: string[] = [];
  /** Null: the option without a name. */
  readonly confirmValues: (string | null)[] = [];
  config: string | null = null;
  debugLevel = 0;
  watch = 0;
  readonly words: string[];

  constructor(argv: readonly string[]) {
    this.words = [...argv];
  }

  run(): void {
    while (!this.given.has("version")) {
      const word = this.words[0];
      if (word === undefined || word === "-" || !word.startsWith("-")) return;
      this.words.shift();
      if (word === "--") return;
      if (word.startsWith("--")) this.#long(word.slice(2));
      else this.#short(word.slice(1));
    }
  }

  #short(letters: string): void {
    const [letter = ""] = letters;
    const rest = letters.slice(letter.length);
    // Back among the words: "-q-" is "-q" and "--", as strange as that is.
    if (rest !== "") this.words.unshift(`-${rest}`);
    const name = OPTIONS.get(letter);
    if (name === undefined) this.#complain(`Unknown option: ${letter}`);
    else this.given.add(name);
  }

  #long(text: string): void {
    const equals = text.indexOf("=", 1);
    const spelling = equals < 0 ? text : text.slice(0, equals);
    const value = equals < 0 ? null : text.slice(equals + 1);
    const name = OPTIONS.get(spelling);
    if (name === undefined) this.#complain(`Unknown option: ${spelling}`);
    else if (name === "watch") this.#watch(value);
    else if (name === "confirm-deletes") this.#confirm(value);
    else if (name === "config" || name === "target") this.#string(name, value ?? this.words.shift() ?? null);
    else if (value !== null) this.#complain(`Option ${spelling} does not take an argument`);
    else {
      this.given.add(name);
      if (name === "debug") this.debugLevel++;
    }
  }

  #string(name: "config" | "target", value: string | null): void {
    if (value === null) {
      this.#complain(`Option ${name} requires an argument`);
      return;
    }
    this.given.add(name);
    if (name === "config") this.config = value;
    else this.targetValues.push(value);
  }

  #confirm(value: string | null): void {
    const next = this.words[0];
    // As with Getopt::Long the next word is the value unless it looks like an option.
    const takesNext = value === null && next !== undefined && (next === "-" || !next.startsWith("-"));
    const text = takesNext ? this.words.shift() ?? null : value;
    // A shell variable that is not set must not confirm everything.
    if (text === "") this.#complain("Option confirm-deletes requires the name of a mailbox behind its =");
    this.given.add("confirm-deletes");
    this.confirmValues.push(text);
  }

  #watch(value: string | null): void {
    const next = this.words[0];
    let text = value ?? "";
    if (value === null && next !== undefined && INTEGER.test(next)) {
      text = next;
      this.words.shift();
    }
    if (text !== "" && !INTEGER.test(text)) {
      this.#complain(`Value "${text}" invalid for option watch (number expected)`);
      return;
    }
    const seconds = Number(text.replaceAll("_", ""));
    if (seconds < 0 || seconds > MAX_WATCH_S) {
      this.#complain(`Value "${text}" invalid for option watch (0 to ${MAX_WATCH_S} expected)`);
      return;
    }
    this.given.add("watch");
    this.watch = seconds;
  }

  #complain(problem: string): void {
    this.problems.push(printable(problem));
  }
}

/** The rules on combinations and names, for a line whose options are all right by themselves. */
function checked(scan: Scan): Invocation {
  const { given, words } = scan;
  const commands = (["repair", "delete", "rename"] as const).filter((name) => given.has(name));
  const command = commands[0] ?? "sync";
  const targets = given.has("target") ? splitTargets(scan.targetValues) : TARGETS;
  const misuse = combinationProblem(given, commands, words.length);
  if (misuse !== null) return { kind: "usage", problems: [misuse] };
  const confirmed = scan.confirmValues.filter((name) => name !== null);
  const problem = mailboxProblem(words) ?? confirmProblem(confirmed) ?? targetProblem(targets);
  if (problem !== null) return { kind: "invalid", problem: printable(problem) };
  const notify = given.has("notify");
  const watching = given.has("watch") || notify;
  const seconds = scan.watch === 0 ? (notify ? DEFAULT_NOTIFY_WATCH_S : DEFAULT_WATCH_S) : scan.watch;
  return {
    kind: "run",
    command,
    config: scan.config,
    quiet: given.has("quiet"),
    debugLevel: scan.debugLevel,
    watch: watching ? seconds : null,
    notify,
    targets: new Set(TARGETS.filter((target) => targets.includes(target))),
    mailboxes: words.map(withInbox),
    confirmed: given.has("confirm-deletes") ? scan.confirmValues.includes(null) ? [] : confirmed.map(withInbox) : null,
  };
}

function combinationProblem(
  given: ReadonlySet<OptionName>,
  commands: readonly CommandOption[],
  names: number,
): string | null {
  const [command, second] = commands;
  if (command !== undefined && second !== undefined) return `Options ${command} and ${second} exclude each other`;
  if (command === "delete" && names === 0) return "Option delete requires the name of a mailbox";
  if (command === "rename" && names !== 2) return "Option rename requires two names of mailboxes";
  if (command !== undefined && (given.has("watch") || given.has("notify"))) {
    return `Option ${command} excludes watch and notify`;
  }
  if (given.has("confirm-deletes")) {
    if (command === "delete" || command === "rename") return `Option ${command} excludes confirm-deletes`;
    // Where a watcher is started again by itself, the brake would be off each time.
    if (given.has("watch") || given.has("notify")) return "Option confirm-deletes excludes watch and notify";
  }
  if (given.has("target") && command !== "delete" && command !== "rename") {
    return "Option target requires delete or rename";
  }
  return null;
}

function withInbox(name: string): string {
  return asciiUpper(name) === "INBOX" ? "INBOX" : name;
}

/** In the file that hands them to a watcher the names stand one on each line, and "*" means all. */
function confirmProblem(names: readonly string[]): string | null {
  const pattern = names.find((name) => name.includes("*"));
  if (pattern !== undefined) return `Invalid mailbox name "${pattern}" for option confirm-deletes (no patterns)`;
  const invalid = names.find((name) => !/^[\x20-\x7e]+$/.test(name));
  return invalid === undefined ? null : `Invalid mailbox name "${invalid}" for option confirm-deletes`;
}

function mailboxProblem(names: readonly string[]): string | null {
  // deno-lint-ignore no-control-regex
  const invalid = names.find((name) => !/^[\x01-\x7f]+$/.test(name));
  return invalid === undefined ? null : `Invalid mailbox name "${invalid}" (ASCII expected, other letters in UTF-7)`;
}

// As Perl's split does it: empty words at the end do not count, those before a word do.
function splitTargets(values: readonly string[]): readonly string[] {
  return values.map((value) => value.replace(/,+$/, "")).filter((value) => value !== "")
    .flatMap((value) => value.split(","));
}

function targetProblem(targets: readonly string[]): string | null {
  const known: readonly string[] = TARGETS;
  const invalid = targets.find((target) => !known.includes(target));
  if (invalid !== undefined) return `Invalid target "${invalid}" (local, remote or database expected)`;
  // The original goes on, does nothing anywhere, and reports success.
  return targets.length === 0 ? "Option target names no target" : null;
}

function printable(text: string): string {
  // What escaping leaves of UTF-8 is UTF-8.
  return fromUtf8Octets(escapeControls(utf8Octets(text))) ?? "";
}
