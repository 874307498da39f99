// A watch between two model servers: what it says to them after a change, and that it then says nothing.

import assert from "node:assert/strict";
import type { Side } from "../../lib/state/types.ts";
import { CAPABILITIES } from "../support/model_options.ts";
import { mail } from "../support/model_scenarios.ts";
import { WatchRig, type WatchRigOptions, WITH_NOTIFY } from "../support/watch_rig.ts";

const MINUTE = 60_000;

/** A watch that waits, both sides equal. */
async function watching(
  options: WatchRigOptions,
  body: (rig: WatchRig) => Promise<void>,
): Promise<void> {
  const rig = new WatchRig(options);
  await rig.start();
  assert.deepEqual(rig.problems(), []);
  await body(rig);
  await rig.end();
}

function countOf(names: readonly string[], name: string): number {
  return names.filter((one) => one === name).length;
}

Deno.test("a watch with NOTIFY follows changes of all kinds without a LIST, and falls silent after each", async () => {
  await watching({}, async (rig) => {
    const inbox = { local: rig.rig.store("local").mailbox("INBOX"), remote: rig.rig.store("remote").mailbox("INBOX") };
    const changes: readonly (() => unknown)[] = [
      () => inbox.remote.append([mail("new")]),
      () => inbox.local.append([mail("new too")]),
      () => inbox.local.store([1], { mode: "add", flags: ["\\Seen"] }),
      () => inbox.remote.store([1], { mode: "add", flags: ["work"] }),
      () => inbox.remote.expunge([2]),
      () => rig.rig.store("local").mailbox("box").expunge([1]),
      () => [inbox.local.append([mail("x")]), inbox.remote.append([mail("y")]), inbox.local.expunge([1])],
    ];
    for (const change of changes) {
      const { local, remote } = await rig.during(change);
      assert.deepEqual(rig.problems(), []);
      assert.equal(countOf([...local, ...remote], "LIST"), 0, [...local, "|", ...remote].join(" "));
      assert.ok(countOf(local, "SELECT") >= 1);
      const after = await rig.during(() => rig.clock.advance(1000));
      assert.deepEqual(after, { local: [], remote: [] });
    }
    for (const side of ["local", "remote"] as const) assert.equal(countOf(rig.commands(side), "NOTIFY"), 1);
  });
});

Deno.test("a watch notices what happens in a mailbox after it has looked, and before it waits again", async () => {
  const rows = [[WITH_NOTIFY, "UNSELECT"], [CAPABILITIES, "EXAMINE"]] as const;
  for (const [capabilities, moment] of rows) {
    await watching({ capabilities: { remote: capabilities } }, async (rig) => {
      const { remote } = rig.rig.servers;
      const inbox = remote.store.mailbox("INBOX");
      const state = { done: false };
      remote.gate = {
        before: (name) => {
          if (name === moment && !state.done) {
            state.done = true;
            inbox.append([mail("in between")]);
          }
          return true;
        },
      };
      await rig.during(() => inbox.append([mail("first")]));
      assert.ok(state.done);
      assert.deepEqual(rig.problems(), [], moment);
      assert.equal(rig.rig.store("local").mailbox("INBOX").count, 4);
    });
  }
});

Deno.test("a watch with NOTIFY follows new mailboxes, mail in them, and subscriptions", async () => {
  await watching({}, async (rig) => {
    const remote = rig.rig.store("remote");
    const created = await rig.during(() => remote.create("new.one").append([mail("first")]));
    assert.deepEqual(rig.problems(), []);
    assert.ok(countOf(created.local, "LIST") <= 2, created.local.join(" "));
    const delivered = await rig.during(() => rig.rig.store("local").mailbox("new/one").append([mail("second")]));
    assert.equal(countOf(delivered.local, "LIST"), 0);
    assert.deepEqual(rig.problems(), []);
    await rig.during(() => remote.subscribe("new.one", true));
    assert.deepEqual(rig.problems(), []);
    assert.deepEqual(await rig.during(() => {}), { local: [], remote: [] });
  });
});

Deno.test("a watch looks at everything after its interval, by one LIST on each side and nothing else", async () => {
  for (const notify of [true, false]) {
    await watching({ notify, pollMs: 5 * MINUTE }, async (rig) => {
      for (let i = 0; i < 3; i++) {
        const before = { local: rig.commands("local").length, remote: rig.commands("remote").length };
        await rig.pass(5 * MINUTE - 15_000);
        assert.equal(rig.commands("local").length, before.local);
        await rig.pass(15_000);
        for (const side of ["local", "remote"] as const) {
          assert.deepEqual(rig.commands(side).slice(before[side]), ["LIST"]);
        }
      }
    });
  }
});

Deno.test("a watch that is silent for long says a word every 15 minutes", async () => {
  await watching({ notify: false, pollMs: 120 * MINUTE }, async (rig) => {
    const before = rig.commands("remote").length;
    await rig.pass(61 * MINUTE);
    assert.deepEqual(rig.commands("remote").slice(before), ["NOOP", "NOOP", "NOOP", "NOOP"]);
  });
});

Deno.test("a watch looks at once when the machine was asleep, and finds out whether the servers are there", async () => {
  await watching({}, async (rig) => {
    rig.clock.jump(8 * 60 * MINUTE);
    const { local } = await rig.during(() => rig.clock.advance(15_000));
    assert.deepEqual(local, ["NOOP", "LIST"]);
  });
});

Deno.test("a watch with NOTIFY reports a mailbox deleted on one side once, and goes on with the others", async () => {
  await watching({}, async (rig) => {
    await rig.during(() => rig.rig.store("remote").delete("box"));
    const reports = () => rig.log.lines.filter((line) => /Mailbox box exists\. Run /.test(line)).length;
    assert.equal(reports(), 1);
    for (let i = 0; i < 3; i++) await rig.during(() => rig.lookNow());
    assert.equal(reports(), 1);
    const change = await rig.during(() => rig.rig.store("local").mailbox("box").append([mail("kept")]));
    assert.deepEqual(change, { local: [], remote: [] });
    await rig.during(() => rig.rig.store("remote").mailbox("INBOX").append([mail("new")]));
    assert.deepEqual(rig.problems(new Set(["box"])), []);
    assert.equal(rig.lives, 1);
  });
});

Deno.test("after [NOTIFICATIONOVERFLOW] a watch looks at everything and asks again, by NONE and SET", async () => {
  await watching({}, async (rig) => {
    const { remote } = rig.rig.servers;
    remote.lies.notifyOverflow = true;
    remote.lies.notifyToggles = true;
    const before = rig.looks;
    const said = await rig.during(() => {
      remote.store.mailbox("INBOX").append([mail("new")]);
      remote.store.mailbox("box").append([mail("new")]);
    });
    assert.equal(countOf(said.remote, "NOTIFY"), 2);
    assert.ok(rig.looks > before);
    assert.deepEqual(rig.problems(), []);
    remote.lies.notifyOverflow = false;
    await rig.during(() => remote.store.mailbox("box").append([mail("newer")]));
    assert.deepEqual(rig.problems(), []);
  });
});

Deno.test("a watch whose server does not know all events looks at everything every minute as well", async () => {
  const rig = new WatchRig();
  rig.rig.servers.remote.lies.badEvents = ["SubscriptionChange"];
  await rig.start();
  await rig.during(() => rig.rig.store("remote").subscribe("box", true));
  await rig.pass(MINUTE);
  assert.deepEqual(rig.problems(), []);
  const said = await rig.during(() => rig.rig.store("remote").mailbox("box").append([mail("new")]));
  assert.equal(countOf(said.remote, "LIST"), 0);
  assert.deepEqual(rig.problems(), []);
  await rig.end();
});

Deno.test("without NOTIFY a watch idles in INBOX, and finds the rest every minute", async () => {
  await watching({ capabilities: { remote: CAPABILITIES } }, async (rig) => {
    const { local, remote } = { local: rig.rig.store("local"), remote: rig.rig.store("remote") };
    const idle = await rig.during(() => remote.mailbox("INBOX").append([mail("new")]));
    assert.equal(countOf([...idle.local, ...idle.remote], "LIST"), 0);
    assert.deepEqual(rig.problems(), []);
    await rig.during(() => local.mailbox("box").append([mail("other way")]));
    assert.deepEqual(rig.problems(), []);
    await rig.during(() => remote.mailbox("box").append([mail("late")]));
    assert.notDeepEqual(rig.problems(), []);
    await rig.pass(MINUTE);
    assert.deepEqual(rig.problems(), []);
    assert.deepEqual(await rig.during(() => rig.clock.advance(1000)), { local: [], remote: [] });
  });
});

Deno.test("without NOTIFY and IDLE a watch looks at everything every minute", async () => {
  const capabilities = CAPABILITIES.filter((name) => name !== "IDLE" && name !== "UNSELECT");
  await watching({ capabilities: { remote: capabilities } }, async (rig) => {
    await rig.during(() => rig.rig.store("remote").mailbox("box").append([mail("late")]));
    await rig.pass(MINUTE);
    assert.deepEqual(rig.problems(), []);
  });
});

Deno.test("a message that is refused again and again does not keep a watch busy, nor other mail waiting", async () => {
  for (const capabilities of [{}, { local: CAPABILITIES }, { remote: CAPABILITIES }]) {
    await watching({ capabilities }, async (rig) => {
      const { local, remote } = rig.rig.servers;
      remote.lies.refuseAppend = (body) => new TextDecoder().decode(body).includes("bad") ? "not this one" : null;
      await rig.during(() => local.store.mailbox("INBOX").append([mail("bad")]));
      const quiet = await rig.during(() => rig.clock.advance(1000));
      assert.equal(countOf([...quiet.local, ...quiet.remote], "APPEND"), 0);
      await rig.during(() => local.store.mailbox("INBOX").append([mail("good")]));
      assert.equal(remote.store.mailbox("INBOX").count, 3);
      const before = countOf(rig.commands("remote"), "APPEND");
      await rig.pass(60 * MINUTE);
      const tries = countOf(rig.commands("remote"), "APPEND") - before;
      assert.ok(tries >= 2 && tries <= 12, `${tries} attempts in an hour`);
      assert.ok(rig.log.lines.filter((line) => /not this one/.test(line)).length <= 3, rig.log.lines.join("\n"));
      remote.lies.refuseAppend = null;
      await rig.during(() => rig.lookNow());
      assert.deepEqual(rig.problems(), []);
    });
  }
});

Deno.test("a watch goes on after a session that broke at whatever read or write, and nothing is lost or doubled", async () => {
  let broken = 0;
  for (const side of ["local", "remote"] as const) {
    for (const kind of ["read", "write"] as const) {
      for (const how of ["fail", "lose"] as const) broken += await breakEverywhere(side, kind, how);
    }
  }
  assert.ok(broken > 100, `${broken} cases`);
});

/** Breaks the first session at each of its reads or writes in turn; returns how many there were. */
async function breakEverywhere(side: Side, of: "read" | "write", how: "fail" | "lose"): Promise<number> {
  for (let at = 1;; at++) {
    const rig = new WatchRig({ fault: { side, of, at, how } });
    await rig.start();
    const { local, remote } = { local: rig.rig.store("local"), remote: rig.rig.store("remote") };
    if (rig.rig.store("remote").find("box") === null) throw new Error("the first look was not finished");
    await rig.during(() => remote.mailbox("INBOX").append([mail("new")]));
    await rig.during(() => local.mailbox("box").append([mail("other")]));
    await rig.during(() => remote.mailbox("INBOX").expunge([1]));
    // What was interrupted is looked for a second time a little later.
    await rig.pass(2000);
    assert.deepEqual(rig.problems(), [], `${side} ${of} ${at} ${how}`);
    const { lives } = rig;
    await rig.end();
    assert.ok(lives <= 2);
    if (lives === 1) return at - 1;
  }
}

/** What watch_growth.ts measures. */
interface WatchCost {
  readonly looks: number;
  readonly growth: number;
  readonly rssGrowth: number;
  readonly cpuMs: number;
}

async function watchCost(mailboxes: number, cycles: number): Promise<WatchCost> {
  const program = new URL("./watch_growth.ts", import.meta.url).pathname;
  // The heap is that of the built program.
  const flags = "--v8-flags=--expose-gc,--max-semi-space-size=4";
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--cached-only", "--allow-read", flags, program, String(mailboxes), String(cycles)],
    stdout: "piped",
    stderr: "piped",
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  const cost: WatchCost = JSON.parse(new TextDecoder().decode(stdout));
  assert.ok(cost.looks > cycles);
  return cost;
}

Deno.test("a watch does not grow in 1,000 looks at which nothing has happened", async () => {
  const { looks, growth, rssGrowth } = await watchCost(40, 1000);
  // One look holds some 20 KiB of lists.
  assert.ok(growth < 256 * 1024, `${growth} octets in ${looks / 2} looks`);
  // The collector takes and returns pages as it likes: this much is no trend, and a list kept of each look is more.
  assert.ok(rssGrowth < 8 * 1024 * 1024, `${rssGrowth} octets of resident set in ${looks / 2} looks`);
});

Deno.test("a look at 500 mailboxes in which nothing has happened costs the processor little", async () => {
  const { cpuMs } = await watchCost(500, 60);
  console.log(`${cpuMs.toFixed(1)} ms`);
  // 13 to 20 ms on a machine of its own, and at most 30 promised; beside other work it is more, here it must not explode.
  assert.ok(cpuMs <= 100, `${cpuMs} ms`);
});
