/**
 * Files of folders for Python's transformers, whichever class they name.
 */
import { join } from "node:path";
import { type Json, writeFileSynced, writePartsSynced } from "../../base/mod.ts";
import type { Fit, LayoutTensors } from "../../model/layouts/mod.ts";
import { safetensorsParts } from "../../training/mod.ts";

export const configFile = "config.json";

const weightsFile = "model.safetensors";

/** The file of our own classes, beside the weights and in this folder. */
const codeFile = "modeling_dept.py";

/** Which of our own classes that library's automatic ones stand for. */
export const autoMap: Json = {
  AutoConfig: "modeling_dept.DeptConfig",
  AutoModelForCausalLM: "modeling_dept.DeptForCausalLM",
  AutoModelForSequenceClassification: "modeling_dept.DeptForSequenceClassification",
};

/** Writes a file of JSON as people read it. */
export function writeJson(folder: string, name: string, content: Json): void {
  writeFileSynced(join(folder, name), JSON.stringify(content, null, 2) + "\n");
}

/** Writes tensors as that library names them. */
export function saveWeights(folder: string, tensors: LayoutTensors): void {
  writePartsSynced(join(folder, weightsFile), forTransformers(safetensorsParts(tensors)));
}

/** Writes the code of our own classes. */
export function saveCode(folder: string): void {
  const code = Deno.readTextFileSync(new URL(`./${codeFile}`, import.meta.url));
  writeFileSynced(join(folder, codeFile), code);
}

/** The parts of a safetensors file with the entry that says whose tensors they are: that library refuses a file without. */
function forTransformers(parts: readonly Uint8Array[]): Uint8Array[] {
  const [head, ...data] = parts;
  const header = JSON.parse(new TextDecoder().decode(head.subarray(8)));
  const text = new TextEncoder().encode(
    JSON.stringify({ __metadata__: { format: "pt" }, ...header }),
  );
  const made = new Uint8Array(8 + Math.ceil(text.length / 8) * 8).fill(0x20);
  new DataView(made.buffer).setBigUint64(0, BigInt(made.length - 8), true);
  made.set(text, 8);
  return [made, ...data];
}

/** Whether a network needs our own class. */
export function isOurs({ layout }: Fit): boolean {
  return layout.modelType === "dept";
}

/** What a recipe would have to say for a standard class: `--set model.bias=false`. */
export function overridesOf({ misfit }: Fit): string {
  return Object.entries(misfit?.change ?? {}).map(([key, value]) => `--set model.${key}=${value}`)
    .join(" ");
}
