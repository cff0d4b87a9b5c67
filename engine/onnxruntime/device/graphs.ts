/** The graphs of the optimizer for a device: copies, sums, norms and AdamW over named tensors. */
import { sizeOf } from "../../../model/mod.ts";
import type { AdamWOptions } from "../../engine.ts";
import type { Shapes } from "../../engine_program.ts";
import { OnnxBuilder } from "../builder.ts";
import type { OnnxGraph, OnnxValue } from "../onnx_proto.ts";

/** name → name~copy */
export function copyGraph(shapes: Shapes): OnnxGraph {
  const builder = new OnnxBuilder();
  const names = Object.keys(shapes);
  for (const name of names) builder.emit("Identity", [name], { outputs: [copyOf(name)] });
  return graphOf(builder, values(shapes), values(shapes, copyOf));
}

export function copyOf(name: string): string {
  return `${name}~copy`;
}

/** name, name~addend → name~sum */
export function additionGraph(shapes: Shapes): OnnxGraph {
  const builder = new OnnxBuilder();
  for (const name of Object.keys(shapes)) {
    builder.emit("Add", [name, addendOf(name)], { outputs: [sumOf(name)] });
  }
  return graphOf(
    builder,
    [...values(shapes), ...values(shapes, addendOf)],
    values(shapes, sumOf),
  );
}

export function addendOf(name: string): string {
  return `${name}~addend`;
}

export function sumOf(name: string): string {
  return `${name}~sum`;
}

/** The sum of squares of each tensor: `squares` [tensors]. Rows first, so that no thread has a long sum to itself. */
export function squaresGraph(shapes: Shapes): OnnxGraph {
  const builder = new OnnxBuilder();
  const sums = Object.entries(shapes).map(([name, shape]) => {
    const width = shape.length === 0 ? 1 : shape[shape.length - 1];
    const square = builder.emit("Mul", [name, name]);
    const matrix = builder.reshape(square, [sizeOf(shape) / width, width]);
    const total = (value: string, axis: number) =>
      builder.emit("ReduceSum", [value, builder.integers([axis])], { attributes: { keepdims: 0 } });
    return builder.reshape(total(total(matrix, 1), 0), [1]);
  });
  builder.emit("Concat", sums, { attributes: { axis: 0 }, outputs: ["squares"] });
  const squares: OnnxValue = { name: "squares", elementType: "float32", shape: [sums.length] };
  return graphOf(builder, values(shapes), [squares]);
}

/** Names of the single numbers that a step of AdamW is fed besides tensors. */
export const stepScalars = ["gradientScale", "stepSize", "rootScale", "keep"] as const;

/** The tensors of one parameter in an update: value, gradient, moments. */
export function updateNames(parameter: string) {
  return {
    value: parameter,
    gradient: `${parameter}~gradient`,
    m: `${parameter}.m`,
    v: `${parameter}.v`,
    nextValue: `${parameter}~next`,
    nextM: `${parameter}.m~next`,
    nextV: `${parameter}.v~next`,
  };
}

/**
 * AdamW as in `adamw.ts`, in single precision: value, gradient, m, v of each parameter → next value, m, v.
 *
 * Source: Loshchilov and Hutter 2019, algorithm 2.
 */
export function adamWGraph(shapes: Shapes, { beta1, beta2, epsilon }: AdamWOptions): OnnxGraph {
  const builder = new OnnxBuilder();
  const scalar = (value: number) => builder.scalar(value);
  const apply = (op: string, a: string, b: string, output?: string) =>
    builder.emit(op, [a, b], output === undefined ? {} : { outputs: [output] });
  const inputs: OnnxValue[] = stepScalars.map((name) => ({
    name,
    elementType: "float32",
    shape: [],
  }));
  const outputs: OnnxValue[] = [];
  for (const [parameter, shape] of Object.entries(shapes)) {
    const { value, gradient, m, v, nextValue, nextM, nextV } = updateNames(parameter);
    const of = (name: string): OnnxValue => ({ name, elementType: "float32", shape });
    inputs.push(of(value), of(gradient), of(m), of(v));
    outputs.push(of(nextValue), of(nextM), of(nextV));
    const g = apply("Mul", gradient, "gradientScale");
    const towardsM = apply("Mul", g, scalar(1 - beta1));
    apply("Add", apply("Mul", m, scalar(beta1)), towardsM, nextM);
    const towardsV = apply("Mul", apply("Mul", g, g), scalar(1 - beta2));
    apply("Add", apply("Mul", v, scalar(beta2)), towardsV, nextV);
    const root = apply("Mul", builder.emit("Sqrt", [nextV]), "rootScale");
    const ratio = apply("Div", nextM, apply("Add", root, scalar(epsilon)));
    apply("Sub", apply("Mul", value, "keep"), apply("Mul", ratio, "stepSize"), nextValue);
  }
  return graphOf(builder, inputs, outputs);
}

function values(shapes: Shapes, rename = (name: string) => name): OnnxValue[] {
  return Object.entries(shapes).map(([name, shape]) => ({
    name: rename(name),
    elementType: "float32",
    shape,
  }));
}

function graphOf(
  { nodes, initializers }: OnnxBuilder,
  inputs: readonly OnnxValue[],
  outputs: readonly OnnxValue[],
): OnnxGraph {
  return { inputs, outputs, initializers, nodes };
}
