// Servers that say odd things, each with the lines that change: what can be understood is, what cannot is no reason to
// delete or to stop more than the mailbox, and every change arrives.

import assert from "node:assert/strict";
import { ProtocolError } from "../../lib/errors.ts";
import { finished, type RunOptions } from "../support/model_rig.ts";
import { assertPaired, emptyScene, messages, type ModelScene } from "../support/model_scene.ts";
import { type Rewrite, RewritingStream } from "../support/rewriting_stream.ts";

/** INBOX and box with four messages each on both sides; then something of everything happened. */
async function scene(): Promise<ModelScene> {
  const { rig, state } = emptyScene();
  const remote = rig.store("remote");
  remote.create("box");
  for (const name of ["INBOX", "box"]) remote.mailbox(name).append(messages("a", "b", "c", "d"));
  assert.ok(finished(await rig.run()));
  for (const name of ["INBOX", "box"]) {
    const [here, there] = [rig.store("local").mailbox(name), remote.mailbox(name)];
    there.store([1], { mode: "add", flags: ["\\Seen", "work"] });
    here.store([2], { mode: "add", flags: ["\\Flagged"] });
    there.expunge([3]);
    here.expunge([4]);
    there.append(messages("e"));
  }
  return { rig, state };
}

function odd(rewrite: Rewrite): RunOptions {
  return { wrap: (stream, side) => side === "remote" ? new RewritingStream(stream, rewrite) : stream };
}

/** Everything has arrived, and nothing else happened. */
function arrived({ rig, state }: ModelScene): void {
  assertPaired({ rig, state });
  for (const name of ["INBOX", "box"]) {
    const flags = rig.store("local").mailbox(name).messages.map((message) => message.flags.join(" "));
    assert.deepEqual(flags, ["\\Seen work", "\\Flagged", ""], name);
  }
}

/** Behind a line like this, others. */
function behind(pattern: RegExp, ...added: readonly string[]): Rewrite {
  return (line) => pattern.test(line) ? [line, ...added] : [line];
}

function replaced(pattern: RegExp, by: string): Rewrite {
  return (line) => [line.replace(pattern, by)];
}

function without(pattern: RegExp): Rewrite {
  return (line) => pattern.test(line) ? [] : [line];
}

/** Only from UIDVALIDITY to the end of SELECT. */
function inSelect(pattern: RegExp, by: string): Rewrite {
  let selecting = false;
  return (line) => {
    if (line.includes("[UIDVALIDITY")) selecting = true;
    if (/^\d+ OK/.test(line)) selecting = false;
    return [selecting ? line.replace(pattern, by) : line];
  };
}

const UNDERSTOOD: readonly (readonly [title: string, rewrite: Rewrite])[] = [
  ["UID 0 in VANISHED", replaced(/^\* VANISHED \(EARLIER\) /, "* VANISHED (EARLIER) 0,")],
  ["VANISHED that names everything there can be", behind(/\[UIDVALIDITY/, "* VANISHED (EARLIER) 1:4294967295")],
  ["UID 0 in FETCH", inSelect(/^(\* \d+ FETCH \()UID \d+ (FLAGS \(\S+ \S+\) MODSEQ)/, "$1UID 0 $2")],
  ["FETCH without UID", inSelect(/^(\* \d+ FETCH \()UID \d+ (FLAGS \(\S+ \S+\) MODSEQ)/, "$1$2")],
  ["VANISHED before anything was selected", behind(/^\* LIST/, "* VANISHED 1:9", "* VANISHED (EARLIER) 1")],
  ["EXISTS and FETCH before anything was selected", behind(/^\* LIST/, "* 3 EXISTS", "* 1 FETCH (UID 1 FLAGS ())")],
  ["no ENABLED", without(/^\* ENABLED/)],
  [
    "FETCH items that nobody knows",
    replaced(/ FETCH \(/, ' FETCH (X-GM-LABELS ("\\\\Inbox" a "b c") X-A NIL X-B (1 (2)) '),
  ],
  [
    "STATUS items that are no numbers",
    replaced(/^(\* STATUS \S+ \()/, '$1X-SIZE NIL X-IDS (a "b )") DELETED-STORAGE x '),
  ],
  ["no MESSAGES in STATUS", replaced(/MESSAGES \d+ /, "")],
  ["response codes without text", replaced(/^(\* OK \[.*\]).*$/, "$1")],
  [
    "response codes that nobody knows",
    behind(/^\* OK \[UIDNEXT/, "* OK [X-NEW (a b)] x", "* NO [X] y", "* OK [ALERT] z"),
  ],
  [
    "UTF-8 in quoted strings and texts",
    behind(/^\* LIST/, '* LIST (\\NoSelect) "." "caf\xc3\xa9"', "* OK caf\xc3\xa9"),
  ],
  [
    "extended data of LIST",
    replaced(/^(\* LIST .*)$/, '$1 ("CHILDINFO" ("SUBSCRIBED") "OLDNAME" ("old name") X {1}\r\na)'),
  ],
  ["responses that nobody knows", behind(/^\* (?:LIST|FLAGS)/, "* XLIST (a) b", "* 7 XAPPLEPUSH x", "* ID NIL")],
  ["EXISTS that is told twice and wrong at first", replaced(/^\* (\d+) EXISTS$/, "* 99 EXISTS\r\n* $1 EXISTS")],
];

for (const [title, rewrite] of UNDERSTOOD) {
  Deno.test(`a server's oddity is survived, and all changes arrive: ${title}`, async () => {
    const s = await scene();
    let changed = 0;
    const counting: Rewrite = (line) => {
      const lines = rewrite(line);
      if (lines.length !== 1 || lines[0] !== line) changed++;
      return lines;
    };
    const result = await s.rig.run(odd(counting));
    assert.ok(finished(result), result.log.join("\n"));
    assert.equal(result.report?.problems, 0, result.log.join("\n"));
    assert.ok(changed > 0, "the server said nothing odd");
    arrived(s);
    // An honest run after it finds nothing left to do.
    const next = await s.rig.run();
    assert.ok(finished(next));
    arrived(s);
  });
}

const UNFIT: readonly (readonly [title: string, rewrite: Rewrite, said: RegExp])[] = [
  ["SELECT without HIGHESTMODSEQ", without(/^\* OK \[HIGHESTMODSEQ/), /doesn't support MODSEQ/],
  [
    "[NOMODSEQ], although STATUS tells HIGHESTMODSEQ",
    replaced(/^\* OK \[HIGHESTMODSEQ .*/, "* OK [NOMODSEQ] Sorry."),
    /doesn't support MODSEQ/,
  ],
  ["SELECT without UIDVALIDITY", without(/^\* OK \[UIDVALIDITY/), /did not tell the UIDVALIDITY/],
  ["[UIDNOTSTICKY]", behind(/^\* OK \[UIDNEXT/, "* NO [UIDNOTSTICKY] x"), /does not support persistent UIDs/],
];

for (const [title, rewrite, said] of UNFIT) {
  Deno.test(`an unfit mailbox is reported and left alone: ${title}`, async () => {
    const s = await scene();
    const result = await s.rig.run(odd(rewrite));
    assert.ok(finished(result), result.log.join("\n"));
    assert.equal(result.report?.problems, 2);
    assert.equal(result.log.filter((line) => said.test(line)).length, 2, result.log.join("\n"));
    assert.equal(s.rig.store("local").mailbox("box").count, 3);
    assert.ok(finished(await s.rig.run()));
    arrived(s);
  });
}

Deno.test("flags that a server never tells with a UID wait for the day on which it does", async () => {
  const s = await scene();
  const result = await s.rig.run(odd(replaced(/^(\* \d+ FETCH \()UID \d+ (FLAGS \(\S+ \S+\) MODSEQ)/, "$1UID 0 $2")));
  assert.ok(finished(result), result.log.join("\n"));
  assert.match(result.log.join("\n"), /remote\(INBOX\): WARNING: The server reported changed flags without a UID/);
  assert.ok(finished(await s.rig.run()));
  arrived(s);
});

Deno.test("a server that selects another mailbox without [CLOSED] ends the run with one line, and nothing is mixed up", async () => {
  const s = await scene();
  const result = await s.rig.run(odd(without(/\[CLOSED\]/)));
  assert.ok(result.error instanceof ProtocolError);
  assert.match(result.error.message, /without \[CLOSED\]/);
  assert.ok(finished(await s.rig.run()));
  arrived(s);
});
