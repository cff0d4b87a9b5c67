/**
 * Element by element: Add, Sub, Mul with broadcasting; Neg, Exp, Sqrt, Erf. As in ONNX.
 */
import type { NodeWriter, Operator, TensorType } from "../operator.ts";
import { sameShape } from "../shapes.ts";
import { erf as erfOf } from "./erf.ts";
import { scalar, sumTo } from "./reduce.ts";
import { inferBinary, inferUnary } from "./rules.ts";
import { offsetsOf, pick, stretchedStrides, type Tensor } from "./tensor.ts";

export const add: Operator = {
  name: "Add",
  domain: "",
  evaluate: (inputs, [y]) => binary(inputs, y, (a, b) => a + b),
  infer: inferBinary,
  gradient({ inputs }, [dY], writer, wanted) {
    return inputs.map((input, i) =>
      wanted[i] ? sumTo(writer, dY!, writer.type(input).shape) : undefined
    );
  },
};

export const sub: Operator = {
  name: "Sub",
  domain: "",
  evaluate: (inputs, [y]) => binary(inputs, y, (a, b) => a - b),
  infer: inferBinary,
  gradient({ inputs: [a, b] }, [dY], writer, wanted) {
    // Summing before the sign keeps the negated tensor small.
    return [
      wanted[0] ? sumTo(writer, dY!, writer.type(a).shape) : undefined,
      wanted[1] ? writer.apply(neg, [sumTo(writer, dY!, writer.type(b).shape)]) : undefined,
    ];
  },
};

export const mul: Operator = {
  name: "Mul",
  domain: "",
  evaluate: (inputs, [y]) => binary(inputs, y, (a, b) => a * b),
  infer: inferBinary,
  gradient({ inputs: [a, b] }, [dY], writer, wanted) {
    const times = (factor: string, input: string) =>
      sumTo(writer, writer.apply(mul, [dY!, factor]), writer.type(input).shape);
    return [wanted[0] ? times(b, a) : undefined, wanted[1] ? times(a, b) : undefined];
  },
};

export const neg: Operator = {
  name: "Neg",
  domain: "",
  evaluate: (inputs) => unary(inputs, (x) => -x),
  infer: inferUnary,
  gradient: (_node, [dY], writer) => [writer.apply(neg, [dY!])],
};

export const exp: Operator = {
  name: "Exp",
  domain: "",
  evaluate: (inputs) => unary(inputs, Math.exp),
  infer: inferUnary,
  gradient: ({ outputs: [y] }, [dY], writer) => [writer.apply(mul, [dY!, y])],
};

/** Monitors alone take roots: it has no gradient. */
export const sqrt: Operator = {
  name: "Sqrt",
  domain: "",
  evaluate: (inputs) => unary(inputs, Math.sqrt),
  infer: inferUnary,
};

/** erf(x) = 2/√π ∫₀ˣ exp(−t²) dt. */
export const erf: Operator = {
  name: "Erf",
  domain: "",
  evaluate: (inputs) => unary(inputs, erfOf),
  infer: inferUnary,
  gradient({ inputs: [x] }, [dY], writer) {
    const bell = writer.apply(exp, [writer.apply(neg, [writer.apply(mul, [x, x])])]);
    return [writer.apply(mul, [dY!, scaled(writer, bell, 2 / Math.sqrt(Math.PI))])];
  },
};

/** Multiplies by a number. */
export function scaled(writer: NodeWriter, value: string, factor: number): string {
  return writer.apply(mul, [value, scalar(writer, factor)]);
}

/** Computes each element from one of `x`. */
export function unary([x]: readonly Tensor[], compute: (x: number) => number): [Float64Array] {
  return [Float64Array.from(x.data, compute)];
}

/** Computes each element of an output of type `y` from two tensors that are stretched to its shape. */
export function binary(
  [a, b]: readonly Tensor[],
  { shape }: TensorType,
  compute: (a: number, b: number) => number,
): [Float64Array] {
  const left = stretched(a, shape);
  const right = stretched(b, shape);
  const y = new Float64Array(left.length);
  for (let i = 0; i < y.length; i++) y[i] = compute(left[i], right[i]);
  return [y];
}

function stretched(tensor: Tensor, shape: readonly number[]): Tensor["data"] {
  if (sameShape(tensor.shape, shape)) return tensor.data;
  return pick(tensor.data, offsetsOf(shape, stretchedStrides(tensor.shape, shape)));
}
