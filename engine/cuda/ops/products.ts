/**
 * Products of matrices, and how the kernels of `products.cu` make them.
 */
import { type OperatorName, sizeOf } from "../../../model/mod.ts";
import type { Precision } from "../../engine.ts";
import type { Launch, MatrixProduct, PlannedNode, ProductCommand, Rule } from "../command.ts";
import { fewAxes, stepsOf } from "./axes.ts";

/** Outputs of a block, in both directions. */
const tile = 64;

export function product(of: MatrixProduct): ProductCommand {
  return { product: of };
}

/** A product by a kernel of ours. */
export function ownProduct(of: MatrixProduct, precision: Precision): Launch {
  const { y, a, b, rows, columns, inner, addend, stack = { shape: [], steps: [[], []] } } = of;
  const { extents, steps } = fewAxes(stack.shape, stack.steps, 3);
  const noSteps = [0, 0, 0]; // of c, which is the same for a whole stack
  const hasAddend = Number(addend !== undefined);
  const structure = [rows, columns, inner, ...extents, ...steps.flat(), ...noSteps]
    .concat(hasAddend, addend?.row ?? 0, addend?.column ?? 0);
  const blocks = [Math.ceil(columns / tile), Math.ceil(rows / tile), sizeOf(stack.shape)] as const;
  const list = [y, a, b, addend?.c ?? "", structure, of.alpha ?? 1, of.beta ?? 0];
  if (precision === "fp32") {
    const kernel = `product_${of.transA ? "t" : "n"}${of.transB ? "t" : "n"}`;
    return { kernel, grid: { blocks, threads: 256 }, arguments: list };
  }
  list.push(Number(of.transA ?? false), Number(of.transB ?? false));
  return { kernel: `product_${precision}`, grid: { blocks, threads: 128 }, arguments: list };
}

export const productRules = {
  Gemm: stacked,
  MatMul: stacked,
  FusedMatMul: stacked,
} satisfies Partial<Record<OperatorName, Rule>>;

function stacked(
  { inputs: [a, b, c], outputs: [y], attributes, shape }: PlannedNode,
): ProductCommand[] {
  const transA = attributes.transA === 1;
  const transB = attributes.transB === 1;
  const [rows, columns] = shape(y).slice(-2);
  const inner = shape(a).at(transA ? -2 : -1)!;
  const stack = shape(y).slice(0, -2);
  const between = (factor: string) => {
    const matrix = sizeOf(shape(factor).slice(-2));
    return stepsOf(shape(factor).slice(0, -2), stack).map((step) => step * matrix);
  };
  const [row, column] = c === undefined ? [0, 0] : stepsOf(shape(c), [rows, columns]);
  return [product({
    ...{ y, a, b, rows, columns, inner, transA, transB },
    alpha: (attributes.alpha ?? 1) as number,
    addend: c === undefined ? undefined : { c, row, column },
    stack: { shape: stack, steps: [between(a), between(b)] },
  })];
}
