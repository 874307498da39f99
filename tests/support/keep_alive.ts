// Whether the kernel probes a connection (SO_KEEPALIVE), which only the kernel can tell: proc(5), net/tcp.

/** Value of the column `tr` of a socket whose next timer is the keep-alive timer. */
const KEEP_ALIVE_TIMER = "02";

/** Asks about the established connection of 127.0.0.1 to `port`, of which there must be one; its sender must be silent. */
export async function isKeptAlive(port: number): Promise<boolean> {
  // By another process, for Deno opens nothing below /proc without all permissions.
  const { stdout } = await new Deno.Command("cat", { args: ["/proc/net/tcp"] }).output();
  const peer = `0100007F:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const rows = new TextDecoder().decode(stdout).split("\n").map((line) => line.trim().split(/\s+/));
  const [row, ...others] = rows.filter(([, , remote, state]) => remote === peer && state === "01");
  if (row === undefined || others.length > 0) throw new Error(`There is not one connection to port ${port}`);
  return row[5]?.startsWith(`${KEEP_ALIVE_TIMER}:`) === true;
}
