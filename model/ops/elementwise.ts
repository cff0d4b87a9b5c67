/**
 * Element by element: Add, Sub, Mul, Div with broadcasting; Neg, Exp, Log, Sqrt, Erf. As in ONNX.
 */
import type { Operator } from "../operator.ts";
import { inferBinary, inferUnary, oneAnElement, scaled, sumTo } from "./_rules.ts";

export const add: Operator = {
  name: "Add",
  domain: "",
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
  infer: inferBinary,
  flops: oneAnElement,
  gradient({ inputs: [a, b] }, [dY], writer, wanted) {
    // Summing before the sign keeps the negated tensor small.
    return [
      wanted[0] ? sumTo(writer, dY!, writer.type(a).shape) : undefined,
      wanted[1] ? writer.apply("Neg", [sumTo(writer, dY!, writer.type(b).shape)]) : undefined,
    ];
  },
};

export const mul: Operator = {
  name: "Mul",
  domain: "",
  infer: inferBinary,
  flops: oneAnElement,
  gradient({ inputs: [a, b] }, [dY], writer, wanted) {
    const times = (factor: string, input: string) =>
      sumTo(writer, writer.apply("Mul", [dY!, factor]), writer.type(input).shape);
    return [wanted[0] ? times(b, a) : undefined, wanted[1] ? times(a, b) : undefined];
  },
};

export const div: Operator = {
  name: "Div",
  domain: "",
  infer: inferBinary,
  flops: oneAnElement,
  gradient({ inputs: [a, b], outputs: [y] }, [dY], writer, wanted) {
    const overB = writer.apply("Div", [dY!, b]);
    const towardsB = () => sumTo(writer, writer.apply("Mul", [overB, y]), writer.type(b).shape);
    return [
      wanted[0] ? sumTo(writer, overB, writer.type(a).shape) : undefined,
      wanted[1] ? writer.apply("Neg", [towardsB()]) : undefined,
    ];
  },
};

export const neg: Operator = {
  name: "Neg",
  domain: "",
  infer: inferUnary,
  flops: oneAnElement,
  gradient: (_node, [dY], writer) => [writer.apply("Neg", [dY!])],
};

export const exp: Operator = {
  name: "Exp",
  domain: "",
  infer: inferUnary,
  flops: oneAnElement,
  gradient: ({ outputs: [y] }, [dY], writer) => [writer.apply("Mul", [dY!, y])],
};

export const log: Operator = {
  name: "Log",
  domain: "",
  infer: inferUnary,
  flops: oneAnElement,
  gradient: ({ inputs: [x] }, [dY], writer) => [writer.apply("Div", [dY!, x])],
};

export const sqrt: Operator = {
  name: "Sqrt",
  domain: "",
  infer: inferUnary,
  flops: oneAnElement,
  gradient: ({ outputs: [y] }, [dY], writer) => [
    scaled(writer, writer.apply("Div", [dY!, y]), 0.5),
  ],
};

/** erf(x) = 2/√π ∫₀ˣ exp(−t²) dt. */
export const erf: Operator = {
  name: "Erf",
  domain: "",
  infer: inferUnary,
  flops: oneAnElement,
  gradient({ inputs: [x] }, [dY], writer) {
    const bell = writer.apply("Exp", [writer.apply("Neg", [writer.apply("Mul", [x, x])])]);
    return [writer.apply("Mul", [dY!, scaled(writer, bell, 2 / Math.sqrt(Math.PI))])];
  },
};
