// The Buffers of Node's streams: how they are handed to the rest of the program, and how their memory is given back
// at once. The streams allocate a buffer for every piece, and the collector lets some 60 MiB of them pile up before
// it looks; it does not know which of them is spent, but we do.

/** Smaller buffers do not add up, and are left to the collector. */
const MIN_OCTETS = 4096;

/** The same octets as an ordinary Uint8Array: the slice() of a Buffer does not copy, which nobody expects. */
export function plainView(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Frees the memory under `bytes`, which nobody may use any more, if they are all of it: no pool, no other slice. */
export function releaseWhole(bytes: Uint8Array): void {
  if (bytes.byteLength === bytes.buffer.byteLength) release(bytes.buffer);
}

/**
 * The same for slices that are handed out, and spent, from the start of a buffer to its end, as zlib's are:
 * frees it with the last.
 */
export function releaseInOrder(slice: Uint8Array): void {
  if (slice.byteOffset + slice.byteLength === slice.buffer.byteLength) release(slice.buffer);
}

function release(buffer: ArrayBufferLike): void {
  if (buffer.byteLength >= MIN_OCTETS && buffer instanceof ArrayBuffer) buffer.transfer(0);
}
