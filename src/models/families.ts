import { anthropic, gemini, llamaCpp, ollama, other, sglang, vllm } from "./families-compatible.ts";
import { azure, deepseek, fireworks, groq, mistral, openai, openrouter, together } from "./families-hosted.ts";
import type { Family, FamilyName } from "./family.ts";

/** Every family of endpoints, by its name in configs. */
export const families: Readonly<Record<FamilyName, Family>> = {
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
  other,
};
