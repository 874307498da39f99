// Private Dovecot servers for tests: mail stores that are reached by a tunnel (no daemon, no port), and a daemon on
// loopback for what needs a network. Starting costs milliseconds; nothing outlives the test, not even when the test
// runner is killed. What the servers are told is dovecot_conf.ts's business.

import { mustRun, run, startChild } from "./live/child.ts";
import { daemonConf, type Layout, passwdLine, type Profile, tunnelConf } from "./live/dovecot_conf.ts";
import { freePort } from "./live/free_port.ts";
import { ImapProbe } from "./imap_probe.ts";
import { type LabCertificates, makeLabCertificates } from "./live/lab_certificates.ts";
import { complaintsIn } from "./live/server_log.ts";
import { waitUntil } from "./live/waiting.ts";

export type { Layout, MailFormat, Profile } from "./live/dovecot_conf.ts";

/** The password of every user of a lab; it needs quoting. */
export const PASSWORD = 's3"cr et\\\\';

const NEEDED: readonly (readonly [path: string, packageName: string])[] = [
  ["/usr/sbin/dovecot", "dovecot-core"],
  ["/usr/bin/doveadm", "dovecot-core"],
  ["/usr/lib/dovecot/imap", "dovecot-imapd"],
  ["/usr/bin/openssl", "openssl"],
  ["/usr/bin/setpriv", "util-linux"],
];

async function requirePackages(): Promise<void> {
  const missing = new Set<string>();
  for (const [path, packageName] of NEEDED) {
    await Deno.stat(path).catch(() => missing.add(packageName));
  }
  if (missing.size > 0) {
    throw new Error(
      `The tests against real servers need ${[...missing].join(", ")}: apt-get install ${[...missing].join(" ")} ` +
        `(or leave these tests out by INTERIMAP_TEST_LIVE=no)`,
    );
  }
}

/** How server processes become somebody who may read mail: Dovecot refuses uid 0. */
interface Privileges {
  readonly user: string;
  readonly group: string;
  /** Put before a command that touches mail. */
  readonly prefix: readonly string[];
  /** As prefix, for the daemon: all its processes die with the first. */
  readonly daemonPrefix: readonly string[];
  /** Who has to own the files; null: whoever makes them. */
  readonly owner: number | null;
}

const PID_NAMESPACE = ["--pid", "--fork", "--kill-child=KILL"];
const NOBODY = 65534;

async function choosePrivileges(): Promise<Privileges> {
  const uid = Deno.uid() ?? 0;
  const user = uid === 0 ? "nobody" : (await mustRun(["id", "-un"])).trim();
  const group = uid === 0 ? "nogroup" : (await mustRun(["id", "-gn"])).trim();
  const mapped = ["unshare", "--user", `--map-user=${uid === 0 ? NOBODY : uid}`];
  mapped.push(`--map-group=${uid === 0 ? NOBODY : Deno.gid()}`);
  const hasNamespaces = (await run([...mapped, ...PID_NAMESPACE, "true"])).code === 0;
  if (uid !== 0) {
    return { user, group, prefix: [], daemonPrefix: hasNamespaces ? [...mapped, ...PID_NAMESPACE] : [], owner: null };
  }
  if (hasNamespaces) {
    return { user, group, prefix: mapped, daemonPrefix: [...mapped, ...PID_NAMESPACE], owner: null };
  }
  const dropped = ["setpriv", "--pdeathsig", "KILL", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"];
  return { user, group, prefix: dropped, daemonPrefix: dropped, owner: NOBODY };
}

/** The same for every lab. */
const found: { privileges: Promise<Privileges> | null } = { privileges: null };

/** The mail of one user. */
export class MailStore {
  readonly #privileges: Privileges;

  /** Use Lab.store(). */
  constructor(
    privileges: Privileges,
    readonly name: string,
    readonly layout: Layout,
    /** Holds the mail in a folder named after the format. */
    readonly home: string,
    /** An executable file that speaks IMAP on its standard input and output: for `type = tunnel`. */
    readonly tunnelCommand: string,
    /** Written by the tunnel's server. */
    readonly logFile: string,
    readonly confFile: string,
  ) {
    this.#privileges = privileges;
  }

  /** The independent client, logged in. Close it before the test ends. */
  async probe(): Promise<ImapProbe> {
    // Not the script itself: a process that another test is starting may hold it open for writing for a moment (ETXTBSY).
    const args = [this.tunnelCommand];
    const child = new Deno.Command("/bin/sh", { args, stdin: "piped", stdout: "piped", stderr: "null" }).spawn();
    const closed = () => child.status.then(() => {});
    return await ImapProbe.open({ readable: child.stdout, writable: child.stdin, closed });
  }

  /** Lends a probe to `use`. */
  async with<Result>(use: (probe: ImapProbe) => Promise<Result>): Promise<Result> {
    const probe = await this.probe();
    try {
      return await use(probe);
    } finally {
      await probe.close();
    }
  }

  /** Runs `doveadm ARGS` as the user, and returns what it prints. */
  doveadm(...args: readonly string[]): Promise<string> {
    return mustRun([...this.#privileges.prefix, "doveadm", "-c", this.confFile, ...args], {
      env: { USER: this.name, HOME: this.home },
    });
  }

  /** A name of several levels, spelled with this store's separator. */
  path(...levels: readonly string[]): string {
    return levels.join(this.layout.separator);
  }

  /** From now on the server writes down what it is told; see `commands`. */
  async recordCommands(): Promise<void> {
    await Deno.remove(`${this.home}/rawlog`, { recursive: true }).catch(() => {});
    await Deno.mkdir(`${this.home}/rawlog`);
    await this.own(`${this.home}/rawlog`);
  }

  /** Names of the commands received since `recordCommands`, as the server saw them, which then stops recording. */
  async commands(): Promise<string[]> {
    const names: string[] = [];
    for await (const entry of Deno.readDir(`${this.home}/rawlog`)) {
      if (!entry.name.endsWith(".in")) continue;
      const text = await Deno.readTextFile(`${this.home}/rawlog/${entry.name}`);
      for (const line of text.split("\n")) {
        const match = /^(?:\d+\.\d+ )?\S+ (UID \w+|\w+)/.exec(line);
        if (match?.[1] !== undefined) names.push(match[1].toUpperCase());
      }
    }
    await Deno.remove(`${this.home}/rawlog`, { recursive: true });
    return names;
  }

  /** Gives what the test has made to the user of the server, with everything in it. */
  async own(path: string): Promise<void> {
    const { owner } = this.#privileges;
    if (owner !== null) await mustRun(["chown", "-R", `${owner}:${owner}`, path]);
  }
}

/** A Dovecot that listens on 127.0.0.1 and the addresses of its profiles. */
export class Daemon {
  readonly #child: Deno.ChildProcess;
  #hasEnded = false;

  /** Use Lab.daemon(). */
  constructor(child: Deno.ChildProcess, readonly port: number, readonly tlsPort: number) {
    this.#child = child;
    child.status.then(() => this.#hasEnded = true);
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Kills it: a polite stop would take a second. */
  async stop(): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // already gone
    }
    await this.#child.status;
  }
}

/** A directory with mail stores and servers that belong to one test. */
export class Lab {
  readonly #privileges: Privileges;
  readonly #stores: MailStore[] = [];
  readonly #daemons: Daemon[] = [];
  readonly #announced: RegExp[] = [];
  #certificates: Promise<LabCertificates> | null = null;

  private constructor(readonly directory: string, privileges: Privileges) {
    this.#privileges = privileges;
  }

  /**
   * @param parent where its directory is made: a short path for the sake of unix sockets, so TMPDIR is not followed
   * @throws Error that names the packages to install when a server is missing
   */
  static async open(parent = "/tmp"): Promise<Lab> {
    await requirePackages();
    const directory = await Deno.makeTempDir({ dir: parent, prefix: "imap-" });
    const privileges = await (found.privileges ??= choosePrivileges());
    if (privileges.owner !== null) await Deno.chmod(directory, 0o711);
    await Deno.mkdir(`${directory}/mail`);
    await Deno.mkdir(`${directory}/users`);
    return new Lab(directory, privileges);
  }

  /** A user with an empty mail store; the daemons of the lab know him too. */
  async store(name: string, layout: Layout): Promise<MailStore> {
    const home = `${this.directory}/mail/${name}`;
    const base = `${this.directory}/${name}`;
    const store = new MailStore(this.#privileges, name, layout, home, `${base}.sh`, `${base}.log`, `${base}.conf`);
    await Deno.mkdir(home, { mode: 0o700 });
    await store.own(home);
    await Deno.writeTextFile(store.confFile, tunnelConf(home, layout));
    const prefix = this.#privileges.prefix.join(" ");
    const script = `#!/bin/sh
USER=${name} HOME=${home}
export USER HOME
exec ${prefix} doveadm -c ${store.confFile} exec imap -o rawlog_dir=${home}/rawlog 2>>${store.logFile}
`;
    await Deno.writeTextFile(store.tunnelCommand, script, { mode: 0o700 });
    await Deno.writeTextFile(`${this.directory}/users/${name}`, passwdLine(name, PASSWORD, home, layout));
    this.#stores.push(store);
    return store;
  }

  /** A user whose mail is a copy of another's, UIDs and mod-sequences included. */
  async copyOf(original: MailStore, name: string): Promise<MailStore> {
    const store = await this.store(name, original.layout);
    await mustRun(["cp", "-a", "--reflink=auto", `${original.home}/.`, `${store.home}/`]);
    return store;
  }

  certificates(): Promise<LabCertificates> {
    this.#certificates ??= makeLabCertificates();
    return this.#certificates;
  }

  /**
   * Starts a server; returns when it listens. At most one of a lab runs at a time. `spare`: so many processes wait for
   * sessions, which then need not be started.
   */
  async daemon(profiles: Readonly<Record<number, Profile>> = {}, spare = 0): Promise<Daemon> {
    const { directory } = this;
    const { user, group, daemonPrefix, owner } = this.#privileges;
    const certificates = await this.certificates();
    for (let attempt = 1;; attempt++) {
      const [port, tlsPort] = [freePort(), freePort()];
      const conf = { directory, user, group, port, tlsPort, certificate: certificates.good, profiles, spare };
      await Deno.writeTextFile(`${directory}/dovecot.conf`, daemonConf(conf));
      await Deno.remove(`${directory}/run/master.pid`).catch(() => {});
      if (owner !== null) await mustRun(["chown", "-R", `${owner}:${owner}`, directory, certificates.directory]);
      const command = [...daemonPrefix, "/usr/sbin/dovecot", "-F", "-c", `${directory}/dovecot.conf`];
      const daemon = new Daemon(startChild(command, `${directory}/dovecot.stderr`), port, tlsPort);
      if (await this.#listens(daemon)) {
        this.#daemons.push(daemon);
        return daemon;
      }
      await daemon.stop();
      if (attempt === 5) throw new Error(`Dovecot does not start:\n${await this.logs()}`);
    }
  }

  /**
   * Waits for the file that the server writes when it listens: on the port somebody else may answer who was faster to
   * take it. Returns false when the server has ended, for example because of that.
   */
  async #listens(daemon: Daemon): Promise<boolean> {
    const file = `${this.directory}/run/master.pid`;
    const isWritten = () => Deno.stat(file).then(() => true, () => false);
    await waitUntil("Dovecot listens", async () => daemon.hasEnded || await isWritten(), 10_000);
    return !daemon.hasEnded;
  }

  /** What the servers have logged so far, for people. */
  async logs(): Promise<string> {
    const own = ["dovecot.stderr", "dovecot.log"].map((name) => `${this.directory}/${name}`);
    const files = [...own, ...this.#stores.map((store) => store.logFile)];
    const texts = await Promise.all(files.map((file) => Deno.readTextFile(file).catch(() => "")));
    return files.map((file, index) => texts[index] === "" ? "" : `--- ${file}\n${texts[index]}`).join("");
  }

  /** A line of a server's log like this is what the test provokes, and does not fail it. */
  expectLog(pattern: RegExp): void {
    this.#announced.push(pattern);
  }

  /** Errors that the servers have logged and that the test did not announce. */
  async complaints(): Promise<readonly string[]> {
    return complaintsIn(await this.logs(), this.#announced);
  }

  /** Stops the servers and removes every file. */
  async close(): Promise<void> {
    await Promise.all(this.#daemons.map((daemon) => daemon.stop()));
    (await this.#certificates)?.remove();
    await Deno.remove(this.directory, { recursive: true });
  }
}
