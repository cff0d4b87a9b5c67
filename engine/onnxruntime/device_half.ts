/**
 * A device's rewritings in half precision: matrix products read and write half-precision numbers, and what only moves their
 * elements does too. Everything else is as in single precision: the residual stream, softmax, layer norms and their
 * statistics, losses, sums over rows, gradients of parameters.
 *
 * Source: Micikevicius et al. 2018, "Mixed precision training", §3.
 */
import type { Node } from "../../model/mod.ts";
import type { OnnxBuilder } from "./builder.ts";
import { device, factorsOf } from "./device_rewrites.ts";
import { headGradient, headGradientOperator, linearCrossEntropy, type Product } from "./head.ts";
import { elementTypes } from "./onnx_proto.ts";
import { emitNode, type RewriteContext, type Target } from "./rewrites.ts";

/**
 * Terms that are added up in half precision at the most. The provider's kernels sum in the type of their output, 11 bits:
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
    LinearCrossEntropy: (node, builder, context) =>
      linearCrossEntropy(node, builder, context, product),
    [headGradientOperator.name]: (node, builder, context) =>
      headGradient(node, builder, context, product),
    MatMul: matMul,
    Reshape: moveHalves,
    Split: moveHalves,
    Transpose: moveHalves,
  },
};

/** By builder and value: the value in half precision, where it was made or asked for. */
const halves = new WeakMap<OnnxBuilder, Map<string, string>>();

function halvesOf(builder: OnnxBuilder): Map<string, string> {
  let known = halves.get(builder);
  if (known === undefined) halves.set(builder, known = new Map());
  return known;
}

function cast(value: string, to: number, builder: OnnxBuilder, output?: string): string {
  const outputs = output === undefined ? undefined : [output];
  return builder.emit("Cast", [value], { attributes: { to }, outputs });
}

/** A value in half precision, made once. */
function halfOf(value: string, builder: OnnxBuilder): string {
  const known = halvesOf(builder);
  let half = known.get(value);
  if (half === undefined) known.set(value, half = cast(value, elementTypes.float16, builder));
  return half;
}

/** Makes a value in single precision of one in half. */
function widen(half: string, builder: OnnxBuilder, output?: string): string {
  const value = cast(half, elementTypes.float32, builder, output);
  halvesOf(builder).set(value, half);
  return value;
}

/**
 * The sum of products of parts, `pieces` of them, each with `terms` at most; `make` gives the product of the factors from one
 * place of the sum to another.
 */
function inParts(
  terms: number,
  make: (cut: (value: string, axis: number) => string) => string,
  builder: OnnxBuilder,
  output: string | undefined,
): string {
  if (terms <= mostHalfTerms) return widen(make((value) => value), builder, output);
  const parts = Math.ceil(terms / mostHalfTerms);
  let sum: string | undefined;
  for (let part = 0; part < parts; part++) {
    const [from, to] = [part, part + 1].map((place) => Math.floor(place * terms / parts));
    const cut = (value: string, axis: number) =>
      builder.emit("Slice", [value, ...[from, to, axis].map((one) => builder.integers([one]))]);
    const next = cast(make(cut), elementTypes.float32, builder);
    const outputs = part === parts - 1 && output !== undefined ? [output] : undefined;
    sum = sum === undefined ? next : builder.emit("Add", [sum, next], { outputs });
  }
  return sum!;
}

/** A product of matrices; what is added to it is added in single precision. */
const product: Product = (builder, [a, b, addend], { terms, transA, transB, output }) => {
  const attributes = { ...(transA ? { transA: 1 } : {}), ...(transB ? { transB: 1 } : {}) };
  const [left, right] = [halfOf(a, builder), halfOf(b, builder)];
  const make = (cut: (value: string, axis: number) => string) =>
    builder.emit("Gemm", [cut(left, transA ? 0 : 1), cut(right, transB ? 1 : 0)], { attributes });
  if (addend === undefined) return inParts(terms, make, builder, output);
  const outputs = output === undefined ? undefined : [output];
  return builder.emit("Add", [inParts(terms, make, builder, undefined), addend], { outputs });
};

function gemm(node: Node, builder: OnnxBuilder, context: RewriteContext): void {
  const { inputs: [a, b, bias], outputs: [output], attributes } = node;
  const { shape } = context.graph.types[a];
  if ((attributes.alpha ?? 1) !== 1) return emitNode(node, builder, plain(context));
  const transA = attributes.transA === 1;
  const terms = transA ? shape[0] : shape[1];
  const options = { terms, transA, transB: attributes.transB === 1, output };
  if (bias === undefined || terms > mostHalfTerms) {
    product(builder, bias === undefined ? [a, b] : [a, b, bias], options);
    return;
  }
  // One kernel adds the bias, and what follows can stay in half precision.
  const inputs = [a, b, bias].map((value) => halfOf(value, builder));
  widen(builder.emit("Gemm", inputs, { attributes }), builder, output);
}

function matMul(node: Node, builder: OnnxBuilder, context: RewriteContext): void {
  const { inputs, outputs: [output] } = node;
  const { shape } = context.graph.types[inputs[1]];
  // A product with one column is a mean over a row: a reduction.
  if (shape[shape.length - 1] === 1) return emitNode(node, builder, plain(context));
  const [a, b] = inputs.map((value) => halfOf(value, builder));
  productOfStacks(a, b, shape[shape.length - 2], builder, output);
}

function fusedMatMul(node: Node, builder: OnnxBuilder, context: RewriteContext): void {
  const { inputs: [a, b], outputs: [output], attributes } = node;
  const { shape } = context.graph.types[b];
  const terms = shape[shape.length - (attributes.transB === 1 ? 1 : 2)];
  const scalar = (value: number) => halfOf(builder.scalar(value), builder);
  const [left, right] = factorsOf(
    node,
    [halfOf(a, builder), halfOf(b, builder)],
    builder,
    context,
    scalar,
  );
  productOfStacks(left, right, terms, builder, output);
}

function productOfStacks(
  a: string,
  b: string,
  terms: number,
  builder: OnnxBuilder,
  output: string,
): void {
  inParts(terms, (cut) => builder.emit("MatMul", [cut(a, -1), cut(b, -2)]), builder, output);
}

/** Moves elements in half precision too, where they are there: whichever of the two nobody reads is left out. */
function moveHalves(node: Node, builder: OnnxBuilder, context: RewriteContext): void {
  emitNode(node, builder, plain(context));
  const known = halvesOf(builder);
  const inputs = node.inputs.flatMap((input) => known.get(input) ?? []);
  if (inputs.length < node.inputs.length) return;
  const outputs = node.outputs.map(() => builder.fresh("half"));
  emitNode({ ...node, inputs, outputs }, builder, plain(context));
  node.outputs.forEach((output, i) => known.set(output, outputs[i]));
}

function plain(context: RewriteContext): RewriteContext {
  return { ...context, target: device };
}
