/**
 * Element by element: functions of one or two tensors, and tensors that are made of nothing but their places.
 */
import {
  alibiSlopes,
  hiddenScore,
  type OperatorName,
  type Shape,
  sizeOf,
} from "../../../model/mod.ts";
import { overList, type Rule } from "../command.ts";
import { fewAxes, stepsOf } from "./axes.ts";

export const elementwiseRules = {
  Add: binary("add"),
  Sub: binary("sub"),
  Mul: binary("mul"),
  Neg: unary("unary_neg"),
  Exp: unary("unary_exp"),
  Sqrt: unary("unary_sqrt"),
  Erf: unary("unary_erf"),
  Gelu: unary("unary_gelu"),
  FastGelu: unary("unary_fast_gelu"),
  GeluGradient: unary("gradient_gelu"),
  FastGeluGradient: unary("gradient_fast_gelu"),
  AlibiBias: ({ outputs: [bias], attributes, shape, constant }) => {
    const slopes = constant(Float32Array.from(alibiSlopes(attributes.heads as number)));
    const n = sizeOf(shape(bias));
    const list = [bias, slopes, attributes.length as number, hiddenScore, n];
    return [{ kernel: "alibi_bias", grid: overList(n), arguments: list }];
  },
  DropoutMask: ({ inputs, outputs: [mask], shape }) => {
    const [, width] = shape(mask);
    const n = sizeOf(shape(mask));
    return [{ kernel: "dropout_mask", grid: overList(n), arguments: [mask, ...inputs, width, n] }];
  },
} satisfies Partial<Record<OperatorName, Rule>>;

/** Operators whose output may lie where an input of its shape does: each element is read before it is written. */
export const worksInPlace: ReadonlySet<string> = new Set([
  ...["Add", "Sub", "Mul", "Neg", "Exp", "Sqrt", "Erf"],
  ...["Gelu", "FastGelu", "GeluGradient", "FastGeluGradient"],
]);

/** All inputs have the output's shape. */
function unary(kernel: string): Rule {
  return ({ inputs, outputs: [y], shape }) => {
    const n = sizeOf(shape(y));
    return [{ kernel, grid: overList(n), arguments: [y, ...inputs, n] }];
  };
}

function binary(name: string): Rule {
  return ({ inputs, outputs: [y], shape }) => {
    const n = sizeOf(shape(y));
    const list = [y, ...inputs, n];
    const grid = overList(n);
    if (inputs.every((input) => sizeOf(shape(input)) === n)) {
      return [{ kernel: `binary_${name}`, grid, arguments: list }];
    }
    const places = stretched(shape(y), inputs.map(shape));
    return [{ kernel: `stretched_${name}`, grid, arguments: [...list, places] }];
  };
}

/** The structure `Stretched` of the kernels. */
function stretched(to: Shape, shapes: readonly Shape[]): number[] {
  const { extents, steps } = fewAxes(to, shapes.map((shape) => stepsOf(shape, to)), 5);
  return [...extents, ...steps.flat()];
}
