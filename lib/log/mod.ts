// What the rest of the program may use of the log.

export { type LogFile, openLogFile } from "./log_file.ts";
export { createLogger, type LogSink, stderrSink } from "./logger.ts";
export { formatTraffic, octetCount, totalTraffic } from "./numbers.ts";
export { onceLog } from "./once_log.ts";
export type { LogContext, Logger } from "./types.ts";
