/**
 * The engine `webgpu`: graphs run by ONNX Runtime's provider webgpu, which is bundled and runs on any GPU that Vulkan, Metal
 * or Direct3D 12 reaches. Parameters, gradients and moments stay on the device. The only engine with precision `fp16`, where the
 * GPU has WebGPU's `shader-f16`.
 */
import type { Engine } from "../engine.ts";
import { engineOf, expectOneOf } from "../open_engine.ts";
import { expectPrecision } from "./device/half_check.ts";
import { DeviceProgram } from "./device/program.ts";

export const engine: Engine = engineOf(
  "onnxruntime-webgpu",
  async (options) => {
    expectOneOf("webgpu", ["fp32", "fp16"])(options);
    await expectPrecision(options);
  },
  (graph, options) => DeviceProgram.open(graph, options),
  "gpu",
);
