import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { createSecrets, secretsOfEnvironment } from "../../src/domain/secrets.ts";

const key = 'k3y+With/odd"signs\\and=9f4a';
const secrets = createSecrets();
secrets.add(key);

describe("a secret is cut out of a text", () => {
  test.each([
    ["as it is", key],
    ["URL-encoded", encodeURIComponent(key)],
    ["in hex", Buffer.from(key).toString("hex")],
    ["escaped for JSON", JSON.stringify(key).slice(1, -1)],
    ["in JSON within JSON", JSON.stringify(JSON.stringify(key)).slice(3, -3)],
  ])("%s", (_how, form) => {
    expect(secrets.cut(`before ${form} after ${form}`)).toBe("before [key] after [key]");
  });

  test("in Base64 of whatever stands around it, in both alphabets", () => {
    for (let before = 0; before < 6; before++) {
      for (let after = 0; after < 4; after++) {
        const bytes = Buffer.concat([randomBytes(before), Buffer.from(key), randomBytes(after)]);
        for (const text of [bytes.toString("base64"), bytes.toString("base64url")]) {
          const cut = secrets.cut(text);
          expect(cut).toContain("[key]");
          // What is left at the ends gives away two characters of the secret at most.
          expect(cut.replace("[key]", "").length).toBeLessThan(Math.ceil((before + after + 4) / 3) * 4 + 4);
        }
      }
    }
  });

  test("in every text of a JSON value, names included; ids and numbers stay", () => {
    const value = { id: "item_1", n: 3, list: [`say ${key}`], [key]: null, apiKey: "short", apiKeyEnv: "MY_KEY" };
    expect(secrets.cutAll(value)).toEqual({
      ...{ id: "item_1", n: 3, list: ["say [key]"], "[key]": null, apiKey: "[key]", apiKeyEnv: "MY_KEY" },
    });
  });
});

test.each([
  ["https://me:hunter2@models.example/v1", "https://[key]@models.example/v1"],
  ["GET /v1?model=a&api_key=abc123&x=1", "GET /v1?model=a&api_key=[key]&x=1"],
  ["authorization: Bearer abcdefghijklmnop1234", "authorization: Bearer [key]"],
  ['{"Authorization":"Basic dXNlcjpwYXNz"}', '{"Authorization":"Basic [key]"}'],
  ["--set models.teacher.apiKey=abc", "--set models.teacher.apiKey=[key]"],
  ["sk-proj-0123456789abcdefXYZ was refused", "[key] was refused"],
])("what is written like a secret is cut out too: %s", (text, expected) => {
  expect(createSecrets().cut(text)).toBe(expected);
});

test.each([
  "models.teacher.apiKeyEnv=MY_KEY",
  "tokens: 3,120 in; the bearer of bad news",
  "http://127.0.0.1:8080/v1 asked to be left alone: mail me@example.org",
  "a keyboard, a monkey and the token economy",
])("what is no secret stays: %s", (text) => {
  expect(createSecrets().cut(text)).toBe(text);
});

test("what a message tells a person to type stays: `export NAME_API_KEY=…` holds no key", () => {
  const { cut } = createSecrets();
  expect(cut("Run `export TEACHER_API_KEY=…` first")).toBe("Run `export TEACHER_API_KEY=…` first");
  expect(cut("TEACHER_API_KEY=abc")).toBe("TEACHER_API_KEY=[key]");
});

test("a placeholder shorter than eight characters is left alone, unless every key is to be cut", () => {
  const usual = createSecrets();
  usual.add("none");
  expect(usual.cut("none of the rows")).toBe("none of the rows");
  const all = createSecrets({ shortest: 1 });
  all.add("none");
  expect(all.cut("key none was refused")).toBe("key [key] was refused");
});

test("only a secret that cannot be there by chance is reported in training data", () => {
  const some = createSecrets();
  for (const value of ["trajectory", "aaaaaaaaaaaaaaaaaaaa", key]) some.add(value);
  expect(some.holds("a trajectory of aaaaaaaaaaaaaaaaaaaa")).toBe(false);
  for (let times = 0; times < 3; times++) expect(some.holds(`it printed ${key}`)).toBe(true);
});

test("an environment's secrets are found by their names, in headers and in addresses", () => {
  expect(
    secretsOfEnvironment({
      PATH: "/usr/bin:/usr/local/bin:/sbin",
      SOME_API_KEY: "0123456789abcdef",
      SHORT_TOKEN: "abc",
      OPENAI_CUSTOM_HEADERS: "X-One: first-value\nX-Two: Bearer second-value",
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: "a=third%20value",
      OTEL_EXPORTER_OTLP_ENDPOINT: "https://me:pa%24s@collector.example/?sig=fourth",
    }),
  ).toEqual(
    expect.arrayContaining([
      "0123456789abcdef",
      "first-value",
      "second-value",
      "third value",
      "third%20value",
      "me:pa$s",
      "pa$s",
      "fourth",
    ]),
  );
});
