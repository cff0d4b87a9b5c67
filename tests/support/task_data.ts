/**
 * Reads the examples of a fine-tuning task as the stage would: through the plain data of its declaration.
 */
import { seedOf } from "../../base/mod.ts";
import { silentLog } from "../../pipeline/stage.ts";
import type { Recipe } from "../../stages/recipe.ts";
import { remoteHints } from "../../stages/remote_files.ts";
import { declareTask, readTask } from "../../stages/task_examples.ts";

export type TaskData = Awaited<ReturnType<typeof readTask>>;

/** The recipe's task `t`. */
export async function readTaskOf(recipe: Recipe): Promise<TaskData> {
  const { params, files, uses } = declareTask(recipe, "t");
  const modules = Object.entries(uses).map(async ([role, url]) => [role, await import(url)]);
  return await readTask({
    params: JSON.parse(JSON.stringify(params)),
    modules: Object.fromEntries(await Promise.all(modules)),
    files,
    hints: remoteHints(recipe),
    log: silentLog,
    signal: new AbortController().signal,
  }, seedOf(17, "finetune/data/t"));
}
