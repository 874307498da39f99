// Errors that nobody catches, in a process of their own.

import assert from "node:assert/strict";

const BUGS = new URL("../../lib/cli/bugs.ts", import.meta.url).href;

async function ending(code: string): Promise<{ readonly code: number; readonly text: string }> {
  const script = `
    import { BUG, bugText, watchBugs } from "${BUGS}";
    watchBugs(addEventListener, (thrown) => {
      console.log(bugText(thrown));
      Deno.exit(BUG);
    });
    setTimeout(() => Deno.exit(0), 20_000);
    ${code}
  `;
  const args = ["run", "--quiet", "--no-check", "--no-config", "--no-prompt", "--allow-read", "-"];
  const child = new Deno.Command(Deno.execPath(), { args, stdin: "piped", stdout: "piped", stderr: "piped" }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(script));
  await writer.close();
  const { code: status, stdout, stderr } = await child.output();
  return { code: status, text: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

for (
  const [where, code] of [
    ["in a timer", 'setTimeout(() => { throw new TypeError("boom"); }, 0);'],
    ["in a promise that is forgotten", 'void Promise.reject(new TypeError("boom"));'],
  ]
) {
  Deno.test(`\`watchBugs()\` ends the program with the status of a bug and the stack of what is thrown ${where}`, async () => {
    const { code: status, text } = await ending(code ?? "");
    assert.equal(status, 255, text);
    assert.match(text, /^interimap: this is a bug, please report it:\nTypeError: boom\n {4}at /);
  });
}
