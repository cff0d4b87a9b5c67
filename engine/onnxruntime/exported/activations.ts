/**
 * GELU in operators of ONNX itself: exact, by tanh, and as llama.cpp computes either.
 */
import { fastGeluCube, fastGeluScale } from "../../../model/mod.ts";
import type { OnnxBuilder } from "../builder.ts";
import { elementTypes } from "../onnx_proto.ts";

/** Emits nodes that make GELU(x) of a value x. */
export type Activation = (builder: OnnxBuilder, x: string) => string;

/** x/2·(1 + erf(x/√2)), written so that ONNX Runtime recognises it. */
export function exactGelu(builder: OnnxBuilder, x: string): string {
  const erf = builder.emit("Erf", [builder.emit("Div", [x, builder.scalar(Math.SQRT2)])]);
  const twiceArea = builder.emit("Add", [erf, builder.scalar(1)]);
  return builder.emit("Mul", [builder.emit("Mul", [x, twiceArea]), builder.scalar(0.5)]);
}

/** x/2·(1 + tanh(√(2/π)·x·(1 + 0.044715·x²))) */
export function tanhGelu(builder: OnnxBuilder, x: string): string {
  const times = (value: string, factor: number) =>
    builder.emit("Mul", [value, builder.scalar(factor)]);
  const plusOne = (value: string) => builder.emit("Add", [value, builder.scalar(1)]);
  const square = builder.emit("Mul", [x, x]);
  const inner = builder.emit("Mul", [
    times(x, fastGeluScale),
    plusOne(times(square, fastGeluCube)),
  ]);
  const twiceArea = plusOne(builder.emit("Tanh", [inner]));
  return builder.emit("Mul", [times(x, 0.5), twiceArea]);
}

/**
 * llama.cpp's, from a table for each half-precision number: h(tanhGelu(h(x))), h rounding to half precision; 0 for x ≤ −10, x
 * for x ≥ 10.
 *
 * Source: ggml, `ggml_vec_gelu_f32` with `GGML_GELU_FP16`.
 */
export function tableGelu(builder: OnnxBuilder, x: string): string {
  const half = (value: string) => castTo(builder, castTo(builder, value, "float16"), "float32");
  const bent = half(tanhGelu(builder, half(x)));
  const isLow = builder.emit("LessOrEqual", [x, builder.scalar(-10)]);
  const isHigh = builder.emit("GreaterOrEqual", [x, builder.scalar(10)]);
  const cut = builder.emit("Where", [isLow, builder.scalar(0), bent]);
  return builder.emit("Where", [isHigh, x, cut]);
}

export function castTo(
  builder: OnnxBuilder,
  value: string,
  type: keyof typeof elementTypes,
): string {
  return builder.emit("Cast", [value], { attributes: { to: elementTypes[type] } });
}
