/**
 * At least one application of every operator, with what it is fed. The type makes a new operator ask for a case.
 */
import { type Attributes, float32, int32, type OperatorName, type Shape } from "../../model/mod.ts";

export interface OperatorCase {
  readonly inputs: readonly Shape[];
  readonly attributes?: Attributes;
  /** Ids of one input, by its index; other inputs are random floats. */
  readonly ids?: Readonly<Record<number, readonly number[]>>;
  /** Inputs are made positive (Sqrt). */
  readonly isPositive?: boolean;
  /** Inputs are multiplied by this. */
  readonly scale?: number;
  /** Values below this all mean the same: what softmax turns into zero. */
  readonly hides?: number;
}

const unary: readonly OperatorCase[] = [{ inputs: [[3, 5]] }, { inputs: [[2, 1, 7]], scale: 4 }];
const binary: readonly OperatorCase[] = [
  { inputs: [[3, 5], [3, 5]] },
  { inputs: [[2, 3, 5], [5]] },
  { inputs: [[3, 1], [1, 5]] },
  { inputs: [[], [4]] },
];

export const operatorCases: Readonly<Record<OperatorName, readonly OperatorCase[]>> = {
  Add: binary,
  AlibiBias: [
    { inputs: [], attributes: { heads: 3, length: 5 }, hides: -10 },
    { inputs: [], attributes: { heads: 8, length: 4 }, hides: -10 },
  ],
  Attention: [
    { inputs: [[2, 3, 4], [2, 5, 4], [2, 5, 4], [3, 5]], attributes: { alpha: 0.5 } },
    { inputs: [...attended([2, 2, 6, 3]), [2, 1, 6]], attributes: { causal: 1 }, scale: 2 },
    { inputs: [...attended([1, 2, 6, 3]), [], [1, 2, 6, 6]], attributes: { causal: 1 } },
    // More than one block of queries, of unlike lengths.
    { inputs: [...attended([1, 257, 2]), [257, 257], [1, 257, 257]], attributes: { causal: 1 } },
  ],
  AttentionGradient: [
    {
      inputs: [[2, 3, 4], [2, 5, 4], [2, 5, 4], [3, 5], [2, 3, 4], [2, 3], [2, 3, 4]],
      attributes: { alpha: 0.5 },
      scale: 0.25, // any logSumExp is taken: weights stay near 1
    },
    {
      inputs: [...attended([1, 257, 2]), [257, 257], [1, 257, 2], [1, 257], [1, 257, 2]],
      attributes: { causal: 1 },
      scale: 0.25,
    },
    {
      inputs: [...attended([2, 6, 3]), [], [2, 6, 3], [2, 6], [2, 6, 3], [2, 6, 6]],
      attributes: { causal: 1, alpha: 2 },
      scale: 0.25,
    },
  ],
  Sub: binary,
  Mul: binary,
  Neg: unary,
  Exp: unary,
  Erf: unary,
  Gelu: unary,
  FastGelu: unary,
  Sqrt: unary.map((one) => ({ ...one, isPositive: true })),
  FastGeluGradient: [{ inputs: [[3, 5], [3, 5]] }, { inputs: [[4, 2], [4, 2]], scale: 6 }],
  GeluGradient: [{ inputs: [[3, 5], [3, 5]] }, { inputs: [[4, 2], [4, 2]], scale: 6 }],
  Concat: [
    { inputs: [[2, 3], [4, 3]], attributes: { axis: 0 } },
    { inputs: [[2, 1], [2, 3], [2, 2]], attributes: { axis: 1 } },
  ],
  Split: [
    { inputs: [[6, 2]], attributes: { axis: 0, split: [1, 3, 2] } },
    { inputs: [[2, 5]], attributes: { axis: 1, split: [2, 3] } },
  ],
  Slice: [{ inputs: [[5, 4]], attributes: { axes: [0, 1], starts: [1, 0], ends: [4, 3] } }],
  Pad: [{ inputs: [[2, 3]], attributes: { pads: [1, 0, 2, 1] } }],
  Reshape: [{ inputs: [[2, 6]], attributes: { shape: [3, 4] } }, {
    inputs: [[1, 1]],
    attributes: { shape: [] },
  }],
  Transpose: [{ inputs: [[2, 3, 4]], attributes: { perm: [2, 0, 1] } }],
  Expand: [{ inputs: [[3, 1]], attributes: { shape: [2, 3, 4] } }, {
    inputs: [[]],
    attributes: { shape: [2, 2] },
  }],
  ReduceSum: reductions(),
  ReduceLogSumExp: reductions().map((one) => ({ ...one, scale: 40 })),
  ReduceMean: reductions(),
  Softmax: [{ inputs: [[3, 5]], attributes: { axis: -1 } }, { inputs: [[2, 3, 4]], scale: 40 }],
  MatMul: [
    { inputs: [[3, 4], [4, 5]] },
    { inputs: [[2, 3, 4], [4, 5]] },
    { inputs: [[2, 2, 3, 4], [2, 2, 4, 5]] },
  ],
  FusedMatMul: [
    { inputs: [[2, 3, 4], [2, 5, 4]], attributes: { transB: 1, alpha: 0.5 } },
    { inputs: [[2, 4, 3], [2, 4, 5]], attributes: { transA: 1 } },
    { inputs: [[2, 4, 3], [2, 5, 4]], attributes: { transA: 1, transB: 1, alpha: 2 } },
  ],
  Gemm: [
    { inputs: [[3, 4], [5, 4], [5]], attributes: { transB: 1 } },
    { inputs: [[4, 3], [4, 5]], attributes: { transA: 1, alpha: 0.25 } },
    { inputs: [[3, 4], [4, 5], [3, 1]] },
  ],
  Gather: [
    { inputs: [[6, 3], [4]], ids: { 1: [5, 0, 5, 2] }, attributes: { axis: 0 } },
    { inputs: [[6], [2, 2]], ids: { 1: [5, 0, 5, 2] } },
  ],
  EmbeddingGradient: [
    { inputs: [[4], [4, 3]], ids: { 0: [5, 0, 5, 5] }, attributes: { rows: 6 } },
    { inputs: [[2, 2], [2, 2, 3]], ids: { 0: [1, 0, 1, 2] }, attributes: { rows: 3 } },
  ],
  DropoutMask: [
    // Products go around 2^32 often; then a limit below which nothing is.
    { inputs: [[23], [41], [1], [1]], ids: { 0: words(23), 1: words(41), 2: [-1717986918] } },
    { inputs: [[3], [5], [1], [1]], ids: { 0: words(3), 1: words(5), 2: [-2147483648] } },
  ],
  LayerNormalization: [
    { inputs: [[3, 8], [8], [8]], attributes: { axis: -1, epsilon: 1e-5 } },
    { inputs: [[2, 3, 8], [8]], attributes: { axis: -1, epsilon: 1e-3 }, scale: 5 },
  ],
  LayerNormalizationGradient: [
    { inputs: [[3, 8], [3, 8], [8], [3, 1], [3, 1]] },
    { inputs: [[2, 70, 5], [2, 70, 5], [5], [2, 70, 1], [2, 70, 1]], scale: 0.5 }, // more than one block of rows
  ],
  CrossEntropy: [
    { inputs: [[3, 5], [3]], ids: { 1: [4, 0, 2] } },
    { inputs: [[3, 5], [3]], ids: { 1: [4, 0, 2] }, scale: 60 }, // probabilities underflow, nll does not
  ],
  LinearCrossEntropy: [
    { inputs: [[3, 4], [7, 4], [3]], ids: { 2: [6, 0, 2] } },
    { inputs: [[2, 3], [2, 3], [2]], ids: { 2: [0, 1] }, scale: 20 },
    { inputs: [[60, 4], [100_000, 4], [60]], ids: { 2: spread(60, 100_000) } }, // more than one piece of classes
  ],
  LinearCrossEntropyGradient: [
    { inputs: [[3, 4], [7, 4], [3], [3], [3]], ids: { 2: [6, 0, 2] } },
  ],
  CrossEntropyGradient: [
    { inputs: [[3, 5], [3], [3]], ids: { 1: [4, 0, 2] } },
  ],
};

/** Ids from 0 to below - 1, far apart. */
function spread(count: number, below: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => Math.floor(i * (below - 1) / (count - 1)));
}

/** Odd words over all 32 bits: multiples of the golden ratio's. */
function words(count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => Math.imul(i + 1, 0x9e3779b9) | 1);
}

/** Shapes of queries, keys and values. */
function attended(shape: Shape): readonly Shape[] {
  return [shape, shape, shape];
}

function reductions(): readonly OperatorCase[] {
  return [
    { inputs: [[3, 4]], attributes: { axes: [0], keepdims: 0 } },
    { inputs: [[2, 3, 4]], attributes: { axes: [-1], keepdims: 1 } },
    { inputs: [[2, 3, 4]], attributes: { axes: [0, 2] } },
    { inputs: [[2, 3]], attributes: { axes: [0, 1], keepdims: 0 } },
  ];
}

/** The types of a case's inputs. */
export function typesOf({ inputs, ids = {} }: OperatorCase) {
  return inputs.map((shape, i) => i in ids ? int32(shape) : float32(shape));
}
