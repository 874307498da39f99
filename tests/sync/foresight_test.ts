// What is begun before both servers are there: which connections are opened, and when.

import assert from "node:assert/strict";
import type { Session } from "../../lib/client/mod.ts";
import type { Cursors } from "../../lib/state/types.ts";
import { Foresight } from "../../lib/sync/foresight.ts";
import { WHOLE_VIEW } from "../../lib/sync/listing.ts";
import type { Side } from "../../lib/sync/model.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { KeepingLog } from "../support/quiet_log.ts";

const CURSOR = { uidValidity: 1, uidNext: 2, highestModSeq: 3n };

interface SceneOptions {
  readonly limit?: number;
  readonly known?: readonly string[];
}

function scene({ limit = 4, known = [] }: SceneOptions = {}) {
  const opened: Side[] = [];
  const foresight = new Foresight({
    connections: {
      limit: { local: 4, remote: limit },
      open: (side) => {
        opened.push(side);
        return new Promise<Session>(() => {});
      },
    },
    trusted: { local: false, remote: false },
    cursors: () => new Map<string, Cursors>(known.map((name) => [name, { local: CURSOR, remote: CURSOR }])),
    remembered: () => null,
    view: WHOLE_VIEW,
    log: new KeepingLog(),
    clock: new FakeClock(),
  });
  return { foresight, opened };
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

Deno.test("a first run opens a second connection to each server, behind the first", async () => {
  const { foresight, opened } = scene();
  assert.deepEqual(opened, []);
  await nextTurn();
  assert.deepEqual(opened, ["local", "remote"]);
  assert.equal(foresight.take("local").length, 1);
  assert.equal(foresight.take("remote").length, 1);
  assert.equal(foresight.take("remote").length, 0);
});

Deno.test("no second connection is opened where one is allowed, nor for what is known, nor when it would be too late", async () => {
  const scenes = [scene({ limit: 1 }), scene({ known: ["INBOX"] }), scene()];
  scenes[2]?.foresight.take("local");
  await nextTurn();
  assert.deepEqual(scenes.map(({ opened }) => opened), [[], [], []]);
});

/** A session that is only asked for what there is, and never answers. */
function listening(): { readonly session: Session; readonly asked: string[] } {
  const asked: string[] = [];
  const ask = (what: string) => () => {
    asked.push(what);
    return new Promise(() => {});
  };
  const session = { enableQresync: ask("enable"), list: ask("list"), listDelimiter: ask("delimiter") };
  return { session: session as unknown as Session, asked };
}

Deno.test("where no mailbox is known but INBOX, the delimiter is asked for with the list", () => {
  for (const [known, asks] of [[["INBOX"], true], [["INBOX", "a"], false], [["a"], false]] as const) {
    const { foresight } = scene({ known });
    const { session, asked } = listening();
    foresight.opened("remote", session);
    assert.deepEqual(asked, ["enable", ...asks ? ["delimiter"] : [], "list"], known.join(" "));
  }
});

for (
  const [number, early] of [[0, ["enable", "delimiter", "list"]], [256, ["enable", "list"]], [257, []]] as const
) {
  Deno.test(`a list of ${number} known mailboxes ${early.length > 0 ? "does not wait" : "waits"} for COMPRESS`, () => {
    const { foresight } = scene({ known: Array.from({ length: number }, (_, index) => `m${index}`) });
    const { session, asked } = listening();
    foresight.usable("remote", session);
    assert.deepEqual(asked, early);
    assert.equal(foresight.list("remote") === null, early.length === 0);
    foresight.opened("remote", session);
    assert.deepEqual(asked, early.length > 0 ? early : ["enable", "list"]);
  });
}
