// Random walks of a watch: users change mail on both model servers while it looks, waits, or loses its connections. When
// they leave off, both sides come to hold exactly what was not deleted, once, and nothing is said any more.

import assert from "node:assert/strict";
import type { Side } from "../../lib/state/types.ts";
import { SeededRandom } from "../support/live/seeded.ts";
import type { ModelMailbox } from "../support/model_mailstore.ts";
import { CAPABILITIES } from "../support/model_options.ts";
import { mail } from "../support/model_scenarios.ts";
import { textOf } from "../support/model_values.ts";
import { WatchRig, type WatchRigOptions, WITH_NOTIFY } from "../support/watch_rig.ts";

const WALKS = Number(Deno.env.get("WATCH_WALKS") ?? 60);
const SEED = Number(Deno.env.get("INTERIMAP_TEST_SEED") ?? 20_261_122);
const STEPS = 12;
const MINUTE = 60_000;
const SIDES: readonly Side[] = ["local", "remote"];
const KINDS: readonly (readonly string[])[] = [
  WITH_NOTIFY,
  CAPABILITIES,
  CAPABILITIES.filter((name) => name !== "IDLE"),
];

class Walk {
  readonly rig: WatchRig;
  readonly alive = new Set<string>();
  readonly #random: SeededRandom;
  #names = 0;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
    const capabilities = { local: this.#random.pick(KINDS), remote: this.#random.pick(KINDS) };
    const options: WatchRigOptions = { capabilities, pollMs: 10 * MINUTE };
    this.rig = new WatchRig(options);
    for (const name of this.rig.rig.store("local").names) {
      for (const { body } of this.rig.rig.store("local").mailbox(name).messages) this.alive.add(idOf(body));
    }
  }

  async run(): Promise<void> {
    await this.rig.start();
    for (let step = 0; step < STEPS; step++) {
      this.#change();
      if (this.#random.chance(0.15)) this.rig.cut(this.#random.pick(SIDES));
      if (this.#random.chance(0.5)) await this.rig.settle();
      else for (let turn = this.#random.below(30); turn > 0; turn--) await Promise.resolve();
      if (this.#random.chance(0.2)) await this.rig.pass(MINUTE);
    }
    await this.rig.settle();
    await this.rig.pass(12 * MINUTE);
  }

  #change(): void {
    const store = this.rig.rig.store(this.#random.pick(SIDES));
    const mailbox = store.mailbox(this.#random.pick(store.names));
    switch (this.#random.below(5)) {
      case 0:
        return this.#expunge(mailbox);
      case 1:
        return this.#flag(mailbox);
      case 2:
        if (this.#random.chance(0.4)) store.create(`new${this.#names++}`);
        return;
      default:
        for (let i = this.#random.between(1, 3); i > 0; i--) {
          const id = `n${this.#names++}`;
          mailbox.append([mail(id)]);
          this.alive.add(`<${id}@example.net>`);
        }
    }
  }

  #expunge(mailbox: ModelMailbox): void {
    if (mailbox.count === 0) return;
    const { uid, body } = this.#random.pick(mailbox.messages);
    mailbox.expunge([uid]);
    this.alive.delete(idOf(body));
  }

  #flag(mailbox: ModelMailbox): void {
    if (mailbox.count === 0) return;
    const { uid } = this.#random.pick(mailbox.messages);
    mailbox.store([uid], { mode: "add", flags: [this.#random.pick(["\\Seen", "\\Flagged", "work"])] });
  }
}

function idOf(body: Uint8Array): string {
  return /<[^<>@]*@example\.net>(?=\r\n\r\n)/.exec(textOf(body))?.[0] ?? "";
}

Deno.test("a watch keeps both sides the same whatever users and networks do, and then is silent", async () => {
  for (let walk = 0; walk < WALKS; walk++) {
    const seed = SEED + walk;
    const { rig, alive } = await walked(seed);
    assert.deepEqual(rig.problems(), [], `seed ${seed}`);
    for (const side of SIDES) {
      const store = rig.rig.store(side);
      const ids = store.names.flatMap((name) => store.mailbox(name).messages.map(({ body }) => idOf(body)));
      assert.deepEqual(ids.sort(), [...alive].sort(), `seed ${seed}: lost or doubled`);
    }
    assert.deepEqual(await rig.during(() => rig.clock.advance(1000)), { local: [], remote: [] }, `seed ${seed}`);
    await rig.end();
  }
});

async function walked(seed: number): Promise<Walk> {
  const walk = new Walk(seed);
  try {
    await walk.run();
  } catch (error) {
    throw new Error(`seed ${seed}`, { cause: error });
  }
  return walk;
}
