/**
 * Round 0: each source that joins trains its own `embedding.*` on its text while the body is frozen. Where embeddings are shared, that is a
 * copy which the source begins its first round from; until then no parameter of anybody else has changed.
 *
 * The body's rate is 0, and what the program holds of it is not read. The norm at which gradients are clipped is that of all parameters.
 */
import { recordRow } from "./local_report.ts";
import { beginningOf } from "./local_state.ts";
import { taskOf } from "./local_task.ts";
import type { Leader } from "./local_work.ts";
import { placeResult } from "./outer_step.ts";
import type { PretrainState } from "./pretrain_state.ts";
import { readTensors } from "./programs.ts";
import type { Run } from "./run.ts";
import { learningRateAt } from "./schedule.ts";
import { DivergedError, emptyRecord, nonFiniteWeights, trainSteps } from "./trainer.ts";
import type { Tensors } from "./checkpoint.ts";
import { isEmbedding } from "./variant.ts";

/** The round in which sources that join train alone. */
export const joiningRound = 0;

/** Trains the tables of the sources that join, from where the run stands, and goes on to the first round. */
export async function trainJoiners(run: Run<PretrainState>, leader: Leader): Promise<void> {
  const { state } = run;
  const { joining } = state;
  while (state.finished < joining!.length) {
    const name = joining![state.finished];
    await trainJoiner(run, leader, name);
    state.record = undefined;
    state.finished++;
    await run.saveIfDue();
  }
  state.round = joiningRound + 1;
  state.finished = 0;
}

async function trainJoiner(
  run: Run<PretrainState>,
  leader: Leader,
  name: string,
): Promise<void> {
  const { state } = run;
  const { variant, settings, participants, programs, seed, held, metrics, clock, log, signal } =
    leader;
  const { steps, peakLearningRate } = settings.joining!;
  const inner = {
    ...settings.inner,
    peakLearningRate: peakLearningRate ?? settings.inner.peakLearningRate,
    totalSteps: steps,
  };
  const vocabulary = participants.vocabularyOf(name);
  const program = await programs.get(vocabulary.size);
  const { parameters, position } = beginningOf(leader, taskOf(leader, state, name, state.finished));
  const record = state.record ??= emptyRecord(0, position);
  const windows = participants.windowsOf(name, seed);
  const place = `joining, source ${name}`;
  const rateKey = "pretrain.joining.peakLearningRate";
  const result = await run.train(
    program,
    () => ({ parameters }),
    async () => {
      await trainSteps({
        program,
        windows,
        record,
        to: steps,
        learningRate: (step) => learningRateAt(step, inner),
        rateFactor: () => (parameter) => isEmbedding(parameter) ? 1 : 0,
        settings,
        clock,
        name: variant.id,
        place,
        rateKey,
        totalSteps: steps * state.joining!.length,
        stepsBefore: steps * state.finished,
        log,
        signal,
        afterStep: async () => {
          if (record.step < steps) await run.saveIfDue(record.steps);
        },
      });
      return await readTensors(program);
    },
  );
  const broken = nonFiniteWeights(result, variant.id, place, `lower ${rateKey}`);
  if (broken !== undefined) throw new DivergedError(broken);
  const whole = variant.sharesEmbeddings
    ? placeResult(variant, state.shared, { tensors: result, vocabulary })
    : result;
  state.held[name] = held.put({ local: embeddingOf(whole), position: record.position });
  state.read[name] = windows.exposure;
  metrics.push({
    kind: "joining",
    source: name,
    vocabSize: vocabulary.size,
    ...recordRow(record),
  });
}

function embeddingOf(tensors: Tensors): Tensors {
  return Object.fromEntries(Object.entries(tensors).filter(([name]) => isEmbedding(name)));
}
