import type { Scaffold } from "../contracts.ts";
import { react } from "./react.ts";

/** Every scaffold, by name in configs. */
export const scaffolds: readonly Scaffold[] = [react];
