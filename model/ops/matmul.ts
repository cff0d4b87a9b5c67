/**
 * Products of stacks of matrices: Y[…] = alpha·op(A[…])·op(B[…]), leading axes broadcast.
 *
 * MatMul (ONNX)                 without transposes and alpha
 * FusedMatMul (com.microsoft)   attributes transA, transB (0 or 1, the last two axes are exchanged) and alpha
 *
 * Both take tensors of rank 2 and more.
 */
import type { Attributes, Node, NodeWriter, Operator, TensorType } from "../operator.ts";
import { broadcastShapes, float32, formatShape } from "../shapes.ts";
import { sumTo } from "./reduce.ts";
import { extentsOf, factorGradients, product } from "./products.ts";
import { expectInputs } from "./rules.ts";

export const matMul: Operator = {
  name: "MatMul",
  domain: "",
  evaluate: product,
  infer: (inputs) => infer(inputs, {}),
  gradient,
};

export const fusedMatMul: Operator = {
  name: "FusedMatMul",
  domain: "com.microsoft",
  evaluate: product,
  infer,
  gradient,
};

function infer(inputs: readonly TensorType[], attributes: Attributes): readonly TensorType[] {
  expectInputs(inputs, 2);
  const [a, b] = inputs;
  for (const [name, input] of [["A", a], ["B", b]] as const) {
    if (input.shape.length < 2) {
      throw new RangeError(`expected ${name} of rank 2 or more, found ${formatShape(input.shape)}`);
    }
  }
  const extents = extentsOf(a, b, attributes);
  return [float32([...broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2)), ...extents])];
}

function gradient(
  { inputs: [a, b], attributes }: Node,
  [dY]: readonly (string | undefined)[],
  writer: NodeWriter,
  wanted: readonly boolean[],
): readonly (string | undefined)[] {
  const towards = factorGradients(writer, fusedMatMul, [a, b], dY!, attributes);
  return [
    wanted[0] ? sumTo(writer, towards.a(), writer.type(a).shape) : undefined,
    wanted[1] ? sumTo(writer, towards.b(), writer.type(b).shape) : undefined,
  ];
}
