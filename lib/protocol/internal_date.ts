// INTERNALDATE, the date-time of RFC 9051 section 9 ("01-Jan-2020 12:00:00 +0000"), both ways.
// The proleptic Gregorian calendar, years 1 to 9999, no leap seconds. It knows no clock and no local time zone.

import { fromLatin1 } from "../base/bytes.ts";
import { COLON, DASH, DIGIT_0, PLUS, SP } from "./octets.ts";
import type { InternalDate } from "./types.ts";

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] as const;
const MAX_ZONE_MINUTES = 23 * 60 + 59;
const DAY_SECONDS = 86400;

/** Seconds since the epoch of the first and the last second of the years that have four digits and are not 0. */
const FIRST_SECOND = daysFromCivil(1, 1, 1) * DAY_SECONDS;
const LAST_SECOND = daysFromCivil(10000, 1, 1) * DAY_SECONDS - 1;

/**
 * date-time = date-day-fixed "-" date-month "-" date-year SP time SP zone, the text between the quotes. A day of one
 * digit may do without the space before it.
 *
 * A field beyond what it can be (31-Feb, year 0, 25:61:61, zone +9999) is moved to the nearest value that it can have:
 * such a date comes from one damaged message, which must still be copied, and APPEND must not be given what a
 * server could refuse. Text that is no date-time at all is null.
 */
export function parseInternalDate(text: string): InternalDate | null {
  const octets = fromLatin1(text);
  return readInternalDate(octets, 0, octets.length);
}

/** As parseInternalDate(), of octets from..to. */
export function readInternalDate(bytes: Uint8Array, from: number, to: number): InternalDate | null {
  let at = from;
  if (bytes[at] === SP) at++;
  const dayEnd = bytes[at + 1] === DASH ? at + 1 : at + 2;
  // Behind the day all fields have fixed places: "-Jan-2020 12:00:00 +0000" is 24 octets.
  if (to - dayEnd !== 24 || !hasSeparators(bytes, dayEnd)) return null;
  const day = digits(bytes, at, dayEnd);
  const month = monthAt(bytes, dayEnd + 1);
  const year = digits(bytes, dayEnd + 5, dayEnd + 9);
  const hour = digits(bytes, dayEnd + 10, dayEnd + 12);
  const minute = digits(bytes, dayEnd + 13, dayEnd + 15);
  const second = digits(bytes, dayEnd + 16, dayEnd + 18);
  const zone = zoneAt(bytes, dayEnd + 19);
  if (day < 0 || month < 0 || year < 0 || hour < 0 || minute < 0 || second < 0 || zone === null) return null;
  const validYear = Math.max(year, 1);
  const validDay = clamp(day, 1, daysInMonth(validYear, month));
  const time = clamp(hour, 0, 23) * 3600 + clamp(minute, 0, 59) * 60 + clamp(second, 0, 59);
  return { seconds: daysFromCivil(validYear, month, validDay) * DAY_SECONDS + time - zone * 60, zone };
}

/** The 26 characters of date-time, without quotes. What lies outside of the years 1 to 9999 is moved to their edge. */
export function formatInternalDate(date: InternalDate): string {
  const zone = clamp(date.zone, -MAX_ZONE_MINUTES, MAX_ZONE_MINUTES);
  const local = clamp(date.seconds + zone * 60, FIRST_SECOND, LAST_SECOND);
  const days = Math.floor(local / DAY_SECONDS);
  const time = local - days * DAY_SECONDS;
  const { year, month, day } = civilFromDays(days);
  const name = MONTHS[month - 1] ?? "Jan";
  const minutes = Math.floor(time / 60);
  const offset = Math.abs(zone);
  // In one call: put together piece by piece it was the most garbage of all that a copy makes.
  // deno-fmt-ignore
  return String.fromCharCode(
    tens(day), units(day), DASH, name.charCodeAt(0), name.charCodeAt(1), name.charCodeAt(2), DASH,
    tens(Math.floor(year / 100)), units(Math.floor(year / 100)), tens(year % 100), units(year % 100), SP,
    tens(Math.floor(minutes / 60)), units(Math.floor(minutes / 60)), COLON, tens(minutes % 60), units(minutes % 60),
    COLON, tens(time % 60), units(time % 60), SP,
    zone < 0 ? DASH : PLUS, tens(Math.floor(offset / 60)), units(Math.floor(offset / 60)),
    tens(offset % 60), units(offset % 60),
  );
}

function hasSeparators(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === DASH && bytes[at + 4] === DASH && bytes[at + 9] === SP && bytes[at + 12] === COLON &&
    bytes[at + 15] === COLON && bytes[at + 18] === SP;
}

/** The number written in from..to, -1 when another octet than a digit is among them. */
function digits(bytes: Uint8Array, from: number, to: number): number {
  let value = 0;
  for (let i = from; i < to; i++) {
    const digit = (bytes[i] ?? 0) - DIGIT_0;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/** 1 to 12, -1 when it is no date-month; in any case, as ABNF strings are. */
function monthAt(bytes: Uint8Array, at: number): number {
  for (let month = 0; month < MONTHS.length; month++) {
    const name = MONTHS[month] ?? "";
    let i = 0;
    while (i < 3 && ((bytes[at + i] ?? 0) | 0x20) === (name.charCodeAt(i) | 0x20)) i++;
    if (i === 3) return month + 1;
  }
  return -1;
}

/** zone = ("+" / "-") 4DIGIT, in minutes. */
function zoneAt(bytes: Uint8Array, at: number): number | null {
  const sign = bytes[at] === PLUS ? 1 : bytes[at] === DASH ? -1 : 0;
  const hours = digits(bytes, at + 1, at + 3);
  const minutes = digits(bytes, at + 3, at + 5);
  if (sign === 0 || hours < 0 || minutes < 0) return null;
  const zone = sign * (Math.min(hours, 23) * 60 + Math.min(minutes, 59));
  return zone === 0 ? 0 : zone; // "-0000" is not -0
}

function clamp(value: number, lowest: number, highest: number): number {
  return Math.min(Math.max(value, lowest), highest);
}

/** Of 0 to 99 the first of two digits, as an octet. */
function tens(value: number): number {
  return DIGIT_0 + Math.floor(value / 10);
}

/** The second one. */
function units(value: number): number {
  return DIGIT_0 + value % 10;
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

// The year is taken to begin in March, so that the leap day is its last; 400 years are an era of 146097 days;
// 719468 days lie between 0000-03-01 and 1970-01-01.

/** Days since 1970-01-01. */
function daysFromCivil(year: number, month: number, day: number): number {
  const marchYear = month <= 2 ? year - 1 : year;
  const era = Math.floor(marchYear / 400);
  const yearOfEra = marchYear - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146097 + dayOfEra - 719468;
}

function civilFromDays(days: number): { readonly year: number; readonly month: number; readonly day: number } {
  const shifted = days + 719468;
  const era = Math.floor(shifted / 146097);
  const dayOfEra = shifted - era * 146097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36524) - Math.floor(dayOfEra / 146096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1,
  };
}
