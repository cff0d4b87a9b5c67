/**
 * The examples of a downstream task as fine-tuning takes them: checked, encoded, and with scores on a standard scale.
 */
import type { TaskDescription, TaskExample } from "../datasets/mod.ts";
import { StageError } from "../base/mod.ts";
import type { Tokenizer } from "../tokenizers/mod.ts";
import {
  type EncodedExample,
  encodeExample,
  sequencesOf,
  type TaskBatchShape,
} from "./task_inputs.ts";

export type TaskSplit = "train" | "dev" | "test";

interface Task {
  readonly settings: {
    /** For messages. */
    readonly task: string;
    readonly batchSize: number;
    readonly seqLen: number;
    readonly languageModelWeight: number;
  };
  readonly description: TaskDescription;
  readonly examples: Readonly<Record<TaskSplit, readonly TaskExample[]>>;
  readonly tokenizer: Tokenizer;
}

export interface EncodedTask extends Readonly<Record<TaskSplit, readonly EncodedExample[]>> {
  readonly shape: TaskBatchShape;
  readonly scale: LabelScale;
}

/** Mean and deviation of training scores; 0 and 1 for classes. */
export interface LabelScale {
  readonly mean: number;
  readonly deviation: number;
}

/** @throws StageError for examples that do not fit the task. */
export function encodeTask(task: Task): EncodedTask {
  checkExamples(task);
  const { settings: { batchSize, seqLen, languageModelWeight }, description, examples } = task;
  const scale = scaleOf(task);
  const encode = (split: TaskSplit) =>
    examples[split].map((example) => {
      const encoded = encodeExample(description, example, task.tokenizer, seqLen);
      return { ...encoded, label: (encoded.label - scale.mean) / scale.deviation };
    });
  const shape = {
    batchSize,
    seqLen,
    sequences: sequencesOf(description),
    isScore: description.kind === "similarity",
    languageModelWeight,
    padId: task.tokenizer.special?.pad,
  };
  return { train: encode("train"), dev: encode("dev"), test: encode("test"), shape, scale };
}

function scaleOf({ description, examples }: Task): LabelScale {
  if (description.kind !== "similarity") return { mean: 0, deviation: 1 };
  const labels = examples.train.map(({ label }) => label);
  const mean = labels.reduce((sum, label) => sum + label, 0) / labels.length;
  const squares = labels.reduce((sum, label) => sum + (label - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(squares / labels.length) || 1 };
}

/** Squares of larger scores would be beyond all numbers. */
const mostScore = 1e100;

/** @throws StageError naming split, example and field. */
function checkExamples({ settings, description, examples }: Task): void {
  const { kind, nClasses } = description;
  const nTexts = kind === "entailment" || kind === "similarity" ? 2 : 1;
  for (const split of ["train", "dev", "test"] as const) {
    const fail = (place: string, expected: string, found: unknown): never => {
      throw new StageError(
        `Cannot fine-tune on ${settings.task}, ${split}${place}: expected ${expected}, found ${found}`,
      );
    };
    if (examples[split].length === 0) fail("", "at least one example", "none");
    examples[split].forEach(({ texts, options, label }, i) => {
      const at = ` example ${i}`;
      if (texts.length !== nTexts) fail(at, `${nTexts} texts`, texts.length);
      if (kind === "choice" && options?.length !== nClasses) {
        fail(at, `${nClasses} options`, options?.length ?? "none");
      }
      const isLabel = kind === "similarity"
        ? Math.abs(label) <= mostScore
        : Number.isInteger(label) && label >= 0 && label < nClasses;
      if (!isLabel) {
        fail(
          at,
          `a label ${kind === "similarity" ? `within ±${mostScore}` : `below ${nClasses}`}`,
          label,
        );
      }
    });
  }
}
