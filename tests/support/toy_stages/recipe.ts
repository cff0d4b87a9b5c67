/**
 * What a toy recipe may say.
 */
import { z } from "zod";

export const toySchema = z.strictObject({
  name: z.string(),
  description: z.string(),
  seed: z.int().nonnegative(),
  engine: z.strictObject({ kind: z.string(), threads: z.int().positive() }),
  data: z.string().nullable(),
  sources: z.array(z.string()).min(1),
  rules: z.array(z.enum(["left", "right"])),
  count: z.int().positive(),
  steps: z.int().positive(),
  delayMs: z.number().nonnegative(),
  /** What each walk claims of the machine. */
  claims: z.strictObject({ threads: z.int().positive(), memoryGb: z.number().nonnegative() }),
  title: z.string(),
  study: z.strictObject({
    axes: z.record(
      z.string(),
      z.union([
        z.strictObject({ key: z.string(), values: z.array(z.union([z.number(), z.string()])) }),
        z.strictObject({ cells: z.record(z.string(), z.record(z.string(), z.unknown())) }),
      ]),
    ),
  }).nullable().default(null),
  fault: z.strictObject({ source: z.string(), kind: z.string() }).nullable(),
});

export type ToyRecipe = z.infer<typeof toySchema>;
