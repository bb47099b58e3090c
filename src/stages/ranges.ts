import { z } from "zod";

/** A whole number from 1. */
export const count = z.number().int().min(1);

/** Items under way at once: each keeps its bodies in memory, so more than that would be a slip of the keyboard. */
export const concurrency = z.number().int().min(1).max(10_000);

/** A number from 0 to 1. */
export const share = z.number().min(0).max(1);
