// The configuration file beside the original: what it refuses is refused, what it takes is taken and means the same. A text
// is taken when the server's command is run. Where the two differ on purpose, the row says why.

import assert from "node:assert/strict";
import { liveTest } from "../support/live/live_case.ts";
import { type Program, theOriginal, Workspace } from "../support/live/program.ts";

/** `%` stands for the directory. The file ends with sections whose command leaves a mark. */
interface Row {
  readonly what: string;
  /** Lines above the sections. */
  readonly globals?: string;
  /** Lines at the end of the local section, and of the remote one. */
  readonly local?: string;
  readonly remote?: string;
  /** The whole file instead. */
  readonly file?: string;
  readonly args?: readonly string[];
}

const TAKEN: readonly Row[] = [
  { what: "nothing but the sections" },
  { what: "comments and blank lines", globals: "# a\n  ; b\n\n \t\n#x = y\n" },
  { what: "white space around everything", globals: "  list-mailbox\t=  INBOX \t\n" },
  { what: "a value with equals signs", local: "username = a=b=c" },
  { what: "an option twice", local: "compress = YES\ncompress = no" },
  { what: "a section in two parts", remote: "[local]\nusername = joe" },
  { what: "an unknown section", remote: "[other]\nnonsense = 1" },
  { what: "the default section by its name", remote: "[_]\nusername = joe" },
  { what: "white space in the head of a section", remote: "  [ local ]  \nusername = joe" },
  { what: "lines that end with CR LF", globals: "compress = no\r\nnull-stderr = yes\r\n" },
  { what: "lines that end with CR", globals: "compress = no\rnull-stderr = yes\r" },
  { what: "a comment behind a value", globals: "compress = no ; really\n" },
  { what: "YES and NO in any case", globals: "compress = yEs\nSSL_verify = No\nSTARTTLS = NO\n" },
  { what: "server options above the sections", globals: "host = example.org\nport = 1\nauth = LOGIN\n" },
  { what: "options for the program in a section", local: "list-mailbox = INBOX\nlogfile = /nowhere/at/all" },
  {
    what: "empty values where they may be",
    globals: "log-prefix =\nlist-reference =\nlist-select-opts =\nSSL_hostname =\n",
  },
  { what: "selection options with several spaces", globals: "list-select-opts =  subscribed  remote \n" },
  { what: "patterns", globals: 'list-mailbox = INBOX "a b" "\\\\ \\" \\0 \\a\\b\\t\\n\\v\\f\\r \\x00\\xfF" %* ]\n' },
  { what: "several mechanisms", globals: "auth = PLAIN x-new LOGIN\n" },
  { what: "fingerprints with an algorithm", globals: `SSL_fingerprint = sha1$${"0a".repeat(20)} ${"FF".repeat(32)}\n` },
  { what: "8-bit letters", globals: "username = joe\nSSL_CAfile = /é\n" },
  { what: "a relative name of the file", args: ["--config=config"] },
];

const REFUSED: readonly Row[] = [
  { what: "an empty file", file: "" },
  { what: "no section remote", file: "[local]\n" },
  { what: "no section local", file: "[remote]\n" },
  { what: "a line that is no option", globals: "nonsense\n" },
  { what: "a head without its end", globals: "[_\n" },
  { what: "an unknown option", globals: "nonsense = 1\n" },
  { what: "an unknown option in a section", remote: "nonsense = 1" },
  { what: "an option in another case", remote: "Host = a" },
  { what: "an unknown type", remote: "type = IMAP" },
  { what: "neither YES nor NO", remote: "compress = maybe" },
  { what: "YES with more behind it", remote: "compress = YES please" },
  { what: "an empty host", remote: "host =" },
  { what: "an empty username", remote: "username =" },
  { what: "an empty database", globals: "database =\n" },
  { what: "a log file with a relative name", globals: "logfile = log\n" },
  { what: "a log file that is /", globals: "logfile = /\n" },
  { what: "a control character", globals: "log-prefix = a\x07b\n" },
  { what: "8-bit letters where only ASCII may be", globals: "list-reference = é\n" },
  { what: "8-bit letters in a user name", local: "username = é" },
  { what: "mechanisms with two spaces between them", globals: "auth = PLAIN  LOGIN\n" },
  { what: "a selection option that is no word", globals: "list-select-opts = (SUBSCRIBED)\n" },
  { what: "an unknown protocol", globals: "SSL_protocols = TLSv1.4\n" },
  { what: "protocols with a comma", globals: "SSL_protocols = TLSv1.2,TLSv1.3\n" },
  { what: "a fingerprint with colons", globals: "SSL_fingerprint = 00:11\n" },
  { what: "a fingerprint without digits", globals: "SSL_fingerprint = sha256$\n" },
  { what: "patterns that cannot be read", globals: 'list-mailbox = a"b"\n' },
  { what: "an empty pattern", globals: 'list-mailbox = ""\n' },
  { what: "a pattern with an unknown escape", globals: 'list-mailbox = "\\e"\n' },
  { what: "a port that is empty", local: "port =" },
  { what: "a directory for the state file that is not there", globals: "database = none/x.db\n" },
  { what: "a file that is not there", args: ["--config=none"] },
];

/** Taken by one of the two only. */
const UNLIKE: readonly (Row & { readonly takenBy: "the program" | "the original"; readonly because: string })[] = [
  {
    what: "a mark of the order of octets",
    file: "\ufeff[local]\ntype = tunnel\ncommand = :>%/reached\n[remote]\ntype = tunnel\ncommand = :>%/reached\n",
    takenBy: "the program",
    because: "editors on other systems write it",
  },
  {
    what: "letters whose second octet looks like a control character",
    globals: "database = %/À.db\n",
    takenBy: "the program",
    because: "À is a letter",
  },
  {
    what: "a tunnel without command on one side",
    file: "[local]\ntype = tunnel\ncommand = :>%/reached\n[remote]\ntype = tunnel\n",
    takenBy: "the original",
    because: "it is looked at before the first server is called",
  },
  {
    what: "an expression that cannot be read",
    globals: "ignore-mailbox = (\n",
    takenBy: "the original",
    because: "it is looked at before the first server is called",
  },
  {
    what: "a proxy that cannot be",
    remote: "type = imaps\nproxy = http://h",
    takenBy: "the original",
    because: "it is looked at before the first server is called",
  },
  {
    what: "only old protocols",
    remote: "type = imaps\nSSL_protocol_max = TLSv1.1",
    takenBy: "the original",
    because: "the runtime does not have them",
  },
  {
    what: "a fingerprint that no key can have",
    remote: "type = imaps\nSSL_fingerprint = 0f",
    takenBy: "the original",
    because: "a pin that never matches is a mistake",
  },
  {
    what: "an expression that JavaScript does not know",
    globals: "ignore-mailbox = a++\n",
    takenBy: "the original",
    because: "it is refused by name, never taken for something else",
  },
];

interface Result {
  readonly taken: boolean;
  readonly code: number;
  readonly lines: readonly string[];
}

async function put(row: Row, program: Program, directory: string): Promise<Result> {
  const { globals = "", local = "", remote = "", file, args = [] } = row;
  const workspace = await Workspace.create(directory, {}, {});
  const tunnel = "type = tunnel\ncommand = :>%/reached\n";
  const text = file ?? `${globals}[local]\n${tunnel}${local}\n[remote]\n${tunnel}${remote}\n`;
  await Deno.writeTextFile(workspace.configFile, text.replaceAll("%/", `${directory}/`));
  const { code, lines } = await workspace.run(program, args);
  const taken = await Deno.stat(`${directory}/reached`).then(() => true, () => false);
  return { taken, code, lines };
}

/** Of this program: one line, status 1, and the line of the file where there is one. */
function assertOneLine({ code, lines }: Result): void {
  assert.equal(code, 1);
  assert.equal(lines.length, 1, lines.join("\n"));
  assert.match(lines[0] ?? "", /^(?:database: )?ERROR: /);
}

liveTest("what the original takes is taken, what it refuses is refused", async ({ lab, program, test }) => {
  const original = await theOriginal();
  let number = 0;
  const both = async (row: Row) => {
    number++;
    return {
      theirs: await put(row, original, `${lab.directory}/o${number}`),
      ours: await put(row, program, `${lab.directory}/p${number}`),
    };
  };
  for (const row of TAKEN) {
    await test.step(`${row.what}: taken`, async () => {
      const { theirs, ours } = await both(row);
      assert.deepEqual([theirs.taken, ours.taken], [true, true], ours.lines.join("\n"));
    });
  }
  for (const row of REFUSED) {
    await test.step(`${row.what}: refused`, async () => {
      const { theirs, ours } = await both(row);
      assert.deepEqual([theirs.taken, ours.taken], [false, false]);
      assert.notEqual(theirs.code, 0);
      assertOneLine(ours);
    });
  }
  for (const row of UNLIKE) {
    await test.step(`${row.what}: taken by ${row.takenBy} only, because ${row.because}`, async () => {
      const { theirs, ours } = await both(row);
      assert.deepEqual([theirs.taken, ours.taken], [row.takenBy === "the original", row.takenBy === "the program"]);
      if (!ours.taken) assertOneLine(ours);
    });
  }
}, { newProgramOnly: true });

liveTest("options without effect, and a mistake, are named with file and line", async ({ lab, program }) => {
  const warned = await put(
    { what: "", local: "database = x", remote: "[other]\nnonsense = 1" },
    program,
    `${lab.directory}/w`,
  );
  const warnings = warned.lines.filter((line) => line.startsWith("WARNING: "));
  assert.equal(warnings.length, 2, warned.lines.join("\n"));
  assert.match(warnings.join("\n"), /config:4: .*database/);
  assert.match(warnings.join("\n"), /config:8: .*\[other\]/);
  const wrong = await put({ what: "", remote: "nonsense" }, program, `${lab.directory}/s`);
  assert.match(wrong.lines.join("\n"), /^ERROR: \S+\/config:8: Syntax error: [^\n]+$/);
}, { newProgramOnly: true });
