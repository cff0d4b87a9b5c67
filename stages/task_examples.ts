/**
 * Where the examples of a fine-tuning task come from: a generator, or files in one of the usual forms.
 */
import { basename, isAbsolute, join } from "node:path";
import { type FileTask, taskFormatModule } from "../datasets/downstream/mod.ts";
import { isRemote } from "../datasets/hub/mod.ts";
import {
  type GeneratedTask,
  listLocalFiles,
  type TaskDescription,
  type TaskExample,
} from "../datasets/mod.ts";
import { taskModule } from "../datasets/generators/mod.ts";
import { Random, type Seed, sha256, StageError, UsageError } from "../base/mod.ts";
import { group, type StageContext } from "../pipeline/stage.ts";
import type { Recipe } from "./recipe.ts";
import { eachFileOnce } from "./sources.ts";
import type { TaskSpec } from "./recipe_data.ts";
import { listRemote, type RemoteHints } from "./remote_files.ts";

type TaskSplit = "train" | "dev" | "test";
const splits = ["train", "dev", "test"] as const;

/** The part of a task that enters the key. */
export type TaskParams =
  | {
    readonly options: Readonly<Record<string, unknown>>;
    readonly examples: Readonly<Record<TaskSplit, number>>;
  }
  | {
    readonly format: string;
    /** Base names of files of this machine, and names of remote ones. */
    readonly files: Readonly<Record<TaskSplit, readonly string[]>>;
    readonly holdOut: number;
    /** At most so many of each, drawn at random; null takes all. */
    readonly examples: Readonly<Record<TaskSplit, number | null>>;
  };

interface TaskData {
  readonly description: TaskDescription;
  readonly examples: Readonly<Record<TaskSplit, readonly TaskExample[]>>;
  /** The best expected score that the rules allow; null where nobody knows it. */
  readonly ceiling: number | null;
}

/** What a stage uses to make or read the examples. */
export interface TaskModules {
  readonly generator?: { readonly task: GeneratedTask<Readonly<Record<string, unknown>>> };
  readonly format?: { readonly task: FileTask };
}

/** What a stage declares for a task. */
interface TaskDeclaration {
  readonly params: TaskParams;
  readonly uses: { readonly [Role in keyof TaskModules]: string };
  /** The files of this machine, by name of input. */
  readonly files: Readonly<Record<string, string>>;
  /** Whether files must be fetched. */
  readonly isRemote: boolean;
  /** As far as the recipe tells, for forecasts. */
  readonly trainingExamples: number | undefined;
}

export function declareTask(recipe: Recipe, task: string): TaskDeclaration {
  const spec = recipe.finetune.tasks[task];
  const trainingExamples = spec.examples?.train;
  if ("generator" in spec) {
    const { options, examples } = spec;
    const uses = { generator: taskModule(spec.generator) };
    return { params: { options, examples }, uses, files: {}, isRemote: false, trainingExamples };
  }
  const places = splitsBy((split) =>
    eachFileOnce(placesOf(recipe, spec, split), `finetune.tasks.${task}.files.${split}`)
  );
  const files = splits.flatMap((split) =>
    places[split].map((place, i) => [`${split}/${i}`, place] as const)
  );
  return {
    params: {
      format: spec.format,
      files: splitsBy((split) =>
        places[split].map((place) => isRemote(place) ? place : basename(place))
      ),
      holdOut: spec.holdOut,
      examples: splitsBy((split) => spec.examples?.[split] ?? null),
    },
    uses: { format: taskFormatModule(spec.format) },
    files: Object.fromEntries(files.filter(([, place]) => !isRemote(place))),
    isRemote: files.some(([, place]) => isRemote(place)),
    trainingExamples,
  };
}

/**
 * Reads the first example of each split: options that a generator does not take and files of another form show there. Remote
 * files are not fetched for it.
 *
 * @throws UsageError
 */
export async function checkTask(
  params: TaskParams,
  files: Readonly<Record<string, string>>,
  uses: { readonly [_ in keyof TaskModules]: string },
): Promise<void> {
  try {
    if (!("format" in params)) {
      const { task }: NonNullable<TaskModules["generator"]> = await import(uses.generator!);
      task.ceiling(params.options);
      for (const split of splits) {
        for (const _ of task.examples(params.options, split, [0, 0, 0, 0])) break;
      }
      return;
    }
    const { task }: NonNullable<TaskModules["format"]> = await import(uses.format!);
    for (const split of splits) {
      let hasExamples = params.files[split].length === 0 || params.files[split].some(isRemote);
      for (const path of group(files, split).values()) {
        for await (const _ of task.examples({ name: basename(path), path })) {
          hasExamples = true;
          break;
        }
      }
      if (!hasExamples) throw withoutExamples(params.files[split], split);
    }
  } catch (error) {
    if (!(error instanceof StageError)) throw error;
    throw new UsageError(error.message, { cause: error });
  }
}

type TaskContext = Pick<
  StageContext<TaskParams, RemoteHints, TaskModules>,
  "params" | "modules" | "files" | "hints" | "log" | "signal"
>;

/** The examples of a task. @throws StageError for files that are not as they must be. */
export async function readTask(context: TaskContext, seed: Seed): Promise<TaskData> {
  const { params, modules } = context;
  if (!("format" in params)) {
    const { task } = modules.generator!;
    const take = (split: TaskSplit) => [
      ...Iterator.from(task.examples(params.options, split, seed)).take(params.examples[split]),
    ];
    return {
      description: task.description,
      examples: splitsBy(take),
      ceiling: task.ceiling(params.options),
    };
  }
  const { task } = modules.format!;
  const all: Record<TaskSplit, TaskExample[]> = { train: [], dev: [], test: [] };
  for (const split of splits) {
    for await (const file of filesOf(context, params.files[split], split)) {
      for await (const example of task.examples(file)) all[split].push(example);
    }
  }
  if (params.files.test.length === 0) holdOutDev(all, params.holdOut);
  for (const split of splits) {
    if (all[split].length > 0) continue;
    throw withoutExamples(params.files[split], split);
  }
  const random = new Random(seed);
  const examples = splitsBy((split) => sample(all[split], params.examples[split], random));
  return { description: task.description, examples, ceiling: null };
}

/**
 * Without labels for the test set, the dev set is the test, and a share of the training examples becomes dev: by a hash of
 * their texts, so that equal examples stay together.
 */
function holdOutDev(all: Record<TaskSplit, TaskExample[]>, share: number): void {
  const isHeldOut = ({ texts }: TaskExample) =>
    parseInt(sha256(texts.join("\0")).slice(0, 8), 16) / 2 ** 32 < share;
  all.test = all.dev;
  all.dev = all.train.filter(isHeldOut);
  all.train = all.train.filter((example) => !isHeldOut(example));
}

/** A random part in the order of the whole. */
function sample(
  examples: readonly TaskExample[],
  limit: number | null,
  random: Random,
): readonly TaskExample[] {
  if (limit === null || limit >= examples.length) return examples;
  const chosen = random.shuffle([...examples.keys()]).slice(0, limit).sort((a, b) => a - b);
  return chosen.map((i) => examples[i]);
}

function withoutExamples(files: readonly string[], split: TaskSplit): StageError {
  return new StageError(
    `Cannot fine-tune on ${files.join(", ")}: expected ${split} examples, found none`,
  );
}

async function* filesOf(
  context: TaskContext,
  names: readonly string[],
  split: TaskSplit,
): AsyncGenerator<{ name: string; path: string }> {
  for (const [i, name] of names.entries()) {
    const path = context.files[`${split}/${i}`];
    if (path !== undefined) {
      yield { name, path };
      continue;
    }
    for (const file of await listRemote(context, name)) {
      yield { name: file.name, path: (await file.fetch()).path };
    }
  }
}

function placesOf(
  recipe: Recipe,
  spec: Exclude<TaskSpec, { generator: string }>,
  split: TaskSplit,
): readonly string[] {
  return [spec.files[split] ?? []].flat().flatMap((place) =>
    isRemote(place)
      ? [place]
      : listLocalFiles(isAbsolute(place) ? place : join(recipe.data ?? "", place), () => true)
  );
}

function splitsBy<T>(of: (split: TaskSplit) => T): Record<TaskSplit, T> {
  return { train: of("train"), dev: of("dev"), test: of("test") };
}
