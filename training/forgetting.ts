/**
 * Active forgetting: embeddings that are drawn again before each round, and the learning rates of embeddings and body.
 *
 * Source: DEPT App. A.1.3; Chen et al. 2023 (a separate rate for the embedding, whose Adam state goes with it).
 */
import type { Tensors } from "./checkpoint.ts";
import type { OptimizerTensors } from "./optimizer_state.ts";
import { learningRateAt } from "./schedule.ts";
import type { InnerOptimizer, ModelShape } from "./settings.ts";
import { drawEmbedding, type SeedOf } from "./source.ts";
import { isEmbedding } from "./variant.ts";

/** `shared` with the embeddings that round `round` begins with; those of the first are what training begins with. */
export function forget(
  shared: Tensors,
  round: number,
  { model, vocabSize, forgetting, seed }: {
    readonly model: ModelShape;
    readonly vocabSize: number;
    readonly forgetting: "same" | "new";
    readonly seed: SeedOf;
  },
): Tensors {
  const place = forgetting === "same" || round === 1 ? "" : `/${round}`;
  const names = { pieces: `init/embedding/global${place}`, positions: `init/positions${place}` };
  return { ...shared, ...drawEmbedding(model, vocabSize, seed, names) };
}

/** Adam's state with the moments of `embedding.*` at zero. */
export function forgetMoments({ step, moments }: OptimizerTensors): OptimizerTensors {
  return {
    step,
    moments: Object.fromEntries(
      Object.entries(moments).map(([name, { shape, data }]) => [
        name,
        { shape, data: isEmbedding(name) ? new Float32Array(data.length) : data },
      ]),
    ),
  };
}

/**
 * The rate of each parameter at a step: the body's under one schedule over all steps, an embedding's under one that
 * restarts, warm-up and all, every `localSteps`. To be multiplied with a rate of 1.
 *
 * Adam counts steps once for all parameters; that the embedding's moments are younger goes into its rate: with t steps
 * since their reset, m̂ and v̂ are then corrected as for a step count of t (except for ε beside √v̂).
 */
export function forgettingRates(
  inner: InnerOptimizer,
  { localSteps, totalSteps }: { readonly localSteps: number; readonly totalSteps: number },
): (step: number) => (parameter: string) => number {
  return (step) => {
    const since = step % localSteps;
    const body = learningRateAt(step, { ...inner, totalSteps });
    const correction = (t: number) => Math.sqrt(1 - inner.beta2 ** t) / (1 - inner.beta1 ** t);
    const embedding = learningRateAt(since, { ...inner, totalSteps: localSteps }) *
      (since === step ? 1 : correction(since + 1) / correction(step + 1));
    return (parameter) => isEmbedding(parameter) ? embedding : body;
  };
}
