// The memory that a run takes depends neither on the size of a message nor on the number of messages.

import assert from "node:assert/strict";
import { mustRun } from "../support/live/child.ts";
import { liveTest } from "../support/live/live_case.ts";
import type { Lab, MailStore } from "../support/live_dovecot.ts";
import { watchPeak } from "../support/live/memory.ts";
import { type Program, tunnelSection, Workspace } from "../support/live/program.ts";

const MIB = 1024 * 1024;
const LAYOUT = { format: "maildir", separator: "/" } as const;
const RUN_LIMIT_MS = 180_000;

/** The folder of a maildir in which messages are delivered. */
function newFolder(store: MailStore): string {
  return `${store.home}/${store.layout.format}/new`;
}

/** Makes the maildir, by a login. */
async function prepare(store: MailStore): Promise<void> {
  await store.with((probe) => probe.select("INBOX"));
}

/** Delivers a message of at least `octets` octets by writing the file. */
async function deliverBig(store: MailStore, octets: number): Promise<void> {
  const path = `${newFolder(store)}/1795320302.M1P${octets}.test`;
  const line = `${"0123456789abcdef".repeat(4)}0123456789\n`;
  const block = new TextEncoder().encode(line.repeat(1024));
  const file = await Deno.open(path, { write: true, createNew: true });
  await file.write(new TextEncoder().encode(`Subject: ${octets} octets\n\n`));
  for (let written = 0; written < octets; written += block.length) {
    for (let sent = 0; sent < block.length;) sent += await file.write(block.subarray(sent));
  }
  file.close();
  await store.own(path);
}

async function deliverSmall(store: MailStore, count: number): Promise<void> {
  const text = "A line of a message that is small.\n".repeat(20);
  for (let number = 1; number <= count; number++) {
    const path = `${newFolder(store)}/1795320302.M${number}P1.test`;
    Deno.writeTextFileSync(path, `Subject: ${number}\nMessage-ID: <${number}@example.net>\n\n${text}`);
  }
  await store.own(newFolder(store));
}

/** Runs, which has to succeed, and returns the peak of its memory in bytes. */
async function peakOfRun(workspace: Workspace, program: Program): Promise<number> {
  const running = workspace.start(program, ["--quiet"]);
  const timer = setTimeout(() => running.kill("SIGKILL"), RUN_LIMIT_MS);
  const peak = await watchPeak(running.pid, running.result);
  clearTimeout(timer);
  const result = await running.result;
  assert.equal(result.code, 0, result.stderr);
  assert.ok(peak > MIB, "no memory was seen");
  return peak;
}

/** Frees the disk of large messages: a pair may be measured again, with others. */
async function discard({ local, remote }: Pair): Promise<void> {
  for (const store of [local, remote]) {
    await Deno.remove(`${store.home}/${store.layout.format}`, { recursive: true });
  }
}

/** SHA-256 of each message file, as both stores have them. */
async function digests(store: MailStore): Promise<string[]> {
  const folder = `${store.home}/${store.layout.format}`;
  const listed = await mustRun([
    "find",
    `${folder}/cur`,
    `${folder}/new`,
    "-type",
    "f",
    "-exec",
    "sha256sum",
    "{}",
    "+",
  ]);
  return listed.split("\n").filter((line) => line !== "").map((line) => line.slice(0, 64)).sort();
}

interface Pair {
  readonly local: MailStore;
  readonly remote: MailStore;
  readonly workspace: Workspace;
}

async function makePair(lab: Lab, name: string): Promise<Pair> {
  const [local, remote] = [await lab.store(`${name}l`, LAYOUT), await lab.store(`${name}r`, LAYOUT)];
  await Promise.all([prepare(local), prepare(remote)]);
  const directory = `${lab.directory}/w${name}`;
  return { local, remote, workspace: await Workspace.create(directory, tunnelSection(local), tunnelSection(remote)) };
}

/**
 * When V8 collects its garbage depends on how busy the machine is, and a peak with it. What grows with the mail grows each
 * time: one pair of runs in three that does not is enough.
 */
const ATTEMPTS = 3;

/** `measure` returns the peaks of a small and of a large case; its pairs must have other names for each attempt. */
async function assertGrowth(most: number, measure: (attempt: number) => Promise<readonly number[]>): Promise<void> {
  const growths: number[] = [];
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const [small = 0, large = Infinity] = await measure(attempt);
    console.log(
      `peak of the small case: ${(small / MIB).toFixed(1)} MiB, of the large: ${(large / MIB).toFixed(1)} MiB`,
    );
    if (large - small <= most) return;
    growths.push(large - small);
  }
  assert.fail(`${growths.join(", ")} octets more, at most ${most} are allowed`);
}

for (const source of ["remote", "local"] as const) {
  liveTest(`a message of 600 MiB from ${source} takes at most 20 MB more memory than one of 6 MiB`, async (context) => {
    await assertGrowth(20e6, async (attempt) => {
      const pair = await makePair(context.lab, `a${attempt}`);
      await deliverBig(pair[source], 6 * MIB);
      const small = await peakOfRun(pair.workspace, context.program);
      await deliverBig(pair[source], 600 * MIB);
      const big = await peakOfRun(pair.workspace, context.program);
      const copies = await digests(pair.local);
      assert.equal(copies.length, 2);
      assert.deepEqual(await digests(pair.remote), copies);
      await discard(pair);
      return [small, big];
    });
  }, { newProgramOnly: true });
}

liveTest("20,000 messages take at most 12 MB more memory than 2,000", async (context) => {
  await assertGrowth(12e6, async (attempt) => {
    const peaks: number[] = [];
    for (const count of [2_000, 20_000]) {
      const pair = await makePair(context.lab, `s${attempt}x${count}`);
      await deliverSmall(pair.remote, count);
      peaks.push(await peakOfRun(pair.workspace, context.program));
      const facts = await pair.local.with((probe) => probe.examine("INBOX"));
      assert.equal(facts.exists, count);
    }
    return peaks;
  });
}, { newProgramOnly: true });

liveTest("20,000 messages that both sides have take at most 16 MB more memory than 5,000", async (context) => {
  await assertGrowth(16e6, async (attempt) => {
    const peaks: number[] = [];
    for (const count of [5_000, 20_000]) {
      const pair = await makePair(context.lab, `b${attempt}x${count}`);
      // Without Date and Received every one of them has to be read.
      for (const side of ["local", "remote"] as const) await deliverSmall(pair[side], count);
      peaks.push(await peakOfRun(pair.workspace, context.program));
      for (const side of ["local", "remote"] as const) {
        const facts = await pair[side].with((probe) => probe.examine("INBOX"));
        assert.equal(facts.exists, count, side);
      }
    }
    return peaks;
  });
}, { newProgramOnly: true });

liveTest("a message of 100 MiB that both sides have is compared in the memory for one of 6 MiB", async (context) => {
  await assertGrowth(20e6, async (attempt) => {
    const peaks: number[] = [];
    for (const octets of [6 * MIB, 100 * MIB]) {
      const pair = await makePair(context.lab, `c${attempt}x${octets}`);
      for (const side of ["local", "remote"] as const) await deliverBig(pair[side], octets);
      peaks.push(await peakOfRun(pair.workspace, context.program));
      const copies = await digests(pair.local);
      assert.equal(copies.length, 1);
      assert.deepEqual(await digests(pair.remote), copies);
      await discard(pair);
    }
    return peaks;
  });
}, { newProgramOnly: true });
