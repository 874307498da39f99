// The log file: opened for append with the mode that the umask gives, one write for each line, reopened on demand (for
// logrotate). What stands in it, and with which time, others decide. Whether it can be written never matters to the run.

import { lineWriter, type LogSink } from "./logger.ts";

/** How long a file on a device that takes nothing for now is waited for, in one go. */
const PAUSE_MS = 10;

/** An open log file. */
export interface LogFile {
  readonly sink: LogSink;
  /** Opens the path again, which may be another file by now; when that fails the old one stays. Never throws. */
  reopen(): void;
  close(): void;
}

/** @throws what the runtime throws when the file can't be opened */
export function openLogFile(path: string): LogFile {
  return new AppendedFile(path);
}

class AppendedFile implements LogFile {
  readonly sink: LogSink;
  readonly #path: string;
  #file: Deno.FsFile | null;

  constructor(path: string) {
    this.#path = path;
    this.#file = open(path);
    const idle = new Int32Array(new SharedArrayBuffer(4));
    const write = (bytes: Uint8Array) => this.#file === null ? bytes.length : this.#file.writeSync(bytes);
    this.sink = lineWriter(write, () => Atomics.wait(idle, 0, 0, PAUSE_MS));
  }

  reopen(): void {
    try {
      const fresh = open(this.#path);
      this.close();
      this.#file = fresh;
    } catch {
      // the old one still takes the lines
    }
  }

  close(): void {
    this.#file?.close();
    this.#file = null;
  }
}

function open(path: string): Deno.FsFile {
  return Deno.openSync(path, { append: true, create: true });
}
