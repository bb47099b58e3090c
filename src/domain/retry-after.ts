/** Milliseconds a Retry-After header asks for (`retry-after-ms`, seconds or an HTTP date); null when there is none that can be read. */
export function retryAfterMs(headers: Headers, nowMs: number): number | null {
  const ms = Number.parseFloat(headers.get("retry-after-ms") ?? "");
  if (ms >= 0) return ms;
  const text = headers.get("retry-after")?.trim();
  if (text === undefined || text === "") return null;
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  const dateMs = Date.parse(text);
  return Number.isNaN(dateMs) ? null : Math.max(0, dateMs - nowMs);
}
