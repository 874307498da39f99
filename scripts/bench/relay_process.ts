// Starts and stops relay.ts: a process of its own, so that what it does is not done by the program that measures.

import { LEASH } from "../../tests/support/live/child.ts";
import type { Traffic } from "./relay.ts";

const RELAY = new URL("relay.ts", import.meta.url).pathname;

/** A running relay; `stop()` has to be called. */
export class RelayProcess {
  readonly #child: Deno.ChildProcess;
  readonly #output: ReadableStreamDefaultReader<string>;

  private constructor(child: Deno.ChildProcess, output: ReadableStreamDefaultReader<string>, readonly port: number) {
    this.#child = child;
    this.#output = output;
  }

  /** `rtt` in milliseconds. */
  static async start(targetPort: number, rtt: number): Promise<RelayProcess> {
    const args = ["run", "--quiet", "--no-config", "--allow-net=127.0.0.1", RELAY, String(targetPort), String(rtt)];
    const [program, ...rest] = [...LEASH, Deno.execPath(), ...args];
    const options = { args: rest, stdin: "piped", stdout: "piped", stderr: "inherit" } as const;
    const child = new Deno.Command(program ?? "", options).spawn();
    const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const { value } = await output.read();
    if (value === undefined) throw new Error("The relay did not start");
    return new RelayProcess(child, output, Number(value));
  }

  /** Ends it, and returns what went through each connection. */
  async stop(): Promise<readonly Traffic[]> {
    await this.#child.stdin.close();
    let text = "";
    for (let part = await this.#output.read(); !part.done; part = await this.#output.read()) text += part.value;
    await this.#child.status;
    return JSON.parse(text);
  }
}
