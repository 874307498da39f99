// What the tests of opening a session have in common: a client on one end of a pair of streams, a script on the other.

import { type OpenOptions, openSession } from "../../lib/client/mod.ts";
import type { ByteStream, Connected } from "../../lib/transport/types.ts";
import { type DuplexEnd, duplexPair } from "../support/duplex.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { KeepingLog } from "../support/quiet_log.ts";
import { Script } from "../support/script.ts";

/** A connection whose layers are further duplex pairs: what the server says "inside" goes to `secure`. */
export function rig(options: Partial<OpenOptions> = {}): {
  opening: ReturnType<typeof openSession>;
  server: Script;
  inside: Script;
  end: DuplexEnd;
  log: KeepingLog;
} {
  const [client, end] = duplexPair();
  const [innerClient, innerEnd] = duplexPair();
  const log = new KeepingLog(1);
  let confidential = false;
  const connected: Connected = {
    stream: client,
    get confidential() {
      return confidential;
    },
    startTls: (): Promise<ByteStream> => {
      confidential = true;
      return Promise.resolve(innerClient);
    },
    startDeflate: (): Promise<ByteStream> => Promise.resolve(innerClient),
    traffic: () => ({ received: 0, sent: 0, wireReceived: null, wireSent: null }),
    close: () => client.close(),
  };
  const opening = openSession({
    component: "remote",
    startTls: false,
    allowPlaintext: true,
    compress: false,
    expected: null,
    auth: ["PLAIN", "LOGIN"],
    username: "joe",
    password: "s3cret",
    clock: new FakeClock(),
    log,
    signal: new AbortController().signal,
    deadline: { signal: new AbortController().signal, clear: () => {} },
    connect: () => Promise.resolve(connected),
    ...options,
  });
  opening.catch(() => {});
  return { opening, server: new Script(end), inside: new Script(innerEnd), end, log };
}
