/**
 * Training: the DEPT rounds and their variants, continuation, evaluation, fine-tuning, checkpoints, cost.
 *
 * ```ts
 * import { costRows, nominalBody } from "./mod.ts";
 *
 * const [std, glob] = costRows({
 *   bodyParameters: nominalBody(125e6, 50_257, 768),
 *   dModel: 768,
 *   globalVocabSize: 250_112,
 *   localVocabSizes: null,
 *   ownVocabSizes: null,
 *   localSteps: 500,
 *   rounds: 10,
 *   positions: 0,
 * });
 * console.log(std.communication / glob.communication); // 500
 * ```
 */
export {
  checkFinite,
  checkNorm,
  checkResult,
  normRule,
  type RecentNorms,
  sharedNorm,
} from "./answer_checks.ts";
export { type PretrainBudget, pretrainBudget, settingsOf } from "./budget.ts";
export {
  type Checkpoint,
  type Group,
  type NamedTensor,
  packState,
  type StateData,
  type StoredTensors,
  type Tensors,
  tensorsOf,
  unpackState,
} from "./checkpoint.ts";
export { CheckpointPace } from "./checkpoint_pace.ts";
export { fillCheckpoint, readCheckpoint, writeCheckpoint } from "./checkpoint_folder.ts";
export { CheckpointStore } from "./checkpoint_store.ts";
export { type Continuation, continuationSeeds, continueTraining } from "./continuation.ts";
export { type CostInputs, type CostRow, costRows, nominalBody } from "./cost.ts";
export {
  decodeDocumentLosses,
  type DocumentLosses,
  documentLosses,
  DocumentSums,
  encodeDocumentLosses,
  type PartialLosses,
  type SourceSummary,
  summarise,
} from "./evaluate.ts";
export {
  type BatchGradient,
  type GradientConstants,
  gradientConstants,
} from "./gradient_constants.ts";
export { type BoundConstants, localSgdBound } from "./local_sgd_bound.ts";
export { fineTune, type FineTuning } from "./fine_tune.ts";
export type { LabelScale, TaskSplit } from "./encoded_task.ts";
export { fineTuneRuns, meanScores, runsInterval } from "./fine_tune_runs.ts";
export { encodeExample, sequencesOf, taskFeeds } from "./task_inputs.ts";
export {
  countUnknown,
  cutVocabulary,
  renumber,
  type SourceVocabulary,
  wholeVocabulary,
} from "./local_vocabulary.ts";
export type { Ahead, LocalHelpers, RoundSoFar } from "./local_helpers.ts";
export { heldFolder, HeldStates } from "./held_states.ts";
export { isAveraged } from "./local_state.ts";
export type { Answered, LocalOutcome, LocalTask, Score, ScoreTask } from "./local_work.ts";
export { LocalTrainer } from "./local_trainer.ts";
export { outerStep } from "./outer_optimizer.ts";
export {
  alignTables,
  averageTables,
  meanTable,
  type SourceTable,
  type StitchedTable,
} from "./stitching.ts";
export { averageResults, meanDeltas, parameterNorm, split, updateNorm } from "./outer_step.ts";
export { Decoder } from "./decoder.ts";
export { generateTokens, sampleToken } from "./generation.ts";
export { scoreText } from "./text_score.ts";
export { type Drift, driftOf } from "./drift.ts";
export { readTensors, writeTensors } from "./programs.ts";
export { type FinishedModel, finishedModel } from "./pretrain_state.ts";
export { type StartingModel, whyOtherNetwork } from "./starting_model.ts";
export { momentShapes, readOptimizer } from "./optimizer_state.ts";
export { TensorFiles } from "./tensor_files.ts";
export {
  bitsPerByte,
  differenceInterval,
  type DocumentsBySource,
  meanMeasure,
  type Measure,
  perplexity,
  resampledMean,
} from "./paired_bootstrap.ts";
export { judgesByOwnRows, Participants } from "./participants.ts";
export {
  type Participation,
  type Participations,
  readParticipations,
  type RoundRecord,
} from "./participation.ts";
export { pretrain, type Pretraining, type PretrainResult } from "./pretrain.ts";
export { cachedMicroBatch, resolveMicroBatch, trainingBytes } from "./micro_batch.ts";
export { participationsIn, writeMetrics } from "./metrics_files.ts";
export { rowsUnderWay } from "./metrics_rows.ts";
export { activationGrowth, type MonitorRow, monitorStep } from "./monitors.ts";
export { PhaseClock, profileMessage } from "./phases.ts";
export { crc32c, encodeEvents } from "./tensorboard.ts";
export {
  type CheckpointEvery,
  continuationSchema,
  type ContinuationSettings,
  type ContinuationStart,
  count,
  fineTuneSchema,
  type GuardSettings,
  type InnerOptimizer,
  maxCount,
  type MicroBatchSize,
  modelSchema,
  type ModelShape,
  type OuterSettings,
  pretrainSchema,
  type PretrainSettings,
  tuneSchema,
  type TuneSettings,
} from "./settings.ts";
export { configName, externalNames, indexName, partNames } from "./external_files.ts";
export { type ExternalModel, readExternalModel, withContext } from "./external_model.ts";
export { type RoutedSource, Router } from "./routing.ts";
export { decodeSafetensors, safetensorsParts } from "./safetensors.ts";
export { learningRateAt, linearWithWarmup } from "./schedule.ts";
export { chanceOf, majorityScore, metricOf, scoreInterval } from "./scores.ts";
export {
  type DeclaredSource,
  drawEmbedding,
  initialShared,
  openSource,
  participantSeeds,
  partOf,
  pretrainSeeds,
  sourceWindows,
  type TrainingSource,
} from "./source.ts";
export { sampleSources } from "./source_sampling.ts";
export { tuneLearningRate, type TuneResult } from "./tune.ts";
export { emptyRecord, nextTick, trainSteps } from "./trainer.ts";
export { textWindows, type ValidationLoss } from "./validation.ts";
export { windowFeeds } from "./windows.ts";
export {
  isPieceTable,
  isShared,
  noPretrainedEmbedding,
  sourceVocabulary,
  tokenEmbedding,
  trainsBySource,
  type Variant,
} from "./variant.ts";
export {
  costMethods,
  expectedVariant,
  findVariant,
  variantNamed,
  variantTable,
} from "./variants.ts";
