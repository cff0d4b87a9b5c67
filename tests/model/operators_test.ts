import assert from "node:assert/strict";
import {
  type Attributes,
  GraphBuilder,
  operators,
  sizeOf,
  type TensorType,
} from "../../model/mod.ts";
import { float32, int32 } from "../../model/mod.ts";
import { Random, seedOf } from "../../base/mod.ts";
import { assertGradients } from "../support/gradients.ts";

interface Case {
  readonly op: keyof typeof operators;
  /** Shapes of float inputs; `{ids, below}` for an input of ids, `{fixed}` for one that has no gradient. */
  readonly inputs: readonly (
    | readonly number[]
    | { readonly ids: readonly number[]; readonly below: number }
    | { readonly fixed: readonly number[] }
  )[];
  readonly attributes?: Attributes;
  /** Outputs on which the loss depends; default the first. */
  readonly outputs?: readonly number[];
}

const cases: readonly Case[] = [
  { op: "Attention", inputs: [[2, 3, 4], [2, 5, 4], [2, 5, 4], { fixed: [3, 5] }] },
  {
    op: "Attention",
    inputs: [[2, 2, 4, 3], [2, 2, 4, 3], [2, 2, 4, 3], { fixed: [2, 4, 4] }],
    attributes: { causal: 1, alpha: 0.5 },
  },
  {
    op: "Attention",
    inputs: [[4, 2], [4, 2], [4, 2], { fixed: [] }, { fixed: [4, 4] }],
    attributes: { causal: 1 },
  },
  { op: "Add", inputs: [[2, 3], [2, 3]] },
  { op: "Add", inputs: [[2, 3, 4], [3, 1]] },
  { op: "Add", inputs: [[], [2, 2]] },
  { op: "Sub", inputs: [[2, 3], [3]] },
  { op: "Sub", inputs: [[2, 1], [1, 3]] },
  { op: "Mul", inputs: [[2, 3], [2, 3]] },
  { op: "Mul", inputs: [[2, 3, 2], [2, 1, 2]] },
  { op: "Mul", inputs: [[2, 3], []] },
  { op: "Neg", inputs: [[2, 3]] },
  { op: "Exp", inputs: [[2, 3]] },
  { op: "Erf", inputs: [[2, 3]] },
  { op: "Gelu", inputs: [[3, 5]] },
  { op: "FastGelu", inputs: [[3, 5]] },
  { op: "Gather", inputs: [[5, 3], { ids: [7], below: 3 }] }, // 7 ids of 3 rows repeat
  { op: "Gather", inputs: [[4, 2, 2], { ids: [2, 3], below: 4 }] },
  { op: "Gemm", inputs: [[2, 3], [3, 4]] },
  { op: "Gemm", inputs: [[2, 3], [4, 3], [4]], attributes: { transB: 1 } },
  { op: "Gemm", inputs: [[3, 2], [3, 4], [2, 1]], attributes: { transA: 1, alpha: 0.5 } },
  { op: "Gemm", inputs: [[3, 2], [4, 3], [2, 4]], attributes: { transA: 1, transB: 1, alpha: 2 } },
  { op: "MatMul", inputs: [[2, 3], [3, 2]] },
  { op: "MatMul", inputs: [[2, 2, 3], [2, 3, 2]] },
  { op: "MatMul", inputs: [[2, 2, 3], [3, 2]] },
  { op: "MatMul", inputs: [[2, 1, 2, 3], [3, 3, 2]] },
  { op: "FusedMatMul", inputs: [[2, 3, 2], [2, 3, 4]], attributes: { transA: 1, alpha: 0.5 } },
  { op: "FusedMatMul", inputs: [[2, 2, 3], [2, 4, 3]], attributes: { transB: 1, alpha: 3 } },
  { op: "FusedMatMul", inputs: [[3, 2], [2, 4, 3]], attributes: { transA: 1, transB: 1 } },
  { op: "LayerNormalization", inputs: [[3, 5], [5], [5]], attributes: { epsilon: 1e-2 } },
  { op: "LayerNormalization", inputs: [[2, 2, 4], [4]] },
  { op: "Softmax", inputs: [[2, 2, 4]] },
  { op: "CrossEntropy", inputs: [[4, 3], { ids: [4], below: 3 }] },
  { op: "LinearCrossEntropy", inputs: [[4, 3], [5, 3], { ids: [4], below: 5 }] },
  { op: "ReduceSum", inputs: [[2, 3, 4]], attributes: { axes: [1], keepdims: 0 } },
  { op: "ReduceSum", inputs: [[2, 3, 4]], attributes: { axes: [0, -1], keepdims: 1 } },
  { op: "Expand", inputs: [[2, 1]], attributes: { shape: [3, 2, 4] } },
  { op: "Reshape", inputs: [[2, 6]], attributes: { shape: [3, 4] } },
  { op: "Transpose", inputs: [[2, 3, 4]], attributes: { perm: [2, 0, 1] } },
  { op: "Split", inputs: [[2, 6]], attributes: { axis: 1, split: [1, 2, 3] }, outputs: [0, 2] },
  { op: "Split", inputs: [[3, 2]], attributes: { axis: 0, split: [1, 2] }, outputs: [0, 1] },
  { op: "Concat", inputs: [[2, 1], [2, 3], [2, 2]], attributes: { axis: -1 } },
  { op: "Slice", inputs: [[4, 3]], attributes: { axes: [0], starts: [1], ends: [3] } },
  { op: "Pad", inputs: [[2, 2]], attributes: { pads: [1, 0, 0, 2] } },
];

for (const { op, inputs, attributes = {}, outputs = [0] } of cases) {
  const shapes = inputs.map((input) => JSON.stringify(input)).join(" ");
  const title = `${op} ${shapes} ${JSON.stringify(attributes)}: gradient meets central differences`;
  Deno.test(title, () => {
    const random = new Random(seedOf(1, title));
    const builder = new GraphBuilder();
    const values: Record<string, Float64Array | Int32Array> = {};
    const names = inputs.map((input, i) => {
      if ("ids" in input) {
        const ids = { length: sizeOf(input.ids) };
        values[`x${i}`] = Int32Array.from(ids, () => random.below(input.below));
        return builder.input(`x${i}`, int32(input.ids));
      }
      const shape = "fixed" in input ? input.fixed : input;
      values[`x${i}`] = Float64Array.from({ length: sizeOf(shape) }, () => random.normal());
      if ("fixed" in input) return builder.input(`x${i}`, float32(shape));
      return builder.parameter(`x${i}`, shape);
    });
    const results = builder.applyAll(operators[op], names, attributes);
    // A weighted sum, so that every element of an output has a gradient of its own.
    const terms = outputs.map((output) => {
      const type = builder.type(results[output]);
      const weights = Array.from({ length: sizeOf(type.shape) }, () => random.normal());
      const weighted = builder.apply(operators.Mul, [
        results[output],
        builder.constant(weights, type),
      ]);
      const axes = type.shape.map((_, axis) => axis);
      return builder.apply(operators.ReduceSum, [weighted], { axes, keepdims: 0 });
    });
    const loss = terms.reduce((sum, term) => builder.apply(operators.Add, [sum, term]));
    assertGradients(builder.build({ loss }), values);
  });
}

Deno.test("operators: every one with a gradient is among the cases", () => {
  const tried = new Set<string>(cases.map(({ op }) => op));
  for (const [name, operator] of Object.entries(operators)) {
    assert.equal(operator.name, name);
    const { gradient } = operator as { gradient?: unknown };
    if (gradient !== undefined) assert.ok(tried.has(name), `${name} has no case`);
  }
});

Deno.test("operators: the table has every operator that a file of model/ops/ exports", async () => {
  const folder = new URL("../../model/ops/", import.meta.url);
  const table = new Set<unknown>(Object.values(operators));
  let found = 0;
  for (const { name } of Deno.readDirSync(folder)) {
    if (name.startsWith("_") || name === "mod.ts") continue;
    const exported: Record<string, unknown> = await import(new URL(name, folder).href);
    for (const [title, value] of Object.entries(exported)) {
      if (typeof value !== "object" || value === null || !("infer" in value)) continue;
      assert.ok(table.has(value), `${name}: ${title} is not in the table`);
      found++;
    }
  }
  assert.equal(found, table.size);
});

const refusals: readonly [keyof typeof operators, TensorType[], Attributes, RegExp][] = [
  [
    "Add",
    [float32([2]), float32([3])],
    {},
    /expected shapes that broadcast, found \[2\] and \[3\]/,
  ],
  ["Add", [float32([2])], {}, /expected 2 inputs, found 1/],
  ["Exp", [int32([2])], {}, /expected the input of type float32, found int32/],
  ["Gather", [float32([2, 3]), float32([1])], {}, /expected the ids of type int32, found float32/],
  ["Gemm", [float32([2, 3]), float32([4, 2])], {}, /columns as op\(B\) has rows, found 3 and 4/],
  ["Gemm", [float32([2, 3, 1]), float32([3, 2])], {}, /expected A of rank 2, found \[2, 3, 1\]/],
  [
    "Gemm",
    [float32([2, 3]), float32([3, 4]), float32([3])],
    {},
    /expected shapes that broadcast, found \[3\] and \[2, 4\]/,
  ],
  ["MatMul", [float32([3]), float32([3, 2])], {}, /expected A of rank 2 or more, found \[3\]/],
  ["MatMul", [float32([2, 3]), float32([2, 3])], {}, /found 3 and 2/],
  ["LayerNormalization", [float32([2, 3]), float32([2])], {}, /Scale of shape \[3\], found \[2\]/],
  [
    "LayerNormalization",
    [float32([1, 2]), float32([2])],
    { epsilon: 0 },
    /epsilon above 0, found 0/,
  ],
  ["LayerNormalization", [float32([2]), float32([2])], {}, /X of rank 2 or more, found \[2\]/],
  ["Softmax", [float32([2, 3])], { axis: 0 }, /expected the last axis, found 0/],
  ["Reshape", [float32([2, 3])], { shape: [4] }, /6 elements, as \[2, 3\] has, found \[4\]/],
  ["Transpose", [float32([2, 3])], { perm: [0, 0] }, /order the axes of \[2, 3\], found \[0, 0\]/],
  ["Split", [float32([4])], { axis: 0, split: [1, 2] }, /add up to 4, found \[1, 2\]/],
  ["Concat", [float32([2, 3]), float32([3, 3])], { axis: 1 }, /alike except on axis 1/],
  [
    "Slice",
    [float32([4])],
    { axes: [0], starts: [2], ends: [5] },
    /\[0, 4\] on axis 0, found 2 to 5/,
  ],
  ["Pad", [float32([4])], { pads: [-1, 0] }, /expected 2 pads of 0 or more, found \[-1, 0\]/],
  ["ReduceSum", [float32([4])], { axes: [1] }, /expected an axis of a tensor of rank 1, found 1/],
  [
    "Expand",
    [float32([2])],
    { shape: [3] },
    /expected shapes that broadcast, found \[2\] and \[3\]/,
  ],
  ["CrossEntropy", [float32([4, 3]), int32([3])], {}, /targets of shape \[4\], found \[3\]/],
  ["Attention", attended([2, 3], [2, 4], [2, 4], []), {}, /keys of shape \[2, 3\], found \[2, 4\]/],
  ["Attention", attended([3], [3], [3], []), {}, /expected queries of rank 2 or more, found \[3\]/],
  ["Attention", attended([2, 3], [4, 3], [4, 3], [4, 2]), {}, /expected shapes that broadcast/],
  ["Attention", attended([2, 3], [4, 3], [4, 3], [2, 2, 4]), {}, /to \[2, 4\], found \[2, 2, 4\]/],
  ["Attention", attended([2, 3], [4, 3], [4, 3], [], [2, 3]), {}, /mask of shape \[2, 4\]/],
  [
    "Attention",
    attended([2, 3], [4, 3], [4, 3], []),
    { causal: 1 },
    /expected as many keys as queries, found 4 and 2/,
  ],
];

function attended(...shapes: (readonly number[])[]): TensorType[] {
  return shapes.map(float32);
}

for (const [op, inputs, attributes, message] of refusals) {
  Deno.test(`${op}.infer() refuses ${JSON.stringify(inputs.map(({ shape }) => shape))}, ${JSON.stringify(attributes)}`, () => {
    assert.throws(() => operators[op].infer(inputs, attributes), { name: "RangeError", message });
  });
}
