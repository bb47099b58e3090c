import { z } from "zod";
import { maxTokensFields, reasoningForms, refusableFields, structuredOutputs } from "./abilities.ts";
import { familyNames } from "./family.ts";
import { price } from "./prices.ts";

const retries = z.strictObject({
  // Named so that a config of before is told where it went, not only that it is unknown.
  attempts: z
    .unknown()
    .refine((value) => value === undefined, {
      error:
        "Expected the model's own option `maxRetries` instead, which counts the tries after the first (`attempts: 6` is `maxRetries: 5`)",
    })
    .optional(),
  firstWaitSeconds: z.number().nonnegative().default(1),
  maxWaitSeconds: z.number().nonnegative().default(60),
  totalSeconds: z.number().positive().default(900),
});

// What the payload gets from elsewhere: options of their own, or the request.
const ownFields = new Set(
  "model messages stream n seed random_seed stop response_format temperature top_p max_tokens max_completion_tokens tools tool_choice parallel_tool_calls".split(
    " ",
  ),
);
const secretHeader = /(^|[-_])(authorization|auth|cookie|api-?key|key|token|secret|password)$/i;
const secretField = /^(authorization|password|secret|(access|auth|api)_?(token|secret))$/i;

/** What a config says of such a model; docs/models.md says what each option does. */
export const openAiCompatibleOptions = z.strictObject({
  provider: z.literal("openai-compatible"),
  baseUrl: z
    .url({ protocol: /^https?$/, error: "Expected an address that begins with http:// or https://" })
    .refine(
      (url) => !/\/chat\/completions\/*$/.test(url),
      "Expected the address without /chat/completions, which is added to it",
    )
    .refine(
      (url) => isBareUrl(url),
      "Expected a URL without user, password, query or fragment; keys go through `apiKeyEnv`",
    )
    .overwrite((url) => url.replace(/\/+$/, "")),
  model: z.string().min(1),
  family: z.enum(familyNames).default("other"),
  apiKeyEnv: z
    .string()
    .regex(
      /^[A-Za-z_][A-Za-z0-9_]*$/,
      "Expected the name of an environment variable, never the key itself: `export NAME=<key>`, then `apiKeyEnv: NAME`",
    )
    .nullable()
    .optional(),
  headers: z
    .record(z.string().regex(/^[\w-]+$/), z.string().regex(/^[\x20-\x7e]*$/))
    .refine((headers) => !Object.keys(headers).some((name) => secretHeader.test(name)), {
      error: "Expected no key in a header: configs are written into every run; name the key's variable in `apiKeyEnv`",
    })
    .default({}),
  body: z
    .record(z.string(), z.json())
    .refine(
      (body) => !Object.keys(body).some((field) => ownFields.has(field)),
      `Expected none of ${[...ownFields].join(", ")}: they have options of their own or come from the request`,
    )
    .refine((body) => !Object.keys(body).some((field) => secretField.test(field)), {
      error:
        "Expected no secret in the body: configs are written into every run; name the key's variable in `apiKeyEnv`",
    })
    .default({}),
  temperature: z.number().min(0).max(2).optional(),
  topP: z.number().gt(0).max(1).optional(),
  maxTokens: z.number().int().positive().optional(),
  maxTokensMost: z.number().int().positive().optional(),
  contextTokens: z.number().int().positive().optional(),
  maxTokensField: z.enum(maxTokensFields).optional(),
  seed: z.number().int().default(0),
  sendsSeed: z.boolean().default(false),
  sendsStop: z
    .unknown()
    .refine(
      () => false,
      "Expected no such option any more: write `refuses: [stop]` where the model refuses stop strings",
    )
    .optional(),
  refuses: z.array(z.enum(refusableFields)).optional(),
  tools: z.boolean().optional(),
  sendsReasoning: z.enum(reasoningForms).optional(),
  structuredOutput: z.enum(structuredOutputs).optional(),
  rememberAs: z.string().min(1).optional(),
  // An hour is what the slowest reasoning takes; a connection that says nothing for longer is dead.
  timeoutSeconds: z.number().positive().max(3_600).default(300),
  concurrency: z.number().int().positive().optional(),
  requestsPerMinute: z.number().int().positive().optional(),
  tokensPerMinute: z.number().int().positive().optional(),
  maxRetries: z.number().int().min(0).default(5),
  retries: retries.prefault({}),
  price: price.optional(),
});

export type OpenAiCompatibleConfig = z.output<typeof openAiCompatibleOptions>;

function isBareUrl(url: string): boolean {
  if (!URL.canParse(url)) return true; // Another check says so.
  const { username, password, search, hash } = new URL(url);
  return username === "" && password === "" && search === "" && hash === "";
}
