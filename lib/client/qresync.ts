// Turns QRESYNC on (RFC 7162 3.2.3, RFC 5161), and decides which answers to that are good enough.

import { ProtocolError } from "../errors.ts";
import type { Logger } from "../log/types.ts";
import { enable } from "../protocol/mod.ts";
import type { Session } from "./session.ts";

/** See `Session.enableQresync()`. */
export async function enableQresync(session: Session, log: Logger): Promise<void> {
  const { component } = session;
  let enabled: boolean | null = null;
  await session.run(enable(["QRESYNC"]), {
    claim: (data) => {
      if (data.kind !== "enabled") return false;
      if (enabled !== true) enabled = data.names.some((name) => name.toUpperCase() === "QRESYNC");
      return true;
    },
  });
  if (enabled === false) throw new ProtocolError("Couldn't ENABLE QRESYNC", { component });
  if (enabled === null) {
    log.with({ component }).info("The server answered OK to ENABLE QRESYNC and did not confirm it");
  }
}
