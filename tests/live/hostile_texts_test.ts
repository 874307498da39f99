// A server that puts what commands a terminal into texts, names, codes and words: none of it reaches standard error as it
// is, whichever way the run ends. (Lines of the log file are made by the same function.)

import assert from "node:assert/strict";
import { liveTest } from "../support/live/live_case.ts";
import { plainMessage } from "../support/live/mail.ts";
import { plainSection, tunnelSection, Workspace } from "../support/live/program.ts";
import { Relay } from "../support/relay.ts";
import { inject, type RelayRules, replace } from "../support/relay_rules.ts";

/** ESC, BEL, a carriage return, backspace, DEL, and C1 (CSI) both alone and in UTF-8. */
const EVIL = "\x1b]0;evil\x07\x1b[2J\x08\x7f\x9b31m\xc2\x9b2J";

const CASES: readonly (readonly [what: string, rules: RelayRules])[] = [
  ["the greeting", replace("server", /ready\./, EVIL)],
  ["BYE instead of a greeting", replace("server", /^\* OK \[.*$/, `* BYE ${EVIL}`)],
  ["an alert", inject("server", /^\* \d+ EXISTS/, `* OK [ALERT] ${EVIL}`)],
  ["BYE in the middle", inject("server", /^\* \d+ EXISTS/, `* BYE ${EVIL}`)],
  ["a refused login", replace("server", /^(\S+) OK (?=.*Logged in).*$/, `$1 NO [AUTHENTICATIONFAILED] ${EVIL}`)],
  ["a refused SELECT", replace("server", /^(\S+) OK \[READ-WRITE\].*$/, `$1 NO ${EVIL}`)],
  ["a refused APPEND", replace("server", /^(\S+) OK \[APPENDUID.*$/, `$1 NO ${EVIL}`)],
  ["an unknown code", replace("server", /^(\S+) OK \[APPENDUID.*$/, `$1 NO [X-${EVIL}] no`)],
  ["an unknown response", inject("server", /^\* \d+ EXISTS/, `* X${EVIL} 1`)],
  ["a malformed response", inject("server", /^\* \d+ EXISTS/, `* 1 FETCH (UID ${EVIL})`)],
  ["a tag", inject("server", /^\* \d+ EXISTS/, `${EVIL} OK`)],
  ["the name of a mailbox", replace("server", /^(\* LIST .*) box$/, `$1 "${EVIL}"`)],
  ["a keyword", replace("server", /FLAGS \(\)/, `FLAGS (${EVIL})`)],
  ["a delimiter", replace("server", /^(\* LIST \(.*\)) "\." box$/, '$1 "\x1b" box')],
];

/** Lines of text and nothing else. */
function assertHarmless(octets: Uint8Array, what: string): void {
  const text = Array.from(octets, (octet) => String.fromCharCode(octet)).join("");
  // deno-lint-ignore no-control-regex
  const found = /[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]/.exec(text);
  assert.equal(found, null, `${what}: ${JSON.stringify(text)}`);
}

liveTest("nothing that a server says commands a terminal", async (context) => {
  const { lab, program } = context;
  const daemon = await lab.daemon();
  let number = 0;
  for (const [what, rules] of CASES) {
    number++;
    const local = await lab.store(`l${number}`, { format: "maildir", separator: "/" });
    const remote = await lab.store(`r${number}`, { format: "maildir", separator: "." });
    await local.with((probe) => probe.append("INBOX", { body: plainMessage("one") }));
    await remote.with(async (probe) => {
      await probe.create("box");
      await probe.append("INBOX", { body: plainMessage("two") });
    });
    await using relay = Relay.start(daemon, rules);
    const directory = `${lab.directory}/w${number}`;
    const workspace = await Workspace.create(directory, tunnelSection(local), plainSection(remote, relay));
    const result = await workspace.run(program, ["--debug"]);
    assert.ok(result.code !== 255, `${what}: ${result.stderr}`);
    assertHarmless(new TextEncoder().encode(result.stderr), what);
    assert.ok(result.stderr.includes("\\x1B"), `${what}: nothing was said: ${result.stderr}`);
  }
}, { newProgramOnly: true });
