// The SOCKS 5 handshake against a proxy that the test plays itself: the stream rules afterwards, octets that come early
// or one by one, every refusal, silence. tests/live/proxy_test.ts asks real proxies.

import assert from "node:assert/strict";
import { lookup } from "node:dns/promises";
import { TransportError } from "../../lib/errors.ts";
import { connectSocks, proxiedPeer, type SocksOptions } from "../../lib/transport/socks.ts";
import { TcpStream } from "../../lib/transport/tcp.ts";
import type { ByteStream } from "../../lib/transport/types.ts";
import { collect, streamConformance } from "../support/stream_conformance.ts";
import { listen } from "./helpers.ts";

const component = "remote";
const HOST = "imap.example.net";
const LOGIN = { user: "joe", password: "s3cr et:x" };
const LOGIN_OCTETS = [1, 3, ...new TextEncoder().encode(`joe\ts3cr et:x`)];
const GRANTED = [5, 0, 0, 1, 127, 0, 0, 1, 0, 80];

type Changes = Partial<Omit<SocksOptions, "proxy">> & Partial<SocksOptions["proxy"]>;

function open(port: number, changes: Changes = {}): Promise<ByteStream> {
  const { resolve = "there", credentials = null, host = HOST, signal = new AbortController().signal } = changes;
  const proxy = { resolve, host: "127.0.0.1", port, credentials };
  return connectSocks({ component, proxy, host, port: 993, keepAlive: true, signal });
}

/** What the client said, message by message, and the proxy's end of the connection. */
interface Served {
  readonly peer: ByteStream;
  readonly heard: readonly (readonly number[])[];
}

/** How long the client's n-th message is by RFC 1928 and 1929, of which `start` has come: the proxy answers whole ones. */
function lengthOf(index: number, login: boolean, start: readonly number[]): number {
  const [, methods = 1, , addressType, nameLength = 0] = start;
  if (index === 0) return 2 + methods;
  if (login && index === 1) return LOGIN_OCTETS.length;
  return addressType === 1 ? 10 : addressType === 4 ? 22 : 7 + nameLength;
}

/** Accepts one client, and gives the n-th answer to its n-th message, in pieces. */
async function serve(
  listener: Deno.TcpListener,
  answers: readonly (readonly number[])[],
  piece = Infinity,
): Promise<Served> {
  const conn = await listener.accept();
  conn.setNoDelay(true);
  const peer = new TcpStream(conn, "client", "local");
  const heard: number[][] = [];
  for (const [index, answer] of answers.entries()) {
    const message: number[] = [];
    const login = answers[0]?.[1] === 2;
    while (message.length < lengthOf(index, login, message)) {
      const bytes = await peer.read();
      assert.ok(bytes !== null, "the client left");
      message.push(...bytes);
    }
    heard.push(message);
    for (let at = 0; at < answer.length; at += piece) {
      await peer.write(Uint8Array.from(answer.slice(at, at + piece)));
      if (piece !== Infinity) await new Promise((resolve) => setTimeout(resolve, 1)); // a packet of its own
    }
  }
  return { peer, heard };
}

function fixture(early: readonly number[]) {
  return async () => {
    const listener = listen();
    const [stream, { peer }] = await Promise.all([
      open(listener.addr.port),
      serve(listener, [[5, 0], [...GRANTED, ...early]]),
    ]);
    listener.close();
    assert.deepEqual([...await collect(stream, early.length)], early);
    return { stream, peer, cleanup() {} };
  };
}

streamConformance("socks", fixture([]), { maxBufferedOctets: 24 << 20, largeOctets: 32 << 20 });
streamConformance("socks, octets behind the reply", fixture([1, 2, 3]), {
  maxBufferedOctets: 24 << 20,
  largeOctets: 4 << 20,
});

const NAME_OCTETS = [3, HOST.length, ...new TextEncoder().encode(HOST)];
const DESTINATIONS: readonly (readonly [Changes, readonly number[]])[] = [
  [{}, NAME_OCTETS],
  [{ host: "10.1.2.3" }, [1, 10, 1, 2, 3]],
  [{ host: "[10.1.2.3]", resolve: "here" }, [1, 10, 1, 2, 3]],
  [{ host: "[::1]" }, [4, ...new Array(15).fill(0), 1]],
  [{ host: "2001:db8::a0b", resolve: "here" }, [4, 0x20, 1, 0xd, 0xb8, ...new Array(10).fill(0), 0xa, 0xb]],
];

for (const [changes, address] of DESTINATIONS) {
  const { host = HOST, resolve = "there" } = changes;
  Deno.test(`\`connectSocks()\` asks for ${host} in octets when names are resolved ${resolve}`, async () => {
    const listener = listen();
    const request = [5, 1, 0, ...address, 993 >> 8, 993 & 255];
    for (const reply of [GRANTED, [5, 0, 0, 3, 2, 65, 66, 1, 2], [5, 0, 0, 4, ...new Array(18).fill(7)]]) {
      const [stream, { peer, heard }] = await Promise.all([
        open(listener.addr.port, changes),
        serve(listener, [[5, 0], reply]),
      ]);
      assert.deepEqual(heard, [[5, 1, 0], request]);
      stream.close();
      peer.close();
    }
    listener.close();
  });
}

Deno.test("`connectSocks()` offers user and password, and sends them when the proxy chooses so", async () => {
  const listener = listen();
  const rows = [[[5, 2], [1, 0], GRANTED], [[5, 0], GRANTED]] as const;
  for (const answers of rows) {
    const [stream, { peer, heard }] = await Promise.all([
      open(listener.addr.port, { credentials: LOGIN }),
      serve(listener, answers),
    ]);
    const [methods, ...rest] = heard;
    assert.deepEqual(methods, [5, 2, 0, 2]);
    assert.deepEqual(rest.slice(0, -1), answers.length === 3 ? [LOGIN_OCTETS] : []);
    stream.close();
    peer.close();
  }
  listener.close();
});

Deno.test("`connectSocks()` loses nothing when every octet comes alone, or all behind the reply", async () => {
  const listener = listen();
  const early = Array.from({ length: 5000 }, (_, i) => i % 251);
  for (const [piece, octets] of [[1, early.slice(0, 20)], [11, early.slice(0, 300)], [Infinity, early]] as const) {
    const [[stream, received], { peer }] = await Promise.all([
      open(listener.addr.port, { credentials: LOGIN }).then(async (stream) =>
        [stream, await collect(stream, octets.length)] as const
      ),
      serve(listener, [[5, 2], [1, 0], [...GRANTED, ...octets]], piece),
    ]);
    assert.deepEqual([...received], [...octets]);
    stream.close();
    peer.close();
  }
  listener.close();
});

/** What is said when the proxy gives these answers, and then closes, or waits for the client to close. */
async function failure(
  changes: Changes,
  answers: readonly (readonly number[])[],
  then: "close" | "wait" = "wait",
): Promise<string> {
  const listener = listen();
  const serving = (async () => {
    const { peer } = await serve(listener, answers);
    if (then === "wait") assert.equal(await peer.read().catch(() => null), null);
    peer.close();
  })();
  const error = await open(listener.addr.port, changes).then(() => assert.fail("it connected"), (error) => error);
  await serving;
  listener.close();
  assert.ok(error instanceof TransportError && error.phase === "proxy" && error.component === component, `${error}`);
  const shown = Deno.inspect(error, { depth: 20, showHidden: true }) + error.stack + JSON.stringify(error);
  assert.ok(!shown.includes(LOGIN.password) && !/115, 51, 99|73 33 63/.test(shown), "a password in an error");
  const start = `Can't connect to ${HOST}:993 (proxy 127.0.0.1:${listener.addr.port}): `;
  assert.ok(error.message.startsWith(start), error.message);
  assert.doesNotMatch(error.message, /\n/);
  assert.equal(error.hints.length, 1);
  return [error.message.slice(start.length), ...error.hints].join("; ");
}

const REPLIES: readonly (readonly [number, string])[] = [
  [1, "general SOCKS server failure; check that the proxy can resolve and reach the host; its log may say more"],
  [2, "connection not allowed by ruleset; the proxy's rules have to allow this host and port"],
  [3, "network unreachable; the proxy has no route to the host"],
  [4, "host unreachable; check that the proxy can resolve and reach the host"],
  [5, "connection refused; check host and port, as the proxy sees them"],
  [6, "TTL expired; the proxy has no working route to the host"],
  [7, "command not supported; this proxy makes no TCP connections, name another"],
  [8, "address type not supported; try socks5 instead of socks5h, or the other way round"],
];

for (const [code, expected] of REPLIES) {
  Deno.test(`\`connectSocks()\` says what reply ${code} means and what to do`, async () => {
    const refused = [5, code, 0, 1, 0, 0, 0, 0, 0, 0];
    assert.equal(await failure({}, [[5, 0], refused]), `the proxy says: ${expected}`);
    assert.equal(await failure({ credentials: LOGIN }, [[5, 2], [1, 0], refused]), `the proxy says: ${expected}`);
  });
}

Deno.test("`connectSocks()` says when the proxy wants a login, another one, or refuses it", async () => {
  const wanted = "the proxy wants a user and a password; write USER:PASSWORD@ before its name";
  assert.equal(await failure({}, [[5, 255]]), wanted);
  assert.equal(await failure({}, [[5, 1]]), wanted);
  const other = "the proxy takes no password; only user and password, or nothing, can be sent";
  assert.equal(await failure({ credentials: LOGIN }, [[5, 255]]), other);
  assert.equal(await failure({ credentials: LOGIN }, [[5, 1]]), other);
  const refused = "the proxy refused user and password; they are taken as they stand in the option proxy";
  assert.equal(await failure({ credentials: LOGIN }, [[5, 2], [1, 1]]), refused);
});

Deno.test("`connectSocks()` says when it was no SOCKS 5 proxy that answered", async () => {
  const expected = "the answer was not SOCKS 5; " +
    "check that the option proxy names a SOCKS 5 proxy that serves this machine";
  const encode = (text: string) => [...new TextEncoder().encode(text)];
  for (const first of [[4, 0], encode("HTTP/1.0 400 Bad Request\r\n\r\n"), encode("* OK IMAP4rev1\r\n")]) {
    assert.equal(await failure({}, [first]), expected);
  }
  const replies = [[5, 77, 0, 1, 0, 0, 0, 0, 0, 0], [5, 0, 0, 9, 0, 0, 0, 0, 0, 0], [9, 0, 0, 1, 0, 0, 0, 0, 0, 0]];
  for (const reply of replies) assert.equal(await failure({}, [[5, 0], reply]), expected);
});

Deno.test("`connectSocks()` says when the proxy closes the connection, at any octet", async () => {
  const expected = "the proxy closed the connection; " +
    "check that the option proxy names a SOCKS 5 proxy that serves this machine";
  const whole = [[5, 2], [1, 0], GRANTED];
  for (const [index, answer] of whole.entries()) {
    for (let octets = 0; octets < answer.length; octets++) {
      const answers = [...whole.slice(0, index), answer.slice(0, octets)];
      assert.equal(await failure({ credentials: LOGIN }, answers, "close"), expected, `${index}, ${octets}`);
    }
  }
});

Deno.test("`connectSocks()` says when there is no proxy", async () => {
  const listener = listen();
  const { port } = listener.addr;
  listener.close();
  const message = `Option proxy: Can't connect to 127.0.0.1:${port}: connection refused`;
  await assert.rejects(() => open(port), (error) => {
    assert.ok(error instanceof TransportError && error.phase === "proxy" && error.message === message, `${error}`);
    assert.deepEqual(error.hints, ["check that the proxy runs there"]);
    return true;
  });
});

Deno.test("`connectSocks()` blames the name when it can't be resolved here, or can't be a name", async () => {
  const rows = [["here", "no-such-host.invalid"], ["here", "two words"], ["there", "a".repeat(256)], [
    "there",
    "bücher.example",
  ]];
  for (const [resolve, host] of rows as [SocksOptions["proxy"]["resolve"], string][]) {
    await assert.rejects(() => open(1, { host, resolve }), (error) => {
      assert.ok(error instanceof TransportError && error.phase === "resolve", `${error}`);
      assert.match(error.message, /^getaddrinfo\([^\n]+\): [^\n]+$/);
      assert.equal(error.hints.length, resolve === "here" ? 1 : 0);
      return true;
    });
  }
});

Deno.test("`connectSocks()` tries each address of a name that is resolved here, and only refusals lead to the next", async () => {
  const addresses = await lookup("localhost", { all: true });
  const types = addresses.map(({ family }) => family === 4 ? 1 : 4);
  const refused = [5, 5, 0, 1, 0, 0, 0, 0, 0, 0];
  for (const [last, asked] of [[refused, types], [GRANTED, types], [[6, 5, 0, 0, 0], types.slice(0, 1)]] as const) {
    const listener = listen();
    const asking: number[] = [];
    const serving = (async () => {
      for (const index of asked.keys()) {
        const { peer, heard } = await serve(listener, [[5, 0], index === asked.length - 1 ? last : refused]);
        asking.push(heard[1]?.[3] ?? 0);
        assert.equal(await peer.read().catch(() => null), null);
        peer.close();
      }
    })();
    const opening = open(listener.addr.port, { host: "localhost", resolve: "here" });
    if (last === GRANTED) (await opening).close();
    else await assert.rejects(opening, TransportError);
    await serving;
    listener.close();
    assert.deepEqual(asking, asked);
  }
});

Deno.test("`connectSocks()` throws the signal's reason when a proxy goes silent at any point", async () => {
  const reason = new TransportError("timeout", "time is up");
  await assert.rejects(() => open(1, { signal: AbortSignal.abort(reason) }), reason);
  for (const answers of [[[]], [[5]], [[5, 2], []], [[5, 2], [1, 0], []], [[5, 2], [1, 0], [5, 0, 0]]]) {
    const listener = listen();
    const controller = new AbortController();
    const pending = open(listener.addr.port, { credentials: LOGIN, signal: controller.signal });
    const { peer } = await serve(listener, answers);
    controller.abort(reason);
    await assert.rejects(pending, reason);
    assert.equal(await peer.read().catch(() => null), null, "it was left open");
    peer.close();
    listener.close();
  }
});

Deno.test("`connectSocks()` throws the signal's reason when it is aborted while the name is resolved", async () => {
  const reason = new TransportError("timeout", "time is up");
  const controller = new AbortController();
  const pending = open(1, { host: "localhost", resolve: "here", signal: controller.signal });
  controller.abort(reason);
  await assert.rejects(pending, reason);
});

Deno.test("`proxiedPeer()` names server and proxy, and neither user nor password", () => {
  const proxy = { resolve: "there", host: "::1", port: 1080, credentials: LOGIN } as const;
  assert.equal(proxiedPeer("imap.example.net", 993, proxy), "imap.example.net:993 (proxy [::1]:1080)");
});
