// Collects what servers say by syslog(3) when a private /dev/log leads to a socket of the test (RFC 3164 4.1).

export interface LogRecord {
  /** 0 (emergency) to 7 (debug); 3 is an error. */
  readonly severity: number;
  readonly text: string;
}

/** Listens on a unix socket. The C library separates records by NUL on a stream. */
export class SyslogSocket {
  readonly records: LogRecord[] = [];
  readonly #listener: Deno.UnixListener;
  readonly #connections = new Set<Deno.UnixConn>();
  readonly #served: Promise<void>[] = [];
  readonly #accepting: Promise<void>;

  constructor(path: string) {
    this.#listener = Deno.listen({ transport: "unix", path });
    this.#accepting = this.#accept();
  }

  async #accept(): Promise<void> {
    for await (const connection of this.#listener) this.#served.push(this.#serve(connection));
  }

  async #serve(connection: Deno.UnixConn): Promise<void> {
    this.#connections.add(connection);
    const decoder = new TextDecoder("latin1");
    const buffer = new Uint8Array(16_384);
    let rest = "";
    try {
      for (let count = await connection.read(buffer); count !== null; count = await connection.read(buffer)) {
        const texts = `${rest}${decoder.decode(buffer.subarray(0, count))}`.split("\0");
        rest = texts.pop() ?? "";
        for (const text of texts) this.#add(text);
      }
    } catch {
      // closed below
    }
    if (this.#connections.delete(connection)) connection.close();
  }

  #add(text: string): void {
    const [, priority, said] = /^<(\d+)>(?:\w{3} [ \d]\d [\d:]{8} )?(.*)$/s.exec(text) ?? [];
    this.records.push({ severity: Number(priority ?? 5) & 7, text: (said ?? text).trimEnd() });
  }

  async close(): Promise<void> {
    this.#listener.close();
    await this.#accepting;
    for (const connection of this.#connections) {
      this.#connections.delete(connection);
      connection.close();
    }
    await Promise.all(this.#served);
  }
}
