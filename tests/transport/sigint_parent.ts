// Run as a child process by tunnel_test.ts, in a process group of its own: opens a tunnel to stdio_relay.ts and says
// "survived" when the tunnel still answers after a SIGINT to the whole group.

import { systemClock } from "../../lib/base/clock.ts";
import { openTunnel } from "../../lib/transport/tunnel.ts";
import { collect } from "../support/stream_conformance.ts";

const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
const relay = new URL("../support/stdio_relay.ts", import.meta.url).pathname;
const tunnel = await openTunnel({
  component: "local",
  command: `${Deno.execPath()} run --allow-net ${relay} ${listener.addr.port} deaf`,
  nullStderr: false,
  clock: systemClock,
  env: () => undefined,
});
const conn = await listener.accept();
const echo = async () => {
  await tunnel.write(Uint8Array.of(1));
  await conn.read(new Uint8Array(1));
  await conn.write(Uint8Array.of(2));
  await collect(tunnel, 1);
};
await echo();
const interrupted = new Promise<void>((resolve) => Deno.addSignalListener("SIGINT", () => resolve()));
console.log("ready");
await interrupted;
for (let i = 0; i < 5; i++) {
  await echo();
  await new Promise((resolve) => setTimeout(resolve, 50));
}
tunnel.close();
const status = await tunnel.exited;
console.log(`survived, left with ${status.code}`);
Deno.exit(0);
