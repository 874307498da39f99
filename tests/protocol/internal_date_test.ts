// INTERNALDATE both ways, over all years that have four digits, and what becomes of dates that make no sense.

import assert from "node:assert/strict";
import fc from "fast-check";
import { formatInternalDate, parseInternalDate } from "../../lib/protocol/mod.ts";

const FIRST_SECOND = Date.UTC(2000, 0, 1) / 1000 - 63082281600; // 0001-01-01, from the length of 1999 years
const LAST_SECOND = Date.UTC(9999, 11, 31, 23, 59, 59) / 1000;

Deno.test("parseInternalDate() reads dates as Dovecot, Cyrus and others spell them", () => {
  const seconds = Date.UTC(2020, 0, 1, 12, 0, 0) / 1000;
  const spellings = [
    "01-Jan-2020 12:00:00 +0000",
    " 1-Jan-2020 12:00:00 +0000",
    "1-Jan-2020 12:00:00 +0000",
    "01-JAN-2020 12:00:00 -0000",
    "01-jan-2020 12:00:00 +0000",
  ];
  for (const text of spellings) assert.deepEqual(parseInternalDate(text), { seconds, zone: 0 }, text);
  assert.deepEqual(parseInternalDate("01-Jan-2020 07:00:00 -0500"), { seconds, zone: -300 });
  assert.deepEqual(parseInternalDate("01-Jan-2020 17:45:00 +0545"), { seconds, zone: 345 });
  assert.deepEqual(parseInternalDate("31-Dec-1969 23:59:59 +0000"), { seconds: -1, zone: 0 });
  assert.deepEqual(parseInternalDate("29-Feb-2000 00:00:00 +0000"), { seconds: 951782400, zone: 0 });
});

Deno.test("parseInternalDate() moves fields that cannot be to the nearest that can", () => {
  const cases: readonly [string, string][] = [
    ["31-Feb-2021 00:00:00 +0000", "28-Feb-2021 00:00:00 +0000"],
    ["30-Feb-2024 00:00:00 +0000", "29-Feb-2024 00:00:00 +0000"],
    ["29-Feb-1900 00:00:00 +0000", "28-Feb-1900 00:00:00 +0000"],
    ["31-Apr-2021 00:00:00 +0000", "30-Apr-2021 00:00:00 +0000"],
    ["00-Jan-2021 00:00:00 +0000", "01-Jan-2021 00:00:00 +0000"],
    ["99-Dec-2021 00:00:00 +0000", "31-Dec-2021 00:00:00 +0000"],
    ["01-Jan-0000 00:00:00 +0000", "01-Jan-0001 00:00:00 +0000"],
    ["01-Jan-2021 24:60:61 +0000", "01-Jan-2021 23:59:59 +0000"],
    ["01-Jan-2021 00:00:00 +9999", "01-Jan-2021 00:00:00 +2359"],
    ["01-Jan-2021 00:00:00 -0099", "01-Jan-2021 00:00:00 -0059"],
  ];
  for (const [text, expected] of cases) {
    const date = parseInternalDate(text);
    assert.ok(date !== null, text);
    assert.equal(formatInternalDate(date), expected, text);
  }
});

Deno.test("parseInternalDate() gives null when the text is no date", () => {
  const texts = [
    "",
    "1",
    "yesterday",
    "01-Foo-2020 12:00:00 +0000",
    "01-Jan-2020 12:00:00",
    "01-Jan-2020 12:00:00 0000",
    "01-Jan-2020 12:00:00 +000",
    "01-Jan-2020 12:00:00 +00000",
    "01-Jan-20 12:00:00 +0000",
    "01 Jan 2020 12:00:00 +0000",
    "-1-Jan-2020 12:00:00 +0000",
    "001-Jan-2020 12:00:00 +0000",
    "01-Jan-2020T12:00:00 +0000",
    "01-Jan-2020 1a:00:00 +0000",
    "01-Jan-2020 12:00:00 GMT  ",
    "0\xb2-Jan-2020 12:00:00 +0000",
  ];
  for (const text of texts) assert.equal(parseInternalDate(text), null, text);
});

Deno.test("formatInternalDate() writes a day of two digits and 26 characters", () => {
  assert.equal(formatInternalDate({ seconds: 0, zone: 0 }), "01-Jan-1970 00:00:00 +0000");
  assert.equal(formatInternalDate({ seconds: 0, zone: -150 }), "31-Dec-1969 21:30:00 -0230");
  assert.equal(formatInternalDate({ seconds: FIRST_SECOND, zone: 0 }), "01-Jan-0001 00:00:00 +0000");
  assert.equal(formatInternalDate({ seconds: LAST_SECOND, zone: 0 }), "31-Dec-9999 23:59:59 +0000");
});

Deno.test("formatInternalDate() keeps to years of four digits when a date lies outside of them", () => {
  assert.equal(formatInternalDate({ seconds: LAST_SECOND, zone: 1 }), "31-Dec-9999 23:59:59 +0001");
  assert.equal(formatInternalDate({ seconds: FIRST_SECOND, zone: -1 }), "01-Jan-0001 00:00:00 -0001");
  assert.equal(formatInternalDate({ seconds: 1e15, zone: 99999 }), "31-Dec-9999 23:59:59 +2359");
});

Deno.test("parseInternalDate() gives back what formatInternalDate() wrote", () => {
  const dates = fc.tuple(
    fc.integer({ min: FIRST_SECOND + 86400, max: LAST_SECOND - 86400 }),
    fc.integer({ min: -1439, max: 1439 }),
  ).map(([seconds, zone]) => ({ seconds, zone }));
  fc.assert(
    fc.property(dates, (date) => {
      const text = formatInternalDate(date);
      assert.equal(text.length, 26);
      assert.deepEqual(parseInternalDate(text), date);
    }),
    { numRuns: 2000, seed: 1 },
  );
});

Deno.test("formatInternalDate() agrees with the calendar of the runtime", () => {
  fc.assert(
    fc.property(fc.integer({ min: FIRST_SECOND, max: LAST_SECOND }), (seconds) => {
      const [date = "", time = ""] = new Date(seconds * 1000).toISOString().split("T");
      const [year = "", month = "", day = ""] = date.split("-");
      const name = new Date(Date.UTC(2000, Number(month) - 1)).toUTCString().slice(8, 11);
      assert.equal(formatInternalDate({ seconds, zone: 0 }), `${day}-${name}-${year} ${time.slice(0, 8)} +0000`);
    }),
    { numRuns: 2000, seed: 2 },
  );
});
