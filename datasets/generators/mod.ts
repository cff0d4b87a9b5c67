/**
 * Generated data by the name that recipes use. An entry names a module that exports `source` or `task`; it is loaded only
 * when chosen.
 *
 * ```ts
 * import { seedOf } from "../../base/mod.ts";
 * import { sourceModule } from "./mod.ts";
 * const { source } = await import(sourceModule("language"));
 * for (const document of source.documents({ language: "velsan" }, "train", seedOf(1, "example"))) {
 *   console.log(document.text);
 *   break;
 * }
 * ```
 */
import { didYouMean, UsageError } from "../../base/mod.ts";

/** Modules that export `source: GeneratedSource`. */
export const generatedSources = {
  language: "./language.ts",
  arithmetic: "./arithmetic.ts",
  code: "./code.ts",
} as const;

/** Modules that export `task: GeneratedTask`. */
export const generatedTasks = {
  sentiment: "./sentiment.ts",
  entailment: "./entailment.ts",
  choice: "./choice.ts",
  similarity: "./similarity.ts",
} as const;

/** Absolute URL of the module that exports the source. @throws UsageError for an unknown name. */
export function sourceModule(name: string): string {
  return moduleOf("source", name, generatedSources);
}

/** Absolute URL of the module that exports the task. @throws UsageError for an unknown name. */
export function taskModule(name: string): string {
  return moduleOf("task", name, generatedTasks);
}

function moduleOf(what: string, name: string, modules: Readonly<Record<string, string>>): string {
  if (!Object.hasOwn(modules, name)) {
    const known = Object.keys(modules);
    throw new UsageError(
      `Cannot generate ${what} "${name}": expected one of ${known.join(", ")}${
        didYouMean(name, known)
      }`,
    );
  }
  return new URL(modules[name], import.meta.url).href;
}
