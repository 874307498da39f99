// What was negotiated against what is allowed, without any server.

import assert from "node:assert/strict";
import { forbidden } from "../../lib/transport/negotiated.ts";

const any = { minVersion: null, maxVersion: null };
const suites = new Set(["TLS_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"]);
const new13 = { protocol: "TLSv1.3", suite: "TLS_AES_128_GCM_SHA256" };
const old12 = { protocol: "TLSv1.2", suite: "ECDHE-RSA-AES128-GCM-SHA256" };

Deno.test("`forbidden()` lets pass what is within both versions and in the list", () => {
  for (const negotiated of [new13, old12]) assert.equal(forbidden(negotiated, any, suites), null);
  assert.equal(forbidden(new13, { minVersion: "TLSv1.3", maxVersion: "TLSv1.3" }, suites), null);
  assert.equal(forbidden(old12, { minVersion: "TLSv1.2", maxVersion: "TLSv1.2" }, suites), null);
});

Deno.test("`forbidden()` names a version that is left out, and one that nobody knows", () => {
  const said = (version: string) => `the server chose ${version}, which SSL_protocol_min and _max leave out`;
  assert.equal(forbidden(old12, { ...any, minVersion: "TLSv1.3" }, suites), said("TLSv1.2"));
  assert.equal(forbidden(new13, { ...any, maxVersion: "TLSv1.2" }, suites), said("TLSv1.3"));
  for (const protocol of ["TLSv1.1", "SSLv3", ""]) {
    assert.equal(forbidden({ ...old12, protocol }, any, suites), said(protocol));
  }
});

Deno.test("`forbidden()` names a suite that is left out, and the option that does", () => {
  assert.equal(
    forbidden({ ...new13, suite: "TLS_AES_256_GCM_SHA384" }, any, suites),
    "the server chose TLS_AES_256_GCM_SHA384, which SSL_ciphersuites leaves out",
  );
  assert.equal(
    forbidden({ ...old12, suite: "ECDHE-RSA-AES256-GCM-SHA384" }, any, suites),
    "the server chose ECDHE-RSA-AES256-GCM-SHA384, which SSL_cipherlist leaves out",
  );
});
