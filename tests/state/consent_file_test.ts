// The file that hands a confirmation to another process: what is written is read once, and what is doubtful is not believed.

import assert from "node:assert/strict";
import fc from "fast-check";
import { type Consent, ConsentFile } from "../../lib/state/mod.ts";
import { KeepingLog } from "../support/quiet_log.ts";
import { refusalOf, withStateFile } from "../support/state_file.ts";

const DAY_MS = 24 * 3600 * 1000;
const NOTHING = consent();
const ALL: Consent = { all: true, names: new Set() };

function consent(...names: readonly string[]): Consent {
  return { all: false, names: new Set(names) };
}

interface Scene {
  readonly file: ConsentFile;
  readonly log: readonly string[];
  /** A second process. */
  readonly other: ConsentFile;
}

function withConsentFile(body: (scene: Scene) => void, now = () => Date.now()): Promise<void> {
  return withStateFile(({ path }) => {
    const log = new KeepingLog();
    const other = new ConsentFile(path, { log: new KeepingLog(), now: () => Date.now() });
    body({ file: new ConsentFile(path, { log, now }), log: log.lines, other });
  });
}

function names(path: string): readonly string[] {
  return [...Deno.readDirSync(path.replace(/\/[^/]*$/, ""))].map(({ name }) => name);
}

Deno.test("`read()` knows nothing, and says nothing, without a file", () =>
  withConsentFile(({ file, log }) => {
    assert.deepEqual(file.read(), NOTHING);
    file.used(null);
    assert.deepEqual(log, []);
  }));

Deno.test("`add()` writes a file for its owner only, and `used()` removes it", () =>
  withConsentFile(({ file, other }) => {
    other.add(consent("INBOX", "it's a box"));
    assert.equal((Deno.statSync(file.path).mode ?? 0) & 0o777, 0o600);
    assert.deepEqual(names(file.path), ["state.db.confirm-deletes"]);
    assert.deepEqual(file.read(), consent("INBOX", "it's a box"));
    // Until a run has finished it stays.
    assert.deepEqual(file.read(), consent("INBOX", "it's a box"));
    file.used(null);
    assert.deepEqual(names(file.path), []);
    assert.deepEqual(file.read(), NOTHING);
  }));

Deno.test("`add()` adds", () =>
  withConsentFile(({ file, other }) => {
    other.add(consent("a"));
    other.add(consent("b"));
    assert.deepEqual(file.read(), consent("a", "b"));
    other.add(ALL);
    assert.deepEqual(file.read(), { all: true, names: new Set(["a", "b"]) });
  }));

Deno.test("`used()` removes nothing that it has not read", () =>
  withConsentFile(({ file, other }) => {
    other.add(consent("a"));
    file.used(null);
    assert.deepEqual(file.read(), consent("a"));
    other.add(consent("b"));
    file.used(null);
    assert.deepEqual(file.read(), consent("b"));
    other.add(ALL);
    file.used(null);
    assert.deepEqual(file.read(), ALL);
  }));

Deno.test("`used()` of a restricted run leaves what was said of other mailboxes, and when", () =>
  withConsentFile(({ file, other }) => {
    other.add({ all: true, names: new Set(["a", "b"]) });
    const then = new Date(Date.now() - DAY_MS);
    Deno.utimeSync(file.path, then, then);
    file.read();
    file.used(["b", "c"]);
    assert.deepEqual(file.read(), { all: true, names: new Set(["a"]) });
    assert.equal(
      Math.trunc((Deno.statSync(file.path).mtime?.getTime() ?? 0) / 1000),
      Math.trunc(then.getTime() / 1000),
    );
  }));

Deno.test("`read()` ignores what is older than seven days, and says so", async () => {
  for (const [age, expected] of [[7 * DAY_MS - 60_000, consent("a")], [7 * DAY_MS + 60_000, NOTHING]] as const) {
    await withConsentFile(({ file, log, other }) => {
      other.add(consent("a"));
      for (let look = 0; look < 2; look++) assert.deepEqual(file.read(), expected);
      assert.equal(log.length, expected === NOTHING ? 1 : 0);
      if (expected !== NOTHING) return;
      assert.match(log[0] ?? "", /^database: WARNING: Ignoring .*state\.db\.confirm-deletes, .*older than 7 days/);
      file.used(null);
      assert.ok(names(file.path).length === 1);
      file.add(consent("b"));
      assert.deepEqual(other.read(), consent("b"));
    }, () => Date.now() + age);
  }
});

Deno.test("`read()` believes nothing of a file that holds something else", async () => {
  const contents = ["INBOX", "a\n\n", "a\nb*\n", "a\r\n", "\xe9\n", "a\0\n", " \x7f\n", "\ufeffa\n"];
  for (const content of contents) {
    await withConsentFile(({ file, log }) => {
      Deno.writeTextFileSync(file.path, content);
      assert.deepEqual(file.read(), NOTHING, JSON.stringify(content));
      assert.match(log[0] ?? "", /something else than names/);
    });
  }
});

Deno.test("`read()` believes nothing of an empty file, a directory or a huge file", async () => {
  await withConsentFile(({ file }) => {
    Deno.writeTextFileSync(file.path, "");
    assert.deepEqual(file.read(), NOTHING);
  });
  await withConsentFile(({ file, log }) => {
    Deno.mkdirSync(file.path);
    assert.deepEqual(file.read(), NOTHING);
    assert.match(log[0] ?? "", /not a regular file/);
  });
  await withConsentFile(({ file, log }) => {
    Deno.writeTextFileSync(file.path, "a\n".repeat(1 << 20));
    assert.deepEqual(file.read(), NOTHING);
    assert.match(log[0] ?? "", /too long/);
  });
});

Deno.test("`add()` says why the file cannot be written", () =>
  withConsentFile(({ file }) => {
    Deno.mkdirSync(`${file.path}.new`);
    assert.match(refusalOf(() => file.add(ALL)), /^database: Can't write .*confirm-deletes: Is a directory$/);
  }));

Deno.test("`add()` and `read()` agree on every name that the command line takes", () =>
  withConsentFile(({ file, other }) => {
    const name = fc.array(fc.integer({ min: 0x20, max: 0x7e }), { minLength: 1 })
      .map((codes) => String.fromCharCode(...codes).replaceAll("*", "x"));
    fc.assert(
      fc.property(fc.array(name), fc.boolean(), (list, all) => {
        const said = { all, names: new Set(list) };
        other.add(said);
        assert.deepEqual(file.read(), said);
        file.used(null);
      }),
      { numRuns: 30 },
    );
  }));
