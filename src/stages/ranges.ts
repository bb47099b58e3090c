import { z } from "zod";

/** A whole number from 1. */
export const count = z.number().int().min(1);

/** A number from 0 to 1. */
export const share = z.number().min(0).max(1);
