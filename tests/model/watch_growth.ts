// Run as a child process, because memory is counted per process: what a watch on MAILBOXES mailboxes costs when nothing
// happens, in one process with a clock that is moved. Prints by how many octets the heap and the resident set grew over
// the second half of CYCLES looks, and the processor time of a look: with both model servers in it, and without what
// they need to execute their commands. Needs --v8-flags=--expose-gc.
//
//   watch_growth.ts MAILBOXES CYCLES

import process from "node:process";
import { WatchRig } from "../support/watch_rig.ts";

const [mailboxes = 100, cycles = 200] = Deno.args.map(Number);
const MINUTE = 60_000;
const SIDES = ["local", "remote"] as const;

const collect = (globalThis as unknown as { readonly gc: () => void }).gc;

/** User and system, of this process so far. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function heap(): number {
  collect();
  collect();
  return Deno.memoryUsage().heapUsed;
}

/** Processor time while at least one of two servers executes a command. */
class ServerCpu {
  ms = 0;
  #executing = 0;
  #since = 0;

  readonly before = (): boolean => {
    if (this.#executing++ === 0) this.#since = cpuMs();
    return true;
  };

  readonly after = (): boolean => {
    if (--this.#executing === 0) this.ms += cpuMs() - this.#since;
    return true;
  };
}

const rig = new WatchRig({ pollMs: MINUTE });
for (let i = 0; i < mailboxes; i++) rig.rig.store("remote").create(`box${i}`);
await rig.start();
const servers = SIDES.map((side) => rig.rig.servers[side]);
const serving = new ServerCpu();
for (const server of servers) server.gate = serving;

/** Looks for so many minutes; what is in memory then. */
async function watch(minutes: number): Promise<{ readonly heap: number; readonly rss: number }> {
  for (let minute = 0; minute < minutes; minute++) {
    await rig.pass(MINUTE);
    // What the rig remembers grows with every look, and is not the program's.
    for (const server of servers) server.commands.length = 0;
  }
  return { heap: heap(), rss: Deno.memoryUsage().rss };
}

const before = await watch(cycles / 2);
const [looks, started, served] = [rig.looks, cpuMs(), serving.ms];
const after = await watch(cycles / 2);
const share = (ms: number) => ms / (rig.looks - looks);
console.log(JSON.stringify({
  looks: rig.looks,
  growth: after.heap - before.heap,
  rssGrowth: after.rss - before.rss,
  cpuMsWithServers: share(cpuMs() - started),
  cpuMs: share(cpuMs() - started - (serving.ms - served)),
  rss: after.rss,
  logLines: rig.log.lines.length,
}));
for (const server of servers) server.gate = {};
await rig.end();
