// A session between two real servers that is cut behind some octet, on either side and either way: the next run ends
// where an undisturbed one does, and the run after it does nothing. INTERIMAP_TEST_CUTS sets the number of octets that
// are tried, INTERIMAP_TEST_SEED chooses others. (The model servers are cut behind every octet.)

import assert from "node:assert/strict";
import {
  named,
  type Octets,
  recover,
  runRelayed,
  type Scene,
  startAttempt,
  type Template,
} from "../support/live/interrupting.ts";
import { liveTest } from "../support/live/live_case.ts";
import { messageOfSize, plainMessage } from "../support/live/mail.ts";
import { plainSection, Workspace } from "../support/live/program.ts";
import { SeededRandom } from "../support/live/seeded.ts";
import { SIDES } from "../support/live/storm.ts";
import type { Side } from "../support/live/watching.ts";
import { shown, type StoreFacts } from "../support/live/witness.ts";
import type { Sender } from "../support/relay.ts";
import { cutAfter } from "../support/relay_rules.ts";

const CUTS = Number(Deno.env.get("INTERIMAP_TEST_CUTS") ?? 20);
/** Of what one session has sent. What is asked in another one depends a little on how long the servers take. */
const ALWAYS_SENT = 0.97;
const SEED = Number(Deno.env.get("INTERIMAP_TEST_SEED") ?? 20_261_122);
const OLD = 8;

/** Eight messages on both sides; then everything that can happen to mail, on each side. */
async function makeTemplate({ lab, program, daemon }: Scene): Promise<Template> {
  const stores = {
    local: await lab.store("tl", { format: "maildir", separator: "/" }),
    remote: await lab.store("tr", { format: "mdbox", separator: "." }),
  };
  await stores.remote.with(async (probe) => {
    await probe.create("box");
    for (let number = 0; number < OLD; number++) await probe.append("INBOX", { body: plainMessage(`old-${number}`) });
  });
  const sections = [plainSection(stores.local, daemon), plainSection(stores.remote, daemon)] as const;
  const workspace = await Workspace.create(`${lab.directory}/wt`, ...sections);
  await workspace.sync(program);
  for (const [index, side] of SIDES.entries()) {
    await stores[side].with(async (probe) => {
      await probe.create(`new ${side}`);
      await probe.select("INBOX");
      await probe.store([1 + index], "+FLAGS", ["\\Seen", `by-${side}`]);
      await probe.store([3], "+FLAGS", [index === 0 ? "\\Flagged" : "\\Answered"]);
      await probe.expunge([4 + index]);
      await probe.command(`UID MOVE ${6 + index} box`);
      for (let number = 0; number < 3; number++) {
        await probe.append("INBOX", { body: messageOfSize(`${side}-${number}`, 400 + 900 * number), flags: ["work"] });
      }
      await probe.append(`new ${side}`, { body: plainMessage(`${side}-new`) });
    });
  }
  return { stores, databaseFile: workspace.databaseFile };
}

/** Everything that a store holds, but the UIDs. */
function contents({ mailboxes, subscribed }: StoreFacts): readonly string[] {
  const lines = [...mailboxes].flatMap(([name, { messages }]) => [
    `${shown(name)}${subscribed.has(name) ? ", subscribed" : ""}`,
    ...messages.map(({ digest, internalDate, flags }) =>
      `${shown(name)}: ${[digest, internalDate, ...flags].join(" ")}`
    ),
  ]);
  return lines.sort();
}

interface Place {
  readonly side: Side;
  readonly sender: Sender;
  readonly octets: number;
}

/** Each way in turn, each cut in its share of the session. */
function* places(total: Octets): Generator<Place> {
  const random = new SeededRandom(SEED);
  const ways = SIDES.flatMap((side) => (["client", "server"] as const).map((sender) => ({ side, sender })));
  const each = Math.ceil(CUTS / ways.length);
  for (let index = 0; index < CUTS; index++) {
    const { side, sender } = ways[index % ways.length] ?? { side: "local", sender: "client" };
    const share = (Math.floor(index / ways.length) + random.next()) / each;
    yield { side, sender, octets: Math.floor(total[side][sender] * ALWAYS_SENT * share) };
  }
}

liveTest(
  `a session cut behind ${CUTS} octets, either side and either way, loses and doubles nothing`,
  async (context) => {
    const scene = { ...context, daemon: await context.lab.daemon({}, 4) };
    const template = await makeTemplate(scene);
    const whole = await startAttempt(scene, template, "whole");
    const { code, octets: total } = await runRelayed(whole, () => ({}));
    assert.equal(code, 0);
    const expected = contents(await recover(whole));
    assert.equal(expected.length, 4 + (OLD - 2) + 6 + 2);
    const codes = new Map<number, number>();
    let number = 0;
    for (const place of places(total)) {
      await named(place, async () => {
        const attempt = await startAttempt(scene, template, String(number++));
        const cut = await runRelayed(
          attempt,
          (side) => side === place.side ? cutAfter(place.sender, place.octets) : {},
        );
        assert.ok(cut.octets[place.side][place.sender] >= place.octets, "the run was not interrupted");
        assert.ok(cut.code <= 2, `status ${cut.code}`);
        codes.set(cut.code, (codes.get(cut.code) ?? 0) + 1);
        assert.deepEqual(contents(await recover(attempt)), expected);
      });
    }
    console.log(
      `seed ${SEED}: ${number} cuts in ${JSON.stringify(total)} octets, ended with status ` +
        [...codes].map(([status, times]) => `${status} ${times} times`).join(", "),
    );
    assert.ok((codes.get(0) ?? 0) <= number / 4, "hardly a run was interrupted");
  },
  { newProgramOnly: true },
);
