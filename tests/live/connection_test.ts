// Every way to connect, to log in and to send a message leads to the same result, and is really used: what went over
// the wire is read by a relay, or from the server's own record.

import assert from "node:assert/strict";
import { liveTest } from "../support/live/live_case.ts";
import type { Daemon, Lab, MailStore } from "../support/live_dovecot.ts";
import { messageOfSize, plainMessage } from "../support/live/mail.ts";
import { plainSection, type Program, type Section, Workspace } from "../support/live/program.ts";
import { compareStores } from "../support/live/witness.ts";
import { Relay } from "../support/relay.ts";

const REQUIRED = "IMAP4rev1 ENABLE UIDPLUS LIST-EXTENDED LIST-STATUS CONDSTORE QRESYNC";
const EXTRAS = ["SASL-IR", "LITERAL+", "MULTIAPPEND", "UNSELECT", "ESEARCH", "MOVE"];
const SIZES = [100, 4096, 4097, 70_000, 1_200_000];

function without(...names: readonly string[]): string {
  return [REQUIRED, ...EXTRAS.filter((name) => !names.includes(name))].join(" ");
}

interface Scene {
  readonly lab: Lab;
  readonly program: Program;
  readonly daemon: Daemon;
}

type Sections = (store: MailStore) => Section;

/** Copies messages both ways, then changes something on both sides, and copies again. */
async function roundTrip(scene: Scene, name: string, sections: Sections): Promise<Workspace> {
  const { lab, program } = scene;
  const local = await lab.store(`${name}l`, { format: "maildir", separator: "/" });
  const remote = await lab.store(`${name}r`, { format: "mdbox", separator: "." });
  const fill = (store: MailStore) =>
    store.with(async (probe) => {
      await probe.create(store.path("folder", store.name));
      for (const size of SIZES) await probe.append("INBOX", { body: messageOfSize(`${store.name} ${size}`, size) });
    });
  await Promise.all([fill(local), fill(remote)]);
  const workspace = await Workspace.create(`${lab.directory}/w${name}`, sections(local), sections(remote));
  const equal = async (messages: number) => {
    await workspace.sync(program);
    const { differences, local: facts } = await compareStores(local, remote, workspace.databaseFile);
    assert.deepEqual(differences, []);
    assert.equal(facts.mailboxes.get("INBOX")?.messages.length, messages);
  };
  await equal(2 * SIZES.length);
  const change = (store: MailStore, uid: number) =>
    store.with(async (probe) => {
      await probe.select("INBOX");
      await probe.store([uid], "FLAGS", ["\\Flagged", "kw"]);
      await probe.expunge([uid + 1]);
      await probe.append("INBOX", { body: plainMessage(`late ${store.name}`) });
    });
  await change(local, 1);
  await change(remote, 1);
  await equal(2 * SIZES.length - 2 + 2);
  return workspace;
}

/** As `roundTrip`, in clear text to one address; returns what the program said to both servers, literals left out. */
async function heard(scene: Scene, name: string, hostname: string, options: Section = {}): Promise<string[]> {
  const lines: string[] = [];
  await using relay = Relay.start({ hostname, port: scene.daemon.port }, {
    line(sender, text) {
      if (sender === "client") lines.push(text);
      return "pass";
    },
  });
  await roundTrip(scene, name, (store) => plainSection(store, relay, { ...alone(scene), ...options }));
  return lines;
}

/** One connection with each server, so that logins can be counted; the original never has more. */
function alone({ program }: Pick<Scene, "program">): Section {
  return program.isOriginal ? {} : { connections: "1" };
}

function count(lines: readonly string[], pattern: RegExp): number {
  return lines.filter((line) => pattern.test(line)).length;
}

/** Literal announcements: octets, and whether the client waits for the server. */
function literals(lines: readonly string[]): { readonly octets: number; readonly waits: boolean }[] {
  return lines.flatMap((line) => {
    const found = /\{(\d+)(\+?)\}$/.exec(line);
    return found === null ? [] : [{ octets: Number(found[1]), waits: found[2] === "" }];
  });
}

liveTest("logging in works by PLAIN with and without SASL-IR, and by LOGIN", async (context) => {
  const daemon = await context.lab.daemon({ 2: { capabilities: without("SASL-IR") } });
  const scene = { ...context, daemon };
  const inOneLine = await heard(scene, "ir", "127.0.0.1");
  assert.equal(count(inOneLine, /^\S+ AUTHENTICATE PLAIN \S+$/), 4);
  const inTwoLines = await heard(scene, "noir", "127.0.0.2");
  assert.equal(count(inTwoLines, /^\S+ AUTHENTICATE PLAIN$/), 4);
  const login = await heard(scene, "login", "127.0.0.1", { auth: "LOGIN" });
  assert.equal(count(login, /^\S+ LOGIN /), 4);
  assert.equal(count(login, /AUTHENTICATE/), 0);
});

liveTest("messages are sent with whatever literals and APPENDs the server knows", async (context) => {
  const daemon = await context.lab.daemon({
    2: { capabilities: without("LITERAL+") },
    3: { capabilities: `${without("LITERAL+")} LITERAL-`, literalMinus: true },
    4: { capabilities: without("MULTIAPPEND") },
    5: { capabilities: REQUIRED },
  });
  const scene = { ...context, daemon };
  const hasMulti = (lines: readonly string[]) => count(lines, /^ \(.*\) ".*" \{\d+\+?\}$/) > 0;

  const full = await heard(scene, "full", "127.0.0.1");
  assert.ok(literals(full).some(({ waits }) => !waits));
  assert.ok(hasMulti(full));

  const synchronizing = await heard(scene, "sync", "127.0.0.2");
  assert.ok(literals(synchronizing).every(({ waits }) => waits), "a literal was not synchronizing");

  const minus = await heard(scene, "minus", "127.0.0.3");
  assert.ok(literals(minus).every(({ octets, waits }) => waits || octets <= 4096), "LITERAL- allows 4096 octets");
  if (!scene.program.isOriginal) assert.ok(literals(minus).some(({ waits }) => !waits), "LITERAL- was not used");

  const single = await heard(scene, "single", "127.0.0.4");
  assert.ok(!hasMulti(single));
  assert.equal(count(single, /^\S+ APPEND /), 2 * SIZES.length + 2);

  const bare = await heard(scene, "bare", "127.0.0.5");
  assert.ok(!hasMulti(bare));
  assert.ok(literals(bare).every(({ waits }) => waits));
});

liveTest("TLS works by STARTTLS and at once, verified and not", async (context) => {
  const { ca, bad } = await context.lab.certificates();
  const { selfSigned } = await bad();
  const daemon = await context.lab.daemon({ 2: { certificate: selfSigned } });
  const scene = { ...context, daemon };
  const startTls: Section = { STARTTLS: "YES" };
  const atOnce: Section = { type: "imaps", port: String(daemon.tlsPort) };
  const cases: readonly (readonly [name: string, options: Section])[] = [
    ["starttls", { ...startTls, SSL_CAfile: ca }],
    ["imaps", { ...atOnce, SSL_CAfile: ca }],
    ["byname", { ...atOnce, SSL_CAfile: ca, host: "localhost" }],
    ["selfca", { ...atOnce, SSL_CAfile: selfSigned.certificate, host: "127.0.0.2" }],
    ["unverified", { ...startTls, SSL_verify: "NO", host: "127.0.0.2" }],
    ["unverifieds", { ...atOnce, SSL_verify: "NO", host: "127.0.0.2" }],
  ];
  for (const [name, options] of cases) {
    await roundTrip(scene, name, (store) => ({ ...plainSection(store, daemon), ...alone(context), ...options }));
    const logins = (await context.lab.logs()).split("\n").filter((line) => line.includes(`Login: user=<${name}`));
    assert.equal(logins.length, 4, name);
    assert.ok(logins.every((line) => line.includes(", TLS,")), logins.join("\n"));
  }
});

liveTest(
  "COMPRESS=DEFLATE works in clear text and below TLS; by default only the remote side uses it",
  async (context) => {
    const { ca } = await context.lab.certificates();
    const daemon = await context.lab.daemon();
    const secure: Section = { type: "imaps", port: String(daemon.tlsPort), SSL_CAfile: ca };
    const cases: readonly (readonly [name: string, options: Section, used: readonly boolean[]])[] = [
      ["clear", { compress: "YES" }, [true, true]],
      ["secure", { ...secure, compress: "YES" }, [true, true]],
      ["without", { ...secure, compress: "NO" }, [false, false]],
      ["default", secure, [false, true]],
    ];
    for (const [name, options, used] of cases) {
      const stores: MailStore[] = [];
      const workspace = await roundTrip({ ...context, daemon }, name, (store) => {
        stores.push(store);
        const { compress: _compress, ...section } = plainSection(store, daemon);
        return { ...section, ...options };
      });
      for (const store of stores) await store.recordCommands();
      await workspace.sync(context.program);
      const compressed = await Promise.all(stores.map(async (store) => (await store.commands()).includes("COMPRESS")));
      assert.deepEqual(compressed, used, name);
    }
  },
);

liveTest(
  "bodies that no buffer holds go both ways, in several mailboxes, over however many connections",
  async (context) => {
    const { lab, program } = context;
    const daemon = await lab.daemon();
    const { ca } = await lab.certificates();
    for (const [index, [connections, secure]] of ([["1", false], ["1", true], ["4", true]] as const).entries()) {
      const options = secure ? { STARTTLS: "YES", SSL_CAfile: ca, compress: "YES" } : { compress: "NO" };
      const local = await lab.store(`l${index}`, { format: "maildir", separator: "/" });
      const remote = await lab.store(`r${index}`, { format: "mdbox", separator: "." });
      for (const [side, store] of [local, remote].entries()) {
        await store.with(async (probe) => {
          for (const name of ["a", "b", "c"]) {
            await probe.create(name);
            for (let number = 0; number < 2; number++) {
              // Of sizes by which they are told apart; some are streamed, the others held.
              for (const size of [30_000, 900_000, 5_000_000]) {
                const id = `${store.name} ${name} ${size} ${number}`;
                await probe.append(name, { body: messageOfSize(id, size + 2 * number + side) });
              }
            }
          }
        });
      }
      const more = program.isOriginal ? {} : { connections };
      const section = (store: MailStore) => plainSection(store, daemon, { ...options, ...more });
      const workspace = await Workspace.create(`${lab.directory}/w${index}`, section(local), section(remote));
      const result = await workspace.sync(program);
      assert.ok(result.milliseconds < 60_000, "they waited for each other");
      const { differences } = await compareStores(local, remote, workspace.databaseFile);
      assert.deepEqual(differences, [], `${connections} ${secure}`);
    }
  },
);
