import { describe, expect, test } from "vitest";
import { readRateHeaders, readReset } from "../../src/models/admission/rate-headers.ts";

const nowMs = Date.parse("2026-11-25T08:00:00Z");

test.each([
  ["1s", 1_000],
  ["6m0s", 360_000],
  ["120ms", 120],
  ["7.66s", 7_660],
  ["2m59.56s", 179_560],
  ["1h2m3s", 3_723_000],
  ["1d", 86_400_000],
  ["12", 12_000],
  ["0.25", 250],
  ["0", 0],
  [`${nowMs / 1000 + 30}`, 30_000],
  [`${nowMs + 45_000}`, 45_000],
  [`${nowMs - 45_000}`, 0],
  ["2026-11-25T08:00:09Z", 9_000],
  ["Wed, 25 Nov 2026 08:00:20 GMT", 20_000],
  ["soon", null],
  ["", null],
])("a reset of `%s` is %s ms away", (value, ms) => {
  expect(readReset(value, nowMs)).toBe(ms);
});

// As the services' documentation writes them; none was tried live.
describe("what headers say of limits", () => {
  const none = { limit: null, perMinute: null, remaining: null, resetMs: null, isPart: false };
  test.each<[string, Record<string, string>, { requests?: object[]; tokens?: object[] }]>([
    [
      "OpenAI",
      {
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-limit-tokens": "150000",
        "x-ratelimit-remaining-requests": "59",
        "x-ratelimit-remaining-tokens": "149984",
        "x-ratelimit-reset-requests": "1s",
        "x-ratelimit-reset-tokens": "6m0s",
      },
      {
        requests: [{ limit: 60, perMinute: 60, remaining: 59, resetMs: 1_000 }],
        tokens: [{ limit: 150_000, perMinute: 150_000, remaining: 149_984, resetMs: 360_000 }],
      },
    ],
    [
      "Groq",
      {
        "x-ratelimit-limit-requests": "14400",
        "x-ratelimit-remaining-requests": "14370",
        "x-ratelimit-reset-requests": "2m59.56s",
      },
      { requests: [{ limit: 14_400, perMinute: 14_400, remaining: 14_370, resetMs: 179_560 }] },
    ],
    [
      "Together, whose limit may be one of a second",
      {
        "x-ratelimit-limit": "10",
        "x-ratelimit-remaining": "9",
        "x-ratelimit-reset": "1",
        "x-tokenlimit-limit": "5000",
        "x-tokenlimit-remaining": "4990",
      },
      { requests: [{ limit: 10, remaining: 9, resetMs: 1_000 }], tokens: [{ limit: 5_000, remaining: 4_990 }] },
    ],
    [
      "Fireworks",
      {
        "x-ratelimit-limit-requests": "600",
        "x-ratelimit-remaining-requests": "599",
        "x-ratelimit-limit-tokens-prompt": "60000",
        "x-ratelimit-remaining-tokens-prompt": "0",
        "x-ratelimit-over-limit": "no",
      },
      {
        requests: [{ limit: 600, perMinute: 600, remaining: 599 }],
        tokens: [{ limit: 60_000, remaining: 0, isPart: true }],
      },
    ],
    [
      "Azure, which names no reset",
      { "x-ratelimit-remaining-requests": "9", "x-ratelimit-remaining-tokens": "900" },
      { requests: [{ remaining: 9 }], tokens: [{ remaining: 900 }] },
    ],
    [
      "Mistral",
      {
        "x-ratelimit-limit-req-minute": "60",
        "x-ratelimit-remaining-req-minute": "58",
        "x-ratelimit-limit-tokens-minute": "500000",
        "x-ratelimit-limit-tokens-month": "1000000000",
      },
      {
        requests: [{ limit: 60, perMinute: 60, remaining: 58 }],
        tokens: [{ limit: 500_000, perMinute: 500_000 }, { limit: 1e9 }],
      },
    ],
    [
      "Mistral, by size",
      { "ratelimitbysize-limit": "500000", "ratelimitbysize-remaining": "499000", "ratelimitbysize-reset": "17" },
      { tokens: [{ limit: 500_000, remaining: 499_000, resetMs: 17_000 }] },
    ],
    [
      "OpenRouter",
      { "x-ratelimit-limit": "20", "x-ratelimit-remaining": "0", "x-ratelimit-reset": `${nowMs + 9_000}` },
      { requests: [{ limit: 20, remaining: 0, resetMs: 9_000 }] },
    ],
    [
      "Anthropic",
      {
        "anthropic-ratelimit-requests-limit": "50",
        "anthropic-ratelimit-requests-remaining": "49",
        "anthropic-ratelimit-requests-reset": "2026-11-25T08:00:01Z",
        "anthropic-ratelimit-output-tokens-limit": "8000",
        "anthropic-ratelimit-output-tokens-remaining": "0",
        "anthropic-ratelimit-output-tokens-reset": "2026-11-25T08:00:30Z",
      },
      {
        requests: [{ limit: 50, perMinute: 50, remaining: 49, resetMs: 1_000 }],
        tokens: [{ limit: 8_000, remaining: 0, resetMs: 30_000, isPart: true }],
      },
    ],
    [
      "what cannot be read",
      { "x-ratelimit-remaining-requests": "many", "x-ratelimit-reset-requests": "soon" },
      { requests: [{}] },
    ],
    ["headers of something else", { "content-type": "application/json", "x-request-id": "limit-1" }, {}],
  ])("%s", (_whose, headers, { requests = [], tokens = [] }) => {
    const whole = (limits: object[]) => limits.map((limit) => ({ ...none, ...limit }));
    expect(readRateHeaders(new Headers(headers), nowMs)).toEqual({ requests: whole(requests), tokens: whole(tokens) });
  });
});
