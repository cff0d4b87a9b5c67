/** npm `@huggingface/transformers` in a process of its own. */
import { packageMissing, runApart } from "../package_apart.ts";

const library = "npm:@huggingface/transformers@4.3.2";

interface AskedModel {
  readonly folder: string;
  readonly tokens: readonly number[];
  readonly start: readonly number[];
  readonly most: number;
  readonly texts: readonly string[];
  readonly prompt: string;
}

export interface FoundModel {
  readonly logits: readonly number[];
  readonly withCache: readonly number[];
  readonly withoutCache: readonly number[];
  readonly ids: readonly (readonly number[])[];
  readonly decoded: readonly string[];
  readonly continued: string;
}

/** Fetches the package unless it is there. Returns why it cannot be had, or undefined. */
export const transformersJsMissing = () => packageMissing(library);

/** What transformers.js says of models whose folders are in `place`. */
export async function useModels(
  place: string,
  models: readonly AskedModel[],
): Promise<FoundModel[]> {
  const program = new URL("use_models.ts", import.meta.url);
  return await runApart(program, { library, place, models }) as FoundModel[];
}
