/**
 * The engine `tfjs-gpu`: TensorFlow.js over TensorFlow's own library for CUDA, npm `@tensorflow/tfjs-node-gpu`. That package
 * fetches the library by an install script, so it is no dependency of this project, and it is imported only when the engine is chosen.
 */
import { UsageError } from "../../base/mod.ts";
import type { Engine } from "../engine.ts";
import type { Tf } from "./kernels.ts";
import { tfjsEngine } from "./mod.ts";

/** By its bare name: only what a user added to the project is loaded, nothing is fetched. */
const name: string = "@tensorflow/tfjs-node-gpu";
const version = "4.22.0";

export const engine: Engine = tfjsEngine("tfjs-gpu", async () => {
  try {
    return await import(name) as Tf;
  } catch (cause) {
    const npm = `npm:${name}@${version}`;
    const found = (cause as Error).message.split("\n")[0].trim().replace(/\.$/, "");
    throw new UsageError(
      `Cannot use engine "tfjs-gpu": expected TensorFlow 2.9.1 for CUDA 11.2 and cuDNN 8.1, found: ${found}; ` +
        `install it with: deno install --node-modules-dir=auto --allow-scripts=npm:${name} ${npm}`,
      { cause },
    );
  }
}, "gpu");
