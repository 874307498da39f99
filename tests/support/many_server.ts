// Run as a child process: two model servers on ports of loopback, each with an INBOX of COUNT messages that share one
// text, so that the memory and time of a program between them are its own. The UIDs of the remote one have a hole after
// each eleven. Prints the two ports, local first, and ends with its standard input.
//
//   many_server.ts COUNT

import type { ByteStream } from "../../lib/transport/types.ts";
import { ModelMailstore, type NewModelMessage } from "./model_mailstore.ts";
import { ModelServer } from "./model_server.ts";
import { octetsOf } from "./model_values.ts";

export const LOGIN = { user: "u", password: "p" };
/** Each UID that this divides is not there on the remote side. */
export const HOLE_EVERY = 12;

const READ_OCTETS = 65_536;
const APPENDED_AT_ONCE = 10_000;
const MESSAGE: NewModelMessage = {
  flags: ["\\Seen"],
  date: { seconds: 1_700_000_000, zone: 0 },
  body: octetsOf("Message-ID: <1@example.net>\r\nSubject: one of many\r\n\r\nHello.\r\n"),
};

/** How many of the first `uids` UIDs are there. */
function present(uids: number): number {
  return uids - Math.floor(uids / HOLE_EVERY);
}

/** The UID of the remote copy of a local message. */
export function remoteUidOf(localUid: number): number {
  return localUid + Math.floor((localUid - 1) / (HOLE_EVERY - 1));
}

function streamOf(connection: Deno.TcpConn): ByteStream {
  const buffer = new Uint8Array(READ_OCTETS);
  return {
    async read() {
      const count = await connection.read(buffer).catch(() => null);
      return count === null ? null : buffer.subarray(0, count);
    },
    async write(bytes) {
      for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
    },
    close() {
      try {
        connection.close();
      } catch {
        // closed already
      }
    },
  };
}

function filled(uids: number): ModelMailstore {
  const store = new ModelMailstore();
  const inbox = store.mailbox("INBOX");
  for (let left = uids; left > 0; left -= APPENDED_AT_ONCE) {
    inbox.append(new Array(Math.min(left, APPENDED_AT_ONCE)).fill(MESSAGE));
  }
  return store;
}

async function serve(store: ModelMailstore, listener: Deno.TcpListener): Promise<void> {
  const server = new ModelServer(store, { login: LOGIN });
  for await (const connection of listener) {
    connection.setNoDelay(true);
    void server.serve(streamOf(connection));
  }
}

async function main(): Promise<void> {
  const count = Number(Deno.args[0]);
  const last = remoteUidOf(count);
  const [local, remote] = [filled(count), filled(last)];
  const holes = Array.from({ length: last - present(last) }, (_, at) => (at + 1) * HOLE_EVERY);
  remote.mailbox("INBOX").expunge(holes);
  const listeners = [local, remote].map((store) => {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    void serve(store, listener);
    return listener;
  });
  console.log(listeners.map(({ addr }) => addr.port).join(" "));
  for await (const _octets of Deno.stdin.readable);
  Deno.exit(0);
}

if (import.meta.main) await main();
