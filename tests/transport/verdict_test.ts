// The words for a failed verification, without any server.

import assert from "node:assert/strict";
import {
  type CertificateFacts,
  type FailedVerification,
  handshakeCause,
  isWithoutProof,
  lacksTrust,
  verificationCause,
} from "../../lib/transport/verdict.ts";

const now = Date.parse("2026-03-04T12:00:00Z");
const leaf: CertificateFacts = {
  subject: "imap.example.net",
  issuer: "Example CA",
  validFrom: Date.parse("2026-01-01T00:00:00Z"),
  validTo: Date.parse("2027-01-01T00:00:00Z"),
  selfSigned: false,
};
const failed: FailedVerification = {
  code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  host: "imap.example.net",
  names: "DNS:imap.example.net",
  leafIsAuthority: false,
  issuerIsTrusted: false,
  chain: [leaf],
  now,
};

Deno.test("`verificationCause()` names the day on which a certificate expired", () => {
  const expired = { ...leaf, validTo: Date.parse("2026-02-28T23:59:59Z") };
  assert.equal(verificationCause({ ...failed, chain: [expired] }), "the certificate expired on 2026-02-28");
});

Deno.test("`verificationCause()` names the day from which a certificate is valid", () => {
  const future = { ...leaf, validFrom: Date.parse("2026-03-05T00:00:00Z") };
  assert.equal(verificationCause({ ...failed, chain: [future] }), "the certificate is not valid before 2026-03-05");
});

Deno.test("`verificationCause()` says which certificate of the chain expired", () => {
  const issuer = { ...leaf, subject: "Example CA", issuer: "Root", validTo: Date.parse("2026-01-31T00:00:00Z") };
  assert.equal(
    verificationCause({ ...failed, chain: [leaf, issuer] }),
    "the certificate of its issuer 'Example CA' expired on 2026-01-31",
  );
});

Deno.test("`verificationCause()` tells self-signed, untrusted root and unknown issuer apart", () => {
  const own = { ...leaf, issuer: leaf.subject, selfSigned: true };
  const root = { ...leaf, subject: "Root", issuer: "Root", selfSigned: true };
  assert.equal(verificationCause({ ...failed, chain: [own] }), "the certificate is self-signed and not trusted");
  assert.equal(
    verificationCause({ ...failed, chain: [leaf, root] }),
    "the chain of certificates up to 'Root' is not trusted",
  );
  assert.equal(verificationCause(failed), "the certificate's issuer 'Example CA' is not known or not trusted");
});

Deno.test("`verificationCause()` lists the names of the certificate when the host is not among them", () => {
  const wrong = { ...failed, code: "ERR_TLS_CERT_ALTNAME_INVALID" };
  assert.equal(
    verificationCause({ ...wrong, names: "DNS:a.example, IP Address:192.0.2.1" }),
    "the certificate is for a.example, 192.0.2.1, not for imap.example.net",
  );
  assert.equal(
    verificationCause({ ...wrong, names: "" }),
    "the certificate is for no host at all, not for imap.example.net",
  );
  const many = Array.from({ length: 40 }, (_, i) => `DNS:${i}.example`).join(", ");
  assert.match(verificationCause({ ...wrong, names: many }), /for 0\.example, .*4\.example and 35 more, not for/);
});

Deno.test("`verificationCause()` stays one printable line whatever the peer put into its certificate", () => {
  const evil = { ...leaf, issuer: "a\r\nERROR: \x1b[2Jb\u202e" + "x".repeat(5000) };
  const text = verificationCause({ ...failed, chain: [evil] });
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(text, /[\x00-\x1f\u202e]/);
  assert.ok(text.length < 400);
});

Deno.test("`verificationCause()` shows a code that it has no words for", () => {
  assert.match(verificationCause({ ...failed, code: "CERT_SIGNATURE_FAILURE" }), /CERT_SIGNATURE_FAILURE/);
});

Deno.test("`verificationCause()` tells what is wrong although the issuer is trusted", () => {
  assert.equal(
    verificationCause({ ...failed, issuerIsTrusted: true }),
    "the certificate is not for a server, or not what its authority 'Example CA' has signed",
  );
  assert.equal(
    verificationCause({ ...failed, leafIsAuthority: true, code: "DEPTH_ZERO_SELF_SIGNED_CERT" }),
    "the certificate is that of an authority, not of a server",
  );
});

Deno.test("`handshakeCause()` says in words what kept the handshake from coming about", () => {
  const rows: readonly (readonly [code: string, text: string, meaning: RegExp])[] = [
    ["ERR_SSL_WRONG_VERSION_NUMBER", "received corrupt message of type InvalidContentType", /does not speak TLS/],
    ["ECONNRESET", "read ECONNRESET", /closed the connection$/],
    ["ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION", "received fatal alert: ProtocolVersion", /no version of TLS in common$/],
    [
      "ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE",
      "received fatal alert: HandshakeFailure",
      /no cipher suite, or kind of key/,
    ],
    ["ERR_SSL_TLSV1_UNRECOGNIZED_NAME", "received fatal alert: UnrecognisedName", /\(SNI\)$/],
    ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "unable to verify the first certificate", /does not prove that it has the key/],
    ["", "something new", /^something new$/],
  ];
  for (const [code, text, meaning] of rows) assert.match(handshakeCause(code, text), meaning);
  assert.equal(isWithoutProof("UNABLE_TO_VERIFY_LEAF_SIGNATURE"), true);
  assert.equal(isWithoutProof("ECONNRESET"), false);
});

Deno.test("`lacksTrust()` is true only when another trusted certificate would help", () => {
  assert.equal(lacksTrust(failed), true);
  assert.equal(lacksTrust({ ...failed, code: "ERR_TLS_CERT_ALTNAME_INVALID" }), false);
  assert.equal(lacksTrust({ ...failed, now: leaf.validTo + 1 }), false);
});
