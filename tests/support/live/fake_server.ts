// A server on loopback that says one thing to whoever connects: what is not an IMAP server, or not a sound one.

import { toBytes } from "./imap_values.ts";

export interface FakeServer extends AsyncDisposable {
  readonly port: number;
  /** Octets received so far, over all connections, one character each. */
  received(): string;
}

/**
 * Says `banner` and then listens, or with `hangUp` closes. An empty banner says nothing.
 */
export function startFakeServer(banner: string, hangUp = false, hostname = "127.0.0.1", port = 0): FakeServer {
  const listener = Deno.listen({ hostname, port });
  const connections = new Set<Deno.Conn>();
  const decoder = new TextDecoder("latin1");
  const heard: string[] = [];
  const serve = async (connection: Deno.Conn) => {
    connections.add(connection);
    try {
      if (banner !== "") await connection.write(toBytes(banner));
      const buffer = new Uint8Array(4096);
      for (let count: number | null = 0; !hangUp && count !== null; count = await connection.read(buffer)) {
        heard.push(decoder.decode(buffer.subarray(0, count)));
      }
    } catch {
      // the client went away, which is its right
    } finally {
      connections.delete(connection);
      connection.close();
    }
  };
  const served: Promise<void>[] = [];
  const accepting = (async () => {
    for await (const connection of listener) served.push(serve(connection));
  })();
  return {
    port: listener.addr.port,
    received: () => heard.join(""),
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      for (const connection of connections) await connection.closeWrite().catch(() => {});
      await Promise.all(served);
    },
  };
}
