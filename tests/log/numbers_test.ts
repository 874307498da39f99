// Numbers as the original prints them: the expected strings come from C's printf("%.2f").

import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { formatTraffic, octetCount, totalTraffic } from "../../lib/log/numbers.ts";

Deno.test("`octetCount()` is plain below 1024 and has a binary unit and two decimals from there on", () => {
  const rows: readonly (readonly [number, string])[] = [
    [0, "0"],
    [1023, "1023"],
    [1024, "1.00K"],
    [1152, "1.12K"], // 1.125: printf rounds a tie to the even digit
    [1408, "1.38K"], // 1.375
    [1260, "1.23K"],
    [1048575, "1024.00K"],
    [1048576, "1.00M"],
    [1073741823, "1024.00M"],
    [1073741824, "1.00G"],
    [3294967296, "3.07G"],
    [1e15, "931322.57G"],
  ];
  for (const [octets, expected] of rows) strictEqual(octetCount(octets), expected, String(octets));
});

Deno.test("`formatTraffic()` shows what compression made of the octets when it was on", () => {
  const plain = { received: 1260, sent: 5, wireReceived: null, wireSent: null };
  strictEqual(formatTraffic(plain), "IMAP traffic (bytes): recv 1.23K sent 5");
  strictEqual(
    formatTraffic({ received: 2000, sent: 100, wireReceived: 1840, wireSent: 103 }),
    "IMAP traffic (bytes): recv 1.95K (compr. 1.80K, factor 0.92) sent 100 (compr. 103, factor 1.03)",
  );
  strictEqual(
    formatTraffic({ received: 1, sent: 0, wireReceived: 2, wireSent: 7 }),
    "IMAP traffic (bytes): recv 1 (compr. 2, factor 2.00) sent 0",
  );
});

Deno.test("`totalTraffic()` adds up connections, of which some are compressed", () => {
  const plain = { received: 10, sent: 5, wireReceived: null, wireSent: null };
  const compressed = { received: 2000, sent: 100, wireReceived: 700, wireSent: 60 };
  deepStrictEqual(totalTraffic([]), { received: 0, sent: 0, wireReceived: null, wireSent: null });
  deepStrictEqual(totalTraffic([plain, plain]), { received: 20, sent: 10, wireReceived: null, wireSent: null });
  deepStrictEqual(totalTraffic([plain, compressed]), { received: 2010, sent: 105, wireReceived: 710, wireSent: 65 });
});
