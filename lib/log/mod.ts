// What the rest of the program may use of the log.

export { createLogger, type LoggerOptions, type LogSink, stderrSink } from "./logger.ts";
export { formatTraffic, octetCount } from "./numbers.ts";
export { cleanText, redactCommand, secretLine, type Sender, wireLine } from "./redact.ts";
export type { LogContext, Logger } from "./types.ts";
