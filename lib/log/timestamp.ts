// The time in front of a line of the log file, as syslog and the original write it; but the microseconds have all their
// digits (the original leaves zeros out, so that `.5210` can mean 5 ms).

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** `Nov  2 03:04:05.006000`, local time. @param ms milliseconds since the epoch */
export function timestamp(ms: number): string {
  const date = new Date(ms);
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map((number) => padded(number, 2)).join(":");
  const day = String(date.getDate()).padStart(2, " ");
  return `${MONTHS[date.getMonth()] ?? ""} ${day} ${time}.${padded(date.getMilliseconds(), 3)}000`;
}

function padded(number: number, digits: number): string {
  return String(number).padStart(digits, "0");
}
