/**
 * Axes of row-major tensors as kernels take them: few, with a step for each tensor.
 */
import type { Shape } from "../../../model/mod.ts";

/** Steps of a tensor along the axes of a shape that it is stretched to: 0 where it has one element or no axis. */
export function stepsOf(shape: Shape, to: Shape = shape): number[] {
  const steps = new Array<number>(to.length).fill(0);
  const added = to.length - shape.length;
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] > 1) steps[axis + added] = step;
    step *= shape[axis];
  }
  return steps;
}

/**
 * The same walk over fewer axes: those of length 1 go, and neighbours become one where every tensor steps over both evenly.
 * Filled from the front to `count` axes.
 *
 * @param steps Of each tensor.
 * @throws RangeError for a walk that needs more axes.
 */
export function fewAxes(
  extents: Shape,
  steps: readonly (readonly number[])[],
  count: number,
): { readonly extents: number[]; readonly steps: number[][] } {
  const kept: { extent: number; steps: number[] }[] = [];
  extents.forEach((extent, axis) => {
    if (extent === 1) return;
    const own = steps.map((list) => list[axis]);
    const outer = kept.at(-1);
    if (outer !== undefined && outer.steps.every((step, i) => step === own[i] * extent)) {
      kept[kept.length - 1] = { extent: outer.extent * extent, steps: own };
    } else {
      kept.push({ extent, steps: own });
    }
  });
  if (kept.length > count) {
    throw new RangeError(
      `Cannot walk over a tensor: expected at most ${count} axes, found ${kept.length}`,
    );
  }
  while (kept.length < count) kept.unshift({ extent: 1, steps: steps.map(() => 0) });
  return {
    extents: kept.map(({ extent }) => extent),
    steps: steps.map((_, i) => kept.map((axis) => axis.steps[i])),
  };
}
