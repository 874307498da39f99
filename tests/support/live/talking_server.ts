// A server on loopback that follows a script: a greeting, and for every line of the client the answer of the first rule
// that fits. Clear text, no literals. For what happens before a mailbox is looked at.

import { toBytes } from "./imap_values.ts";

/** What the server answers to a line like `heard`; in the answer `TAG` stands for the tag of the command. */
export interface Rule {
  readonly heard: RegExp;
  readonly answer: readonly string[];
}

export interface TalkingServer extends AsyncDisposable {
  readonly port: number;
  /** All lines received so far, over all connections. */
  readonly lines: readonly string[];
}

/** Lines that no rule knows are answered by BAD. */
export function startTalkingServer(greeting: string, rules: readonly Rule[]): TalkingServer {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const lines: string[] = [];
  const connections = new Set<Deno.Conn>();
  const serve = async (connection: Deno.Conn) => {
    connections.add(connection);
    try {
      await connection.write(toBytes(`${greeting}\r\n`));
      let rest = "";
      const decoder = new TextDecoder("latin1");
      for await (const chunk of connection.readable) {
        rest += decoder.decode(chunk);
        const received = rest.split("\r\n");
        rest = received.pop() ?? "";
        for (const line of received) {
          lines.push(line);
          const answer = rules.find(({ heard }) => heard.test(line))?.answer ?? ["TAG BAD what?"];
          const text = answer.map((one) => `${one.replace("TAG", line.split(" ")[0] ?? "")}\r\n`).join("");
          await connection.write(toBytes(text));
        }
      }
    } catch {
      // the client went away, which is its right
    } finally {
      connections.delete(connection);
    }
  };
  const served: Promise<void>[] = [];
  const accepting = (async () => {
    for await (const connection of listener) served.push(serve(connection));
  })();
  return {
    port: listener.addr.port,
    lines,
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      for (const connection of connections) await connection.closeWrite().catch(() => {});
      await Promise.all(served);
    },
  };
}
