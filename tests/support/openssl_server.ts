// A TLS server that is not ours: `openssl s_server` on loopback, with any certificate, versions and cipher suites. What
// it decrypts comes out of it; what is written into it is sent. It knows no IMAP.

import type { Certificate } from "./certificates.ts";

/** How the server differs from one that takes whatever OpenSSL takes. */
export interface OpenSslOptions {
  /** More arguments of s_server, such as `-tls1_2`. */
  readonly flags?: readonly string[];
  /** PEM texts to send after the certificate. */
  readonly chain?: readonly Certificate[];
  /** PEM file of the private key, if it is not the certificate's. */
  readonly keyFile?: string;
}

/** Serves one connection after the other, until it is disposed of. */
export class OpenSslServer implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #received: Promise<string>;
  readonly #chainFile: string | null;
  #text = "";
  #wake: () => void = () => {};

  private constructor(child: Deno.ChildProcess, readonly port: number, chainFile: string | null) {
    this.#child = child;
    this.#chainFile = chainFile;
    this.#received = this.#collect();
  }

  /** Returns when it accepts connections. */
  static async start(certificate: Certificate, options: OpenSslOptions = {}): Promise<OpenSslServer> {
    const { flags = [], chain = [], keyFile = certificate.keyFile } = options;
    let chainFile: string | null = null;
    if (chain.length > 0) {
      chainFile = await Deno.makeTempFile();
      await Deno.writeTextFile(chainFile, chain.map(({ cert }) => cert).join(""));
    }
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    listener.close();
    const child = new Deno.Command("openssl", {
      args: ["s_server", "-quiet", "-accept", `127.0.0.1:${port}`, "-cert", certificate.certFile, "-key", keyFile]
        .concat(chainFile === null ? [] : ["-cert_chain", chainFile], flags),
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const server = new OpenSslServer(child, port, chainFile);
    await server.#accepts();
    return server;
  }

  /** Sends text to the client that is connected. */
  async send(text: string): Promise<void> {
    const writer = this.#child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(text));
    writer.releaseLock();
  }

  /** Waits until this much has been decrypted since the start. */
  async receives(text: string): Promise<void> {
    while (!this.#text.includes(text)) await new Promise<void>((resolve) => this.#wake = resolve);
  }

  /** Ends the server, and tells what all clients have said to it inside TLS. */
  async stop(): Promise<string> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // it has ended
    }
    await this.#child.status;
    await this.#child.stdin.close().catch(() => {});
    if (this.#chainFile !== null) await Deno.remove(this.#chainFile).catch(() => {});
    return await this.#received;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #accepts(): Promise<void> {
    let ended = false;
    this.#child.status.then(() => ended = true);
    for (;;) {
      const up = await Deno.connect({ hostname: "127.0.0.1", port: this.port })
        .then((conn) => (conn.close(), true), () => false);
      if (up) return;
      if (ended) throw new Error("openssl s_server does not start");
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async #collect(): Promise<string> {
    for await (const chunk of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      this.#text += chunk;
      this.#wake();
    }
    this.#wake();
    return this.#text;
  }
}
