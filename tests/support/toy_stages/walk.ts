/**
 * A toy stage: a random walk over the words of a source, slow enough to be interrupted, with checkpoints.
 *
 * in   words  of the stage before
 * out  walk   `walk.txt`, the state after each step
 */
import { Random, type Seed, StageError, writeFileAtomic } from "../../../base/mod.ts";
import type { Stage, StageContext, StageSummary } from "../../../pipeline/stage.ts";
import type { ToyRecipe } from "./recipe.ts";
import { trespass } from "./trespass.ts";

interface WalkParams {
  readonly steps: number;
  /** What goes wrong halfway. */
  readonly fault: string | null;
}

interface WalkHints {
  readonly delayMs: number;
}

interface WalkModules {
  readonly rule: { rule(state: number, draw: number): number };
}

/** Folders of the last instance that this process has run. No stage may keep such a thing: this one tries what it is good for. */
let before: readonly string[] = [];

export const walk: Stage<ToyRecipe, WalkParams, WalkHints, WalkModules> = {
  name: "walk",
  description: "Walks over the words of a source",
  module: import.meta.url,
  sharesProcess: true,
  instances: (recipe) =>
    recipe.sources.flatMap((source) => recipe.rules.map((rule) => [source, rule])),
  impossible: (recipe, [, rule]) =>
    rule === undefined || recipe.rules.includes(rule as "left")
      ? undefined
      : `rule "${rule}" is none of ${recipe.rules.join(", ")}`,
  declare: ({ steps, fault, delayMs, claims: { threads, memoryGb } }, [source, rule]) => ({
    inputs: { words: `words/${source}#words` },
    outputs: ["walk"],
    params: { steps, fault: fault !== null && fault.source === source ? fault.kind : null },
    hints: { delayMs },
    seeds: ["walk/*"],
    uses: { rule: import.meta.resolve(`./rules/${rule}.ts`) },
    // A confined process cannot make links at all.
    isNative: fault?.kind === "link" || fault?.kind === "native-peek",
    claims: { threads },
    forecast: { flops: steps * 1000, memoryBytes: memoryGb * 1e9 },
    weight: steps,
  }),
};

interface Checkpoint {
  readonly states: number[];
}

export async function run(
  context: StageContext<WalkParams, WalkHints, WalkModules>,
): Promise<StageSummary> {
  const { params, inputs, outputs, signal, log } = context;
  const { rule } = context.modules.rule;
  const words = Deno.readTextFileSync(`${inputs.words}/words.txt`).trim().split("\n");
  const checkpointPath = `${context.checkpointFolder}/states.json`;
  const { states } = readCheckpoint(checkpointPath);
  const resumedAt = states.length;
  while (states.length < params.steps) {
    const step = states.length;
    const draw = new Random(context.seed(`walk/${step}`)).below(words.length);
    states.push(rule(states.at(-1) ?? 0, words[draw].length + draw));
    writeFileAtomic(checkpointPath, JSON.stringify({ states }));
    log.progress({ done: states.length, total: params.steps, unit: "steps", tokens: 1 });
    if (step === Math.floor(params.steps / 2)) await fail(params.fault, outputs.walk, before);
    await new Promise((resolve) => setTimeout(resolve, context.hints.delayMs));
    signal.throwIfAborted();
  }
  Deno.writeTextFileSync(`${outputs.walk}/walk.txt`, states.join("\n") + "\n");
  before = [inputs.words, outputs.walk, context.checkpointFolder];
  log.info("walked", { resumedAt });
  return { steps: states.length, last: states.at(-1)! };
}

function readCheckpoint(path: string): Checkpoint {
  try {
    return JSON.parse(Deno.readTextFileSync(path));
  } catch {
    return { states: [] };
  }
}

async function fail(
  fault: string | null,
  folder: string,
  before: readonly string[],
): Promise<void> {
  if (fault === null) return;
  if (fault === "native-peek") Deno.readTextFileSync("deno.json");
  if (fault === "trespass") throw new StageError(JSON.stringify(await trespass(folder, before)));
  Deno.writeTextFileSync(`${folder}/walk.txt`, "half of what there sho");
  if (fault === "data") {
    throw new StageError(`Cannot walk on "words.txt": expected paths, found none`);
  }
  if (fault === "defect") (undefined as unknown as { walk(): void }).walk();
  if (fault === "exit") Deno.exit(7);
  if (fault === "link") Deno.symlinkSync("walk.txt", `${folder}/link`);
  // As a native library does: nothing of this process runs until it is killed.
  if (fault === "hang") Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

/** Keeps the type of seeds in this module's imports, as real stages have types that bundles drop. */
export type WalkSeed = Seed;
