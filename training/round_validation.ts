/**
 * Validation between rounds: of the shared parameters, and of what each source has made of them alone.
 */
import type { Tensors } from "./checkpoint.ts";
import type { Leader } from "./local_work.ts";
import { placeResult, type SourceResult } from "./outer_step.ts";
import type { PretrainState } from "./pretrain_state.ts";
import { writeTensors } from "./programs.ts";
import type { TrainingSource } from "./source.ts";
import { nextTick } from "./trainer.ts";
import { type ValidationLoss, validationLoss } from "./validation.ts";

type SourceLosses = Record<string, ValidationLoss>;

/**
 * Of each source that is validated after a round and has parameters for it, in the order of the names: all sources, or those that
 * took part.
 * @param participants of the round
 */
export async function validateSources(
  leader: Leader,
  { round, shared, held }: Pick<PretrainState, "round" | "shared" | "held">,
  participants: readonly string[],
): Promise<SourceLosses> {
  const { settings: { rounds, validateAllEvery } } = leader;
  const isWhole = round % validateAllEvery === 0 || round === rounds;
  const tookPart = participants.map((name) => leader.participants.sourceOf(name));
  // Workers on the mixture read the text of all.
  const sources = isWhole || tookPart.includes(undefined)
    ? leader.sources
    : leader.sources.filter((source) => tookPart.includes(source));
  const losses: SourceLosses = {};
  for (const source of sources.toSorted((a, b) => a.name < b.name ? -1 : 1)) {
    const local = localOf(leader, held, source.name);
    if (!leader.variant.sharesEmbeddings && local === undefined) continue;
    const tensors = { ...shared, ...local };
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
  held: PretrainState["held"],
  results: ReadonlyMap<string, SourceResult>,
): Promise<Record<string, number>> {
  const losses: Record<string, number> = {};
  for (const [name, result] of results) {
    const source = leader.participants.sourceOf(name);
    if (source === undefined) continue;
    const placed = placeResult(leader.variant, shared, result);
    const tensors = { ...placed, ...localOf(leader, held, name) };
    losses[name] = (await lossOf(leader, source, tensors)).lossNats;
  }
  return losses;
}

/** The tables that a source keeps; undefined for one that has none. */
function localOf(
  { held: store }: Leader,
  held: PretrainState["held"],
  name: string,
): Tensors | undefined {
  return name in held ? store.read(held[name]).local?.read() : undefined;
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
