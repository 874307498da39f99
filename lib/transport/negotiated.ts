// Whether what a handshake came to is what the options SSL_protocol_*, SSL_cipherlist and SSL_ciphersuites allow: the
// runtime takes such options and does not heed all of them. Pure; it knows no socket.

import type { TlsOptions } from "../config/types.ts";

/** What both ends agreed on, by OpenSSL's names. */
export interface Negotiated {
  readonly protocol: string;
  readonly suite: string;
}

/** Why it may not be used, to be read after "Can't initiate TLS/SSL handshake with HOST:PORT: "; null: it may. */
export function forbidden(
  { protocol, suite }: Negotiated,
  { minVersion, maxVersion }: Pick<TlsOptions, "minVersion" | "maxVersion">,
  suites: ReadonlySet<string>,
): string | null {
  const versions = ["TLSv1.2", "TLSv1.3"].filter((version) =>
    (minVersion === null || version >= minVersion) && (maxVersion === null || version <= maxVersion)
  );
  if (!versions.includes(protocol)) return `the server chose ${protocol}, which SSL_protocol_min and _max leave out`;
  if (suites.has(suite)) return null;
  return `the server chose ${suite}, which ${
    protocol === "TLSv1.3" ? "SSL_ciphersuites" : "SSL_cipherlist"
  } leaves out`;
}
