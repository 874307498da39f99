// Two stores, the remote one behind the TLS of a Dovecot, and runs with the options SSL_* for it: by imaps and by STARTTLS.

import assert from "node:assert/strict";
import type { Lab, Profile } from "../live_dovecot.ts";
import type { LiveContext } from "./live_case.ts";
import { plainSection, type RunResult, type Section, tunnelSection, Workspace } from "./program.ts";
import { assertRefused } from "./refusal.ts";

/** A local store behind a tunnel, and a remote one behind the TLS of a Dovecot. */
export async function prepareTls({ lab, program }: LiveContext, profiles: Readonly<Record<number, Profile>> = {}) {
  const local = await lab.store("local", { format: "maildir", separator: "/" });
  const remote = await lab.store("remote", { format: "mdbox", separator: "." });
  const workspace = await Workspace.create(`${lab.directory}/w`, tunnelSection(local), tunnelSection(remote));
  await workspace.sync(program);
  const { ca } = await lab.certificates();
  const daemon = await lab.daemon(profiles);
  const ways = (options: Section): readonly (readonly [way: string, section: Section])[] => {
    const section = { ...plainSection(remote, daemon), SSL_CAfile: ca, ...options };
    return [
      ["imaps", { ...section, type: "imaps", port: options.port ?? String(daemon.tlsPort) }],
      ["STARTTLS", { ...section, STARTTLS: "YES" }],
    ];
  };
  /** Runs with a section, in an environment with further variables; by another program than the one under test. */
  const run = async (section: Section, variables: readonly string[] = [], by = program): Promise<RunResult> => {
    await workspace.configure(tunnelSection(local), section);
    const command = [...(variables.length === 0 ? [] : ["env", ...variables]), ...by.command];
    return await workspace.run({ ...by, command }, ["--debug"]);
  };
  return {
    workspace,
    daemon,
    ca,
    ways,
    run,
    /** Runs with `options` both ways; each has to succeed. Returns what the last said. */
    async works(options: Section, variables: readonly string[] = []): Promise<RunResult> {
      let last: RunResult | null = null;
      for (const [way, section] of ways(options)) {
        last = await run(section, variables);
        assert.equal(last.code, 0, `${way}: ${last.stderr}`);
      }
      assert.ok(last !== null);
      return last;
    },
    /** The same, and each has to fail with one line like `said`, without a login. */
    async refuses(what: string, options: Section, said: RegExp): Promise<void> {
      for (const [way, section] of ways(options)) {
        const before = await logins(lab);
        await workspace.configure(tunnelSection(local), section);
        await assertRefused({ what: `${what}, ${way}`, said, program, workspace, stores: [local, remote] });
        assert.deepEqual(await logins(lab), before, `${what}, ${way}: somebody logged in`);
      }
    },
  };
}

/** What Dovecot wrote about logins, oldest first. */
export async function logins(lab: Lab): Promise<readonly string[]> {
  return (await lab.logs()).split("\n").filter((line) => line.includes("Login: user="));
}

/** The version and cipher suite of the last login, in Dovecot's words. */
export async function lastLogin(lab: Lab): Promise<string> {
  return /TLS, (\S+ with cipher \S+)/.exec((await logins(lab)).at(-1) ?? "")?.[1] ?? "no TLS";
}
