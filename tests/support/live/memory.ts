// How much memory a run takes: the peak of the resident set of the program's own processes, without the servers that
// it starts as tunnels.

/** Bytes; null when the process is gone. */
async function peakOf(pid: number): Promise<number | null> {
  try {
    const status = await Deno.readTextFile(`/proc/${pid}/status`);
    const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
    return kilobytes === undefined ? null : Number(kilobytes) * 1024;
  } catch {
    return null;
  }
}

/** The words of its command line; none when the process is gone. */
async function commandOf(pid: number): Promise<readonly string[]> {
  return (await Deno.readTextFile(`/proc/${pid}/cmdline`).catch(() => "")).split("\0");
}

/**
 * The process and those of its descendants that run the same runtime. A child that is about to become a tunnel has the
 * command line, and shares the memory, of its parent until it calls execve(2): that memory is not counted twice.
 */
async function ownProcesses(pid: number): Promise<number[]> {
  try {
    const children = (await Deno.readTextFile(`/proc/${pid}/task/${pid}/children`)).split(" ").filter(Boolean).map(
      Number,
    );
    const own = await Promise.all(children.map(async (child) => {
      const [words, ours] = [await commandOf(child), await commandOf(pid)];
      const runs = words[0]?.split("/").at(-1) === "deno" && words.join("\0") !== ours.join("\0");
      return runs ? await ownProcesses(child) : [];
    }));
    return [pid, ...own.flat()];
  } catch {
    return [pid];
  }
}

const POLL_MS = 10;

/**
 * Watches a process until `ended`, and returns the sum of the peaks in bytes. The kernel keeps the peak, so only what
 * happens within the last few milliseconds of a process can be missed.
 */
export async function watchPeak(pid: number, ended: Promise<unknown>): Promise<number> {
  const peaks = new Map<number, number>();
  const state = { running: true };
  ended.then(() => state.running = false, () => state.running = false);
  while (state.running) {
    for (const process of await ownProcesses(pid)) {
      const peak = await peakOf(process);
      if (peak !== null) peaks.set(process, peak);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return [...peaks.values()].reduce((sum, peak) => sum + peak, 0);
}
