// Model servers behind ports on loopback, with a configuration that names them: for what connects by itself.

import { type Config, loadConfig } from "../../lib/config/mod.ts";
import type { ByteStream } from "../../lib/transport/types.ts";
import type { ModelServer } from "./model_server.ts";

/** Who logs in at a model server behind a port. */
export const LOGIN = { user: "joe", password: "s3cret" };

export interface ModelPort extends AsyncDisposable {
  readonly port: number;
  /** Connections that were accepted so far. */
  readonly accepted: number;
  /** Connections that are open. */
  readonly open: number;
}

/** Lets `serve` have every connection, with its number, which begins at 1; it may close it. */
export function startPort(serve: (stream: ByteStream, number: number) => Promise<void>): ModelPort {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open = new Set<Promise<void>>();
  let accepted = 0;
  const accepting = (async () => {
    for await (const connection of listener) {
      const stream = streamOf(connection);
      const served = serve(stream, ++accepted).finally(() => {
        stream.close();
        open.delete(served);
      });
      open.add(served);
    }
  })();
  return {
    port: listener.addr.port,
    get accepted() {
      return accepted;
    },
    get open() {
      return open.size;
    },
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      await Promise.all(open);
    },
  };
}

function streamOf(connection: Deno.TcpConn): ByteStream {
  let closed = false;
  return {
    async read() {
      const buffer = new Uint8Array(16384);
      const count = await connection.read(buffer).catch(() => null);
      return count === null ? null : buffer.subarray(0, count);
    },
    async write(bytes) {
      for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
    },
    close() {
      if (!closed) connection.close();
      closed = true;
    },
  };
}

/** A server's connections go to the model, but for those that `refuse` answers with a greeting: they are closed then. */
export function serveModel(
  server: ModelServer,
  refuse: (number: number) => string | null = () => null,
): (stream: ByteStream, number: number) => Promise<void> {
  return async (stream, number) => {
    const greeting = refuse(number);
    if (greeting === null) await server.serve(stream);
    else await stream.write(new TextEncoder().encode(`${greeting}\r\n`));
  };
}

/** The configuration for two ports; `more` are further lines of a section. The directory is the test's to remove. */
export function configFor(
  directory: string,
  ports: Readonly<Record<"local" | "remote", { readonly port: number }>>,
  more: Partial<Record<"local" | "remote", string>> = {},
): Config {
  const section = (side: "local" | "remote") =>
    `[${side}]\ntype = imap\nSTARTTLS = NO\nhost = 127.0.0.1\nport = ${ports[side].port}\nusername = ${LOGIN.user}\n` +
    `password = ${LOGIN.password}\n${more[side] ?? ""}\n`;
  Deno.writeTextFileSync(`${directory}/config`, `database = state.db\n${section("local")}${section("remote")}`);
  const environment = { HOME: directory, XDG_CONFIG_HOME: directory, XDG_DATA_HOME: directory };
  return loadConfig(`${directory}/config`, environment).config;
}
