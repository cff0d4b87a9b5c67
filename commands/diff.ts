/**
 * `diff`: two runs, stores, recipes or instances side by side. Takes no lock and changes nothing.
 */
import { UsageError } from "../base/mod.ts";
import { isNamed } from "../pipeline/targets.ts";
import type { InstanceId } from "../pipeline/stage.ts";
import { type Side, sideOf } from "./compared_sides.ts";
import { comparisonTables, isSame, type Pair } from "./comparison.ts";
import { oneOf } from "./option_values.ts";
import { addPlanOptions, type PlanOptions } from "./plan_options.ts";
import { someOf } from "./plan_view.ts";
import type { PipelineCommand, Project, TableFormat } from "./project.ts";
import { print } from "./screen.ts";
import { tablesText } from "./tables.ts";

interface DiffOptions extends PlanOptions {
  readonly format: string;
  readonly bySource?: boolean;
}

export const command: PipelineCommand = {
  declare: (command) =>
    addPlanOptions(
      command
        .option("--format <format>", "text, markdown or json", "text")
        .option("--by-source", "losses of each source, not only their mean")
        .addHelpText("after", examples),
    ),
  act: diff,
};

const formats = ["text", "markdown", "json"] as const satisfies readonly TableFormat[];

/** Prints what differs. @throws UsageError for a side that is not known, or of which nothing can be compared */
async function diff(
  loadProject: () => Promise<Project>,
  first: string,
  second: string,
  targets: readonly string[],
  options: DiffOptions,
): Promise<void> {
  const project = await loadProject();
  const format = oneOf(formats, "print a comparison as", options.format);
  const before = await sideOf(project, first, options);
  const after = await sideOf(project, second, options);
  const isAsked = (id: InstanceId) =>
    targets.length === 0 || targets.some((target) => isNamed(id, target));
  const { pairs, onlyBefore, onlyAfter } = pairsOf(before, after, isAsked, orderOf(project));
  const areRecipes = before.recipe !== undefined && after.recipe !== undefined;
  if (pairs.length === 0 && !areRecipes) {
    throw new UsageError(
      `Cannot compare "${first}" with "${second}": expected results of the same instances, found none` +
        missingText([before, after]),
    );
  }
  const bySource = options.bySource === true || pairs.length === 1;
  const tables = await comparisonTables({ before, after, pairs, bySource });
  const same = pairs.filter((pair) => isSame(pair.before, pair.after));
  const ids = { onlyBefore, onlyAfter, same: same.map(({ label }) => label) };
  if (format === "json") {
    const [sides, compared] = [
      [before, after].map(({ title, missing }) => ({ title, missing })),
      ids,
    ];
    const value = { format: 1, before: sides[0], after: sides[1], ...compared, tables };
    print(JSON.stringify(value, null, 2));
    return;
  }
  const different = pairs.length - same.length;
  const lines = [
    `before  ${before.title}${missingText([before])}`,
    `after   ${after.title}${missingText([after])}`,
    `${pairs.length} ${
      pairs.length === 1 ? "result is" : "results are"
    } on both sides: ${same.length} the same, ` +
    `${different} ${different === 1 ? "differs" : "differ"}` +
    onlyText(onlyBefore, "before") + onlyText(onlyAfter, "after"),
  ];
  print(lines.join(format === "markdown" ? "  \n" : "\n"));
  if (tables.length > 0) print(`\n${await tablesText(project, tables, format)}`);
}

function missingText(sides: readonly Side[]): string {
  const missing = sides.reduce((sum, side) => sum + side.missing, 0);
  return missing === 0 ? "" : `; ${missing} results are not there`;
}

function onlyText(ids: readonly InstanceId[], where: string): string {
  return ids.length === 0 ? "" : `; only ${where}: ${someOf(ids)}`;
}

interface Pairs {
  readonly pairs: readonly Pair[];
  readonly onlyBefore: readonly InstanceId[];
  readonly onlyAfter: readonly InstanceId[];
}

/**
 * Results of the same instance, or of two that were named; where one side is an instance, the other one's result of it.
 * @throws UsageError for two instances of different stages: nothing of them can be compared
 */
function pairsOf(
  before: Side,
  after: Side,
  isAsked: (id: InstanceId) => boolean,
  order: (a: InstanceId, b: InstanceId) => number,
): Pairs {
  const only = before.only ?? after.only;
  if (only !== undefined) {
    const [a, b] = [before, after].map((side) => [side, side.only ?? only] as const);
    const [one, other] = [resultOf(...a), resultOf(...b)];
    if (one.record.stage !== other.record.stage) {
      throw new UsageError(
        `Cannot compare ${a[1]} with ${
          b[1]
        }: expected two results of one stage, found ${one.record.stage} and ` +
          other.record.stage,
      );
    }
    const label = a[1] === b[1] ? a[1] : one.record.stage;
    return { pairs: [{ label, before: one, after: other }], onlyBefore: [], onlyAfter: [] };
  }
  const idsOf = ({ results }: Side) => [...results.keys()].filter(isAsked).sort(order);
  return {
    pairs: idsOf(before).filter((id) => after.results.has(id)).map((id) => ({
      label: id,
      before: before.results.get(id)!,
      after: after.results.get(id)!,
    })),
    onlyBefore: idsOf(before).filter((id) => !after.results.has(id)),
    onlyAfter: idsOf(after).filter((id) => !before.results.has(id)),
  };
}

/** Stages as the project lists them, instances by name: runs keep them in the order in which they came to them. */
function orderOf({ stages }: Project) {
  const names = stages.map(({ name }) => name);
  const place = (id: InstanceId) => names.indexOf(id.split("/")[0]);
  return (a: InstanceId, b: InstanceId) => place(a) - place(b) || (a < b ? -1 : 1);
}

function resultOf({ results, title }: Side, id: InstanceId) {
  const found = results.get(id);
  if (found !== undefined) return found;
  throw new UsageError(`Cannot compare ${id}: expected its result in ${title}, found none; run it`);
}

const examples = `
A side is a run by its number (runs lists them), the folder of a store (its newest run), a recipe, or an instance of --recipe.
Differences are after less before. * marks what is beyond noise; targets name what is compared.

Examples:
  deno task pipeline diff 3 4                      two runs of this store
  deno task pipeline diff 4 sample                 what the code and the recipe of now would have otherwise
  deno task pipeline diff sample mine.yaml 'evaluate/*'
  deno task pipeline diff evaluate/trim/random evaluate/glob/random --by-source
  deno task pipeline diff .artifacts ../other/.artifacts --format markdown`;
