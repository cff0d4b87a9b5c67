/**
 * The engine `webgpu`: graphs run by ONNX Runtime's provider webgpu, which is bundled and runs on any GPU that Vulkan, Metal
 * or Direct3D 12 reaches. Parameters, gradients and moments stay on the device.
 */
import type { Engine } from "../engine.ts";
import { DeviceProgram } from "./device_program.ts";
import { DeviceTrainingProgram } from "./device_training_program.ts";

export const engine: Engine = {
  name: "onnxruntime-webgpu",
  compile: (graph, options) => DeviceProgram.open(graph, options),
  compileTraining: (graph, options) => DeviceTrainingProgram.openTraining(graph, options),
};
