// A client's connection whose server is a script, for tests of lib/client.

import { Connection } from "../../lib/client/connection.ts";
import { Session } from "../../lib/client/mod.ts";
import { type DuplexEnd, type DuplexOptions, duplexPair } from "./duplex.ts";
import { FakeClock } from "./fake_clock.ts";
import { KeepingLog } from "./quiet_log.ts";
import { Script } from "./script.ts";

export interface ClientRig {
  readonly session: Session;
  readonly connection: Connection;
  readonly server: Script;
  readonly end: DuplexEnd;
  readonly clock: FakeClock;
  readonly log: KeepingLog;
}

/** Not greeted yet. */
export function connectClient(options: DuplexOptions = {}, debugLevel = 0): ClientRig {
  const [client, end] = duplexPair(options);
  const clock = new FakeClock();
  const log = new KeepingLog(debugLevel);
  const session = new Session("remote", log);
  const connection = new Connection({
    stream: client,
    clock,
    log,
    component: "remote",
    events: session,
    capabilities: () => session.capabilities,
  });
  session.attach(connection);
  connection.start();
  return { session, connection, server: new Script(end), end, clock, log };
}

/** Greeted by PREAUTH with these capabilities. */
export async function greetedClient(
  capabilities: string,
  options: DuplexOptions = {},
  debugLevel = 0,
): Promise<ClientRig> {
  const rig = connectClient(options, debugLevel);
  await rig.server.send(`* PREAUTH [CAPABILITY ${capabilities}] hello`);
  await rig.connection.greeting;
  return rig;
}
