/**
 * The source whose table a text is for, where nobody says it: `--source auto`.
 */
import { StageError, UsageError } from "../base/mod.ts";
import { cutTokenizer, UnigramTokenizer } from "../tokenizers/mod.ts";
import { type RoutedSource, Router } from "../training/mod.ts";
import type { TrainedModels } from "./trained_model.ts";

/** What stands for the name of a source. */
export const auto = "auto";

/**
 * The source whose counts of pieces tell the texts in the fewest bits.
 * @throws UsageError for no text @throws StageError where sources use a tokenizer of others
 */
export async function routedSource(
  models: TrainedModels,
  texts: AsyncIterable<string> | Iterable<string>,
): Promise<string> {
  const sources: RoutedSource[] = [];
  for (const source of models.sources) sources.push(await routedBy(models, source));
  const router = new Router(sources);
  const sums = sources.map(() => ({ nats: 0 }));
  for await (const text of texts) {
    router.read(text).forEach(({ nats }, k) => sums[k].nats += nats);
  }
  if (sums.every(({ nats }) => nats === 0)) {
    throw new UsageError(
      `Cannot find the source of a text: expected some text, found none; name it with --source (${
        models.sources.join(", ")
      })`,
    );
  }
  return models.sources[router.choose(sums)];
}

async function routedBy(models: TrainedModels, source: string): Promise<RoutedSource> {
  const { tokenizer, vocabulary: { rows } } = await models.open(source);
  const counts = await models.countsOf(source);
  if (!(tokenizer instanceof UnigramTokenizer)) {
    tokenizer[Symbol.dispose]();
    throw new StageError(
      `Cannot find the source of a text for ${models.instance.id}: expected a vocabulary that was trained here, found a ` +
        "tokenizer of others (vocabulary.global.file); name the source with --source",
    );
  }
  if (rows === undefined) return { source, tokenizer, counts };
  const own = Float64Array.from(rows, (id) => counts[id]);
  return { source, tokenizer: cutTokenizer(tokenizer, rows), counts: own };
}
