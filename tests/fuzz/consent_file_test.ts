// Damaged files that confirm deletions: what is not wholly a list of names confirms nothing, and says so in one line; no
// damage makes a name that is not there as a line, and none confirms all mailboxes without the line that does.

import assert from "node:assert/strict";
import { fromLatin1 } from "../../lib/base/bytes.ts";
import { ConsentFile } from "../../lib/state/consent_file.ts";
import { randomNumbers } from "../protocol/support.ts";
import { KeepingLog } from "../support/quiet_log.ts";
import { corpus, damaged, heap, isPrintableLine, pick, ROUNDS, roundsFrom, SEED } from "./support.ts";

const PIECES = [
  "\n",
  "\n",
  "\r\n",
  "\r",
  "*",
  "*\n",
  "\n*\n",
  "INBOX\n",
  "a b",
  "\0",
  "\x1b[2J",
  "\x7f",
  "\xe9",
  "&AOk-",
  " ",
];

/** In one of so many rounds the file is changed as well, which waits for the disk. */
const WRITING = 300;

Deno.test("`ConsentFile` believes a file wholly or not at all", () => {
  const folder = Deno.makeTempDirSync({ prefix: "interimap-" });
  try {
    const kept = corpus("consent");
    const random = randomNumbers(SEED);
    const make = () => random() < 0.5 ? damaged(random, pick(random, kept), PIECES) : heap(random, PIECES);
    let believed = 0;
    let round = 0;
    roundsFrom(kept, make, (text) => {
      const log = new KeepingLog(0);
      // A file system may wait for the disk when a file is written over.
      const file = new ConsentFile(`${folder}/${round}`, { log, now: () => Date.now() });
      Deno.writeFileSync(file.path, fromLatin1(text));
      const { all, names } = file.read();
      assert.ok(log.lines.length <= 1 && log.lines.every(isPrintableLine), log.lines.join("\n"));
      const lines = text === "" ? [] : text.replace(/\n$/, "").split("\n");
      if (log.lines.length === 1) assert.ok(!all && names.size === 0);
      else {
        believed++;
        assert.deepEqual(new Set([...(all ? ["*"] : []), ...names]), new Set(lines));
        assert.ok(text === "" || text.endsWith("\n"));
      }
      if (round++ % WRITING !== 0) {
        Deno.removeSync(file.path);
        return;
      }
      file.add({ all: false, names: new Set(["Trash"]) });
      assert.deepEqual(file.read(), { all, names: new Set([...names, "Trash"]) });
      file.used(null);
      assert.deepEqual(file.read(), { all: false, names: new Set() });
    });
    assert.ok(believed > ROUNDS / 20 && believed < ROUNDS, `${believed} believed`);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
