// SHA-256, loaded when something is copied: an idle run does not pay for node:crypto.

/** Gives the first 32 hex digits of the SHA-256 of a text of octets (one character each). */
export type Digest = (octets: string) => string;

export async function loadDigest(): Promise<Digest> {
  const { createHash } = await import("node:crypto");
  return (octets) => createHash("sha256").update(octets, "latin1").digest("hex").slice(0, 32);
}
