/**
 * Validation between rounds: of the shared parameters, and of what each source has made of them alone.
 */
import type { Json } from "../base/mod.ts";
import type { Tensors } from "./checkpoint.ts";
import { placeResult, type SourceResult } from "./outer_step.ts";
import type { Participants } from "./participants.ts";
import { type TrainingPrograms, writeTensors } from "./programs.ts";
import type { PretrainSettings } from "./settings.ts";
import type { TrainingSource } from "./source.ts";
import { nextTick } from "./trainer.ts";
import { type ValidationLoss, validationLoss } from "./validation.ts";
import type { Variant } from "./variant.ts";

export interface RoundValidationOptions {
  readonly variant: Variant;
  readonly settings: PretrainSettings;
  readonly sources: readonly TrainingSource[];
  readonly participants: Participants;
  readonly programs: TrainingPrograms;
  readonly signal: AbortSignal;
}

export type SourceLosses = Record<string, ValidationLoss & { readonly [key: string]: Json }>;

/** Of each source that has parameters to be validated with, in the order of the names. */
export async function validateSources(
  options: RoundValidationOptions,
  shared: Tensors,
  locals: Readonly<Record<string, Tensors>>,
): Promise<SourceLosses> {
  const losses: SourceLosses = {};
  for (const source of [...options.sources].sort((a, b) => a.name < b.name ? -1 : 1)) {
    if (!options.variant.sharesEmbeddings && !locals[source.name]) continue;
    const tensors = { ...shared, ...locals[source.name] };
    losses[source.name] = { ...await lossOf(options, source, tensors) };
  }
  return losses;
}

/**
 * Mean loss in nats of each source on its own text with what it made alone, judged as the shared parameters will be.
 * Workers on the mixture have no text of their own and are passed over.
 */
export async function validateResults(
  options: RoundValidationOptions,
  shared: Tensors,
  locals: Readonly<Record<string, Tensors>>,
  results: ReadonlyMap<string, SourceResult>,
): Promise<Record<string, number>> {
  const losses: Record<string, number> = {};
  for (const [name, result] of results) {
    const source = options.participants.sourceOf(name);
    if (source === undefined) continue;
    const tensors = { ...placeResult(options.variant, shared, result), ...locals[name] };
    losses[name] = (await lossOf(options, source, tensors)).lossNats;
  }
  return losses;
}

async function lossOf(
  { participants, programs, settings, signal }: RoundValidationOptions,
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
