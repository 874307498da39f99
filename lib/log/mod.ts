// What the rest of the program may use of the log.

export { type LogFile, openLogFile } from "./log_file.ts";
export { createLogger, type LoggerOptions, type LogSink, stderrSink, type TimedSink } from "./logger.ts";
export { formatTraffic, octetCount } from "./numbers.ts";
export { cleanText, redactCommand, secretLine, type Sender, wireLine } from "./redact.ts";
export type { LogContext, Logger } from "./types.ts";
