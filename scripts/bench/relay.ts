// A relay of its own process between a program under measurement and an IMAP server, with a round-trip time. Every
// octet waits half of it in each direction, and the server is connected to late enough for the greeting to arrive
// after two round trips, as it would on a network. Bandwidth is not limited; loss and slow start are not modelled.
//
//   relay.ts TARGET_PORT RTT_MS    prints the port it listens on; when its standard input ends, which is when all clients
//                                  have left, it prints what it has counted

/** What went through one connection. */
export interface Traffic {
  up: number;
  down: number;
  /** How often the client began to send after it had been sent something: no fewer than the round trips it waited. */
  turns: number;
}

const CHUNK_OCTETS = 262144;
/** In flight in one direction; more than any tool here can fill at 100 ms. */
const MAX_QUEUED_OCTETS = 128 * 1048576;

/** For what clients sent just before they left. */
const LAST_WORDS_MS = 5000;

interface Chunk {
  readonly bytes: Uint8Array;
  /** When it may go on, in milliseconds of performance.now(). */
  readonly due: number;
}

/** Octets under way in one direction: put in by one loop, taken out by another. */
class Pipe {
  readonly #chunks: Chunk[] = [];
  #queued = 0;
  #ended = false;
  #wake: () => void = () => {};

  /** Resolves when there is room again. */
  async put(chunk: Chunk): Promise<void> {
    this.#chunks.push(chunk);
    this.#queued += chunk.bytes.length;
    this.#wake();
    while (this.#queued > MAX_QUEUED_OCTETS) await this.#changed();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  /** The oldest; null when there will be none. */
  async take(): Promise<Chunk | null> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        this.#queued -= chunk.bytes.length;
        this.#wake();
        return chunk;
      }
      if (this.#ended) return null;
      await this.#changed();
    }
  }

  #changed(): Promise<void> {
    return new Promise((resolve) => this.#wake = resolve);
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

async function readInto(pipe: Pipe, from: Deno.Conn, delay: number, count: (octets: number) => void): Promise<void> {
  try {
    for (;;) {
      const buffer = new Uint8Array(CHUNK_OCTETS);
      const octets = await from.read(buffer);
      if (octets === null) return;
      count(octets);
      // A small chunk does not keep a large buffer.
      const bytes = octets < CHUNK_OCTETS / 8 ? buffer.slice(0, octets) : buffer.subarray(0, octets);
      await pipe.put({ bytes, due: performance.now() + delay });
    }
  } finally {
    pipe.end();
  }
}

async function writeFrom(pipe: Pipe, to: Deno.Conn, sent: () => void): Promise<void> {
  for (let chunk = await pipe.take(); chunk !== null; chunk = await pipe.take()) {
    const wait = chunk.due - performance.now();
    if (wait > 0) await pause(wait);
    for (let at = 0; at < chunk.bytes.length;) at += await to.write(chunk.bytes.subarray(at));
    sent();
  }
  await to.closeWrite();
}

async function serve(client: Deno.TcpConn, targetPort: number, rtt: number, traffic: Traffic): Promise<void> {
  client.setNoDelay(true);
  const [up, down] = [new Pipe(), new Pipe()];
  let isAnswered = true;
  const reading = readInto(up, client, rtt / 2, (octets) => {
    if (isAnswered) traffic.turns++;
    isAnswered = false;
    traffic.up += octets;
  });
  // On a network connecting takes one round trip and the greeting comes after one more, half of which is still ahead.
  await pause(rtt * 1.5);
  const server = await Deno.connect({ hostname: "127.0.0.1", port: targetPort });
  server.setNoDelay(true);
  await Promise.allSettled([
    reading,
    writeFrom(up, server, () => {}),
    readInto(down, server, rtt / 2, (octets) => traffic.down += octets),
    writeFrom(down, client, () => isAnswered = true),
  ]);
  client.close();
  server.close();
}

async function main(): Promise<void> {
  const [targetPort, rtt] = Deno.args.map(Number);
  if (targetPort === undefined || rtt === undefined) throw new Error("usage: relay.ts TARGET_PORT RTT_MS");
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connections: Traffic[] = [];
  const serving: Promise<void>[] = [];
  (async () => {
    for await (const client of listener) {
      const traffic = { up: 0, down: 0, turns: 0 };
      connections.push(traffic);
      const report = (error: Error) => console.error(`relay: ${error.message}`);
      serving.push(serve(client, targetPort, rtt, traffic).catch(report));
    }
  })();
  console.log(String(listener.addr.port));
  for await (const _octets of Deno.stdin.readable);
  // What they have sent last may not have been counted yet.
  await Promise.race([Promise.all(serving), pause(LAST_WORDS_MS)]);
  console.log(JSON.stringify(connections));
  Deno.exit(0);
}

if (import.meta.main) await main();
