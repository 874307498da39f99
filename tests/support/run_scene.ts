// Whole runs, as the commands of the program make them, between two model servers on loopback.

import { synchronize } from "../../lib/cli/sync_command.ts";
import { watch } from "../../lib/cli/watch_command.ts";
import type { Side } from "../../lib/state/types.ts";
import { BriskClock } from "./fake_clock.ts";
import { ModelMailstore } from "./model_mailstore.ts";
import { CAPABILITIES } from "./model_options.ts";
import { configFor, LOGIN, type ModelPort, serveModel, startPort } from "./model_port.ts";
import { Rig, SIDES } from "./model_rig.ts";
import { ModelServer } from "./model_server.ts";
import { KeepingLog } from "./quiet_log.ts";

/** Two servers, a state file, and runs between them. */
export interface RunScene extends AsyncDisposable {
  readonly rig: Rig;
  readonly ports: Readonly<Record<Side, ModelPort>>;
  readonly log: KeepingLog;
  readonly stop: AbortController;
  /** Resolves to the number of problems, when both servers have done what reached them. */
  run(): Promise<number>;
  /** Until `stop` is aborted. */
  watch(): Promise<unknown>;
}

export interface RunSceneOptions {
  /** Capabilities that neither server has; default none. */
  readonly without?: readonly string[];
  /** What the remote server takes for a password; default that of the configuration. */
  readonly password?: string;
}

export function prepareRuns({ without = [], password = LOGIN.password }: RunSceneOptions = {}): RunScene {
  const directory = Deno.makeTempDirSync({ prefix: "interimap-" });
  const capabilities = CAPABILITIES.filter((name) => !without.includes(name));
  const local = new ModelServer(undefined, { login: LOGIN, capabilities });
  const remote = new ModelServer(new ModelMailstore({ delimiter: ".", firstUidValidity: 7 }), {
    login: { ...LOGIN, password },
    capabilities,
  });
  const rig = new Rig(local, remote);
  const ports = { local: startPort(serveModel(local)), remote: startPort(serveModel(remote)) };
  const log = new KeepingLog();
  const stop = new AbortController();
  const clock = new BriskClock();
  const options = {
    config: configFor(directory, ports),
    log,
    clock: { now: () => clock.now(), after: (ms: number, callback: () => void) => clock.after(ms, callback) },
    env: () => undefined,
    signal: stop.signal,
    mailboxes: [],
  };
  const idle = () => Promise.all([local.idle(), remote.idle()]);
  return {
    rig,
    ports,
    log,
    stop,
    async run() {
      const { problems } = await synchronize({ ...options, repair: false, confirmed: null });
      await idle();
      return problems;
    },
    async watch() {
      const life = { random: () => 0.5, onHangup: () => () => {}, reopenLog: () => {} };
      try {
        return await watch({ ...options, ...life, interval: 60, notify: true });
      } catch (error) {
        return error;
      } finally {
        await idle();
      }
    },
    async [Symbol.asyncDispose]() {
      for (const side of SIDES) await ports[side][Symbol.asyncDispose]();
      Deno.removeSync(directory, { recursive: true });
    },
  };
}
