/**
 * Whether an engine can run here. Without a GPU, the provider webgpu runs on the software driver that Debian's
 * `chromium-common` brings.
 */
import { existsSync } from "node:fs";
import { type Engine, engineModule } from "../../engine/mod.ts";
import { float32, GraphBuilder, operators } from "../../model/mod.ts";

const softwareDriver = "/usr/lib/chromium/vk_swiftshader_icd.json";

/** The engine, or why its tests are skipped. */
export async function engineHere(name: string): Promise<Engine | string> {
  if ((name === "tfjs-gpu" || name === "cuda") && Deno.env.get("DEPT_TEST_DEVICES") === undefined) {
    return "needs a CUDA card and a package of its own: set DEPT_TEST_DEVICES to try";
  }
  if (name === "webgpu" && Deno.env.get("VK_ICD_FILENAMES") === undefined) {
    if (existsSync(softwareDriver)) Deno.env.set("VK_ICD_FILENAMES", softwareDriver);
  }
  const { engine } = await import(engineModule(name)) as { engine: Engine };
  if (name !== "webgpu") return engine;
  const builder = new GraphBuilder();
  const graph = builder.build({
    y: builder.apply(operators.Neg, [builder.input("x", float32([1]))]),
  });
  try {
    const program = await engine.compile(graph, { threads: 1, precision: "fp32" });
    await program.dispose();
    return engine;
  } catch (error) {
    const reason = `no GPU and no software driver: apt-get install -y chromium-common libvulkan1`;
    if (/found none/.test((error as Error).message)) return reason;
    throw error;
  }
}
