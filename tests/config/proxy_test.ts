// The URI of a SOCKS proxy, good and bad; bad ones are never shown, for they may hold a password.

import { deepStrictEqual, match, ok } from "node:assert/strict";
import fc from "fast-check";
import { parseProxy } from "../../lib/config/proxy.ts";
import type { ProxyConfig } from "../../lib/config/types.ts";

const services = () => "socks 1080/tcp\n";

const GOOD: readonly (readonly [string, ProxyConfig])[] = [
  ["socks5://h", { resolve: "here", host: "h", port: 1080, credentials: null }],
  ["socks5h://h:9050", { resolve: "there", host: "h", port: 9050, credentials: null }],
  ["socks5://h:socks", { resolve: "here", host: "h", port: 1080, credentials: null }],
  ["socks5://[::1]:1", { resolve: "here", host: "::1", port: 1, credentials: null }],
  ["socks5://[127.0.0.1]", { resolve: "here", host: "127.0.0.1", port: 1080, credentials: null }],
  ["socks5://u:p@h", { resolve: "here", host: "h", port: 1080, credentials: { user: "u", password: "p" } }],
  ["socks5://u:a%40@:b/c@h:2", {
    resolve: "here",
    host: "h",
    port: 2,
    credentials: { user: "u", password: "a%40@:b/c" },
  }],
  ["socks5://u@h", { resolve: "here", host: "h", port: 1080, credentials: { user: "u", password: "" } }],
];

for (const [value, proxy] of GOOD) {
  Deno.test(`\`parseProxy()\` reads ${value}`, () => {
    deepStrictEqual(parseProxy(value, services), { kind: "proxy", proxy });
  });
}

const BAD: readonly (readonly [string, RegExp])[] = [
  ["", /^expected socks5:/],
  ["h:1080", /^expected socks5:/],
  ["socks5:h", /^expected socks5:/],
  ["socks5://", /^expected socks5:/],
  ["socks5://::1", /^expected socks5:/],
  ["socks5://h:", /^expected socks5:/],
  ["socks5://h/path", /^expected socks5:/],
  ["socks5://h:1080/", /^expected socks5:/],
  ["SOCKS5://h", /^the protocol SOCKS5 is not supported/],
  ["socks4://u:secret@h", /^the protocol socks4 is not supported/],
  ["socks5://u:secret@[h]", /^Invalid IP literal$/],
  ["socks5://[u:secret@h]", /^Invalid IP literal$/],
  ["socks5://u:secret@h:0", /^expected a port/],
  ["socks5://u:secret@h:nope", /no TCP service/],
  ["socks5://:secret@h", /^expected a user/],
  [`socks5://u:${"secret".repeat(50)}@h`, /^expected a user/],
];

for (const [value, expected] of BAD) {
  Deno.test(`\`parseProxy()\` refuses ${value.slice(0, 40)}`, () => {
    const result = parseProxy(value, services);
    ok(result.kind === "invalid");
    match(result.expected, expected);
    ok(!result.expected.includes("secret"));
  });
}

Deno.test("`parseProxy()` takes user and password as they stand", () => {
  const word = fc.string({ minLength: 1, maxLength: 60 }).filter((text) => !text.includes(":") && !/[\r\n]/.test(text));
  const secret = fc.string({ maxLength: 60 }).filter((text) => !/[\r\n]/.test(text));
  fc.assert(fc.property(word, secret, (user, password) => {
    const result = parseProxy(`socks5h://${user}:${password}@host:5`, services);
    deepStrictEqual(result.kind === "proxy" && result.proxy.credentials, { user, password });
  }));
});
