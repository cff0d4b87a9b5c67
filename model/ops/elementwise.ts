/**
 * Element by element: Add, Sub, Mul, Div with broadcasting; Neg, Exp, Log, Sqrt, Erf. As in ONNX.
 */
import type { NodeWriter, Operator } from "../operator.ts";
import { scalar, sumTo } from "./reduce.ts";
import { inferBinary, inferUnary, oneAnElement } from "./rules.ts";
import * as elementwiseKernels from "./elementwise_kernels.ts";

export const add: Operator = {
  name: "Add",
  domain: "",
  evaluate: elementwiseKernels.add,
  infer: inferBinary,
  flops: oneAnElement,
  gradient({ inputs }, [dY], writer, wanted) {
    return inputs.map((input, i) =>
      wanted[i] ? sumTo(writer, dY!, writer.type(input).shape) : undefined
    );
  },
};

export const sub: Operator = {
  name: "Sub",
  domain: "",
  evaluate: elementwiseKernels.sub,
  infer: inferBinary,
  flops: oneAnElement,
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
  evaluate: elementwiseKernels.mul,
  infer: inferBinary,
  flops: oneAnElement,
  gradient({ inputs: [a, b] }, [dY], writer, wanted) {
    const times = (factor: string, input: string) =>
      sumTo(writer, writer.apply(mul, [dY!, factor]), writer.type(input).shape);
    return [wanted[0] ? times(b, a) : undefined, wanted[1] ? times(a, b) : undefined];
  },
};

export const div: Operator = {
  name: "Div",
  domain: "",
  evaluate: elementwiseKernels.div,
  infer: inferBinary,
  flops: oneAnElement,
  gradient({ inputs: [a, b], outputs: [y] }, [dY], writer, wanted) {
    const overB = writer.apply(div, [dY!, b]);
    const towardsB = () => sumTo(writer, writer.apply(mul, [overB, y]), writer.type(b).shape);
    return [
      wanted[0] ? sumTo(writer, overB, writer.type(a).shape) : undefined,
      wanted[1] ? writer.apply(neg, [towardsB()]) : undefined,
    ];
  },
};

export const neg: Operator = {
  name: "Neg",
  domain: "",
  evaluate: elementwiseKernels.neg,
  infer: inferUnary,
  flops: oneAnElement,
  gradient: (_node, [dY], writer) => [writer.apply(neg, [dY!])],
};

export const exp: Operator = {
  name: "Exp",
  domain: "",
  evaluate: elementwiseKernels.exp,
  infer: inferUnary,
  flops: oneAnElement,
  gradient: ({ outputs: [y] }, [dY], writer) => [writer.apply(mul, [dY!, y])],
};

export const log: Operator = {
  name: "Log",
  domain: "",
  evaluate: elementwiseKernels.log,
  infer: inferUnary,
  flops: oneAnElement,
  gradient: ({ inputs: [x] }, [dY], writer) => [writer.apply(div, [dY!, x])],
};

export const sqrt: Operator = {
  name: "Sqrt",
  domain: "",
  evaluate: elementwiseKernels.sqrt,
  infer: inferUnary,
  flops: oneAnElement,
  gradient: ({ outputs: [y] }, [dY], writer) => [
    scaled(writer, writer.apply(div, [dY!, y]), 0.5),
  ],
};

/** erf(x) = 2/√π ∫₀ˣ exp(−t²) dt. */
export const erf: Operator = {
  name: "Erf",
  domain: "",
  evaluate: elementwiseKernels.erf,
  infer: inferUnary,
  flops: oneAnElement,
  gradient({ inputs: [x] }, [dY], writer) {
    const bell = writer.apply(exp, [writer.apply(neg, [writer.apply(mul, [x, x])])]);
    return [writer.apply(mul, [dY!, scaled(writer, bell, 2 / Math.sqrt(Math.PI))])];
  },
};

/** Multiplies by a number. */
export function scaled(writer: NodeWriter, value: string, factor: number): string {
  return writer.apply(mul, [value, scalar(writer, factor)]);
}
