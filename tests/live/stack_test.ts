// The stack of a bug in the built program, whose names and lines are not those of the sources: each place is found there.

import assert from "node:assert/strict";
import { liveTest } from "../support/live/live_case.ts";

const ROOT = new URL("../../", import.meta.url);

function read(file: string): Promise<string> {
  return Deno.readTextFile(new URL(file, ROOT));
}

/** Where the only occurrence of `text` is in the file: its line and column, both from 1. */
async function placeOf(text: string, file: string): Promise<{ line: number; column: number }> {
  const lines = (await read(file)).split("\n");
  const found = lines.flatMap((line, i) =>
    line.includes(text) ? [{ line: i + 1, column: line.indexOf(text) + 1 }] : []
  );
  assert.equal(found.length, 1, `${text} in ${file}`);
  return found[0] ?? { line: 0, column: 0 };
}

async function resolve(report: string): Promise<string> {
  const args = ["run", "--quiet", "--allow-read", "scripts/stack.ts"];
  const child = new Deno.Command(Deno.execPath(), { args, cwd: ROOT, stdin: "piped", stdout: "piped" }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(report));
  await writer.close();
  const { success, stdout } = await child.output();
  assert.ok(success);
  return new TextDecoder().decode(stdout);
}

for (const built of ["interimap", "interimap.js"]) {
  liveTest(`places in build/${built} are found in the sources`, async () => {
    // The last two are before and behind the place where the build changes a line of the bundler's.
    for (
      const [text, source] of [
        ["SET contains ", "lib/sync/append_queue.ts"],
        ["getaddrinfo(", "lib/transport/tcp.ts"],
        ["the proxy takes no password", "lib/transport/socks.ts"],
      ] as const
    ) {
      const { line, column } = await placeOf(text, `build/${built}`);
      const place = `${source}:${(await placeOf(text, source)).line}`;
      const frame = `${built}:${line}:${column}`;
      const report = `TypeError: x\n    at #a (file:///usr/bin/${frame})\n    at file:///${frame}\n`;
      assert.equal(await resolve(report), `TypeError: x\n    at #a (${place})\n    at ${place}\n`);
    }
  }, { newProgramOnly: true });
}
