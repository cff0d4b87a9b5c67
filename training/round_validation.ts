/**
 * Validation between rounds: of the shared parameters, and of what each source has made of them alone.
 */
import type { Tensors } from "./checkpoint.ts";
import type { Leader } from "./local_training.ts";
import { placeResult, type SourceResult } from "./outer_step.ts";
import { writeTensors } from "./programs.ts";
import type { TrainingSource } from "./source.ts";
import { nextTick } from "./trainer.ts";
import { type ValidationLoss, validationLoss } from "./validation.ts";

type SourceLosses = Record<string, ValidationLoss>;

/** Of each source that has parameters to be validated with, in the order of the names. */
export async function validateSources(
  leader: Leader,
  shared: Tensors,
  locals: Readonly<Record<string, Tensors>>,
): Promise<SourceLosses> {
  const losses: SourceLosses = {};
  for (const source of [...leader.sources].sort((a, b) => a.name < b.name ? -1 : 1)) {
    if (!leader.variant.sharesEmbeddings && !locals[source.name]) continue;
    const tensors = { ...shared, ...locals[source.name] };
    losses[source.name] = await lossOf(leader, source, tensors);
  }
  return losses;
}

/**
 * Mean loss in nats of each source on its own text with what it made alone, judged as the shared parameters will be.
 * Workers on the mixture have no text of their own and are passed over.
 */
export async function validateResults(
  leader: Leader,
  shared: Tensors,
  locals: Readonly<Record<string, Tensors>>,
  results: ReadonlyMap<string, SourceResult>,
): Promise<Record<string, number>> {
  const losses: Record<string, number> = {};
  for (const [name, result] of results) {
    const source = leader.participants.sourceOf(name);
    if (source === undefined) continue;
    const tensors = { ...placeResult(leader.variant, shared, result), ...locals[name] };
    losses[name] = (await lossOf(leader, source, tensors)).lossNats;
  }
  return losses;
}

async function lossOf(
  { participants, programs, settings, signal }: Leader,
  { name, validation }: TrainingSource,
  tensors: Tensors,
): Promise<ValidationLoss> {
  await nextTick();
  signal.throwIfAborted();
  const vocabulary = participants.validationVocabulary(name);
  const program = await programs.get(vocabulary.size);
  await writeTensors(program, tensors);
  return await validationLoss(program, {
    source: name,
    shards: validation,
    maxWindows: settings.validationWindows,
    batchSize: settings.microBatchSize,
    seqLen: settings.model.seqLen,
    vocabulary,
  });
}
