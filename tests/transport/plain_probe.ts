// Connects in plain TCP to the port that is named, and prints how many milliseconds it then takes to import node:tls,
// once and once more. Run by dial_test.ts, in a process of its own: there only can a module be not loaded yet.

import { connect } from "../../lib/transport/mod.ts";
import { connectOptions, serverConfig } from "./helpers.ts";

const server = serverConfig({ host: "127.0.0.1", port: Number(Deno.args[0]) });
const connection = await connect(server, connectOptions());

async function load(): Promise<number> {
  const start = performance.now();
  await import("node:tls");
  return performance.now() - start;
}

console.log(JSON.stringify({ first: await load(), second: await load() }));
connection.close();
