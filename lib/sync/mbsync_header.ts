// The one line by which a copy that mbsync made differs from its original: `X-TUID: ` and twelve characters (isync 1.5,
// sync.c). Finds it, so that both can be compared without it. Decides nothing else.

const LF = 0x0a;
const CR = 0x0d;
const NAME = Uint8Array.from("X-TUID: ", (character) => character.charCodeAt(0));
const VALUE_OCTETS = 12;
/** The whole line, CRLF included. */
export const MBSYNC_LINE_OCTETS: number = NAME.length + VALUE_OCTETS + 2;

/** Where the line begins, or -1. `head`: a message, its header, or the beginning of it; lines end in CRLF. */
export function findMbsyncLine(head: Uint8Array): number {
  let start = 0;
  while (start < head.length) {
    if (head[start] === LF || (head[start] === CR && head[start + 1] === LF)) return -1; // the end of the header
    if (isMbsyncLine(head, start)) return start;
    const lf = head.indexOf(LF, start);
    if (lf < 0) return -1;
    start = lf + 1;
  }
  return -1;
}

function isMbsyncLine(head: Uint8Array, start: number): boolean {
  const end = start + MBSYNC_LINE_OCTETS - 2;
  if (head[end] !== CR || head[end + 1] !== LF) return false;
  for (let i = 0; i < NAME.length; i++) if (head[start + i] !== NAME[i]) return false;
  for (let at = start + NAME.length; at < end; at++) {
    const octet = head[at] ?? 0;
    if (octet <= 0x20 || octet >= 0x7f) return false;
  }
  return true;
}
