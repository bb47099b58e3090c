// What the GenAI semantic conventions (v1.41) call the parts of a request.
import type { Attributes } from "@opentelemetry/api";
import type { ChatRequest, Model } from "../contracts.ts";

/** A message in the conventions' form. */
export function partsOf(role: string, content: string) {
  return { role, parts: [{ type: "text", content }] };
}

// The fields of a request that the conventions have a name for.
const samplingNames: Readonly<Record<string, string>> = {
  temperature: "temperature",
  top_p: "top_p",
  top_k: "top_k",
  max_tokens: "max_tokens",
  max_completion_tokens: "max_tokens",
  frequency_penalty: "frequency_penalty",
  presence_penalty: "presence_penalty",
};

/** How a model is asked, as attributes; what its endpoint decides by itself is left out. */
export function samplingOf(model: Model, request: ChatRequest): Attributes {
  const sampling = Object.entries(samplingNames).flatMap(([field, name]) => {
    const value = model.identity[field];
    return typeof value === "number" ? [[`gen_ai.request.${name}`, value] as const] : [];
  });
  const { stop = [] } = request;
  return {
    ...Object.fromEntries(sampling),
    ...(stop.length > 0 ? { "gen_ai.request.stop_sequences": [...stop] } : {}),
  };
}

/** Who is asked. */
export function serverOf(baseUrl: string): Attributes {
  const { hostname, port, protocol } = new URL(baseUrl);
  return { "server.address": hostname, "server.port": port === "" ? (protocol === "https:" ? 443 : 80) : Number(port) };
}
