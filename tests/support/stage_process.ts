/**
 * Runs one stage in a process of its own, as the runner's child does, so that a test can kill it:
 *
 *     deno run -A tests/support/stage_process.ts CONTEXT.json
 */
import type { Seed } from "../../base/mod.ts";
import { silentLog, type StageContext } from "../../pipeline/stage.ts";

/** What a context needs besides functions; `modules` and `stage` are URLs. */
export type StageWork =
  & Pick<
    StageContext,
    "params" | "hints" | "inputs" | "files" | "outputs" | "checkpointFolder"
  >
  & {
    readonly stage: string;
    readonly modules: Readonly<Record<string, string>>;
    readonly seed: Seed;
  };

if (import.meta.main) {
  const { stage, modules, seed, ...work }: StageWork = JSON.parse(
    Deno.readTextFileSync(Deno.args[0]),
  );
  const { run } = await import(stage);
  const loaded = Object.entries(modules).map(async ([role, url]) => [role, await import(url)]);
  await run({
    ...work,
    modules: Object.fromEntries(await Promise.all(loaded)),
    moduleUrls: modules,
    seed: () => seed,
    log: silentLog,
    signal: new AbortController().signal,
  });
}
