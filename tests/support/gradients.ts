/**
 * Gradients against central differences, in float64 through the reference engine's kernels.
 */
import { interpret, scheduleFor, type Values } from "../../engine/reference/mod.ts";
import { differentiate, type Graph, sizeOf } from "../../model/mod.ts";
import type { Random } from "../../base/mod.ts";
import { assertTensorsClose } from "./tensors.ts";

/**
 * Compares the gradient of `loss` with (f(x + h) − f(x − h)) / 2h on all entries of each parameter, or on a sample of them.
 *
 * Tolerance: with h = 1e-5 the difference quotient is off by h²·|f‴|/6 ≈ 1e-11·|f‴| and by rounding, 1e-16·|f|/h ≈ 1e-11·|f|;
 * 1e-7 of the tensor's largest entry, plus 1e-9 where a gradient vanishes, leaves room for steep third derivatives.
 */
export function assertGradients(
  graph: Graph,
  values: Values,
  { entries = Infinity, random }: { entries?: number; random?: Random } = {},
): void {
  const training = differentiate(graph);
  const names = Object.keys(training.gradients);
  const schedule = scheduleFor(training, names.map((name) => training.gradients[name]));
  const gradients = interpret(training, schedule, values);
  const lossSchedule = scheduleFor(graph, [graph.outputs.loss]);
  const lossOf = () => interpret(graph, lossSchedule, values).get(graph.outputs.loss)![0];
  const h = 1e-5;
  for (const name of names) {
    const { shape } = graph.parameters[name];
    const size = sizeOf(shape);
    const data = values[name];
    const chosen = size <= entries
      ? Array.from({ length: size }, (_, i) => i)
      : Array.from({ length: entries }, () => random!.below(size));
    const gradient = gradients.get(training.gradients[name])!;
    const expected = Float64Array.from(gradient);
    for (const i of chosen) {
      const before = data[i];
      data[i] = before + h;
      const above = lossOf();
      data[i] = before - h;
      expected[i] = (above - lossOf()) / (2 * h);
      data[i] = before;
    }
    assertTensorsClose(name, gradient, expected, shape, { absolute: 1e-9, relative: 1e-7 });
  }
}
