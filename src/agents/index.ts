import type { Scaffold } from "../contracts.ts";
import { codeAct } from "./code-act.ts";
import { react } from "./react.ts";
import { tools } from "./tools.ts";

/** Every scaffold, by name in configs: `react` (DSGym's tags), `tools` (native calls), `code-act` (fenced code). One action a message in each. */
export const scaffolds: readonly Scaffold[] = [react, tools, codeAct];
