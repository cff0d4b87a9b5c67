/**
 * `table`: prints tables from what the store has.
 */
import { didYouMean, UsageError } from "../base/mod.ts";
import { isNamed } from "../pipeline/targets.ts";
import type { InstanceId } from "../pipeline/stage.ts";
import { printKeptTables } from "./kept_tables.ts";
import { oneOf } from "./option_values.ts";
import { madeOnTheSpot } from "./on_the_spot.ts";
import { loadPlainRecipe, openSession, type Session } from "./session.ts";
import { printTables, tableStage, tablesText } from "./tables.ts";
import { addPlanOptions, type PlanOptions } from "./plan_options.ts";
import {
  type PipelineCommand,
  type Project,
  type TableFormat,
  tableFormats,
  type TableSizes,
} from "./project.ts";
import { addSizeOptions, sizesOf } from "./size_options.ts";
import { print } from "./screen.ts";

interface TableOptions extends PlanOptions {
  readonly format: string;
  readonly list?: boolean;
  readonly kept?: boolean;
  readonly overSeeds?: boolean;
}

export const command: PipelineCommand = {
  declare: (command) => {
    command
      .option("--format <format>", "text, markdown, csv or json", "text")
      .option("--list", "list what tables there are, and which of the paper's each one is")
      .option("--kept", "the newest that the store has, whatever code made them: no data is needed")
      .option("--over-seeds", "with --kept: means over the seeds of which the store has tables")
      .addHelpText("after", examples);
    addPlanOptions(addSizeOptions(command));
  },
  act: table,
};

/**
 * Prints the named tables, or all of the recipe. A table whose inputs are all there is made on the spot: it is cheap.
 *
 * @throws UsageError for an unknown name, and when something else would have to run first.
 */
async function table(
  loadProject: () => Promise<Project>,
  asked: readonly string[],
  options: TableOptions,
): Promise<number> {
  const names = [...new Map(asked.map((name) => [targetOf(name), name])).values()];
  const project = await loadProject();
  const format = oneOf(tableFormats, "print a table as", options.format);
  if (options.list) {
    print(await project.listTables?.() ?? "");
    return 0;
  }
  if (options.kept) {
    const targets = names.map(targetOf);
    const overSeeds = options.overSeeds ?? false;
    print(await printKeptTables(project, { ...options, targets, format, overSeeds }));
    return 0;
  }
  if (options.overSeeds) {
    throw new UsageError(
      "Cannot print means over seeds: expected --kept with --over-seeds, found the latter alone; a recipe has seeds " +
        "as an axis of a study",
    );
  }
  const sizes = sizesOf({ ...options });
  if (Object.keys(sizes).length > 0) {
    return await printOfSizes(project, names, sizes, options, format);
  }
  const { session, ids, unknown } = await openTables(project, names, options);
  const { states, fresh, code, error } = await madeOnTheSpot(session, ids, options, {
    what: names.length === 0 ? "the tables" : names.join(", "),
    targets: names.map(targetOf),
  });
  if (fresh.length > 0) print(await printTables(project, session.objects, fresh, states, format));
  const errors = [...unknown, ...error === undefined ? [] : [error]];
  if (errors.length > 0) {
    throw new UsageError(errors.map(({ message }) => message).join("\nerror: "));
  }
  return code;
}

interface OpenTables {
  readonly session: Session;
  readonly ids: readonly InstanceId[];
  /** Why names are left out: the recipe cannot have these tables. */
  readonly unknown: readonly UsageError[];
}

/** Plans tables. @throws UsageError if the recipe can have none of them */
async function openTables(
  project: Project,
  names: readonly string[],
  options: TableOptions,
): Promise<OpenTables> {
  const open = async (names: readonly string[]) => {
    const targets = names.map(targetOf);
    const session = await openSession(project, options, { create: false, targets });
    return { session, ids: tableIds(names, session) };
  };
  try {
    return { ...await open(names), unknown: [] };
  } catch (error) {
    if (!(error instanceof UsageError) || names.length < 2) throw error;
  }
  const unknown: UsageError[] = [];
  const known: string[] = [];
  for (const name of names) {
    try {
      await open([name]);
      known.push(name);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      unknown.push(error);
    }
  }
  if (known.length === 0) throw unknown[0];
  return { ...await open(known), unknown };
}

async function printOfSizes(
  project: Project,
  names: readonly string[],
  sizes: TableSizes,
  options: TableOptions,
  format: TableFormat,
): Promise<number> {
  if (project.tableOfSizes === undefined) {
    throw new UsageError("Cannot make tables of sizes: expected a project that has some");
  }
  const recipe = await loadPlainRecipe(project, options);
  const tables: unknown[] = [];
  for (const name of names.length === 0 ? ["cost"] : names) {
    tables.push(await project.tableOfSizes(recipe, name, sizes));
  }
  print(await tablesText(project, tables, format));
  return 0;
}

function targetOf(name: string): string {
  return name.startsWith(`${tableStage}/`) ? name : `${tableStage}/${name}`;
}

function tableIds(names: readonly string[], { instances, recipe }: Session): InstanceId[] {
  const all = [...instances.keys()].filter((id) => id.startsWith(`${tableStage}/`));
  if (all.length === 0) {
    throw new UsageError(`Cannot print a table: recipe "${recipe.name}" asks for none`);
  }
  return names.length === 0 ? all : names.flatMap((name) => {
    const found = all.filter((id) => isNamed(id, targetOf(name)));
    if (found.length > 0) return found;
    const known = all.map((id) => id.slice(tableStage.length + 1));
    throw new UsageError(
      `Cannot print table "${name}"${didYouMean(name, known)}: ` +
        `recipe "${recipe.name}" has ${
          known.join(", ")
        }; table --list says what else can be asked for`,
    );
  });
}

const examples = `
Examples:
  deno task pipeline table                         the recipe's tables
  deno task pipeline table 4 drift                 Table 4 of the paper, and one that the recipe does not list
  deno task pipeline table --kept --store DIR      what somebody pushed, without data or models
  deno task pipeline table --kept --over-seeds --store DIR   the same of several seeds, pulled into one store
  deno task pipeline table cost --recipe multilingual-1b --gigabits 1
  deno task pipeline table cost --layers 24 --width 2048 --vocab 250112 --own-vocab 50257 --local-steps 500`;
