/**
 * Loss scaling for half precision: the loss is multiplied before it is differentiated, so that small gradients do not become
 * zero on their way, and gradients are divided by the same power of two, exactly, before they are used.
 *
 * Source: Micikevicius et al. 2018, "Mixed precision training", §3.2: the step whose gradients overflow is not taken and the
 * scale falls; it rises after steps without. Factor and interval are those of PyTorch's GradScaler, which the paper leaves open.
 * Differs: the batch is not lost, it is taken again with the smaller scale, so that runs see the same data in any precision.
 */
import { differentiate, float32, type Graph, GraphBuilder, mul } from "../../../model/mod.ts";

export const firstLossScale = 2 ** 16;
const leastLossScale = 1;
export const mostLossScale = 2 ** 24;
/** Steps in a row that are taken without an overflow before the scale is doubled. */
export const growthSteps = 2000;

/** The input that a training graph is fed the scale by, and the name of its state beside Adam's moments. */
export const lossScaleName = "lossScale";

export class LossScale {
  #value = firstLossScale;
  #goodSteps = 0;

  get value(): number {
    return this.#value;
  }

  /** The scale, and the steps taken since it changed: what a checkpoint keeps. */
  get state(): Float32Array {
    return Float32Array.of(this.#value, this.#goodSteps);
  }

  /** @throws RangeError for numbers that no `state` can have. */
  set state([value, goodSteps]: Float32Array) {
    const isScale = Number.isInteger(Math.log2(value)) && value >= leastLossScale &&
      value <= mostLossScale;
    if (!isScale || !(goodSteps >= 0 && goodSteps < growthSteps)) {
      throw new RangeError(
        `Cannot write "${lossScaleName}": expected a power of two from ${leastLossScale} to ${mostLossScale} and fewer ` +
          `than ${growthSteps} steps, found ${value} and ${goodSteps}`,
      );
    }
    this.#value = value;
    this.#goodSteps = goodSteps;
  }

  reset(): void {
    this.state = Float32Array.of(firstLossScale, 0);
  }

  /** A step was taken. */
  tookStep(): void {
    this.#goodSteps++;
    if (this.#goodSteps < growthSteps) return;
    this.#goodSteps = 0;
    this.#value = Math.min(mostLossScale, this.#value * 2);
  }

  /** Halves the scale after an overflow; false where it cannot fall. */
  lower(): boolean {
    if (this.#value === leastLossScale) return false;
    this.#value /= 2;
    this.#goodSteps = 0;
    return true;
  }
}

/** A training graph of the same outputs whose gradients are those of the loss times the input `lossScale`, a scalar. */
export function withLossScale(graph: Graph): Graph {
  const forward = GraphBuilder.extending(graph).build(graph.outputs);
  const builder = GraphBuilder.extending(forward);
  const scale = builder.input(lossScaleName, float32([]));
  const scaled = builder.within(
    lossScaleName,
    () => builder.apply(mul, [forward.outputs.loss, scale]),
  );
  const parameters = Object.keys(graph.gradients);
  const outputs = { ...graph.outputs, [lossScaleName]: scaled };
  return {
    ...differentiate(builder.build(outputs), lossScaleName, parameters),
    outputs: graph.outputs,
  };
}
