// From the greeting to ENABLE, beside the original: on the same server both log in by the same commands, or give up with the
// same words. Where they differ the row says why.

import assert from "node:assert/strict";
import { liveTest } from "../support/live/live_case.ts";
import { type Program, type Section, theOriginal, tunnelSection, Workspace } from "../support/live/program.ts";
import { type Rule, startTalkingServer } from "../support/live/talking_server.ts";
import type { MailStore } from "../support/live_dovecot.ts";

const NEEDED = "IMAP4rev1 ENABLE QRESYNC CONDSTORE LIST-EXTENDED LIST-STATUS UIDPLUS";

interface Row {
  readonly when: string;
  readonly greeting?: string;
  /** In place of NEEDED with AUTH=PLAIN and SASL-IR, before and after the login. */
  readonly capabilities?: string;
  readonly rules?: readonly Rule[];
  readonly options?: Section;
  /** The last line that both say, the original's part of it; the default is the refusal of LIST: they got that far. */
  readonly said?: string;
  /** What was presumed of the server does not hold: it is connected to once more, but only in a first run. */
  readonly again?: boolean;
  /** What the original says instead, and why this program does not. */
  readonly original?: { readonly said: RegExp; readonly because: string };
}

const FAR_ENOUGH = "remote: ERROR: NO far enough";

/** Lines that belong to the start, without their tags. */
function startOf(lines: readonly string[]): readonly string[] {
  return lines.map((line) => line.replace(/^\d{6} /, "")).filter((line) => !/^(?:ENABLE|LIST|LOGOUT)\b/.test(line));
}

async function start(row: Row, program: Program, local: MailStore, directory: string) {
  const { capabilities = `${NEEDED} AUTH=PLAIN SASL-IR`, rules = [], options = {} } = row;
  const { greeting = `* OK [CAPABILITY ${capabilities}] hello` } = row;
  await using server = startTalkingServer(greeting, [
    ...rules,
    { heard: /^\S+ CAPABILITY$/, answer: [`* CAPABILITY ${capabilities}`, "TAG OK done"] },
    { heard: /^\S+ (?:AUTHENTICATE PLAIN \S+|LOGIN .*)$/, answer: [`TAG OK [CAPABILITY ${capabilities}] in`] },
    { heard: /^\S+ ENABLE QRESYNC$/, answer: ["* ENABLED QRESYNC", "TAG OK enabled"] },
    { heard: /^\S+ LIST /, answer: ["TAG NO far enough"] },
    { heard: /^\S+ LOGOUT$/, answer: ["* BYE", "TAG OK"] },
  ]);
  const workspace = await Workspace.create(directory, tunnelSection(local), {
    type: "imap",
    host: "127.0.0.1",
    port: String(server.port),
    STARTTLS: "NO",
    username: "joe",
    password: "s3 cret",
    compress: "NO",
    ...options,
  });
  const result = await workspace.run(program);
  const said = result.lines.filter((line) => !/IMAP traffic|schema/.test(line));
  assert.ok(result.milliseconds < 10_000, "it waited although nothing could come");
  return { code: result.code, said, heard: startOf(server.lines) };
}

function without(name: string): string {
  return `${NEEDED} AUTH=PLAIN SASL-IR`.split(" ").filter((word) => word !== name).join(" ");
}

const LATER = "TAG OK in";
const TWO_LINES = { capabilities: `${NEEDED} AUTH=PLAIN` };

const ROWS: readonly Row[] = [
  // ---- capabilities
  { when: "the greeting tells the capabilities" },
  { when: "the greeting does not tell the capabilities", greeting: "* OK hello" },
  {
    when: "the answer to the login does not tell the capabilities",
    rules: [{ heard: /AUTHENTICATE/, answer: [LATER] }],
    again: true,
  },
  { when: "the server is logged in already", greeting: `* PREAUTH [CAPABILITY ${NEEDED}] hello` },
  {
    when: "the server is logged in already, and does not tell the capabilities",
    greeting: "* PREAUTH hello",
    original: { said: /did not advertise ENABLE/, because: "it does not ask" },
  },
  {
    when: "the server does not speak IMAP4rev1",
    capabilities: "IMAP4 AUTH=PLAIN",
    said: "remote: ERROR: Missing IMAP4rev1 CAPABILITY.  Not an IMAP4 server?",
  },
  {
    when: "the server says BYE",
    greeting: "* BYE too busy",
    said: "remote: ERROR: ",
    original: { said: /^remote: PANIC/m, because: "it panics" },
  },
  {
    when: "the server does not speak IMAP",
    greeting: "220 mail ESMTP",
    said: "remote: ERROR: ",
    original: { said: /^remote: PANIC/m, because: "it panics" },
  },
  // ---- STARTTLS
  {
    when: "STARTTLS is not offered",
    options: { STARTTLS: "YES" },
    said: "remote: ERROR: Server did not advertise STARTTLS capability.",
  },
  {
    when: "the server claims that nobody need log in before TLS",
    options: { STARTTLS: "YES" },
    greeting: `* PREAUTH [CAPABILITY ${NEEDED} STARTTLS] hello`,
    said: "remote: ERROR: PREAUTH greeting on plaintext connection? MiTM in action? Aborting, " +
      'set "STARTTLS = NO" to ignore.',
  },
  // ---- login
  {
    when: "the server wants the password in a line of its own",
    ...TWO_LINES,
    rules: [
      { heard: /^\S+ AUTHENTICATE PLAIN$/, answer: ["+ "] },
      { heard: /^[A-Za-z0-9+/=]+$/, answer: ["000000 OK in"] },
    ],
  },
  {
    when: "the server asks for the password by a + without a space",
    ...TWO_LINES,
    rules: [
      { heard: /^\S+ AUTHENTICATE PLAIN$/, answer: ["+"] },
      { heard: /^[A-Za-z0-9+/=]+$/, answer: ["000000 OK in"] },
    ],
  },
  { when: "the server offers another mechanism only", capabilities: `${NEEDED} AUTH=CRAM-MD5` },
  { when: "LOGIN is preferred", options: { auth: "login plain" } },
  { when: "the first mechanism is not offered", options: { auth: "X-NEW PLAIN" } },
  {
    when: "no mechanism is offered",
    options: { auth: "PLAIN" },
    capabilities: `${NEEDED} AUTH=CRAM-MD5`,
    said: "remote: ERROR: Failed to choose an authentication mechanism",
  },
  {
    when: "the mechanism is not known",
    options: { auth: "CRAM-MD5" },
    capabilities: `${NEEDED} AUTH=CRAM-MD5`,
    said: "remote: ERROR: Unsupported authentication mechanism: CRAM-MD5",
  },
  {
    when: "logins are disabled",
    capabilities: `${NEEDED} AUTH=PLAIN LOGINDISABLED`,
    said: "remote: ERROR: Logins are disabled.",
  },
  {
    when: "the login is refused",
    rules: [{ heard: /AUTHENTICATE/, answer: ["TAG NO [AUTHENTICATIONFAILED] who?"] }],
    said: "remote: ERROR: The server refused the login: NO [AUTHENTICATIONFAILED] who?",
    original: { said: /^remote: ERROR: NO \[AUTHENTICATIONFAILED\] who\?$/m, because: "it says less" },
  },
  // ---- COMPRESS
  { when: "COMPRESS is not offered", options: { compress: "YES" } },
  {
    when: "TLS is said to compress already",
    options: { compress: "YES" },
    capabilities: `${NEEDED} AUTH=PLAIN SASL-IR COMPRESS=DEFLATE`,
    rules: [{ heard: /COMPRESS/, answer: ["TAG NO [COMPRESSIONACTIVE] TLS does"] }],
  },
  {
    when: "an unknown compression is offered",
    options: { compress: "YES" },
    capabilities: `${NEEDED} AUTH=PLAIN SASL-IR COMPRESS=LZ4`,
  },
  {
    when: "COMPRESS is refused",
    options: { compress: "YES" },
    capabilities: `${NEEDED} AUTH=PLAIN SASL-IR COMPRESS=DEFLATE`,
    rules: [{ heard: /COMPRESS/, answer: ["TAG NO not today"] }],
    original: { said: /^remote: PANIC/m, because: "it panics" },
  },
  // ---- what is needed
  {
    when: "ENABLE is not offered",
    capabilities: without("ENABLE"),
    said: "remote: ERROR: Server did not advertise ENABLE (RFC 5161) capability.",
  },
  {
    when: "QRESYNC is not offered",
    capabilities: without("QRESYNC"),
    said: "remote: ERROR: Server did not advertise QRESYNC capability.",
  },
  {
    when: "QRESYNC is not enabled",
    rules: [{ heard: /ENABLE/, answer: ["* ENABLED CONDSTORE", "TAG OK done"] }],
    said: "remote: ERROR: Couldn't ENABLE QRESYNC",
  },
  ...["LIST-EXTENDED", "UIDPLUS", "LIST-STATUS"].map((name): Row => ({
    when: `${name} is not offered`,
    capabilities: without(name),
    said: `remote: ERROR: Non ${name}-capable IMAP server.`,
    original: {
      said: new RegExp(`^Non ${name}-capable IMAP server\\.$`, "m"),
      because: "it does not say which server",
    },
  })),
];

liveTest("from the greeting to ENABLE, both programs do and say the same", async ({ lab, program, test }) => {
  const original = await theOriginal();
  const local = await lab.store("local", { format: "sdbox", separator: "/" });
  for (const [i, row] of ROWS.entries()) {
    const { when, said = FAR_ENOUGH, original: other } = row;
    await test.step(`${when}${other === undefined ? "" : ` (unlike the original: ${other.because})`}`, async () => {
      const theirs = await start(row, original, local, `${lab.directory}/o${i}`);
      const ours = await start(row, program, local, `${lab.directory}/p${i}`);
      assert.equal(ours.code, 1);
      assert.ok(
        said === FAR_ENOUGH ? /NO far enough/.test(ours.said.at(-1) ?? "") : ours.said.at(-1)?.startsWith(said),
        ours.said.join("\n"),
      );
      assert.doesNotMatch(ours.said.join("\n"), /s3 cret/);
      if (other !== undefined) {
        assert.match(theirs.said.join("\n"), other.said);
        assert.ok(!other.said.test(ours.said.join("\n")), "they do not differ");
        return;
      }
      assert.deepEqual(ours.heard, row.again === true ? [theirs.heard[0], ...theirs.heard] : theirs.heard);
      assert.ok(theirs.said.at(-1)?.startsWith(said), theirs.said.join("\n"));
      assert.deepEqual(ours.said.slice(0, -1), theirs.said.slice(0, -1));
    });
  }
}, { newProgramOnly: true });

for (const name of ["username", "password"]) {
  liveTest(`without ${name}, a login is not begun`, async ({ lab, program }) => {
    const local = await lab.store("local", { format: "sdbox", separator: "/" });
    const options = { username: "joe", password: "s3cret" };
    await using server = startTalkingServer("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hello", []);
    const section = { type: "imap", host: "127.0.0.1", port: String(server.port), STARTTLS: "NO", ...options };
    const left = Object.fromEntries(Object.entries(section).filter(([key]) => key !== name));
    const workspace = await Workspace.create(`${lab.directory}/w`, tunnelSection(local), left);
    const { code, stderr } = await workspace.run(program);
    assert.notEqual(code, 0);
    assert.match(stderr, new RegExp(`^remote: ERROR: Missing option ${name}\\b`, "m"));
    assert.deepEqual(server.lines.filter((line) => !line.endsWith("LOGOUT")), []);
  });
}
