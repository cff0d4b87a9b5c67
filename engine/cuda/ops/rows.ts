/**
 * What takes a row, or a column, as a whole.
 */
import { type OperatorName, type Shape, sizeOf } from "../../../model/mod.ts";
import { type Command, overRows, type PlannedNode, rowsOf, type Rule } from "../command.ts";
import { layoutRules } from "./layout.ts";

/** Rows that one block of `sum_columns` adds up. */
const blockRows = 128;

export const rowRules = {
  LayerNormalization: ({ inputs: [x, scale, bias = ""], outputs, attributes, shape }) => {
    const { rows, width } = rowsOf(shape(x));
    const epsilon = (attributes.epsilon ?? 1e-5) as number;
    const list = [...outputs, x, scale, bias, width, epsilon];
    return [{ kernel: "layer_norm", grid: overRows(rows, width), arguments: list }];
  },
  LayerNormalizationGradient: (node) => {
    const { inputs: [dY, x, scale, mean, inverse], outputs: [dX, dScale, dBias], shape } = node;
    const { rows, width } = rowsOf(shape(x));
    const blocks = Math.ceil(rows / blockRows);
    const sums = [dScale, dBias].map((output) =>
      blocks === 1 ? output : node.scratch([blocks, width])
    );
    return [
      {
        kernel: "layer_norm_gradient",
        grid: overRows(rows, width),
        arguments: [dX, dY, x, scale, mean, inverse, width],
      },
      {
        kernel: "layer_norm_columns",
        grid: { blocks: [Math.ceil(width / 32), blocks, 1], threads: 256 },
        arguments: [...sums, dY, x, mean, inverse, rows, width],
      },
      ...[dScale, dBias].flatMap((output, i) =>
        blocks === 1 ? [] : columnSums(node, sums[i], blocks, width, output, 1)
      ),
    ];
  },
  Softmax: ({ inputs: [x], outputs: [y], shape }) => {
    const { rows, width } = rowsOf(shape(x));
    return [{ kernel: "softmax", grid: overRows(rows, width), arguments: [y, x, width] }];
  },
  ReduceSum: reduced(() => 1),
  ReduceMean: reduced((count) => 1 / count),
  ReduceLogSumExp: (node) => {
    const { before, x, rows, width } = withLastReduced(node);
    const list = [node.outputs[0], x, width];
    return [...before, { kernel: "log_sum_exp", grid: overRows(rows, width), arguments: list }];
  },
} satisfies Partial<Record<OperatorName, Rule>>;

/** @param factorOf What a sum of so many terms is multiplied by. */
function reduced(factorOf: (count: number) => number): Rule {
  return (node) => {
    const { inputs: [x], outputs: [y], shape } = node;
    const axes = axesOf(node);
    const factor = factorOf(axes.reduce((count, axis) => count * shape(x)[axis], 1));
    const isFirst = axes.length < shape(x).length && axes.every((axis, i) => axis === i);
    if (isFirst) {
      const columns = sizeOf(shape(y));
      return columnSums(node, x, sizeOf(shape(x)) / columns, columns, y, factor);
    }
    const { before, x: from, rows, width } = withLastReduced(node);
    const list = [y, from, width, factor];
    return [...before, { kernel: "sum_rows", grid: overRows(rows, width), arguments: list }];
  };
}

/** Sums of columns times a factor: blocks of rows first, then those sums in the same way, until one is left. */
function columnSums(
  { scratch }: PlannedNode,
  x: string,
  rows: number,
  columns: number,
  y: string,
  factor: number,
): Command[] {
  const commands: Command[] = [];
  for (let isLast = false; !isLast;) {
    const blocks = Math.ceil(rows / blockRows);
    isLast = blocks === 1;
    const sums = isLast ? y : scratch([blocks, columns]);
    commands.push({
      kernel: "sum_columns",
      grid: { blocks: [Math.ceil(columns / 32), blocks, 1], threads: 256 },
      arguments: [sums, x, rows, columns, isLast ? factor : 1],
    });
    [x, rows] = [sums, blocks];
  }
  return commands;
}

/** The input with the reduced axes as its last ones, as a matrix. */
function withLastReduced(node: PlannedNode) {
  const { inputs: [x], shape, scratch } = node;
  const axes = axesOf(node);
  const from = shape(x);
  const others = from.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const width = axes.reduce((count, axis) => count * from[axis], 1);
  const rows = sizeOf(from) / width;
  if (axes.every((axis, i) => axis === others.length + i)) return { before: [], x, rows, width };
  const perm = [...others, ...axes];
  const turned = scratch(perm.map((axis) => from[axis]));
  const transpose = { ...node, inputs: [x], outputs: [turned], attributes: { perm } };
  return { before: layoutRules.Transpose(transpose), x: turned, rows, width };
}

/** The reduced axes, rising. */
function axesOf({ inputs: [x], attributes, shape }: PlannedNode): number[] {
  const { length }: Shape = shape(x);
  const given = attributes.axes as readonly number[];
  return given.map((axis) => axis < 0 ? axis + length : axis).sort((a, b) => a - b);
}
