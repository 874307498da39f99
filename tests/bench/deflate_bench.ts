// What COMPRESS=DEFLATE costs in each direction, the stream below being memory. A name ends in what one iteration works
// through; scripts/microbench.ts divides by it.

import { constants, deflateRawSync } from "node:zlib";
import { deflateStream } from "../../lib/transport/deflate.ts";
import type { ByteStream } from "../../lib/transport/types.ts";
import { MessageMaker } from "../../scripts/bench/messages.ts";

const MESSAGES = 200;
const NOTHING = new Uint8Array(0);
const WRITE_OCTETS = 65536;

/** A stream that gives these octets, and takes whatever is written. */
function memory(octets: Uint8Array): ByteStream {
  let at = 0;
  return {
    read: () => {
      const chunk = octets.subarray(at, at += WRITE_OCTETS);
      return Promise.resolve(chunk.length === 0 ? null : chunk);
    },
    write: () => Promise.resolve(),
    close: () => {},
  };
}

const maker = new MessageMaker(1, "normal");
const mail = new Uint8Array(
  await new Blob(Array.from({ length: MESSAGES }, (_, number) => new Uint8Array(maker.make(number).body)))
    .arrayBuffer(),
);
const packed = new Uint8Array(deflateRawSync(mail, { finishFlush: constants.Z_SYNC_FLUSH }));

async function inflate(): Promise<void> {
  const stream = await deflateStream(memory(packed), { component: "bench", rest: NOTHING });
  let octets = 0;
  while (octets < mail.length) octets += (await stream.read())?.length ?? Infinity;
  stream.close();
}

async function deflate(): Promise<void> {
  const stream = await deflateStream(memory(NOTHING), { component: "bench", rest: NOTHING });
  for (let at = 0; at < mail.length; at += WRITE_OCTETS) await stream.write(mail.subarray(at, at + WRITE_OCTETS));
  stream.close();
}

Deno.bench({ group: "deflate", name: `inflating mail / ${mail.length} octets`, fn: inflate });
Deno.bench({ group: "deflate", name: `deflating mail / ${mail.length} octets`, fn: deflate });
