/**
 * What moves numbers: whole axes, parts of tensors, rows of tables.
 */
import { type OperatorName, type Shape, sizeOf } from "../../../model/mod.ts";
import { type Launch, overList, type Place, type PlannedNode, type Rule } from "../command.ts";
import { fewAxes, stepsOf } from "./axes.ts";

export const layoutRules = {
  Transpose: ({ inputs: [x], outputs: [y], attributes, shape }) => {
    const steps = stepsOf(shape(x));
    const from = (attributes.perm as readonly number[]).map((axis) => steps[axis]);
    return [move(shape(y), { at: x, steps: from }, { at: y, steps: stepsOf(shape(y)) })];
  },
  Expand: ({ inputs: [x], outputs: [y], shape }) => {
    const to = shape(y);
    return [move(to, { at: x, steps: stepsOf(shape(x), to) }, { at: y, steps: stepsOf(to) })];
  },
  Split: ({ inputs: [x], outputs, attributes, shape }) =>
    parts(x, outputs, attributes.axis, shape).map(({ part, at, steps }) =>
      move(shape(part), { at, steps }, { at: part, steps: stepsOf(shape(part)) })
    ),
  Concat: ({ inputs, outputs: [y], attributes, shape }) =>
    parts(y, inputs, attributes.axis, shape).map(({ part, at, steps }) =>
      move(shape(part), { at: part, steps: stepsOf(shape(part)) }, { at, steps })
    ),
  Slice: ({ inputs: [x], outputs: [y], attributes, shape }) => {
    const steps = stepsOf(shape(x));
    const at = { value: x, offset: sliceOffset(shape(x), attributes) };
    return [move(shape(y), { at, steps }, { at: y, steps: stepsOf(shape(y)) })];
  },
  Pad: ({ inputs: [x], outputs: [y], attributes, shape }) => {
    const steps = stepsOf(shape(y));
    const before = attributes.pads as readonly number[];
    const offset = steps.reduce((sum, step, axis) => sum + step * before[axis], 0);
    const to = { at: { value: y, offset }, steps };
    return [
      { clear: y, words: sizeOf(shape(y)) },
      move(shape(x), { at: x, steps: stepsOf(shape(x)) }, to),
    ];
  },
  Gather: ({ inputs, outputs: [y], shape }) => {
    const n = sizeOf(shape(y));
    const width = sizeOf(shape(inputs[0]).slice(1));
    return [{ kernel: "gather", grid: overList(n), arguments: [y, ...inputs, width, n] }];
  },
  EmbeddingGradient: ({ inputs: [ids, rows], outputs: [table], shape, tokenOrder }) => {
    const [ofTable, width] = shape(table);
    const { order, first } = tokenOrder(ids, ofTable);
    const threads = 32 * Math.min(8, Math.ceil(width / 32));
    return [{ clear: table, words: sizeOf(shape(table)) }, {
      kernel: "embedding_gradient",
      grid: { blocks: [sizeOf(shape(ids)), 1, 1], threads },
      arguments: [table, rows, ids, order, first, width],
    }];
  },
} satisfies Partial<Record<OperatorName, Rule>>;

/** Outputs that are a piece of the node's first input: where each one begins. Nothing is moved for these. */
export function piecesOf(
  operator: string,
  { inputs: [x], outputs, attributes, shape }: Pick<
    PlannedNode,
    "inputs" | "outputs" | "attributes" | "shape"
  >,
): readonly number[] | undefined {
  if (operator === "Reshape") return [0];
  if (operator === "Split") {
    const places = parts(x, outputs, attributes.axis, shape);
    const axis = countedAxis(attributes.axis, shape(x));
    return sizeOf(shape(x).slice(0, axis)) === 1 ? places.map(({ at }) => at.offset) : undefined;
  }
  if (operator !== "Slice") return undefined;
  // One piece of memory, if only the first axis that is longer than 1 is cut.
  const [from, to] = [shape(x), shape(outputs[0])];
  const cut = from.findIndex((length, axis) => length !== to[axis]);
  const isWhole = from.every((length, axis) =>
    axis < cut ? length === 1 : axis === cut || length === to[axis]
  );
  return cut < 0 || isWhole ? [sliceOffset(from, attributes)] : undefined;
}

interface Walk {
  readonly at: string | Place;
  readonly steps: readonly number[];
}

/** Moves a tensor of a shape. */
function move(shape: Shape, from: Walk, to: Walk): Launch {
  const n = sizeOf(shape);
  const { extents, steps } = fewAxes(shape, [from.steps, to.steps], 6);
  const list = [to.at, from.at, n, [...extents, ...steps.flat()]];
  return { kernel: "move", grid: overList(n), arguments: list };
}

/** Where the parts of a tensor along an axis begin in it, and the tensor's steps. */
function parts(
  whole: string,
  names: readonly string[],
  axis: PlannedNode["attributes"][string] | undefined,
  shape: (value: string) => Shape,
) {
  const steps = stepsOf(shape(whole));
  const along = countedAxis(axis, shape(whole));
  let start = 0;
  return names.map((part) => {
    const at = { value: whole, offset: start * steps[along] };
    start += shape(part)[along];
    return { part, at, steps };
  });
}

function sliceOffset(shape: Shape, { axes, starts }: PlannedNode["attributes"]): number {
  const steps = stepsOf(shape);
  return (axes as readonly number[]).reduce(
    (sum, axis, i) => sum + steps[countedAxis(axis, shape)] * (starts as readonly number[])[i],
    0,
  );
}

function countedAxis(axis: unknown, shape: Shape): number {
  const given = (axis ?? 0) as number;
  return given < 0 ? given + shape.length : given;
}
