/**
 * The engine `webgpu`: graphs run by ONNX Runtime's provider webgpu, which is bundled and runs on any GPU that Vulkan, Metal
 * or Direct3D 12 reaches. Parameters, gradients and moments stay on the device. The only engine with precision `fp16`, where the
 * GPU has WebGPU's `shader-f16`.
 */
import type { Engine } from "../engine.ts";
import { expectPrecision } from "./device/half_check.ts";
import { DeviceProgram } from "./device/program.ts";
import { DeviceTrainingProgram } from "./device/training_program.ts";

export const engine: Engine = {
  name: "onnxruntime-webgpu",
  async compile(graph, options) {
    await expectPrecision(options);
    return await DeviceProgram.open(graph, options);
  },
  async compileTraining(graph, options) {
    await expectPrecision(options);
    return await DeviceTrainingProgram.openTraining(graph, options);
  },
};
