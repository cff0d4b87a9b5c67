/** The recipe of the synthetic project. */
import { z } from "zod";

export const schema = z.strictObject({
  name: z.string(),
  description: z.string(),
  seed: z.int(),
  engine: z.strictObject({ kind: z.string(), threads: z.int() }),
  /** Instances of stage `layer`: this many layers of this width; each needs four of the layer before. */
  layers: z.int().nonnegative(),
  width: z.int().positive(),
  /** A parameter of all, or of the first instance alone. */
  number: z.int(),
  first: z.int(),
  /** An input from outside the store. */
  file: z.string().nullable(),
});

export type SyntheticRecipe = z.infer<typeof schema>;
