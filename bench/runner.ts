/**
 * What the runner itself costs: `deno task bench runner [--quick] [--json] [--case NAME]`.
 *
 * Each figure is the median of whole commands, process start included, with its target beside it. Cases: `cached`, `many`,
 * `input`, `instance`; all of them by default.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { didYouMean, UsageError } from "../base/mod.ts";
import { bringUpToDate, plannerOf } from "../tests/support/in_process.ts";
import { layer } from "./runner_project/layer.ts";
import type { SyntheticRecipe } from "./runner_project/recipe.ts";
import { median } from "./timing.ts";

interface Figure {
  readonly what: string;
  readonly seconds: number;
  /** Seconds that it may take; absent where nothing is promised. */
  readonly target?: number;
}

const projectRoot = fileURLToPath(new URL("..", import.meta.url));
const tinyRecipe = join(projectRoot, "tests/support/recipes/tiny.yaml");
const pipelineMain = join(projectRoot, "commands/main.ts");
const syntheticMain = join(projectRoot, "bench/runner_project/main.ts");
const repeats = 5;
const [layers, width] = [10, 200];
const gigabytes = 10;
/** A stat record younger than two seconds proves nothing. */
const settlingMs = 2500;

export async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      case: { type: "string" },
      json: { type: "boolean" },
      quick: { type: "boolean" },
    },
  });
  const folder = Deno.makeTempDirSync({ prefix: "dept-bench-" });
  const figures: Figure[] = [];
  const add = (...more: Figure[]) => {
    figures.push(...more);
    if (!values.json) { for (const figure of more) console.log(lineOf(figure)); }
  };
  try {
    const cases: Readonly<Record<string, () => Promise<Figure[]>>> = {
      cached: () => cachedRun(join(folder, "cached")),
      many: () => manyInstances(join(folder, "many"), values.quick ? width / 10 : width),
      input: () => largeInput(folder, values.quick ? 1 : gigabytes),
      instance: () => perInstance(join(folder, "costs")),
    };
    for (const name of values.case === undefined ? Object.keys(cases) : [values.case]) {
      if (!Object.hasOwn(cases, name)) {
        throw new UsageError(
          `Cannot measure "${name}"${didYouMean(name, Object.keys(cases))}: expected one of ${
            Object.keys(cases).join(", ")
          }`,
        );
      }
      add(...await cases[name]());
    }
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
  if (values.json) console.log(JSON.stringify({ figures }, null, 2));
}

/** `run all` with everything there. */
async function cachedRun(store: string): Promise<Figure[]> {
  const run = () =>
    timed(command(pipelineMain, "run", "all", "--recipe", tinyRecipe, "--store", store), [0]);
  await run();
  const seconds = await medianOf(run);
  return [{ what: "run all, everything cached (tiny)", seconds, target: 0.5 }];
}

/** Wall time of a process for each instance that does nothing: one after the other, and two at once. */
async function perInstance(folder: string): Promise<Figure[]> {
  const count = 20;
  const of = async (name: string, jobs: number, layers: number, width: number) => {
    const store = join(folder, name);
    const shape = ["--set", `layers=${layers}`, "--set", `width=${width}`];
    const run = (number: number) => {
      const changed = ["--set", `number=${number}`];
      return timed(synthetic(store, "run", "--quiet", "--jobs", `${jobs}`, ...shape, ...changed), [
        0,
      ]);
    };
    await run(0); // bundles
    let number = 0;
    const whole = await medianOf(() => run(++number), 3);
    const idle = await medianOf(() => run(number), 3);
    return (whole - idle) / count;
  };
  const [chain, wide] = [await of("chain", 1, count, 1), await of("wide", 2, 1, count)];
  const what = "runner and process, an instance";
  return [
    { what: `${what}, in a chain`, seconds: chain, target: 0.3 },
    { what: `${what}, two at once`, seconds: wide, target: 0.3 },
  ];
}

/** Planning and status of a large graph: nothing there, all there, and one change at its root. */
async function manyInstances(store: string, width: number): Promise<Figure[]> {
  const shape = ["--set", `layers=${layers}`, "--set", `width=${width}`];
  const status = (code: number, ...more: string[]) =>
    medianOf(() => timed(synthetic(store, "status", ...shape, ...more), [code]));
  await timed(synthetic(store, "run", ...shape, "layer/0/0", "--quiet"), [0]);
  const empty = await status(3);
  const recipe: SyntheticRecipe = {
    name: "synthetic",
    description: "",
    seed: 1,
    engine: { kind: "none", threads: 1 },
    layers,
    width,
    number: 1,
    first: 0,
    file: null,
  };
  await bringUpToDate(await plannerOf([layer], recipe, store));
  const name = `${layers * width} instances`;
  const all = ["--set", "number=2"];
  const dryRun = () => timed(synthetic(store, "run", "--dry-run", ...shape, ...all), [0]);
  const figures: Readonly<Record<string, number>> = {
    [`status, ${name}, none there`]: empty,
    [`status, ${name}, all there`]: await status(0),
    [`status, ${name}, the first changed`]: await status(3, "--set", "first=1"),
    [`status, ${name}, all changed`]: await status(3, ...all),
    [`run --dry-run, ${name}, all changed`]: await medianOf(dryRun),
  };
  return Object.entries(figures).map(([what, seconds]) => ({ what, seconds, target: 1.5 }));
}

/** An input outside the store: read once, then known by its stat record. */
async function largeInput(folder: string, size: number): Promise<Figure[]> {
  const [path, store] = [join(folder, "data.bin"), join(folder, "large")];
  // Sparse: its digest is that of as many zeros.
  using data = Deno.openSync(path, { write: true, create: true });
  data.truncateSync(size * 1e9);
  await new Promise((resolve) => setTimeout(resolve, settlingMs));
  const run = () => timed(synthetic(store, "run", "--quiet", "--set", `file=${path}`), [0]);
  const first = await run();
  return [
    { what: `run with an input of ${size} GB, first`, seconds: first },
    { what: `run with an input of ${size} GB, again`, seconds: await medianOf(run), target: 0.5 },
  ];
}

function synthetic(store: string, name: string, ...args: string[]): Deno.Command {
  return command(syntheticMain, name, "--recipe", "synthetic", "--store", store, ...args);
}

function command(main: string, ...args: string[]): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", main, ...args],
    cwd: projectRoot,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

/** Wall time of a command in seconds. @throws Error when it ends with none of the codes. */
async function timed(process: Deno.Command, codes: readonly number[]): Promise<number> {
  const startedAt = performance.now();
  const { code, stderr } = await process.output();
  const seconds = (performance.now() - startedAt) / 1000;
  if (!codes.includes(code)) {
    throw new Error(`Cannot measure: code ${code}: ${new TextDecoder().decode(stderr)}`);
  }
  return seconds;
}

async function medianOf(measure: () => Promise<number>, times: number = repeats): Promise<number> {
  const values: number[] = [];
  for (let i = 0; i < times; i++) values.push(await measure());
  return median(values);
}

function lineOf({ what, seconds, target }: Figure): string {
  const text = `${seconds.toFixed(2)} s`.padStart(8);
  if (target === undefined) return `${what.padEnd(52)} ${text}`;
  return `${what.padEnd(52)} ${text}  at most ${target} s: ${seconds <= target ? "met" : "missed"}`;
}
