// A private Cyrus IMAP server for tests, from packages that scripts/cyrus.sh has unpacked: starts within about 0.1 s,
// listens on loopback only, and dies with the test runner. Its users are mail stores like Dovecot's, so that the same
// witness reads them. What the server is told is cyrus_conf.ts's business.

import { ImapProbe } from "../imap_probe.ts";
import { type Daemon, MailStore, PASSWORD } from "../live_dovecot.ts";
import { mustRun, run, startChild } from "./child.ts";
import { CYRUS_FOLDERS, type CyrusLayout, type CyrusSettings, imapdConf, masterConf } from "./cyrus_conf.ts";
import type { CertificateFiles } from "./dovecot_conf.ts";
import { freePort } from "./free_port.ts";
import { type LogRecord, SyslogSocket } from "./syslog_socket.ts";
import { waitUntil } from "./waiting.ts";

export type { CyrusLayout } from "./cyrus_conf.ts";

const INSTALLATION = new URL("../../../.tools/cyrus", import.meta.url).pathname;
const NOBODY = 65534;
const ERROR_SEVERITY = 3;

/** The usual layout of new installations. */
export const USUAL_LAYOUT: CyrusLayout = { separator: "/", besideInbox: true, deleteMode: "immediate" };

/** How the server becomes an ordinary user: it refuses uid 0. */
interface Identity {
  readonly user: string;
  readonly group: string;
  /** Put before the server's command. */
  readonly prefix: readonly string[];
  /** Who has to own the files; null: whoever makes them. */
  readonly owner: number | null;
  /**
   * Whether the server can have namespaces of its own: a /dev, and with it a log, and processes that die with the
   * first. Without them those of a test runner that was killed stay behind.
   */
  readonly hasNamespaces: boolean;
}

async function chooseIdentity(): Promise<Identity> {
  const uid = Deno.uid() ?? 0;
  const isRoot = uid === 0;
  const user = isRoot ? "nobody" : (await mustRun(["id", "-un"])).trim();
  const group = isRoot ? "nogroup" : (await mustRun(["id", "-gn"])).trim();
  const namespaces = ["unshare", "--user", `--map-user=${isRoot ? NOBODY : uid}`];
  namespaces.push(`--map-group=${isRoot ? NOBODY : Deno.gid()}`, "--mount", "--pid", "--fork", "--kill-child=KILL");
  namespaces.push("--keep-caps");
  if ((await run([...namespaces, "true"])).code === 0) {
    return { user, group, prefix: namespaces, owner: null, hasNamespaces: true };
  }
  const dropped = ["setpriv", "--pdeathsig", "KILL", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"];
  const prefix = ["setsid", ...(isRoot ? dropped : [])];
  return { user, group, prefix, owner: isRoot ? NOBODY : null, hasNamespaces: false };
}

/** Puts an almost empty /dev in place, with `log` as a link to $1, gives up all privileges and runs the rest. */
const PRIVATE_DEV = `
set -e
log=$1 dev=$2
shift 2
mkdir "$dev"
for name in null zero random urandom; do
  : >"$dev/$name"
  mount --bind "/dev/$name" "$dev/$name"
done
ln -s "$log" "$dev/log"
mount --rbind "$dev" /dev
exec setpriv --ambient-caps=-all --inh-caps=-all --bounding-set=-all "$@"`;

/** What the unpacked programs need to find their parts. */
async function environment(identity: Identity): Promise<Record<string, string>> {
  const folders = async (below: string) => {
    const names: string[] = [];
    for await (const { name } of Deno.readDir(`${INSTALLATION}/${below}`)) {
      if (name.includes("-linux-gnu")) names.push(`${INSTALLATION}/${below}/${name}`);
    }
    return names;
  };
  const libraries = [...await folders("usr/lib"), ...await folders("lib")];
  return {
    LD_LIBRARY_PATH: libraries.join(":"),
    SASL_PATH: `${libraries[0]}/sasl2`,
    CYRUS_USER: identity.user,
    CYRUS_GROUP: identity.group,
  };
}

/** The greeting of whoever listens on the port; null: nobody does, or nobody says anything. */
async function greetingOf(port: number): Promise<string | null> {
  try {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port });
    const buffer = new Uint8Array(1024);
    const count = await connection.read(buffer);
    return count === null ? null : new TextDecoder().decode(buffer.subarray(0, count));
  } catch {
    return null;
  }
}

/** The mail of one user of a Cyrus server. There is no tunnel to it, and no doveadm. */
export class CyrusStore extends MailStore {
  readonly #server: Cyrus;

  /** Use Cyrus.store(). */
  constructor(server: Cyrus, name: string) {
    const nobody = { user: "", group: "", prefix: [], daemonPrefix: [], owner: null };
    const layout = { format: "maildir", separator: server.layout.separator } as const;
    super(nobody, name, layout, `${server.directory}/conf/log`, "/bin/false", "/dev/null", "/dev/null");
    this.#server = server;
  }

  override async probe(): Promise<ImapProbe> {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: this.#server.port });
    connection.setNoDelay(true);
    return await ImapProbe.open({
      readable: connection.readable,
      writable: connection.writable,
      closed: () => Promise.resolve(),
    }, [this.name, PASSWORD]);
  }

  override async recordCommands(): Promise<void> {
    await Deno.mkdir(`${this.home}/${this.name}`);
    await this.#server.own(`${this.home}/${this.name}`);
  }

  override async commands(): Promise<string[]> {
    const folder = `${this.home}/${this.name}`;
    const names: string[] = [];
    for await (const { name } of Deno.readDir(folder)) {
      const text = await Deno.readTextFile(`${folder}/${name}`);
      for (const [, said] of text.matchAll(/^<\d+<(.*?)(?=^>\d+>|(?![\s\S]))/gms)) {
        for (const [, command] of (said ?? "").matchAll(/^[A-Za-z0-9]+ (UID \w+|\w+)/gm)) {
          names.push((command ?? "").toUpperCase());
        }
      }
    }
    await Deno.remove(folder, { recursive: true });
    return names;
  }
}

/** A running server. */
export class Cyrus implements Pick<Daemon, "port" | "tlsPort"> {
  readonly #identity: Identity;
  readonly #syslog: SyslogSocket;
  readonly #launch: () => Deno.ChildProcess;
  #child: Deno.ChildProcess;

  private constructor(
    readonly directory: string,
    readonly layout: CyrusLayout,
    readonly port: number,
    readonly tlsPort: number,
    parts: {
      readonly launch: () => Deno.ChildProcess;
      readonly identity: Identity;
      readonly syslog: SyslogSocket;
    },
  ) {
    this.#launch = parts.launch;
    this.#child = parts.launch();
    this.#identity = parts.identity;
    this.#syslog = parts.syslog;
  }

  /**
   * Starts a server whose files are in the new folder `directory`; returns when it greets.
   * @throws Error that says what to do when Cyrus was not unpacked
   */
  static async start(directory: string, certificate: CertificateFiles, layout = USUAL_LAYOUT): Promise<Cyrus> {
    await Deno.stat(`${INSTALLATION}/usr/lib/cyrus/bin/master`).catch(() => {
      throw new Error("The tests with Cyrus need it unpacked: sh scripts/cyrus.sh (or INTERIMAP_TEST_LIVE=no)");
    });
    const identity = await chooseIdentity();
    for (let attempt = 1;; attempt++) {
      const cyrus = await Cyrus.#prepare(directory, certificate, layout, identity);
      if (await cyrus.#greets()) return cyrus;
      await cyrus.stop();
      if (attempt === 5) throw new Error(`Cyrus does not start:\n${cyrus.logs()}`);
      await Deno.remove(directory, { recursive: true });
    }
  }

  static async #prepare(
    directory: string,
    certificate: CertificateFiles,
    layout: CyrusLayout,
    identity: Identity,
  ): Promise<Cyrus> {
    const [port, tlsPort] = [freePort(), freePort()];
    const { user, group } = identity;
    const installation = INSTALLATION;
    const settings: CyrusSettings = { directory, installation, user, group, port, tlsPort, certificate, layout };
    for (const folder of CYRUS_FOLDERS) await Deno.mkdir(`${directory}/${folder}`, { recursive: true });
    await Deno.writeTextFile(`${directory}/imapd.conf`, imapdConf(settings));
    await Deno.writeTextFile(`${directory}/cyrus.conf`, masterConf(settings));
    const syslog = new SyslogSocket(`${directory}/syslog`);
    const { owner } = identity;
    if (owner !== null) {
      await mustRun(["chown", "-R", `${owner}:${owner}`, directory, certificate.certificate, certificate.key]);
    }
    const privateDev = ["sh", "-c", PRIVATE_DEV, "sh", `${directory}/syslog`, `${directory}/dev`];
    const variables = Object.entries(await environment(identity)).map(([name, value]) => `${name}=${value}`);
    const command = [
      ...identity.prefix,
      ...(identity.hasNamespaces ? privateDev : []),
      "env",
      ...variables,
      `${INSTALLATION}/usr/lib/cyrus/bin/master`,
      ...["-C", `${directory}/imapd.conf`, "-M", `${directory}/cyrus.conf`, "-p", `${directory}/master.pid`],
    ];
    const launch = () => startChild(command, `${directory}/stderr`);
    return new Cyrus(directory, layout, port, tlsPort, { launch, identity, syslog });
  }

  /** False when the server has ended, or somebody else was faster to take the port. */
  async #greets(): Promise<boolean> {
    const state: { ended: boolean; greeting: string | null } = { ended: false, greeting: null };
    this.#child.status.then(() => state.ended = true);
    await waitUntil("Cyrus greets", async () => {
      state.greeting = state.ended ? "" : await greetingOf(this.port);
      return state.greeting !== null;
    }, 10_000);
    return state.greeting?.includes("Cyrus IMAP") === true;
  }

  /** A new user with an empty INBOX and no subscription, as Dovecot's are. */
  async store(name: string): Promise<CyrusStore> {
    const command = [`${INSTALLATION}/usr/sbin/saslpasswd2`, "-f", `${this.directory}/sasldb2`, "-u", "localhost"];
    await mustRun([...command, "-c", "-p", name], {
      env: await environment(this.#identity),
      stdin: new TextEncoder().encode(PASSWORD),
    });
    await this.own(`${this.directory}/sasldb2`);
    const store = new CyrusStore(this, name);
    await store.with((probe) => probe.unsubscribe("INBOX"));
    return store;
  }

  /** Gives what the test has made to the user of the server. */
  async own(path: string): Promise<void> {
    const { owner } = this.#identity;
    if (owner !== null) await mustRun(["chown", "-R", `${owner}:${owner}`, path]);
  }

  /** Errors and worse that the server has logged. */
  complaints(): LogRecord[] {
    return this.#syslog.records.filter(({ severity }) => severity <= ERROR_SEVERITY);
  }

  /** What the server has said so far, for people. */
  async logs(): Promise<string> {
    const stderr = await Deno.readTextFile(`${this.directory}/stderr`).catch(() => "");
    const lines = this.#syslog.records.map(({ severity, text }) => `<${severity}> ${text}`);
    return `--- ${this.directory}\n${stderr}${lines.join("\n")}\n`;
  }

  /** Kills the server and starts it again, with the same ports and mail. */
  async restart(): Promise<void> {
    await this.#kill();
    await Deno.remove(`${this.directory}/dev`, { recursive: true }).catch(() => {});
    this.#child = this.#launch();
    if (!await this.#greets()) throw new Error(`Cyrus does not start again:\n${await this.logs()}`);
  }

  /** Kills the server with all its processes. */
  async stop(): Promise<void> {
    await this.#kill();
    await this.#syslog.close();
  }

  async #kill(): Promise<void> {
    const { pid } = this.#child;
    try {
      // Without namespaces it leads a process group.
      Deno.kill(this.#identity.hasNamespaces ? pid : -pid, "SIGKILL");
    } catch {
      // already gone
    }
    await this.#child.status;
  }
}
