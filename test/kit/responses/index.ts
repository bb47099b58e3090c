// Answers of each family of endpoints, written after its documentation.
import type { FamilyName } from "../../../src/models/family.ts";
import { anthropic } from "./anthropic.ts";
import { azure } from "./azure.ts";
import { deepseek } from "./deepseek.ts";
import { fireworks } from "./fireworks.ts";
import { gemini } from "./gemini.ts";
import { groq } from "./groq.ts";
import { llamaCpp } from "./llama-cpp.ts";
import { mistral } from "./mistral.ts";
import { ollama } from "./ollama.ts";
import { openai } from "./openai.ts";
import { openrouter } from "./openrouter.ts";
import { sglang } from "./sglang.ts";
import type { FamilyResponses } from "./shape.ts";
import { together } from "./together.ts";
import { vllm } from "./vllm.ts";

/** Every family but `other`, which is none. */
export const responses: Readonly<Record<Exclude<FamilyName, "other">, FamilyResponses>> = {
  openai,
  azure,
  together,
  fireworks,
  openrouter,
  groq,
  deepseek,
  mistral,
  anthropic,
  gemini,
  vllm,
  sglang,
  "llama.cpp": llamaCpp,
  ollama,
};
