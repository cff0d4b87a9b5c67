/**
 * The downstream tasks of the paper in their usual files. An entry names a module that exports `task`; it is loaded only
 * when chosen.
 *
 * ```ts
 * import { taskFormatModule } from "./mod.ts";
 *
 * const path = Deno.makeTempFileSync({ suffix: ".tsv" });
 * Deno.writeTextFileSync(path, "sentence\tlabel\na joy\t1\n");
 * const { task } = await import(taskFormatModule("sst2"));
 * for await (const example of task.examples({ name: "dev.tsv", path })) console.log(example); // { texts: [ "a joy" ], label: 1 }
 * ```
 */
import { didYouMean, UsageError } from "../../base/mod.ts";

export { type FileTask, fileTaskDefaults } from "./file_task.ts";

/** Modules by the name that recipes use. */
const taskFormats = {
  sst2: "./sst2.ts",
  mnli: "./mnli.ts",
  stsb: "./stsb.ts",
  race: "./race.ts",
} as const;

export type TaskFormat = keyof typeof taskFormats;

export const taskFormatNames = Object.keys(taskFormats) as readonly TaskFormat[];

/** Absolute URL of the module that reads a task's files. @throws UsageError for an unknown name. */
export function taskFormatModule(name: string): string {
  if (!Object.hasOwn(taskFormats, name)) {
    throw new UsageError(
      `Cannot read task format "${name}": expected one of ${taskFormatNames.join(", ")}${
        didYouMean(name, taskFormatNames)
      }`,
    );
  }
  return new URL(taskFormats[name as TaskFormat], import.meta.url).href;
}
