// The certificates of one lab: an authority, a good server certificate, and bad ones of each kind.

import { type Certificate, CertificateWorkshop } from "../certificates.ts";
import type { CertificateFiles } from "./dovecot_conf.ts";

export interface BadCertificates {
  /** Signed by the CA. */
  readonly expired: CertificateFiles;
  /** Signed by the CA, for wrong.example. */
  readonly wrongName: CertificateFiles;
  readonly selfSigned: CertificateFiles;
}

export interface LabCertificates {
  /** PEM file of the CA that signed `good`. */
  readonly ca: string;
  /** For localhost and 127.0.0.1 to 127.0.0.31. */
  readonly good: CertificateFiles;
  /** Made when they are asked for: few tests need them. */
  bad(): Promise<BadCertificates>;
  /** Where a test makes more of them, before the server starts; and the CA that signs. */
  readonly workshop: CertificateWorkshop;
  readonly authority: Certificate;
  /** Holds all of them. */
  readonly directory: string;
  /** Removes the files. */
  remove(): void;
}

const ADDRESSES = Array.from({ length: 31 }, (_, index) => `IP:127.0.0.${index + 1}`);
/** Of `good`, as a certificate spells them. */
export const GOOD_NAMES = ["DNS:localhost", ...ADDRESSES].join(",");

/** As the configuration of a server names them. */
export function files(certificate: Certificate): CertificateFiles {
  return { certificate: certificate.certFile, key: certificate.keyFile };
}

async function makeBad(workshop: CertificateWorkshop, authority: Certificate): Promise<BadCertificates> {
  const expired = await workshop.leaf(authority, "localhost", { names: GOOD_NAMES, to: "20210101000000Z" });
  const wrongName = await workshop.leaf(authority, "wrong.example", { names: "DNS:wrong.example" });
  const selfSigned = await workshop.selfSigned("localhost", GOOD_NAMES);
  return { expired: files(expired), wrongName: files(wrongName), selfSigned: files(selfSigned) };
}

export async function makeLabCertificates(): Promise<LabCertificates> {
  const workshop = new CertificateWorkshop();
  const authority = await workshop.selfSigned("Test CA");
  const good = await workshop.leaf(authority, "localhost", { names: GOOD_NAMES });
  return {
    ca: authority.certFile,
    good: files(good),
    bad: () => makeBad(workshop, authority),
    workshop,
    authority,
    directory: workshop.directory,
    remove: () => workshop.remove(),
  };
}
