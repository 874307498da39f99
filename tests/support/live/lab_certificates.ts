// The certificates of one lab: an authority, a good server certificate, and bad ones of each kind.

import { type Certificate, CertificateWorkshop } from "../certificates.ts";
import type { CertificateFiles } from "./dovecot_conf.ts";

export interface LabCertificates {
  /** PEM file of the CA that signed `good`, `expired` and `wrongName`. */
  readonly ca: string;
  /** For localhost and 127.0.0.1 to 127.0.0.31. */
  readonly good: CertificateFiles;
  readonly expired: CertificateFiles;
  /** For wrong.example. */
  readonly wrongName: CertificateFiles;
  readonly selfSigned: CertificateFiles;
  /** Holds all of them. */
  readonly directory: string;
  /** Removes the files. */
  remove(): void;
}

const ADDRESSES = Array.from({ length: 31 }, (_, index) => `IP:127.0.0.${index + 1}`);
const GOOD_NAMES = ["DNS:localhost", ...ADDRESSES].join(",");

function files(certificate: Certificate): CertificateFiles {
  return { certificate: certificate.certFile, key: certificate.keyFile };
}

/** Takes about 0.1 s. */
export async function makeLabCertificates(): Promise<LabCertificates> {
  const workshop = new CertificateWorkshop();
  const authority = await workshop.selfSigned("Test CA");
  const good = await workshop.leaf(authority, "localhost", { names: GOOD_NAMES });
  const expired = await workshop.leaf(authority, "localhost", { names: GOOD_NAMES, to: "20210101000000Z" });
  const wrongName = await workshop.leaf(authority, "wrong.example", { names: "DNS:wrong.example" });
  const selfSigned = await workshop.selfSigned("localhost", GOOD_NAMES);
  return {
    ca: authority.certFile,
    good: files(good),
    expired: files(expired),
    wrongName: files(wrongName),
    selfSigned: files(selfSigned),
    directory: workshop.directory,
    remove: () => workshop.remove(),
  };
}
