import { JSONRepairError, jsonrepair } from "jsonrepair";

/** Mends JSON as models break it (quotes, commas, comments, a missing end); null where it cannot. */
export function repairJson(broken: string): string | null {
  try {
    return jsonrepair(broken);
  } catch (error) {
    if (error instanceof JSONRepairError) return null;
    throw error;
  }
}
