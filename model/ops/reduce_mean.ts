/**
 * ReduceMean (ONNX 18): attributes axes (may count from the end), keepdims (0 or 1, default 1).
 *
 * Differs: `axes` is an attribute here; ONNX takes it as a constant int64 input.
 */
import type { Operator } from "../operator.ts";
import { sizeOf } from "../shapes.ts";
import { scaled } from "./elementwise.ts";
import { expand, inferReduced, reducedShapes } from "./reduce.ts";
import { reshape } from "./reshape.ts";
import * as rowsKernels from "./rows_kernels.ts";

export const reduceMean: Operator = {
  name: "ReduceMean",
  domain: "",
  constantInputs: ["axes"],
  evaluate: rowsKernels.reduceMean,
  infer: inferReduced,
  flops: ([x]) => sizeOf(x.shape),
  gradient({ inputs: [x], outputs: [y], attributes }, [dY], writer) {
    const { shape } = writer.type(x);
    const { kept } = reducedShapes(shape, attributes);
    const share = scaled(writer, dY!, sizeOf(writer.type(y).shape) / sizeOf(shape));
    return [writer.apply(expand, [writer.apply(reshape, [share], { shape: kept })], { shape })];
  },
};
