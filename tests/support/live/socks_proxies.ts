// Real SOCKS 5 proxies on loopback, microsocks and dante-server of Debian, and a tap before them that tells what they
// were asked for. A proxy ends with the test that started it. Nothing of /etc is read or changed: dante knows users by
// the system's files only, so with a login it sees files of the test in their place (a mount namespace).

import { mustRun, run, startChild } from "./child.ts";
import { freePort } from "./free_port.ts";
import { waitUntil } from "./waiting.ts";

export type ProxyProgram = "microsocks" | "danted";

export interface ProxyLogin {
  readonly user: string;
  readonly password: string;
}

/** What dante's rules forbid to connect to. */
export const FORBIDDEN_PORT = 9;

const NAMESPACES = ["unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "--kill-child=KILL"];

/** Whether dante can be given users here. */
export async function canHaveDanteUsers(): Promise<boolean> {
  return (await run([...NAMESPACES, "mount", "--bind", "/etc/passwd", "/etc/passwd"])).code === 0;
}

/** A proxy that accepts connections. */
export class LiveProxy implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;

  private constructor(child: Deno.ChildProcess, readonly port: number) {
    this.#child = child;
  }

  /** Starts `program`; files are written below `directory`. */
  static async start(program: ProxyProgram, login: ProxyLogin | null, directory: string): Promise<LiveProxy> {
    const port = freePort();
    const command = program === "microsocks" ? microsocks(port, login) : await danted(port, login, directory);
    const errorFile = `${directory}/${program}.stderr`;
    const child = startChild(command, errorFile);
    let hasEnded = false;
    child.status.then(() => hasEnded = true);
    await waitUntil(`${program} accepts connections`, async () => hasEnded || await accepts(port), 10_000);
    if (hasEnded) throw new Error(`${program} does not start: ${await Deno.readTextFile(errorFile).catch(() => "")}`);
    return new LiveProxy(child, port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // already gone
    }
    await this.#child.status;
  }
}

async function accepts(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}

function microsocks(port: number, login: ProxyLogin | null): string[] {
  const credentials = login === null ? [] : ["-u", login.user, "-P", login.password];
  return ["microsocks", "-i", "127.0.0.1", "-p", String(port), ...credentials];
}

async function danted(port: number, login: ProxyLogin | null, directory: string): Promise<string[]> {
  const me = (await mustRun(["id", "-un"])).trim();
  const conf = (user: string) =>
    `logoutput: stderr
internal: 127.0.0.1 port = ${port}
external: lo
clientmethod: none
socksmethod: ${login === null ? "none" : "username"}
user.privileged: ${user}
user.unprivileged: ${user}
client pass {
  from: 127.0.0.0/8 to: 0.0.0.0/0
}
socks block {
  from: 0.0.0.0/0 to: 0.0.0.0/0 port = ${FORBIDDEN_PORT}
}
socks pass {
  from: 127.0.0.0/8 to: 0.0.0.0/0
  command: connect
}
`;
  const file = `${directory}/danted.conf`;
  const command = ["/usr/sbin/danted", "-f", file, "-p", `${directory}/danted.pid`];
  await Deno.writeTextFile(file, conf(login === null ? me : "root"));
  if (login === null) return [...command];
  const hash = (await mustRun(["openssl", "passwd", "-6", "-stdin"], {
    stdin: new TextEncoder().encode(`${login.password}\n`),
  })).trim();
  const accounts = `root:x:0:0::/:/bin/false\n${login.user}:x:12345:12345::/:/bin/false\n`;
  await Deno.writeTextFile(`${directory}/passwd`, accounts);
  await Deno.writeTextFile(`${directory}/shadow`, `${login.user}:${hash}:19000:0:99999:7:::\n`, { mode: 0o600 });
  const script = 'mount --bind "$0/passwd" /etc/passwd && mount --bind "$0/shadow" /etc/shadow && exec "$@"';
  return [...NAMESPACES, "sh", "-c", script, directory, ...command];
}

/** What one client said to a proxy before it spoke to the server. */
export interface Asked {
  /** Whether the proxy was given a name to resolve. */
  readonly byName: boolean;
  /** The name, or the IPv4 address. */
  readonly host: string;
  readonly port: number;
  readonly loggedIn: boolean;
}

/** Passes everything on to `target`, and remembers the start of what each client said. */
export class SocksTap implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #said: number[][] = [];
  readonly #open: Deno.Conn[] = [];
  readonly #working: Promise<unknown>[] = [];

  constructor(target: number) {
    this.#working.push((async () => {
      for await (const client of this.#listener) {
        const proxy = await Deno.connect({ hostname: "127.0.0.1", port: target });
        this.#open.push(client, proxy);
        const said: number[] = [];
        this.#said.push(said);
        this.#working.push(pass(client, proxy, said), pass(proxy, client, []));
      }
    })());
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  /** What was asked for so far, connection by connection. */
  asked(): Asked[] {
    return this.#said.map(requestIn);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const conn of this.#open) close(conn);
    await Promise.all(this.#working);
  }
}

const START_OCTETS = 1024;

async function pass(from: Deno.Conn, to: Deno.Conn, start: number[]): Promise<void> {
  const buffer = new Uint8Array(65536);
  try {
    for (let got = await from.read(buffer); got !== null; got = await from.read(buffer)) {
      if (start.length < START_OCTETS) start.push(...buffer.subarray(0, Math.min(got, START_OCTETS)));
      for (let sent = 0; sent < got;) sent += await to.write(buffer.subarray(sent, got));
    }
  } catch {
    // the other direction ended it
  }
  close(from);
  close(to);
}

function close(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // already closed
  }
}

/** RFC 1928 sections 3 and 4, RFC 1929. */
function requestIn(said: readonly number[]): Asked {
  const methods = 2 + (said[1] ?? 0);
  const loggedIn = said[methods] === 1;
  const userEnd = methods + 2 + (said[methods + 1] ?? 0);
  const start = loggedIn ? userEnd + 1 + (said[userEnd] ?? 0) : methods;
  const byName = said[start + 3] === 3;
  const from = start + (byName ? 5 : 4);
  const to = from + (byName ? said[start + 4] ?? 0 : 4);
  const octets = said.slice(from, to);
  const host = byName ? String.fromCharCode(...octets) : octets.join(".");
  return { byName, host, port: (said[to] ?? 0) << 8 | (said[to + 1] ?? 0), loggedIn };
}
