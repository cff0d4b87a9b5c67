/**
 * Test text of the sources that a model was trained on: what an export is measured with.
 */
import { openTokenShards } from "../../datasets/mod.ts";
import type { ModelConfig } from "../../model/mod.ts";
import { renumber, type SourceVocabulary } from "../../training/mod.ts";
import type { TrainedModels } from "../trained_model.ts";

/** Tokens of all sources together, about. */
const wantedTokens = 4096;

/** The most logits that a window makes. */
const windowLogits = 2 ** 26;

/**
 * The first windows of each source's test text, as rows of the model's table; none of a source whose text is not in the store.
 * A window is at most as long as the model's context.
 */
export async function testText(
  { session, instance }: TrainedModels,
  sources: readonly string[],
  vocabulary: SourceVocabulary,
  { seqLen, vocabSize }: ModelConfig,
): Promise<readonly Int32Array[]> {
  const length = Math.min(seqLen, Math.max(16, Math.floor(windowLogits / vocabSize)));
  const each = Math.max(1, Math.ceil(wantedTokens / length / sources.length));
  const windows: Int32Array[] = [];
  for (const source of sources) {
    const { from: tokenized } = instance.inputs.get(`train/${source}`)!;
    const state = (await session.states([tokenized])).get(tokenized)!;
    if (state.status !== "fresh") continue;
    const digest = state.manifest.outputs.test;
    if (digest === undefined || await session.objects.damage(digest) !== undefined) continue;
    const shards = openTokenShards(await session.objects.require(digest, tokenized));
    for (let i = 0; i < each && (i + 1) * length <= shards.tokens; i++) {
      windows.push(renumber(shards.slice(i * length, length), vocabulary));
    }
    shards.close();
  }
  return windows;
}
