/** Whether the GPU computes in half precision. The provider that would compute is asked. */
import { UsageError } from "../../../base/mod.ts";
import { findAdapter } from "../../adapter.ts";
import type { EngineOptions } from "../../engine.ts";
import { OnnxBuilder } from "../builder.ts";
import { DeviceSessions } from "./sessions.ts";
import { elementTypes, type OnnxValue } from "../onnx_proto.ts";
import { tensor } from "../session.ts";

let checked: Promise<void> | undefined;

/** @throws UsageError that says what the GPU has, where half precision is asked for and the GPU has none. */
export async function expectPrecision({ precision }: EngineOptions): Promise<void> {
  if (precision === "fp16") await (checked ??= expectHalf());
}

async function expectHalf(): Promise<void> {
  const builder = new OnnxBuilder();
  const half = builder.emit("Cast", ["x"], { attributes: { to: elementTypes.float16 } });
  builder.emit("Cast", [half], { attributes: { to: elementTypes.float32 }, outputs: ["y"] });
  const value = (name: string): OnnxValue => ({ name, elementType: "float32", shape: [1] });
  const { nodes, initializers } = builder;
  const graph = { inputs: [value("x")], outputs: [value("y")], initializers, nodes };
  const sessions = new DeviceSessions(1);
  try {
    const session = await sessions.get("half", "half-precision probe", () => graph, ["y"]);
    await session.compute({ x: tensor(value("x"), Float32Array.of(1)) });
  } catch (cause) {
    if (!/f16/.test((cause as Error).message)) throw cause;
    const adapter = await findAdapter();
    const features = adapter?.features.join(", ") ?? "";
    throw new UsageError(
      `Cannot use engine "webgpu" with precision "fp16": expected a GPU with the feature "shader-f16", found ` +
        `"${adapter?.name ?? "one"}" without it (it has: ${features}); set engine.precision=fp32`,
      { cause },
    );
  } finally {
    await sessions.release();
  }
}
