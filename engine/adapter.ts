/**
 * The GPU of this machine, as the runtime's own WebGPU sees it: asked without loading any engine.
 */

export interface GpuAdapter {
  /** `NVIDIA H200`, `llvmpipe (LLVM 15.0.6, 256 bits)`. */
  readonly name: string;
  /** Whether the processor plays the GPU: results are right, but it is slower than the engine `cpu`. */
  readonly isSoftware: boolean;
  /** WebGPU's names of its optional features, sorted: `shader-f16`, `timestamp-query`. */
  readonly features: readonly string[];
}

/** Names of drivers that run on the processor; not all say so. */
const softwareNames = /llvmpipe|swiftshader|lavapipe|software|basic render/i;

/** The adapter that WebGPU would take; undefined where there is none. */
export async function findAdapter(): Promise<GpuAdapter | undefined> {
  const adapter = await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) return undefined;
  const { vendor, architecture, device, description, isFallbackAdapter } = adapter.info;
  const name = description || [vendor, architecture, device].filter((word) => word).join(" ");
  return {
    name,
    isSoftware: isFallbackAdapter || softwareNames.test(name),
    features: [...adapter.features].sort(),
  };
}
