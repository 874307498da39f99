// The server's end of COMPRESS=DEFLATE (RFC 4978) for the model server, by node:zlib: nothing of lib/ is in it, so that
// both ends cannot make the same mistake. It does not know when compression may begin; the session does.

import { constants, createDeflateRaw, createInflateRaw } from "node:zlib";
import type { ByteStream } from "../../lib/transport/types.ts";

const CHUNK_OCTETS = 16 * 1024;

/** Raw DEFLATE both ways over `inner`. `rest`: octets already received that belong to the compressed stream. */
export function deflatedEnd(inner: ByteStream, rest: Uint8Array): ByteStream {
  const options = { chunkSize: CHUNK_OCTETS, memLevel: 4, windowBits: 12 };
  const deflate = createDeflateRaw({ ...options, flush: constants.Z_SYNC_FLUSH });
  const inflate = createInflateRaw({ chunkSize: CHUNK_OCTETS });
  const plain: Uint8Array[] = [];
  const packed: Uint8Array[] = [];
  let corrupt: Error | null = null;
  let input: Uint8Array | null = rest.length === 0 ? null : rest;
  deflate.on("data", (bytes: Uint8Array) => void packed.push(bytes));
  deflate.on("error", () => {});
  inflate.on("data", (bytes: Uint8Array) => void plain.push(bytes));
  inflate.on("error", (error: Error) => corrupt = error);

  return {
    read: async () => {
      for (;;) {
        const bytes = plain.shift();
        if (bytes !== undefined) return bytes;
        if (corrupt !== null) throw corrupt;
        const compressed = input ?? (await inner.read())?.slice() ?? null;
        input = null;
        if (compressed === null) return null;
        await new Promise<void>((resolve) => inflate.write(compressed, () => resolve()));
      }
    },
    write: async (bytes) => {
      await new Promise<void>((resolve, reject) => deflate.write(bytes, (error) => error ? reject(error) : resolve()));
      for (const piece of packed.splice(0)) await inner.write(piece);
    },
    close: () => {
      inner.close();
      deflate.destroy();
      inflate.destroy();
    },
  };
}
