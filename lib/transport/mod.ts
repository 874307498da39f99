// What the rest of the program sees of the transport.

export { connect, type ConnectOptions, peerName } from "./dial.ts";
export { connectDeadline } from "./deadline.ts";
export type { ByteStream, Connected, Traffic } from "./types.ts";
