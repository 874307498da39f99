// Numbers of octets for people, and the line with the traffic of one connection, both as the original spells them.

import type { Traffic } from "../transport/types.ts";

const KIBI = 1024;
const MEBI = 1024 * KIBI;
const GIBI = 1024 * MEBI;

/** `1023`, `1.00K`, `2.50M`, `3.07G`: binary units, two decimals from 1024 on. */
export function octetCount(octets: number): string {
  if (octets < KIBI) return String(octets);
  if (octets < MEBI) return `${twoDecimals(octets, KIBI)}K`;
  if (octets < GIBI) return `${twoDecimals(octets, MEBI)}M`;
  return `${twoDecimals(octets, GIBI)}G`;
}

/** `IMAP traffic (bytes): recv R sent S`, and what compression made of it when it was on. */
export function formatTraffic(traffic: Traffic): string {
  const received = direction("recv", traffic.received, traffic.wireReceived);
  const sent = direction("sent", traffic.sent, traffic.wireSent);
  return `IMAP traffic (bytes): ${received} ${sent}`;
}

/** What crossed several connections. */
export function totalTraffic(traffics: readonly Traffic[]): Traffic {
  const sum = (count: (traffic: Traffic) => number) => traffics.reduce((total, each) => total + count(each), 0);
  const compressed = traffics.some(({ wireReceived }) => wireReceived !== null);
  return {
    received: sum(({ received }) => received),
    sent: sum(({ sent }) => sent),
    // Without compression the wire has what was said.
    wireReceived: compressed ? sum(({ received, wireReceived }) => wireReceived ?? received) : null,
    wireSent: compressed ? sum(({ sent, wireSent }) => wireSent ?? sent) : null,
  };
}

function direction(verb: string, octets: number, wireOctets: number | null): string {
  const count = `${verb} ${octetCount(octets)}`;
  if (wireOctets === null || octets === 0) return count;
  return `${count} (compr. ${octetCount(wireOctets)}, factor ${twoDecimals(wireOctets, octets)})`;
}

// Half to even as C's printf does; toFixed() rounds half up and would differ (1152 octets are 1.12K).
function twoDecimals(dividend: number, divisor: number): string {
  const exact = dividend * 100 / divisor;
  const floor = Math.floor(exact);
  const isTie = exact - floor === 0.5;
  const hundredths = isTie ? floor + floor % 2 : Math.round(exact);
  return `${Math.floor(hundredths / 100)}.${String(hundredths % 100).padStart(2, "0")}`;
}
