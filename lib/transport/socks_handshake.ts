// Makes npm:socks shake hands over a ByteStream of ours instead of a socket of Node's, so that everything after the
// handshake is read and written on our own connection, with its back-pressure. The client is fed octet by octet: it
// sees none that comes after its own, whatever arrives together. Nothing here knows SOCKS' messages.

import type { Duplex } from "node:stream";
import type { SocksClient } from "socks";
import { plainView } from "./buffers.ts";
import type { ByteStream } from "./types.ts";

/**
 * Runs the handshake of `client` over `proxied` and returns the stream to go on with; null when `proxied` ended before
 * the handshake did. The caller closes `proxied` in this case, after an error, and to end the handshake early.
 * @throws TransportError of `proxied`; the client's error, which holds the password
 */
export async function shakeHands(proxied: ByteStream, client: SocksClient): Promise<ByteStream | null> {
  const { Duplex } = await import("node:stream");
  const { promise: failed, reject: fail } = Promise.withResolvers<never>();
  const duplex = new Duplex({
    read() {}, // it is fed
    write(chunk: Uint8Array, _encoding, callback) {
      proxied.write(plainView(chunk)).then(() => callback(), fail);
    },
  });
  let established = false;
  client.on("error", fail);
  client.on("established", ({ remoteHost }) => {
    if (remoteHost === undefined) throw new Error("the reply has an address of no known type");
    established = true;
  });
  client.connect(duplex);
  const rest = await Promise.race([feed(proxied, duplex, () => established), failed]);
  return rest === null ? null : withRest(proxied, rest);
}

/** Feeds the client behind `duplex` until it is done. Returns what was read too much; null at the end of the stream. */
async function feed(proxied: ByteStream, duplex: Duplex, isDone: () => boolean): Promise<Uint8Array | null> {
  const { Buffer } = await import("node:buffer");
  while (true) {
    const bytes = await proxied.read();
    if (bytes === null) return null;
    for (const [index, octet] of bytes.entries()) {
      duplex.emit("data", Buffer.of(octet)); // within this call the client does what it does about the octet
      if (isDone()) return bytes.subarray(index + 1);
    }
  }
}

/** `stream`, of which `rest` has been read already; the buffer under it is the stream's, and stays until the next read. */
function withRest(stream: ByteStream, rest: Uint8Array): ByteStream {
  let unread: Uint8Array | null = rest.length === 0 ? null : rest;
  if (unread === null) return stream;
  return {
    read() {
      const bytes = unread;
      unread = null;
      return bytes === null ? stream.read() : Promise.resolve(bytes);
    },
    write: (bytes) => stream.write(bytes),
    close() {
      unread = null;
      stream.close();
    },
  };
}
