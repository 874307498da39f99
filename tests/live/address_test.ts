// The options host, port and auth as they reach the network: names, addresses with and without brackets, names of
// services, and the order of mechanisms.

import assert from "node:assert/strict";
import { startFakeServer } from "../support/live/fake_server.ts";
import { liveTest } from "../support/live/live_case.ts";
import { plainSection, type Section, tunnelSection, Workspace } from "../support/live/program.ts";
import { assertRefused } from "../support/live/refusal.ts";
import { Relay } from "../support/relay.ts";

const MAILDIR = { format: "maildir", separator: "/" } as const;

function isFree(port: number): boolean {
  try {
    Deno.listen({ hostname: "127.0.0.1", port }).close();
    return true;
  } catch {
    return false;
  }
}

/** A service of /etc/services on whose port a test may listen; null when there is no such file. */
async function freeService(): Promise<{ readonly name: string; readonly port: number } | null> {
  const text = await Deno.readTextFile("/etc/services").catch(() => null);
  if (text === null) return null;
  for (const [, name = "", number] of text.matchAll(/^([a-z][a-z0-9-]*)\s+(\d+)\/tcp/gm)) {
    const port = Number(number);
    if (port > 1024 && isFree(port)) return { name, port };
  }
  throw new Error("No port that has a name is free");
}

liveTest("hosts are names or addresses, ports are numbers or names of services", async ({ lab, program }) => {
  const store = await lab.store("local", MAILDIR);
  const workspace = await Workspace.create(`${lab.directory}/w`, tunnelSection(store), tunnelSection(store));
  const service = await freeService();
  const reached = /^remote: ERROR: .*Good-bye to you/;
  const rows: readonly (readonly [host: string, listens: string, named: boolean])[] = [
    ["127.0.0.1", "127.0.0.1", false],
    ["[127.0.0.1]", "127.0.0.1", false],
    ["localhost", "127.0.0.1", false],
    ["127.0.0.1", "127.0.0.1", true],
    ["::1", "::1", false],
    ["[::1]", "::1", false],
  ];
  for (const [host, listens, named] of rows) {
    await using server = startFakeServer("* BYE Good-bye to you\r\n", false, listens, named ? service?.port ?? 0 : 0);
    const port = named ? service?.name ?? "imap3" : String(server.port);
    await workspace.configure(tunnelSection(store), plainSection(store, server, { host, port }));
    const said = named && service === null ? /\/etc\/services/ : reached;
    await assertRefused({ what: `${host} ${port}`, said, program, workspace, stores: [store] });
  }
});

liveTest("a host that is nowhere, or is no host, is one line that names it", async ({ lab, program }) => {
  const store = await lab.store("local", MAILDIR);
  const workspace = await Workspace.create(`${lab.directory}/w`, tunnelSection(store), tunnelSection(store));
  const nobody = startFakeServer("", false, "::1");
  await nobody[Symbol.asyncDispose]();
  const rows: readonly (readonly [host: string, said: RegExp])[] = [
    ["no-such-host.invalid", /^remote: ERROR: getaddrinfo\(no-such-host\.invalid\): /],
    ["two words", /^remote: ERROR: getaddrinfo\(two words\): /],
    ["[localhost]", /config:\d+: Invalid IP literal: localhost/],
    ["[]", /config:\d+: Invalid IP literal: /],
    ["[1.2.3]", /config:\d+: Invalid IP literal: 1\.2\.3/],
    ["[::1]", /^remote: ERROR: Can't connect to \[::1\]:\d+: connection refused/],
    ["::1", /^remote: ERROR: Can't connect to \[::1\]:\d+: connection refused/],
  ];
  for (const [host, said] of rows) {
    await workspace.configure(tunnelSection(store), plainSection(store, nobody, { host }));
    await assertRefused({ what: host, said, program, workspace, stores: [store] });
  }
});

liveTest("auth names mechanisms in any case, and the first that the server offers is used", async (live) => {
  const { lab, program } = live;
  const daemon = await lab.daemon();
  const [local, remote] = [await lab.store("local", MAILDIR), await lab.store("remote", MAILDIR)];
  const workspace = await Workspace.create(`${lab.directory}/w`, {}, {});
  const rows: readonly (readonly [auth: Section, command: RegExp])[] = [
    [{}, /^\S+ AUTHENTICATE PLAIN \S+$/],
    [{ auth: "plain login" }, /^\S+ AUTHENTICATE PLAIN \S+$/],
    [{ auth: "Login PLAIN" }, /^\S+ LOGIN /],
    [{ auth: "XOAUTH2 PLAIN" }, /^\S+ AUTHENTICATE PLAIN \S+$/],
  ];
  for (const [auth, command] of rows) {
    const commands: string[] = [];
    await using relay = Relay.start({ port: daemon.port }, {
      line(sender, text) {
        if (sender === "client" && /^\S+ (LOGIN|AUTHENTICATE) /i.test(text)) commands.push(text);
        return "pass";
      },
    });
    await workspace.configure(tunnelSection(local), plainSection(remote, relay, auth));
    await workspace.sync(program);
    assert.equal(commands.length, 1, JSON.stringify(auth));
    assert.match(commands[0] ?? "", command);
  }
});
