// A session that is cut behind each octet in turn, on either side and either way: what was said up to there was said, and
// the next run ends where an undisturbed one does. EVERY_BYTE: each how many-th octet is tried; default so that it does
// not take long, 1 for all. The line `cases: N passed` counts the cuts.

import assert from "node:assert/strict";
import type { Side } from "../../lib/state/types.ts";
import type { ByteStream } from "../../lib/transport/types.ts";
import { study, survive } from "../support/crashes.ts";
import { CutStream } from "../support/faults.ts";
import { type Rig, SIDES } from "../support/model_rig.ts";
import { add, bothFull, inbox, mails, prepare, type Scenario, uidsOf } from "../support/model_scenarios.ts";

const STEP = Number(Deno.env.get("EVERY_BYTE") ?? "67");
const WAYS = ["read", "write"] as const;
const PLENTY = Number.MAX_SAFE_INTEGER;

/** A bit of everything, as few octets as possible. */
const SCENARIO: Scenario = {
  name: "a short session with everything in it",
  earlier: bothFull,
  before: (rig: Rig) => {
    inbox(rig, "local").append(mails("l", 2));
    inbox(rig, "remote").append(mails("r", 2, ["\\Seen"]));
    inbox(rig, "local").store(uidsOf(rig, "local", "old-local-0"), add("\\Flagged"));
    inbox(rig, "remote").store(uidsOf(rig, "remote", "old-local-1"), add("work"));
    inbox(rig, "local").expunge(uidsOf(rig, "local", "old-local-2"));
    inbox(rig, "remote").expunge(uidsOf(rig, "remote", "old-remote-2"));
    rig.store("remote").create("new");
  },
  settles: true,
};

Deno.test(`a session that is cut behind every ${STEP}th octet loses and doubles nothing`, async () => {
  const studied = await study(SCENARIO);
  let cuts = 0;
  for (const side of SIDES) {
    for (const way of WAYS) {
      const { rig } = await prepare(SCENARIO);
      const streams: CutStream[] = [];
      await rig.run({
        wrap: (inner, at) => {
          if (at !== side) return inner;
          const stream = new CutStream(inner, way, PLENTY);
          streams.push(stream);
          return stream;
        },
      });
      const octets = PLENTY - (streams[0]?.left ?? PLENTY);
      assert.ok(octets > 500, `${octets} octets`);
      for (let at = 0; at < octets; at += STEP) {
        const cut = (inner: ByteStream, here: Side): ByteStream =>
          here === side ? new CutStream(inner, way, at) : inner;
        await survive(studied, [{ name: `cut behind octet ${at} of what ${side} ${way}s`, options: { wrap: cut } }]);
        cuts++;
      }
    }
  }
  console.log(`cases: ${cuts} passed, 0 failed`);
});
