// Ports for servers that can be told no other way where to listen than by a number.

/** Below the ports that the kernel gives to whoever asks for any: tests that run at the same time do ask for them. */
const FIRST = 10_000;
const LAST = 32_000;

/** A port of 127.0.0.1 on which nobody listens. Another lab may still be faster to take it. */
export function freePort(): number {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}
