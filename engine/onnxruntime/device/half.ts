/**
 * A device's rewritings in half precision: matrix products read and write half-precision numbers, and so do operators
 * that only move their elements. Everything else is as in single precision: the residual stream, softmax, layer norms and their
 * statistics, losses, sums over rows, gradients of parameters.
 *
 * Source: Micikevicius et al. 2018, "Mixed precision training", §3.
 */
import type { Node } from "../../../model/mod.ts";
import { device, factorsOf } from "./rewrites.ts";
import { headGradient, headGradientOperator, linearCrossEntropy, type Product } from "../head.ts";
import { elementTypes } from "../onnx_proto.ts";
import type { RewriteContext, Target } from "../rewrite.ts";
import { emitNode } from "../rewrites.ts";

/**
 * The most terms that are added up in half precision. The provider's kernels sum in the type of their output, 11 bits:
 * longer sums are cut, and their parts are added in single precision.
 */
const mostHalfTerms = 1024;

export const halfDevice: Target = {
  ...device,
  rewrites: {
    ...device.rewrites,
    Concat: moveHalves,
    FusedMatMul: fusedMatMul,
    Gemm: gemm,
    LinearCrossEntropy: (node, context) => linearCrossEntropy(node, context, product),
    [headGradientOperator.name]: (node, context) => headGradient(node, context, product),
    MatMul: matMul,
    Reshape: moveHalves,
    Slice: moveHalves,
    Split: moveHalves,
    Transpose: moveHalves,
  },
};

function cast(value: string, to: number, { builder }: RewriteContext, output?: string): string {
  const outputs = output === undefined ? undefined : [output];
  return builder.emit("Cast", [value], { attributes: { to }, outputs });
}

/** A value in half precision, made once. */
function halfOf(value: string, context: RewriteContext): string {
  let half = context.halves.get(value);
  if (half === undefined) {
    half = cast(value, elementTypes.float16, context);
    context.halves.set(value, half);
  }
  return half;
}

/** Makes a value in single precision of one in half. */
function widen(half: string, context: RewriteContext, output?: string): string {
  const value = cast(half, elementTypes.float32, context, output);
  context.halves.set(value, half);
  return value;
}

/** Cuts a factor along the axis that is summed over. */
type Cut = (value: string, axis: number) => string;

/**
 * A product that sums `terms` terms, as the sum of products of at most `mostHalfTerms` each. `make` gives a product of factors
 * that were cut.
 */
function inParts(
  terms: number,
  make: (cut: Cut) => string,
  context: RewriteContext,
  output: string | undefined,
): string {
  if (terms <= mostHalfTerms) return widen(make((value) => value), context, output);
  const { builder } = context;
  const parts = Math.ceil(terms / mostHalfTerms);
  let sum: string | undefined;
  for (let part = 0; part < parts; part++) {
    const [from, to] = [part, part + 1].map((place) => Math.floor(place * terms / parts));
    const cut: Cut = (value, axis) =>
      builder.emit("Slice", [value, ...[from, to, axis].map((one) => builder.integers([one]))]);
    const next = cast(make(cut), elementTypes.float32, context);
    const outputs = part === parts - 1 && output !== undefined ? [output] : undefined;
    sum = sum === undefined ? next : builder.emit("Add", [sum, next], { outputs });
  }
  return sum!;
}

/** A product of matrices. The addend is added in single precision. */
const product: Product = (context, [a, b, addend], { terms, transA, transB, output }) => {
  const { builder } = context;
  const attributes = { ...(transA ? { transA: 1 } : {}), ...(transB ? { transB: 1 } : {}) };
  const [left, right] = [halfOf(a, context), halfOf(b, context)];
  const make = (cut: Cut) =>
    builder.emit("Gemm", [cut(left, transA ? 0 : 1), cut(right, transB ? 1 : 0)], { attributes });
  if (addend === undefined) return inParts(terms, make, context, output);
  const outputs = output === undefined ? undefined : [output];
  return builder.emit("Add", [inParts(terms, make, context, undefined), addend], { outputs });
};

function gemm(node: Node, context: RewriteContext): void {
  const { inputs: [a, b, bias], outputs: [output], attributes } = node;
  const { shape } = context.graph.types[a];
  if ((attributes.alpha ?? 1) !== 1) return emitNode(node, plain(context));
  const transA = attributes.transA === 1;
  const terms = transA ? shape[0] : shape[1];
  const options = { terms, transA, transB: attributes.transB === 1, output };
  if (bias === undefined || terms > mostHalfTerms) {
    product(context, bias === undefined ? [a, b] : [a, b, bias], options);
    return;
  }
  // One kernel adds the bias, and what follows can stay in half precision.
  const inputs = [a, b, bias].map((value) => halfOf(value, context));
  widen(context.builder.emit("Gemm", inputs, { attributes }), context, output);
}

function matMul(node: Node, context: RewriteContext): void {
  const { inputs, outputs: [output] } = node;
  const { shape } = context.graph.types[inputs[1]];
  // A product with one column is a mean over a row: a reduction.
  if (shape[shape.length - 1] === 1) return emitNode(node, plain(context));
  const [a, b] = inputs.map((value) => halfOf(value, context));
  productOfStacks(a, b, shape[shape.length - 2], context, output);
}

function fusedMatMul(node: Node, context: RewriteContext): void {
  const { inputs: [a, b], outputs: [output], attributes } = node;
  const { shape } = context.graph.types[b];
  const terms = shape[shape.length - (attributes.transB === 1 ? 1 : 2)];
  const scalar = (value: number) => halfOf(context.builder.scalar(value), context);
  const [left, right] = factorsOf(
    node,
    [halfOf(a, context), halfOf(b, context)],
    context,
    scalar,
  );
  productOfStacks(left, right, terms, context, output);
}

function productOfStacks(
  a: string,
  b: string,
  terms: number,
  context: RewriteContext,
  output: string,
): void {
  const make = (cut: Cut) => context.builder.emit("MatMul", [cut(a, -1), cut(b, -2)]);
  inParts(terms, make, context, output);
}

/** Moves elements in half precision too, where they exist in it. A form that no node reads is left out of the graph. */
function moveHalves(node: Node, context: RewriteContext): void {
  emitNode(node, plain(context));
  const { builder, halves } = context;
  const inputs = node.inputs.flatMap((input) => halves.get(input) ?? []);
  if (inputs.length < node.inputs.length) return;
  const outputs = node.outputs.map(() => builder.fresh("half"));
  emitNode({ ...node, inputs, outputs }, plain(context));
  node.outputs.forEach((output, i) => halves.set(output, outputs[i]));
}

function plain(context: RewriteContext): RewriteContext {
  return { ...context, target: device };
}
