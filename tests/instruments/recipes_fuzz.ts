/**
 * Reads and plans mutants of the shipped recipes: each must end in a sentence or in a plan, within 5 s, and a recipe that is
 * read must say what its file says.
 *
 *     deno task instruments recipes-fuzz [--count 20000] [--first 0] [--seed 17] [--json]
 *
 * Mutants are read by a process apart, which is ended when it is silent for too long.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { parse } from "yaml";
import { type Json, messageOf, UsageError } from "../../base/mod.ts";
import { project } from "../../commands/dept.ts";
import { CodeDigests } from "../../pipeline/code_digest.ts";
import { FileDigests } from "../../pipeline/file_digests.ts";
import { expand } from "../../pipeline/instances.ts";
import { Planner } from "../../pipeline/plan.ts";
import { loadStudy, recipeNames } from "../../pipeline/recipe.ts";
import { Store } from "../../pipeline/store.ts";
import { LineProcess } from "../support/line_process.ts";
import { type Mutant, recipeMutant } from "./recipe_mutations.ts";
import { rangeOf, rangeOptions } from "./fuzz_range.ts";

/** For one mutant, on a busy machine. */
const limitMs = 5000;
/** Loading modules and bundling code takes longer. */
const startMs = 60_000;

interface FuzzResult {
  readonly mutants: number;
  readonly planned: number;
  /** With a sentence. */
  readonly refused: number;
  readonly slowestMs: number;
  /** What should not have happened, with the number that makes it again (`--first N --count 1`). */
  readonly failures: readonly string[];
}

export async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...rangeOptions,
      json: { type: "boolean", default: false },
    },
  });
  const { count, first, seed } = rangeOf(values);
  const result = await fuzzRecipes(count, first, seed);
  if (values.json) console.log(JSON.stringify(result));
  else {
    const { mutants, planned, refused, slowestMs, failures } = result;
    console.log(
      `${mutants} mutants: ${planned} planned, ${refused} refused, ${failures.length} failures; ` +
        `slowest ${slowestMs.toFixed(0)} ms`,
    );
    for (const failure of failures) console.log(failure);
  }
  if (result.failures.length > 0) Deno.exitCode = 1;
}

/** Reads and plans `count` mutants, number `first` on. */
export async function fuzzRecipes(count: number, first: number, seed: number): Promise<FuzzResult> {
  const failures: string[] = [];
  const total = { mutants: 0, planned: 0, refused: 0, slowestMs: 0 };
  const end = first + count;
  for (let at = first; at < end;) {
    using process = new LineProcess(import.meta.url, [`${at}`, `${end}`, `${seed}`]);
    for (let isFirst = true; at < end; isFirst = false, at++) {
      const line = await process.next(isFirst ? startMs : limitMs);
      total.mutants++;
      if (line === undefined || line === "silent") {
        const why = line === undefined ? await process.end() : `no result after ${limitMs} ms`;
        failures.push(`${at}: ${why}`);
        at++;
        break;
      }
      const { outcome, ms, name } = JSON.parse(line) as MutantResult;
      if (outcome === "planned") total.planned++;
      else if (outcome === "refused") total.refused++;
      else failures.push(`${at} (${name}): ${outcome}`);
      if (!isFirst) total.slowestMs = Math.max(total.slowestMs, ms);
    }
  }
  return { ...total, failures };
}

interface MutantResult {
  readonly index: number;
  readonly name: string;
  /** `planned`, `refused`, or what should not have happened. */
  readonly outcome: string;
  readonly ms: number;
}

/** Reads and plans mutants [first, end) in this process. */
export async function* mutantResults(
  first: number,
  end: number,
  seed: number,
): AsyncGenerator<MutantResult> {
  const folder = Deno.makeTempDirSync({ prefix: "dept-recipes-fuzz-" });
  try {
    const names = recipeNames(project.recipes);
    const files = Object.fromEntries(
      names.map((name) => [name, Deno.readTextFileSync(join(project.recipes, `${name}.yaml`))]),
    );
    const data = sourcesIn(join(folder, "data"));
    const planned = planner(folder);
    // The first plan bundles all code: that is no mutant's time.
    await planned(await loadStudy("sample", { ...project, folder: project.recipes }));
    for (let index = first; index < end; index++) {
      const startedAt = performance.now();
      const mutant = recipeMutant(files, seed, index);
      const outcome = await outcomeOf(mutant, files, { folder, data, planned });
      const ms = performance.now() - startedAt;
      yield { index, name: mutant.name, outcome, ms };
    }
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** Folders of text for recipes that name none. */
function sourcesIn(data: string): string {
  for (const source of ["aa", "bb", "cc", "dd", "ee", "ff", "sw", "ur", "github"]) {
    Deno.mkdirSync(join(data, source), { recursive: true });
    for (const split of ["train", "validation"]) {
      Deno.writeTextFileSync(join(data, source, `${split}.jsonl`), '{"text": "a text"}\n');
    }
  }
  return data;
}

type Study = Awaited<ReturnType<typeof loadStudy<ReturnType<typeof project.schema.parse>>>>;

/** Plans a recipe as commands do; code is digested once. */
function planner(folder: string): (study: Study) => Promise<number> {
  const store = Store.open(join(folder, "store"), { create: true });
  const digests = new FileDigests(undefined);
  const code = new CodeDigests(project.root, digests, undefined);
  return async (study) => {
    const instances = expand(project.stages, study);
    const { recipe } = study;
    const planner = new Planner({ instances, recipe, store, code, files: digests });
    await planner.prepare([...instances.keys()]);
    return planner.states([...instances.keys()]).size;
  };
}

async function outcomeOf(
  { name, text, set, meant, isForbidden }: Mutant & { readonly name: string },
  files: Readonly<Record<string, string>>,
  { folder, data, planned }: {
    readonly folder: string;
    readonly data: string;
    readonly planned: (study: Study) => Promise<number>;
  },
): Promise<string> {
  const file = join(folder, "mutant.yaml");
  Deno.writeTextFileSync(file, text);
  const needsData = name.endsWith("-small");
  try {
    const study = await loadStudy(file, {
      ...project,
      folder: project.recipes,
      set: [...needsData ? [`data=${data}`] : [], ...set],
    });
    if (isForbidden) return "it was read, and holds what no recipe may hold";
    if (meant !== undefined && set.length === 0) {
      const other = firstDifference(
        whole(meant, files),
        { ...study.recipe } as Record<string, unknown> as Json,
        [],
      );
      if (other !== undefined) return `it was read as another value: ${other}`;
    }
    const changed = set.find((override) => !isKept(override, set, study.recipe));
    if (changed !== undefined) return `--set ${changed} was read as another value`;
    await planned(study);
    return "planned";
  } catch (error) {
    if (error instanceof UsageError && !/\n\s+at /.test(error.message)) return "refused";
    return (error as Error).stack ?? messageOf(error);
  }
}

/** Whether a recipe has the value of an override: the text as it was typed, or what YAML makes of it. */
function isKept(override: string, set: readonly string[], recipe: object): boolean {
  const [path, ...rest] = override.split("=");
  const typed = rest.join("=");
  const isLaidOver = set.slice(set.indexOf(override) + 1).some((it) => it.startsWith(path));
  if (isLaidOver || typed.startsWith("{") || paths.test(path)) return true;
  let value: unknown = recipe;
  for (const key of path.split(".")) value = (value as Record<string, unknown>)[key];
  if (value === typed) return true;
  return firstDifference(parse(typed), value as Json, []) === undefined;
}

/** What a file says with all that it extends, by a merge of our own. */
function whole(said: Json, files: Readonly<Record<string, string>>): Json {
  const { extends: base, ...own } = said as Record<string, Json>;
  if (typeof base !== "string" || !Object.hasOwn(files, base)) return own;
  return laidOver(whole(parse(files[base]), files), own);
}

function laidOver(below: Json, above: Json): Json {
  if (!isMap(below) || !isMap(above)) return above;
  const merged = new Map(Object.entries(below));
  for (const [key, value] of Object.entries(above)) {
    merged.set(key, merged.has(key) ? laidOver(merged.get(key)!, value) : value);
  }
  return Object.fromEntries(merged);
}

/** Paths are made absolute, and `data` is ours where a recipe names none. */
const paths =
  /^(data|vocabulary\.global\.file|sources\.[^.]*\.(train|validation|files)|finetune\.tasks\..*\.files)/;

/** The first value that a recipe has otherwise than its file; values that the file does not have are defaults. */
function firstDifference(said: Json, read: Json | undefined, path: string[]): string | undefined {
  if (paths.test(path.join("."))) return undefined;
  if (typeof said !== "object" || said === null || typeof read !== "object" || read === null) {
    if (said === read) return undefined;
    return `${path.join(".")} is ${JSON.stringify(read)} and not ${JSON.stringify(said)}`;
  }
  for (const [key, value] of Object.entries(said)) {
    const found = Object.hasOwn(read, key) ? (read as Record<string, Json>)[key] : undefined;
    const other = firstDifference(value!, found, [...path, key]);
    if (other !== undefined) return other;
  }
  return undefined;
}

function isMap(value: Json): value is Record<string, Json> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

if (import.meta.main) {
  const [first, end, seed] = Deno.args.map(Number);
  for await (const result of mutantResults(first, end, seed)) console.log(JSON.stringify(result));
}
