// Certificates for tests, made by the openssl command: authorities, and leaves with any name and any dates.

import assert from "node:assert/strict";

/** Files of a certificate and its key, PEM, and their texts. */
export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
  readonly cert: string;
  readonly key: string;
}

/** When a certificate is valid, and of which kind its key is. */
export interface IssueOptions {
  /** ASN.1 UTCTime-like `YYYYMMDDHHMMSSZ`; default 2020 to 2049. */
  readonly from?: string;
  readonly to?: string;
  readonly key?: keyof typeof KEY_ARGUMENTS;
}

/** What a leaf says. */
export interface LeafOptions extends IssueOptions {
  /** As in openssl's subjectAltName: `DNS:localhost,IP:127.0.0.1`; empty: only its common name tells whose it is. */
  readonly names: string;
  /** Extended key usage; default serverAuth. */
  readonly usage?: "serverAuth" | "clientAuth";
}

const KEY_ARGUMENTS = {
  ecdsa: ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
  "ecdsa-384": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"],
  "ecdsa-521": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-521"],
  rsa: ["-newkey", "rsa:2048"],
  "rsa-1024": ["-newkey", "rsa:1024"],
  "rsa-4096": ["-newkey", "rsa:4096"],
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
  leaf(authority: Certificate, commonName: string, options: LeafOptions): Promise<Certificate> {
    const names = options.names === "" ? "" : `subjectAltName=${options.names}\n`;
    return this.#issue(authority, commonName, options, `${names}extendedKeyUsage=${options.usage ?? "serverAuth"}\n`);
  }

  /** An authority that `authority` vouches for, or with null itself. */
  authority(authority: Certificate | null, commonName: string, options: IssueOptions = {}): Promise<Certificate> {
    return this.#issue(authority, commonName, options, "basicConstraints=critical,CA:TRUE\n");
  }

  async #issue(
    authority: Certificate | null,
    commonName: string,
    options: IssueOptions,
    extensions: string,
  ): Promise<Certificate> {
    const base = this.#base();
    const { from = "20200101000000Z", to = "20491231000000Z", key = "ecdsa" } = options;
    await Deno.writeTextFile(`${this.directory}/ca.cnf`, CA_CONFIG);
    await Deno.writeTextFile(`${this.directory}/index`, "");
    await Deno.writeTextFile(`${this.directory}/serial`, `${1000 + this.#count}`);
    await Deno.writeTextFile(`${base}.ext`, extensions);
    await this.#openssl(
      ["req", "-new", ...KEY_ARGUMENTS[key], "-nodes", "-keyout", `${base}.key`, "-out", `${base}.csr`],
      ["-subj", `/CN=${commonName}`],
    );
    const signer = authority === null
      ? ["-selfsign", "-keyfile", `${base}.key`]
      : ["-cert", authority.certFile, "-keyfile", authority.keyFile];
    await this.#openssl(
      ["ca", "-batch", "-config", "ca.cnf", ...signer],
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

/** The pin of the certificate's key, by the recipe of the man page: `ALGORITHM$HEX`. */
export async function opensslPin(certificate: Pick<Certificate, "certFile">, algorithm: string): Promise<string> {
  const recipe = 'openssl x509 -in "$0" -noout -pubkey | openssl pkey -pubin -outform DER | openssl dgst -"$1" -r';
  const { stdout } = await new Deno.Command("sh", { args: ["-c", recipe, certificate.certFile, algorithm] }).output();
  return `${algorithm}$${new TextDecoder().decode(stdout).split(" ")[0]}`;
}

/**
 * A file with a key that openssl takes for that of `victim`, for it says the public part of it, and that signs with the
 * private part of `thief`. Both must be of kind ecdsa.
 */
export async function forgedKey(victim: Certificate, thief: Certificate): Promise<string> {
  const octets = (pem: string) =>
    Uint8Array.from(atob(pem.replace(/-----[^-]*-----|\s/g, "")), (character) => character.charCodeAt(0));
  const [real, forged] = [octets(victim.key), octets(thief.key)];
  forged.set(real.subarray(-65), forged.length - 65); // the point of P-256, uncompressed, is the end of the key
  const lines = btoa(String.fromCharCode(...forged)).match(/.{1,64}/g) ?? [];
  const file = `${thief.keyFile}.forged`;
  await Deno.writeTextFile(file, `-----BEGIN PRIVATE KEY-----\n${lines.join("\n")}\n-----END PRIVATE KEY-----\n`);
  return file;
}
