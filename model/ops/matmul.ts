/**
 * Products of stacks of matrices: Y[…] = alpha·op(A[…])·op(B[…]), leading axes broadcast.
 *
 * MatMul (ONNX)                 without transposes and alpha
 * FusedMatMul (com.microsoft)   attributes transA, transB (0 or 1, the last two axes are exchanged) and alpha
 *
 * Both take tensors of rank 2 and more.
 */
import type { Attributes, Node, NodeWriter, Operator, TensorType } from "../operator.ts";
import { broadcastShapes, float32, formatShape, sizeOf } from "../shapes.ts";
import { sumTo } from "./reduce.ts";
import { expectFloat, expectInputs, factorGradients, flagOf } from "./rules.ts";
import * as productsKernels from "./products_kernels.ts";

export const matMul: Operator = {
  name: "MatMul",
  domain: "",
  evaluate: productsKernels.matMul,
  infer: (inputs) => infer(inputs, {}),
  gradient,
  flops: (inputs, outputs) => flops(inputs, outputs, {}),
};

export const fusedMatMul: Operator = {
  name: "FusedMatMul",
  domain: "com.microsoft",
  evaluate: productsKernels.matMul,
  infer,
  gradient,
  flops,
};

function infer(inputs: readonly TensorType[], attributes: Attributes): readonly TensorType[] {
  expectInputs(inputs, 2);
  const [a, b] = inputs;
  for (const [name, input] of [["A", a], ["B", b]] as const) {
    expectFloat(input, name);
    if (input.shape.length < 2) {
      throw new RangeError(`expected ${name} of rank 2 or more, found ${formatShape(input.shape)}`);
    }
  }
  const [m, k] = matrixOf(a, flagOf(attributes, "transA"));
  const [inner, n] = matrixOf(b, flagOf(attributes, "transB"));
  if (k !== inner) {
    throw new RangeError(
      `expected op(A) with as many columns as op(B) has rows, found ${k} and ${inner}`,
    );
  }
  return [float32([...broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2)), m, n])];
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

function flops(
  [a]: readonly TensorType[],
  [y]: readonly TensorType[],
  attributes: Attributes,
): number {
  return 2 * sizeOf(y.shape) * matrixOf(a, flagOf(attributes, "transA"))[1];
}

function matrixOf({ shape }: TensorType, transposed: boolean): readonly number[] {
  return transposed ? [shape[shape.length - 1], shape[shape.length - 2]] : shape.slice(-2);
}
