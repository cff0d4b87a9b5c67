/**
 * `gc`: removes results that no kept run asks for.
 */
import { addStoreOption } from "./plan_options.ts";
import type { PipelineCommand } from "./project.ts";
import { join, resolve } from "node:path";
import { didYouMean, formatBytes, UsageError } from "../base/mod.ts";
import { collect, findGarbage, type Garbage, keptRecords } from "../pipeline/collection.ts";
import { hasEnded, placeOf, readLeases } from "../pipeline/executors/leases.ts";
import { readRunRecords } from "../pipeline/run_records.ts";
import { Store } from "../pipeline/store.ts";
import { numberAtLeast } from "./option_values.ts";
import { exclusiveStore } from "./busy.ts";
import { print } from "./screen.ts";

interface GcOptions {
  readonly store: string;
  readonly days: string;
  readonly dryRun?: boolean;
  readonly wait: boolean;
  readonly json?: boolean;
}

export const command: PipelineCommand = {
  declare: (command) =>
    addStoreOption(command)
      .option("--days <n>", "lately: within so many days", "30")
      .option("-n, --dry-run", "say what would be removed, and stop")
      .option("--no-wait", "end with code 1 when another process uses the store")
      .option("--json", "print one JSON object")
      .addHelpText("after", examples),
  act: (_, recipes: string[], options: GcOptions) => gc(recipes, options),
};

const dayMs = 24 * 3600 * 1000;

/** @param names Recipes whose results stay; none: all recipes that were run within the days of the options. */
async function gc(names: readonly string[], options: GcOptions): Promise<number> {
  const store = Store.open(resolve(options.store), { create: false });
  const sinceMs = Date.now() - numberAtLeast("--days", options.days, 0) * dayMs;
  checkNames(store, names, options);
  if (options.dryRun) {
    const { kept } = keptRecords(store, names, sinceMs);
    report(findGarbage(store, kept), "Would remove", options);
    return 0;
  }
  using lock = await exclusiveStore(store, "gc", options);
  if (lock === undefined) return 1;
  checkNoJobs(store);
  const { kept, forgotten } = keptRecords(store, names, sinceMs);
  const garbage = findGarbage(store, kept);
  collect(store, garbage, forgotten);
  report(garbage, "Removed", options);
  return 0;
}

/** @throws UsageError if a job of another machine is at work: it reads objects that no run may ask for any more */
function checkNoJobs(store: Store): void {
  const atWork = readLeases(store.folder).filter((lease) => !hasEnded(store.folder, lease));
  if (atWork.length === 0) return;
  const [first] = atWork;
  throw new UsageError(
    `Cannot gc: expected no job at work, found ${first.instance} (${placeOf(first)})` +
      `${atWork.length > 1 ? ` and ${atWork.length - 1} more` : ""}; wait for it, or end it and ` +
      `remove ${join(store.folder, "leases", `${first.key}.json`)}`,
  );
}

/** @throws UsageError if no run is known: collection would empty the store. */
function checkNames(store: Store, names: readonly string[], { store: folder }: GcOptions): void {
  const known = [...new Set(readRunRecords(store).map(({ identity }) => identity.recipe))].sort();
  if (known.length === 0) {
    throw new UsageError(
      `Cannot collect garbage in "${folder}": expected a record of what was run there, found none; ` +
        `first run the recipes whose results should stay (fresh results take no time)`,
    );
  }
  for (const name of names) {
    if (known.includes(name)) continue;
    throw new UsageError(
      `Cannot keep results of recipe "${name}"${
        didYouMean(name, known)
      }: expected one that was run in ` +
        `"${folder}" (${known.join(", ")})`,
    );
  }
}

function report(garbage: Garbage, did: string, { json }: GcOptions): void {
  const { manifests, objects, checkpoints, logs, bytes } = garbage;
  if (json) {
    const results = manifests.map(({ instance, key }) => ({ instance, key }));
    print(JSON.stringify({ results, objects, checkpoints, logs, bytes }, null, 2));
    return;
  }
  for (const { instance, key, provenance } of manifests) {
    print(
      `${instance.padEnd(30)}  ${key.slice(0, 12)}  made ${provenance.madeAt.slice(0, 10)}`,
    );
  }
  print(
    `${did} ${manifests.length} results, ${objects.length} objects, ${checkpoints.length} checkpoints, ` +
      `${logs.length} logs: ${formatBytes(bytes)}`,
  );
}

const examples = `
Examples:
  deno task pipeline gc --dry-run  what no recipe of the last 30 days asks for
  deno task pipeline gc --days 7
  deno task pipeline gc sample     keeps the results of this recipe alone`;
