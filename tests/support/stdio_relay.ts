// Run as a child process: joins its standard input and output to the TCP port of 127.0.0.1 given as first argument,
// so that a test holds the other end of a tunnel. With "deaf" as second argument it leaves at SIGINT, as Dovecot's imap
// does; then "stubborn": it leaves neither at the end of its input nor at SIGTERM.

const [port, ...manners] = Deno.args;
if (manners.includes("deaf")) Deno.addSignalListener("SIGINT", () => Deno.exit(3));
if (manners.includes("stubborn")) {
  Deno.addSignalListener("SIGTERM", () => {});
  setInterval(() => {}, 1000);
}
const conn = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
const forth = Deno.stdin.readable.pipeTo(conn.writable).catch(() => {});
const back = conn.readable.pipeTo(Deno.stdout.writable).catch(() => {});
await (manners.includes("stubborn") ? Promise.all([forth, back]) : Promise.race([forth, back]));
if (!manners.includes("stubborn")) Deno.exit(0);
