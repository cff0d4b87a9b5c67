/**
 * Whether an engine can run here. The engine `cuda-native` is tested on a driver of ours that runs its kernels on the processor
 * (`cuda_shim.ts`). The engine `webgpu` is tested on a software driver for Vulkan: Mesa's llvmpipe behind
 * `llvmpipe_icd.c`, built where its packages are installed, else the SwiftShader of Debian's `chromium-common`. A driver named
 * by VK_ICD_FILENAMES is left as it is; with DEPT_TEST_DEVICES the cards of this machine are tested, on drivers of their own.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Engine, engineModule } from "../../engine/mod.ts";
import { float32, GraphBuilder, operators } from "../../model/mod.ts";
import { useCudaShim } from "./cuda_shim.ts";

const swiftShaderHere = "/usr/lib/chromium/vk_swiftshader_icd.json";
/** SwiftShader's manifest where it is installed: a GPU without half precision. */
export const swiftShader = existsSync(swiftShaderHere) ? swiftShaderHere : undefined;

const packages = "mesa-vulkan-drivers libvulkan-dev libvulkan1 gcc libc6-dev";
const testsCards = Deno.env.get("DEPT_TEST_DEVICES") !== undefined;
let whyNoLlvmpipe = "VK_ICD_FILENAMES names another driver";

/** The engine, or why its tests are skipped. */
export async function engineHere(name: string): Promise<Engine | string> {
  if ((name === "tfjs-gpu" || name === "cuda") && !testsCards) {
    return "needs a CUDA card and a package of its own: set DEPT_TEST_DEVICES to try";
  }
  if (name === "cuda-native" && !testsCards) {
    const missing = useCudaShim();
    if (missing !== undefined) return `no driver is built: ${missing}`;
  }
  if (name === "webgpu" && !testsCards) useSoftwareDriver();
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
    if (!/found none/.test((error as Error).message)) throw error;
    if (testsCards) return "no GPU was found";
    return `no software driver works; no llvmpipe: ${whyNoLlvmpipe}; apt-get install -y ${packages}`;
  }
}

/** Why whole networks are not tried on an engine: SwiftShader takes some ten seconds to compile the kernels of each. */
export function whyNoNetworks(name: string): string | undefined {
  const isSlow = name === "webgpu" && /swiftshader/i.test(Deno.env.get("VK_ICD_FILENAMES") ?? "");
  if (!isSlow) return undefined;
  return `SwiftShader is slow, and no llvmpipe: ${whyNoLlvmpipe}; apt-get install -y ${packages}`;
}

/** Names a driver to this process and its children until the tests of this module end. */
function useSoftwareDriver(): void {
  if (Deno.env.get("VK_ICD_FILENAMES") !== undefined) return;
  const folder = Deno.makeTempDirSync({ prefix: "dept-test-" });
  const driver = buildLlvmpipe(folder) ?? swiftShader;
  if (driver !== undefined) Deno.env.set("VK_ICD_FILENAMES", driver);
  globalThis.addEventListener("unload", () => {
    if (driver !== undefined) Deno.env.delete("VK_ICD_FILENAMES");
    Deno.removeSync(folder, { recursive: true });
  });
}

/** The manifest of llvmpipe's driver; undefined where something to build it is missing. */
function buildLlvmpipe(folder: string): string | undefined {
  const [library, manifest] = ["so", "json"].map((end) => join(folder, `llvmpipe_icd.${end}`));
  const refusal = compile(library);
  if (refusal !== undefined) {
    whyNoLlvmpipe = refusal;
    return undefined;
  }
  const ICD = { library_path: library, api_version: "1.3.0" };
  Deno.writeTextFileSync(manifest, JSON.stringify({ file_format_version: "1.0.0", ICD }));
  return manifest;
}

/** What is missing; undefined when the library is made. */
function compile(library: string): string | undefined {
  const source = fileURLToPath(new URL("llvmpipe_icd.c", import.meta.url));
  // The last library is the driver itself: naming it finds out whether it is there, and `as-needed` leaves it to dlopen().
  const words = ["-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"];
  const args = [...words, "-Wl,--as-needed", "-l:libvulkan_lvp.so"];
  try {
    const gcc = new Deno.Command("gcc", { args, env: { LC_ALL: "C" }, stdin: "null" });
    const { success, stderr } = gcc.outputSync();
    const [, why = "gcc failed"] = /(?:error|ld): (.*)/.exec(new TextDecoder().decode(stderr)) ??
      [];
    return success ? undefined : why;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return "gcc was not found";
  }
}
