// One session of the model server: reads commands one after the other, executes them, tells what changed meanwhile, and
// answers (RFC 9051 3, 7). What the commands on mailboxes and on messages do is in model_mailbox_commands.ts and
// model_message_commands.ts.

import type { ByteStream } from "../../lib/transport/types.ts";
import { type Answer, type Execute, no } from "./model_answer.ts";
import { mailboxCommands } from "./model_mailbox_commands.ts";
import { deflatedEnd } from "./model_deflate.ts";
import { messageCommands, refuseLiteral } from "./model_message_commands.ts";
import { type ModelMailbox, Refused } from "./model_mailstore.ts";
import { argumentsOf, astring, atom, BadSyntax, LineSource, type RawCommand, readCommand } from "./model_parser.ts";
import { notify, type NotifyWatch } from "./model_notify.ts";
import type { ModelServer } from "./model_server.ts";
import { octetsOf } from "./model_values.ts";
import type { MailboxView, Told } from "./model_view.ts";

/** Commands whose answers tell what changed in the selected mailbox, as in Dovecot: no others do. */
const TELLS = new Set(["NOOP", "CHECK", "APPEND", "COPY", "MOVE", "EXPUNGE", "FETCH", "STORE", "SEARCH"]);
/** Commands whose answers keep sequence numbers as they are. */
const KEEPS_NUMBERS = new Set(["FETCH", "STORE", "SEARCH"]);
const NOT_SELECTED = "No mailbox selected";
const BEFORE_LOGIN = new Set(["CAPABILITY", "NOOP", "LOGOUT", "LOGIN", "AUTHENTICATE"]);

export class ModelSession {
  readonly server: ModelServer;
  readonly source: LineSource;
  view: MailboxView | null = null;
  authenticated = false;
  qresync = false;
  condstore = false;
  readonly told: Told = { byFetch: 0n };
  /** Flags that this command stored with .SILENT, by UID. */
  readonly silent = new Map<number, string>();
  /** The last SELECT was refused: commands that were sent behind it without waiting are no mistake. */
  selectRefused = false;
  /** What NOTIFY asked for. */
  notify: NotifyWatch | null = null;
  /** How often NOTIFY SET was answered OK since the last NOTIFY NONE. */
  notifySets = 0;
  compression: "off" | "next" | "on" = "off";
  #stream: ByteStream;
  #out: (string | Uint8Array)[] = [];
  #writing = Promise.resolve();
  #busy = true;
  #ended = false;
  #deaf = false;

  constructor(server: ModelServer, stream: ByteStream) {
    this.server = server;
    this.source = new LineSource(stream);
    this.#stream = stream;
  }

  async run(): Promise<void> {
    const preauth = (this.server.options.login ?? null) === null;
    this.authenticated = preauth;
    this.line(`* ${preauth ? "PREAUTH" : "OK"} [CAPABILITY ${this.capabilityList()}] Model ready.`);
    await this.flush();
    const unwatch = this.server.store.watch(() => {
      if (!this.#busy) this.#tellEvents();
    });
    while (!this.#ended) {
      this.#busy = false;
      const command = await readCommand(this.source, {
        literal: (raw, octets, sync) => refuseLiteral(this, raw, octets, sync),
        ask: async () => {
          this.line("+ OK");
          await this.flush();
        },
      });
      this.#busy = true;
      if (command === null) break;
      await this.#serve(command);
      if (this.#ended) break;
      if (this.compression === "next") this.#compress();
      // What happened while the command was executed.
      this.#tellEvents();
      await this.#writing;
    }
    unwatch();
    this.#stream.close();
  }

  #compress(): void {
    this.compression = "on";
    this.source.goOnWith((rest) => {
      if (rest.length > 0) this.violation("COMPRESS: did not wait for the answer");
      return this.#stream = deflatedEnd(this.#stream, rest);
    });
  }

  #tellEvents(): void {
    this.notify?.tell();
    void this.flush();
  }

  // ---- writing

  line(text: string): void {
    this.#out.push(text, "\r\n");
  }

  /** Octets without an end of line. */
  raw(...parts: readonly (string | Uint8Array)[]): void {
    this.#out.push(...parts);
  }

  /** One after the other: events are told while nobody waits for them. */
  flush(): Promise<void> {
    const parts = this.#out.map((part) => typeof part === "string" ? octetsOf(part) : part);
    this.#out = [];
    const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      all.set(part, at);
      at += part.length;
    }
    // A client that has gone still has what it sent before executed.
    if (all.length > 0) {
      this.#writing = this.#writing.then(async () => {
        if (!this.#deaf) await this.#stream.write(all).catch(() => void (this.#deaf = true));
      });
    }
    return this.#writing;
  }

  capabilityList(): string {
    const names = [...this.server.capabilities];
    return (this.authenticated ? names : [...names, "AUTH=PLAIN"]).join(" ");
  }

  /** Ends the session after this command. */
  end(): void {
    this.#ended = true;
  }

  violation(text: string): void {
    this.server.violations.push(text);
  }

  // ---- commands

  async #serve(command: RawCommand): Promise<void> {
    const { server } = this;
    const { tag, name } = command;
    if ((await server.gate.before?.(name)) === false) return this.end();
    server.commands.push(name);
    const answer = await this.#execute(command);
    const tells = TELLS.has(name.replace("UID ", "")) &&
      (answer.startsWith("OK") || answer.includes("[EXPUNGEISSUED]"));
    const highest = this.#ended || !tells ? null : this.sync(!KEEPS_NUMBERS.has(name));
    if ((await server.gate.after?.(name)) === false) return this.end();
    this.line(`${tag} ${withHighest(answer, highest, (line) => this.line(line))}`);
    await this.flush();
  }

  async #execute(command: RawCommand): Promise<string> {
    const { name } = command;
    try {
      if (command.refusal !== null) return command.refusal;
      const execute = COMMANDS.get(name);
      if (execute === undefined) return this.#bad(command, "Unknown command");
      if (!this.authenticated && !BEFORE_LOGIN.has(name)) return this.#bad(command, "Log in first");
      const { code, text } = await execute(this, argumentsOf(command), command);
      return `OK ${code === undefined ? "" : `[${code}] `}${text}`;
    } catch (error) {
      if (error instanceof Refused) {
        // A name in the text may hold what ends a line.
        const text = error.message.replace(/[\r\n]/g, "?");
        return `NO ${error.code === null ? "" : `[${error.code}] `}${text}`;
      }
      if (error instanceof BadSyntax) return this.#bad(command, error.message);
      throw error;
    }
  }

  #bad(command: RawCommand, text: string): string {
    if (text !== NOT_SELECTED || !this.selectRefused) {
      this.violation(`${command.name}: ${text}: ${command.texts.join("{}")}`);
    }
    return `BAD Error in IMAP command ${command.name}: ${text}.`;
  }

  // ---- the selected mailbox

  /** @throws BadSyntax when none is selected */
  get selected(): MailboxView {
    if (this.view === null) throw new BadSyntax(NOT_SELECTED);
    return this.view;
  }

  /** Tells what changed; what HIGHESTMODSEQ is to be told, or null. */
  sync(expunges: boolean): bigint | null {
    const { view, server, qresync, condstore } = this;
    const silent = new Map(this.silent);
    this.silent.clear();
    if (view === null) return null;
    if (!server.store.has(view.name, view.mailbox)) {
      this.line("* BYE IMAP session state is inconsistent, please relogin.");
      this.end();
      return null;
    }
    const { lines, highest } = view.sync({ qresync, condstore, expunges, silent });
    for (const line of lines) this.line(line);
    return qresync ? highest : null;
  }

  /** The mailbox. @throws Refused with `code` */
  mailbox(name: string, code: string | null): ModelMailbox {
    return this.server.store.find(name) ?? no(code, `Mailbox doesn't exist: ${name}`);
  }
}

/** The tagged answer with HIGHESTMODSEQ in it, or after an untagged line that tells it. */
function withHighest(answer: string, highest: bigint | null, line: (text: string) => void): string {
  if (highest === null) return answer;
  if (answer.startsWith("OK ") && !answer.startsWith("OK [")) {
    return `OK [HIGHESTMODSEQ ${highest}] ${answer.slice(3)}`;
  }
  line(`* OK [HIGHESTMODSEQ ${highest}] Highest`);
  return answer;
}

// ---- commands of the session itself

const SESSION_COMMANDS: readonly (readonly [string, Execute])[] = [
  ["CAPABILITY", (session) => {
    session.line(`* CAPABILITY ${session.capabilityList()}`);
    return { text: "Capability completed." };
  }],
  ["NOOP", () => ({ text: "NOOP completed." })],
  ["CHECK", () => ({ text: "Check completed." })],
  ["LOGOUT", (session) => {
    session.line("* BYE Logging out");
    session.end();
    return { text: "Logout completed." };
  }],
  ["ENABLE", (session, args) => {
    const names = args.map((arg) => atom(arg).toUpperCase());
    const known = names.filter((name) => (name === "QRESYNC" || name === "CONDSTORE") && session.server.has(name));
    session.qresync ||= known.includes("QRESYNC");
    session.condstore ||= known.length > 0;
    session.line(["* ENABLED", ...known].join(" "));
    return { text: "Enabled." };
  }],
  ["LOGIN", (session, [user, password]) => logIn(session, astring(user), astring(password))],
  ["AUTHENTICATE", async (session, [mechanism, initial]) => {
    if (atom(mechanism).toUpperCase() !== "PLAIN") no(null, "Unsupported authentication mechanism.");
    let response = initial === undefined ? null : atom(initial);
    if (response === null) {
      session.line("+ ");
      await session.flush();
      response = await session.source.line() ?? "";
    } else if (!session.server.has("SASL-IR")) session.violation("AUTHENTICATE: SASL-IR was not offered");
    const [, user = "", password = ""] = atob(response).split("\0");
    return logIn(session, user, password);
  }],
  ["IDLE", idle],
  ["COMPRESS", (session, [name]) => {
    if (!session.server.has("COMPRESS=DEFLATE")) throw new BadSyntax("COMPRESS was not offered");
    if (atom(name).toUpperCase() !== "DEFLATE") no(null, "Unknown compression mechanism.");
    if (session.compression === "on") no("COMPRESSIONACTIVE", "COMPRESSION=DEFLATE already enabled.");
    session.compression = "next";
    return { text: "Begin compression." };
  }],
  ["NOTIFY", notify],
];

function logIn(session: ModelSession, user: string, password: string): Answer {
  const wanted = session.server.options.login ?? null;
  if (wanted === null || session.authenticated) throw new BadSyntax("Already logged in");
  if (user !== wanted.user || password !== wanted.password) no("AUTHENTICATIONFAILED", "Authentication failed.");
  session.authenticated = true;
  if (session.server.lies.tellsNothingAtLogin) return { text: "Logged in" };
  return { code: `CAPABILITY ${session.capabilityList()}`, text: "Logged in" };
}

/** RFC 2177: tells every change at once, until DONE. */
async function idle(session: ModelSession): Promise<Answer> {
  if (!session.server.has("IDLE")) session.violation("IDLE was not offered");
  session.line("+ idling");
  const tell = async () => {
    session.notify?.tell();
    const highest = session.sync(true);
    if (highest !== null) session.line(`* OK [HIGHESTMODSEQ ${highest}] Highest`);
    await session.flush();
  };
  let telling = tell();
  const unwatch = session.server.store.watch(() => void (telling = telling.then(tell)));
  const line = await session.source.line();
  unwatch();
  await telling;
  if (line === null) session.end();
  else if (line.toUpperCase() !== "DONE") throw new BadSyntax("DONE was expected");
  return { text: "Idle completed." };
}

const COMMANDS: ReadonlyMap<string, Execute> = new Map([
  ...SESSION_COMMANDS,
  ...mailboxCommands,
  ...messageCommands,
]);
