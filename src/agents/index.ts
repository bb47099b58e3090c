import type { Scaffold } from "../contracts.ts";
import { react } from "./react.ts";

/** Every scaffold, by name in configs: `react` (reason, act, observe, after Yao et al. 2022; one tagged action a message, no native tool calls). */
export const scaffolds: readonly Scaffold[] = [react];
