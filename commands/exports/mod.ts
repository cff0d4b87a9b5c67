/**
 * The forms that `export` knows, by the names that `--as` takes. A form's module is loaded when it is asked for.
 *
 * ```ts
 * import { exportFormats } from "./mod.ts";
 * const { name, description } = await exportFormats.hf();
 * console.log(name, description);
 * ```
 */
import type { ExportFormat } from "./export_format.ts";

export const exportFormats: Readonly<Record<string, () => Promise<ExportFormat>>> = {
  hf: async () => (await import("./hf.ts")).hf,
  onnx: async () => (await import("./onnx.ts")).onnx,
  gguf: async () => (await import("./gguf.ts")).gguf,
};
