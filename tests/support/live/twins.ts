// Two programs on copies of the same two stores and the same state file: what each of them leaves behind, in a form in
// which the two can be compared: both servers with every message, all four tables, what was said, the statuses. What
// cannot be the same, such as the UIDVALIDITY of a mailbox made just now, is told by how it relates to the server.

import { DatabaseSync } from "node:sqlite";
import type { Lab, MailStore } from "../live_dovecot.ts";
import { toText } from "./imap_values.ts";
import { type Program, type RunResult, type Section, tunnelSection, Workspace } from "./program.ts";
import { internalName, readStore, shown } from "./witness.ts";

/** What stands in the configuration beside the tunnels. */
export interface SceneOptions {
  readonly globals?: Section;
  readonly local?: Section;
  readonly remote?: Section;
}

export interface Scene {
  readonly lab: Lab;
  readonly local: MailStore;
  readonly remote: MailStore;
  readonly workspace: Workspace;
  readonly options: SceneOptions;
}

/** Two empty stores with different delimiters, and a workspace without state file. */
export async function emptyScene(lab: Lab, name: string): Promise<Scene> {
  const local = await lab.store(`${name}l`, { format: "sdbox", separator: "/" });
  const remote = await lab.store(`${name}r`, { format: "mdbox", separator: "." });
  return { lab, local, remote, workspace: await workspaceOf(lab, name, local, remote, {}), options: {} };
}

/** The same stores down to UIDs and mod-sequences, and the same state file if there is one. */
export async function copyOf(scene: Scene, name: string, options: SceneOptions = {}): Promise<Scene> {
  const { lab } = scene;
  const [local, remote] = [await lab.copyOf(scene.local, `${name}l`), await lab.copyOf(scene.remote, `${name}r`)];
  const workspace = await workspaceOf(lab, name, local, remote, options);
  await Deno.copyFile(scene.workspace.databaseFile, workspace.databaseFile).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  return { lab, local, remote, workspace, options };
}

function workspaceOf(lab: Lab, name: string, local: MailStore, remote: MailStore, options: SceneOptions) {
  const [here, there] = [{ ...tunnelSection(local), ...options.local }, {
    ...tunnelSection(remote),
    ...options.remote,
  }];
  return Workspace.create(`${lab.directory}/${name}`, here, there, options.globals);
}

/** What a program did. Every list is sorted. */
export interface Outcome {
  /** The exit status of each run. */
  readonly statuses: readonly number[];
  /** The lines of all runs that both programs are to say. */
  readonly words: readonly string[];
  /** Mailboxes with messages and UIDs, and subscriptions, of both servers. */
  readonly mail: readonly string[];
  /** The rows of the four tables. */
  readonly rows: readonly string[];
}

/** Runs once for each list of arguments, then looks at everything. `change` is done before each run, with its number. */
export async function outcomeOf(
  scene: Scene,
  program: Program | ((run: number) => Program),
  runs: readonly (readonly string[])[],
  change: (scene: Scene, run: number) => Promise<void> = () => Promise.resolve(),
): Promise<Outcome> {
  const results: RunResult[] = [];
  for (const [run, args] of runs.entries()) {
    await change(scene, run);
    results.push(await scene.workspace.run(typeof program === "function" ? program(run) : program, args));
  }
  return {
    statuses: results.map(({ code }) => code),
    words: results.flatMap(said).sort(),
    ...await stateOf(scene),
  };
}

/** Everything that is on the servers and in the database now. */
export async function stateOf(scene: Scene): Promise<Pick<Outcome, "mail" | "rows">> {
  return { mail: await mailOf(scene), rows: await rowsOf(scene) };
}

/** What only the new program says: sizes differ, and the original has no such warnings. */
const ONLY_OURS = /IMAP traffic|keeps its name on|will (?:copy|compare) all its messages/;

/** Lines without those, and without the hints behind the text of the original; paths differ as well. */
function said({ lines }: RunResult): readonly string[] {
  return lines.filter((line) => !ONLY_OURS.test(line)).map((line) =>
    line.replace(/; .*$/, "").replace(/ \(It is gone from .*$/, "").replace(/ \S+\/state\.db$/, " the state file")
  );
}

async function mailOf({ local, remote }: Scene): Promise<readonly string[]> {
  const sides = await Promise.all([local, remote].map(async (store, i) => {
    const side = i === 0 ? "local" : "remote";
    const { mailboxes, subscribed } = await readStore(store);
    return [...mailboxes].flatMap(([mailbox, { messages }]) => [
      `${side} ${shown(mailbox)}`,
      ...messages.map(({ uid, flags, internalDate, digest }) =>
        `${side} ${shown(mailbox)} ${uid} ${digest.slice(0, 16)} ${internalDate} (${flags.join(" ")})`
      ),
    ]).concat([...subscribed].map((name) => `${side} ${shown(name)} is subscribed`));
  }));
  return sides.flat().sort();
}

/** Counters of a mailbox as its server tells them. */
interface Counters {
  readonly uidValidity: string;
  readonly highestModSeq: string;
}

/** By internal name, for mailboxes below the reference. */
function countersOf(store: MailStore, reference = ""): Promise<ReadonlyMap<string, Counters>> {
  return store.with(async (probe) => {
    const { untagged } = await probe.command('LIST "" "*" RETURN (STATUS (UIDVALIDITY HIGHESTMODSEQ))');
    const counters = new Map<string, Counters>();
    for (const { text } of untagged) {
      const found = /^STATUS (?:"([^"]*)"|(\S+)) \((.*)\)$/.exec(text);
      if (found === null) continue;
      const [, quoted, atom = "", items = ""] = found;
      const item = (name: string) => new RegExp(`${name} (\\d+)`).exec(items)?.[1] ?? "0";
      const listed = quoted ?? atom;
      if (!listed.startsWith(reference)) continue;
      const name = internalName(listed.slice(reference.length), store.layout.separator);
      counters.set(name, { uidValidity: item("UIDVALIDITY"), highestModSeq: item("HIGHESTMODSEQ") });
    }
    return counters;
  });
}

type Row = Readonly<Record<string, unknown>>;

async function rowsOf({ local, remote, workspace, options }: Scene): Promise<readonly string[]> {
  const counters = {
    local: await countersOf(local, options.local?.["list-reference"]),
    remote: await countersOf(remote, options.remote?.["list-reference"]),
  };
  let database: DatabaseSync;
  try {
    database = new DatabaseSync(workspace.databaseFile, { readOnly: true });
  } catch {
    return ["no database"];
  }
  try {
    // Numbers of 64 bits are compared as text.
    const all = (sql: string): readonly Row[] => database.prepare(sql).all() as Row[];
    const mailboxes = all("SELECT CAST(idx AS TEXT) AS idx, mailbox, subscribed FROM mailboxes");
    const names = new Map(mailboxes.map(({ idx, mailbox }) => [idx, toText(mailbox as Uint8Array)]));
    const rows = mailboxes.map(({ idx, subscribed }) => `mailboxes: ${shown(names.get(idx) ?? "?")} ${subscribed}`);
    for (const side of ["local", "remote"] as const) {
      for (const row of all(`SELECT CAST(idx AS TEXT) AS idx, UIDNEXT, ${TEXTS} FROM ${side}`)) {
        const name = names.get(row.idx) ?? "?";
        rows.push(`${side}: ${shown(name)} ${cursor(row, counters[side].get(name))}`);
      }
    }
    for (const { idx, lUID, rUID } of all("SELECT CAST(idx AS TEXT) AS idx, lUID, rUID FROM mapping")) {
      rows.push(`mapping: ${shown(names.get(idx) ?? "?")} ${lUID} ${rUID}`);
    }
    return rows.sort();
  } finally {
    database.close();
  }
}

const TEXTS = "CAST(UIDVALIDITY AS TEXT) AS uidValidity, CAST(HIGHESTMODSEQ AS TEXT) AS highestModSeq";

function cursor({ UIDNEXT, uidValidity, highestModSeq }: Row, server: Counters | undefined): string {
  const related = (value: unknown, current: string | undefined) =>
    value === current ? "as on the server" : current !== undefined && Number(value) < Number(current) ? "older" : value;
  return `UIDVALIDITY ${related(uidValidity, server?.uidValidity)}, UIDNEXT ${UIDNEXT}, ` +
    `HIGHESTMODSEQ ${related(highestModSeq, server?.highestModSeq)}`;
}

/** Changes the rows of a mailbox as if a program had made a mistake; each statement ends where its condition begins. */
export function falsify({ workspace }: Scene, statements: readonly string[], mailbox = "INBOX"): void {
  const database = new DatabaseSync(workspace.databaseFile);
  try {
    const idx = `(SELECT idx FROM mailboxes WHERE mailbox = CAST('${mailbox}' AS BLOB))`;
    for (const statement of statements) database.exec(`${statement} idx = ${idx}`);
  } finally {
    database.close();
  }
}

/** How many rows of the program's own tables belong to a mailbox that is gone. */
export function orphansOf({ workspace }: Scene): number {
  const database = new DatabaseSync(workspace.databaseFile, { readOnly: true });
  try {
    const own = database.prepare(`
      SELECT sqlite_schema.name AS name FROM sqlite_schema, pragma_table_info(sqlite_schema.name) AS column
      WHERE sqlite_schema.name LIKE 'interimap@_%' ESCAPE '@' AND column.name = 'idx'`);
    const counts = own.all().map(({ name }) =>
      database.prepare(`SELECT COUNT(*) AS n FROM ${name} WHERE idx NOT IN (SELECT idx FROM mailboxes)`).get()?.n
    );
    return counts.reduce((sum: number, count) => sum + Number(count), 0);
  } finally {
    database.close();
  }
}
