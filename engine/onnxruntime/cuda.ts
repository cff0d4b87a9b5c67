/**
 * The engine `cuda`: graphs run by ONNX Runtime's provider cuda, on Nvidia cards. ONNX Runtime's binding for Node keeps tensors on
 * a device for its provider webgpu only, so parameters and gradients cross at every micro-batch, 8 bytes for each parameter:
 * large micro-batches pay off.
 *
 * Source: ONNX Runtime, js/node/src/tensor_helper.cc (1.30): buffers that do not belong to webgpu are neither given nor taken.
 */
import { UsageError } from "../../base/mod.ts";
import type { Engine } from "../engine.ts";
import { inSinglePrecision } from "../open_engine.ts";
import { OnnxRuntimeProgram } from "./program.ts";

const install =
  "ONNXRUNTIME_NODE_INSTALL=cuda12 deno run -A npm:onnxruntime-node@1.30.0/script/install.js";

export const engine: Engine = inSinglePrecision(
  "cuda",
  "onnxruntime-cuda",
  async (graph, options) => {
    try {
      return await OnnxRuntimeProgram.open(graph, options, "cuda");
    } catch (cause) {
      const { message } = cause as Error;
      if (!/cuda|providers_shared|backend not found/i.test(message)) throw cause;
      throw new UsageError(
        `Cannot use engine "cuda": expected an Nvidia card with CUDA 12 and cuDNN 9, and ONNX Runtime's provider for them, ` +
          `found: ${message.split("\n")[0]}; the provider is installed by: ${install}`,
        { cause },
      );
    }
  },
  "gpu",
);
