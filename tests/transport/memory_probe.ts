// Run as a child process, because memory is counted per process and other tests run beside: prints by how many octets
// the process grew while much was received. `tls CERTIFICATE KEY`: while nobody reads, and then; `inflate`: a bomb.

import { constants, deflateRawSync } from "node:zlib";
import { systemClock } from "../../lib/base/clock.ts";
import { deflateStream } from "../../lib/transport/deflate.ts";
import { connectTcp, TcpStream } from "../../lib/transport/tcp.ts";
import { tlsStream } from "../../lib/transport/tls.ts";
import type { ByteStream } from "../../lib/transport/types.ts";
import { duplexPair } from "../support/duplex.ts";
import { expectPattern, sendPattern } from "../support/stream_conformance.ts";
import { noLog, tlsOptions } from "./helpers.ts";

class Watch {
  readonly #before = Deno.memoryUsage().rss;
  readonly #timer = setInterval(() => this.look(), 5);
  growth = 0;
  look(): void {
    this.growth = Math.max(this.growth, Deno.memoryUsage().rss - this.#before);
  }
  stop(): number {
    clearInterval(this.#timer);
    return this.growth;
  }
}

async function probeTls(cert: string, key: string): Promise<Record<string, number>> {
  const listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert, key });
  const signal = new AbortController().signal;
  const common = { component: "remote", host: "127.0.0.1", port: listener.addr.port, keepAlive: false, signal };
  const secure = async () =>
    await tlsStream(await connectTcp(common), {
      ...common,
      peer: "the server",
      tls: tlsOptions({ verify: false }),
      anchors: null,
      clock: systemClock,
      log: noLog,
    });
  const [stream, conn] = await Promise.all([secure(), listener.accept()]);
  const peer = new TcpStream(conn, "client", "local");
  const octets = 192 << 20;
  const watch = new Watch();
  const sent = sendPattern(peer, octets);
  await new Promise((resolve) => setTimeout(resolve, 500)); // node:tls alone would take it all now
  const unread = watch.growth;
  await Promise.all([sent, expectPattern(stream, octets)]);
  const read = watch.stop();
  stream.close();
  peer.close();
  listener.close();
  return { unread, read };
}

async function probeInflate(): Promise<Record<string, number>> {
  const octets = 256 << 20;
  const bomb = new Uint8Array(deflateRawSync(new Uint8Array(octets), { finishFlush: constants.Z_SYNC_FLUSH }));
  const [inner, wire] = duplexPair();
  const stream: ByteStream = await deflateStream(inner, { component: "remote", rest: new Uint8Array() });
  await wire.write(bomb);
  const watch = new Watch();
  let [total, largest] = [0, 0];
  while (total < octets) {
    const bytes = await stream.read();
    if (bytes === null) break;
    total += bytes.length;
    largest = Math.max(largest, bytes.length);
    if (total % (1 << 20) === 0) watch.look();
  }
  stream.close();
  return { sent: bomb.length, total, largest, read: watch.stop() };
}

const [what, certFile = "", keyFile = ""] = Deno.args;
const result = what === "tls"
  ? await probeTls(await Deno.readTextFile(certFile), await Deno.readTextFile(keyFile))
  : await probeInflate();
console.log(JSON.stringify(result));
