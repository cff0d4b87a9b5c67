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
  title: z.string(),
  fault: z.strictObject({ source: z.string(), kind: z.string() }).nullable(),
});

export type ToyRecipe = z.infer<typeof toySchema>;
