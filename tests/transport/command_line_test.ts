// When a tunnel command goes to the shell, and how it is split when not (the rules of Perl's exec).

import assert from "node:assert/strict";
import { envBlocksSignals, guarded, parseCommand } from "../../lib/transport/command_line.ts";

Deno.test("`parseCommand()` splits a plain command on white space", () => {
  assert.deepEqual(parseCommand("  doveadm  exec\timap "), {
    name: "doveadm",
    shell: false,
    words: ["doveadm", "exec", "imap"],
  });
  assert.deepEqual(parseCommand("ssh -T user@imap.example.net -- /usr/bin/doveadm exec imap")?.shell, false);
});

Deno.test("`parseCommand()` gives a command with a shell metacharacter to the shell", () => {
  for (const character of "$&*(){}[]'\";\\|?<>~`\n") {
    const command = `cat x${character}y z`;
    assert.deepEqual(parseCommand(command)?.words, ["/bin/sh", "-c", command], JSON.stringify(character));
  }
  for (const character of "!#%+,-./:=@^_") {
    assert.equal(parseCommand(`cat x${character}y z`)?.shell, false, character);
  }
});

Deno.test("`parseCommand()` gives `exec`, `.` and assignments to the shell", () => {
  for (const command of ["exec cat", ". ./file", "LANG=C cat", "  A_1=2 cat"]) {
    assert.equal(parseCommand(command)?.shell, true, command);
  }
  for (const command of ["executor cat", "./file", "cat A=b", "env A=b cat"]) {
    assert.equal(parseCommand(command)?.shell, false, command);
  }
});

Deno.test("`parseCommand()` shows no more than the first word, and not what is assigned", () => {
  assert.equal(parseCommand("curl --user me:secret")?.name, "curl");
  assert.equal(parseCommand("PASSWORD='se cret' cat")?.name, "PASSWORD=...");
  assert.equal(parseCommand("a\x1b[31m b")?.name, "a?[31m");
});

Deno.test("`parseCommand()` of nothing is null", () => {
  for (const command of ["", "  ", "\t\n"]) assert.equal(parseCommand(command), null);
});

Deno.test("`guarded()` passes the words on as they are, with and without an env that blocks signals", async () => {
  for (const envBlocks of [true, false]) {
    const [program, args] = guarded(["printf", "<%s>", "$HOME ; :", "", "a b", "'\""], envBlocks);
    const { stdout } = await new Deno.Command(program, { args }).output();
    assert.equal(new TextDecoder().decode(stdout), "<$HOME ; :><><a b><'\">");
  }
});

Deno.test("`guarded()` makes a command survive SIGINT, with and without an env that blocks signals", async () => {
  for (const envBlocks of [true, false]) {
    const [program, args] = guarded(["sh", "-c", "kill -INT $$; echo alive"], envBlocks);
    const { stdout } = await new Deno.Command(program, { args }).output();
    assert.equal(new TextDecoder().decode(stdout), "alive\n");
  }
});

Deno.test("`envBlocksSignals()` knows GNU env by its option", () => {
  const text = (text: string) => new TextEncoder().encode(`\x7fELF\0\xff${text}\0`);
  assert.equal(envBlocksSignals(text("list-signal-handling\0block-signal")), true);
  assert.equal(envBlocksSignals(text("ignore-environment\0unset")), false);
});
