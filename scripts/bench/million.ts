// What one huge mailbox costs: a look when nothing has changed, one changed flag, one new message, and a comparison of
// all messages. Two model servers in a process of their own stand for the real ones, so that it takes a minute and not
// an hour; the state is written as a first synchronization would have left it. The same is done with few messages: the
// difference is what one message costs. Fails when a run did not do what it had to, or a message costs too much memory.
//
//   million.ts [MESSAGES]    default: 1000000

import { StateFile } from "../../tests/support/state_file.ts";
import { ImapProbe } from "../../tests/support/imap_probe.ts";
import { mustRun } from "../../tests/support/live/child.ts";
import { HOLE_EVERY, LOGIN, remoteUidOf } from "../../tests/support/many_server.ts";
import type { Side } from "../../lib/state/types.ts";
import { type Cost, describeMachine, measure } from "./measure.ts";
import { markdownTable } from "./table.ts";

const CHECKOUT = new URL("../../", import.meta.url).pathname;
const SERVER = `${CHECKOUT}tests/support/many_server.ts`;
const FEW = 1000;
/** Octets of memory that a message may cost while all are compared. */
const MAX_OCTETS_A_MESSAGE = 32;
/** What the peak of two equal runs differs by; with fewer messages a share of it says nothing. */
const NOISE_OCTETS = 8e6;
const PAIRS_AT_ONCE = 10_000;
const RUN_LIMIT_MS = 600_000;
const SIDES = ["local", "remote"] as const;

type Ports = Readonly<Record<Side, number>>;

/** What somebody does before a run; then whether the run has done the same on the other side. */
interface Step {
  readonly name: string;
  readonly change: (remote: ImapProbe) => Promise<void>;
  readonly check: (local: ImapProbe, messages: number) => Promise<boolean>;
}

const nothing = { change: () => Promise.resolve(), check: () => Promise.resolve(true) };
const FLAGGED_UID = 500;
const COMPARISON = "all messages compared";

/** The first begins with a state that says that the last comparison was long ago. */
const STEPS: readonly Step[] = [
  { name: COMPARISON, ...nothing },
  { name: "nothing changed", ...nothing },
  {
    name: "one flag",
    change: async (remote) => {
      await remote.select("INBOX");
      await remote.store([remoteUidOf(FLAGGED_UID)], "+FLAGS.SILENT", ["\\Flagged"]);
    },
    check: async (local) => {
      await local.examine("INBOX");
      const [message] = await local.messages(String(FLAGGED_UID));
      return message?.flags.includes("\\Flagged") === true;
    },
  },
  {
    name: "one new message",
    change: async (remote) => {
      await remote.append("INBOX", { body: new TextEncoder().encode("Message-ID: <new@example.net>\r\n\r\nNew.\r\n") });
    },
    check: async (local, messages) => (await local.examine("INBOX")).exists === messages + 1,
  },
];

async function withProbe<Result>(port: number, use: (probe: ImapProbe) => Promise<Result>): Promise<Result> {
  const { readable, writable } = await Deno.connect({ hostname: "127.0.0.1", port });
  const stream = { readable, writable, closed: () => Promise.resolve() };
  const probe = await ImapProbe.open(stream, [LOGIN.user, LOGIN.password]);
  try {
    return await use(probe);
  } finally {
    await probe.close();
  }
}

/** Writes the state that a first synchronization leaves, and the configuration. */
async function prepare(directory: string, messages: number, ports: Ports): Promise<void> {
  const section = (side: Side) =>
    `[${side}]
type = imap
host = 127.0.0.1
port = ${ports[side]}
STARTTLS = NO
username = ${LOGIN.user}
password = ${LOGIN.password}
`;
  const config = `database = ${directory}/state.db\n${SIDES.map(section).join("")}`;
  await Deno.writeTextFile(`${directory}/config`, config, { mode: 0o600 });
  const file = new StateFile(`${directory}/state.db`);
  try {
    const store = file.store({ local: "/", remote: "/" });
    const { idx } = store.addMailbox("INBOX", false);
    for (let first = 1; first <= messages; first += PAIRS_AT_ONCE) {
      const length = Math.min(PAIRS_AT_ONCE, messages - first + 1);
      const uids = Array.from({ length }, (_, at) => first + at);
      const pairs = uids.map((localUid) => ({ localUid, remoteUid: remoteUidOf(localUid) }));
      store.apply([{ kind: "pair", idx, pairs }]);
    }
    for (const side of SIDES) {
      const { uidValidity, uidNext, highestModSeq } = await withProbe(ports[side], (probe) => probe.examine("INBOX"));
      store.apply([{
        kind: "cursor",
        idx,
        side,
        cursor: { uidValidity, uidNext, highestModSeq: BigInt(highestModSeq) },
      }]);
    }
    store.apply([{ kind: "compared", idx, at: 0 }]);
  } finally {
    file.close();
  }
}

/** The cost of each step. */
async function measureSteps(directory: string, messages: number, ports: Ports): Promise<ReadonlyMap<string, Cost>> {
  await prepare(directory, messages, ports);
  const costs = new Map<string, Cost>();
  const command = [`${CHECKOUT}build/interimap`, `--config=${directory}/config`];
  for (const { name, change, check } of STEPS) {
    await withProbe(ports.remote, change);
    const { cost, code, errors } = await measure(command, directory, RUN_LIMIT_MS);
    if (code !== 0) throw new Error(`${name}: exit status ${code}: ${errors}`);
    if (!await withProbe(ports.local, (probe) => check(probe, messages))) throw new Error(`${name}: was not done`);
    console.error(
      `${messages} messages, ${name}: ${cost.wall.toFixed(2)} s, ${(cost.rss / 1e6).toFixed(1)} MB; ${errors}`,
    );
    costs.set(name, cost);
  }
  return costs;
}

async function withMessages(messages: number): Promise<ReadonlyMap<string, Cost>> {
  const directory = await Deno.makeTempDir({ prefix: "interimap-million-" });
  const args = ["run", "--quiet", "--no-check", "--cached-only", "--allow-net=127.0.0.1", SERVER, String(messages)];
  const child = new Deno.Command(Deno.execPath(), { args, stdin: "piped", stdout: "piped" }).spawn();
  try {
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const [local, remote] = ((await reader.read()).value ?? "").trim().split(" ").map(Number);
    if (local === undefined || remote === undefined) throw new Error("The servers did not start");
    return await measureSteps(directory, messages, { local, remote });
  } finally {
    child.kill("SIGKILL");
    await child.status;
    await Deno.remove(directory, { recursive: true });
  }
}

async function main(): Promise<number> {
  const messages = Number(Deno.args[0] ?? 1_000_000);
  const [few, many] = [await withMessages(FEW), await withMessages(messages)];
  const rows = STEPS.map(({ name }) => {
    const [less, more] = [few.get(name), many.get(name)];
    if (less === undefined || more === undefined) throw new Error(`${name} was not measured`);
    const octets = (more.rss - less.rss) / (messages - FEW);
    const cells = [more.wall.toFixed(2), more.cpu.toFixed(2), (more.rss / 1e6).toFixed(0), octets.toFixed(1)];
    return { name, cells, isTooMuch: more.rss - less.rss > MAX_OCTETS_A_MESSAGE * messages + NOISE_OCTETS };
  });
  console.log(
    `${messages} messages in one mailbox, every ${HOLE_EVERY}th UID missing on one side; ` +
      `a message costs what a run needs more than with ${FEW}. ${await describeMachine()}; ` +
      `load average ${Deno.loadavg()[0]?.toFixed(1)}.\n`,
  );
  const head = ["run", "wall s", "CPU s", "peak MB", "octets a message"];
  console.log(markdownTable(head, rows.map(({ name, cells }) => [name, ...cells])));
  const excessive = rows.filter(({ isTooMuch }) => isTooMuch).map(({ name }) => name);
  if (excessive.length === 0) return 0;
  console.error(`More than ${MAX_OCTETS_A_MESSAGE} octets of memory a message: ${excessive.join(", ")}`);
  return 1;
}

await mustRun(["test", "-x", `${CHECKOUT}build/interimap`]);
Deno.exitCode = await main();
