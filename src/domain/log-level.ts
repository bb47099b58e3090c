/** How grave a line of the log is, gravest first. `debug` tells of each request and step, `trace` their texts too. */
export const logLevels = ["error", "warn", "info", "debug", "trace"] as const;
export type LogLevel = (typeof logLevels)[number];
