// Two stores, reached by tunnels, and a program with its workspace between them: what most tests of lists and options begin
// with. It compares nothing.

import type { ImapProbe } from "../imap_probe.ts";
import type { Lab, Layout, MailStore } from "../live_dovecot.ts";
import { plainMessage } from "./mail.ts";
import { type Program, type RunResult, type Section, tunnelSection, Workspace } from "./program.ts";
import { digestOf, readStore } from "./witness.ts";

export interface StageOptions {
  readonly layouts: { readonly local: Layout; readonly remote: Layout };
  /** What stands in the configuration beside the tunnels. */
  readonly globals?: Section;
  readonly local?: Section;
  readonly remote?: Section;
}

export class Stage {
  private constructor(
    readonly program: Program,
    readonly local: MailStore,
    readonly remote: MailStore,
    readonly workspace: Workspace,
  ) {}

  static async open(lab: Lab, program: Program, { layouts, ...options }: StageOptions): Promise<Stage> {
    const [local, remote] = [await lab.store("local", layouts.local), await lab.store("remote", layouts.remote)];
    const here = { ...tunnelSection(local), ...options.local };
    const there = { ...tunnelSection(remote), ...options.remote };
    return new Stage(
      program,
      local,
      remote,
      await Workspace.create(`${lab.directory}/w`, here, there, options.globals),
    );
  }

  onLocal<Result>(use: (probe: ImapProbe) => Promise<Result>): Promise<Result> {
    return this.local.with(use);
  }

  onRemote<Result>(use: (probe: ImapProbe) => Promise<Result>): Promise<Result> {
    return this.remote.with(use);
  }

  /** Runs, which has to succeed. */
  sync(args: readonly string[] = []): Promise<RunResult> {
    return this.workspace.sync(this.program, args);
  }

  async localNames(): Promise<string[]> {
    return [...(await readStore(this.local)).mailboxes.keys()].sort();
  }

  async remoteNames(): Promise<string[]> {
    return [...(await readStore(this.remote)).mailboxes.keys()].sort();
  }
}

/** Digests of the plain messages with these ids, sorted. */
export function digestsOf(...ids: readonly string[]): string[] {
  return ids.map((id) => digestOf(plainMessage(id))).sort();
}
