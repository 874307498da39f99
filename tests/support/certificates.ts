// Certificates for tests, made by the openssl command: authorities, and leaves with any name and any dates.

import assert from "node:assert/strict";

/** Files of a certificate and its key, PEM, and their texts. */
export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
  readonly cert: string;
  readonly key: string;
}

/** What a leaf says. */
export interface LeafOptions {
  /** As in openssl's subjectAltName: `DNS:localhost,IP:127.0.0.1`. */
  readonly names: string;
  /** ASN.1 UTCTime-like `YYYYMMDDHHMMSSZ`; default 2020 to 2049. */
  readonly from?: string;
  readonly to?: string;
  readonly key?: keyof typeof KEY_ARGUMENTS;
}

const KEY_ARGUMENTS = {
  ecdsa: ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
  rsa: ["-newkey", "rsa:2048"],
  ed25519: ["-newkey", "ed25519"],
} as const;

const CA_CONFIG = `[ca]
default_ca = test
[test]
database = index
serial = serial
new_certs_dir = .
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
`;

/** Makes certificates in a directory of its own. */
export class CertificateWorkshop {
  readonly directory: string = Deno.makeTempDirSync({ prefix: "interimap-certificates-" });
  #count = 0;

  /** A self-signed certificate: an authority, or a leaf when names are given. */
  async selfSigned(commonName: string, names: string | null = null): Promise<Certificate> {
    const base = this.#base();
    const extension = names === null ? "basicConstraints=critical,CA:TRUE" : `subjectAltName=${names}`;
    await this.#openssl(
      ["req", "-x509", ...KEY_ARGUMENTS.ecdsa, "-nodes", "-keyout", `${base}.key`, "-out", `${base}.pem`],
      ["-subj", `/CN=${commonName}`, "-days", "3000", "-addext", extension],
    );
    return read(base);
  }

  /** A leaf signed by `authority`. */
  async leaf(authority: Certificate, commonName: string, options: LeafOptions): Promise<Certificate> {
    const base = this.#base();
    const { names, from = "20200101000000Z", to = "20491231000000Z", key = "ecdsa" } = options;
    await Deno.writeTextFile(`${this.directory}/ca.cnf`, CA_CONFIG);
    await Deno.writeTextFile(`${this.directory}/index`, "");
    await Deno.writeTextFile(`${this.directory}/serial`, `${1000 + this.#count}`);
    await Deno.writeTextFile(`${base}.ext`, `subjectAltName=${names}\nextendedKeyUsage=serverAuth\n`);
    await this.#openssl(
      ["req", "-new", ...KEY_ARGUMENTS[key], "-nodes", "-keyout", `${base}.key`, "-out", `${base}.csr`],
      ["-subj", `/CN=${commonName}`],
    );
    await this.#openssl(
      ["ca", "-batch", "-config", "ca.cnf", "-cert", authority.certFile, "-keyfile", authority.keyFile],
      ["-in", `${base}.csr`, "-out", `${base}.pem`, "-notext", "-extfile", `${base}.ext`],
      ["-startdate", from, "-enddate", to],
    );
    return read(base);
  }

  remove(): void {
    Deno.removeSync(this.directory, { recursive: true });
  }

  #base(): string {
    return `${this.directory}/${++this.#count}`;
  }

  async #openssl(...args: string[][]): Promise<string> {
    const output = await new Deno.Command("openssl", {
      args: args.flat(),
      cwd: this.directory,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).output();
    assert.ok(output.success, new TextDecoder().decode(output.stderr));
    return new TextDecoder().decode(output.stdout);
  }
}

async function read(base: string): Promise<Certificate> {
  const [certFile, keyFile] = [`${base}.pem`, `${base}.key`];
  return { certFile, keyFile, cert: await Deno.readTextFile(certFile), key: await Deno.readTextFile(keyFile) };
}
