/**
 * Examples of downstream tasks as sequences of tokens, and as feeds of a fine-tuning graph.
 *
 * Source: Radford et al. 2018, §3.3 and figure 1.
 */
import type { TaskDescription, TaskExample } from "../datasets/mod.ts";
import type { Feeds } from "../engine/mod.ts";
import { type SpecialIds, specialIds, type Tokenizer } from "../tokenizers/mod.ts";

/** An example as the model sees it: one sequence, or one per option, or both orders of two texts. */
export interface EncodedExample {
  readonly sequences: readonly Int32Array[];
  /** Class, right option, or score. */
  readonly label: number;
}

/**
 * The sequences of an example, each at most `seqLen` tokens:
 * `<start> text <extract>`; `<start> premise <delimiter> hypothesis <extract>`; for similarity both orders; for a choice
 * `<start> context <delimiter> option <extract>` per option.
 */
export function encodeExample(
  { kind }: TaskDescription,
  { texts, options, label }: TaskExample,
  tokenizer: Tokenizer,
  seqLen: number,
): EncodedExample {
  const parts = texts.map((text) => tokenizer.encode(text));
  const { special = specialIds } = tokenizer;
  const joined = (parts: readonly Int32Array[]) => join(parts, seqLen, special);
  const sequences = ((): Int32Array[] => {
    switch (kind) {
      case "classification":
      case "entailment":
        return [joined(parts)];
      case "similarity":
        return [joined(parts), joined([...parts].reverse())];
      case "choice":
        return (options ?? []).map((option) => joined([...parts, tokenizer.encode(option)]));
      default:
        return kind satisfies never;
    }
  })();
  return { sequences, label };
}

/** How many sequences each example of a kind has. */
export function sequencesOf({ kind, nClasses }: TaskDescription): number {
  return kind === "similarity" ? 2 : kind === "choice" ? nClasses : 1;
}

/** Texts between start and extract, with delimiters; what is too much is cut from the end of the longest. */
function join(parts: readonly Int32Array[], seqLen: number, special: SpecialIds): Int32Array {
  const lengths = parts.map(({ length }) => length);
  const room = seqLen - parts.length - 1;
  for (let over = lengths.reduce((sum, length) => sum + length, 0) - room; over > 0; over--) {
    // Of equally long ones the last is cut: what comes first often says what it is about.
    lengths[lengths.lastIndexOf(Math.max(...lengths))]--;
  }
  const tokens: number[] = [];
  parts.forEach((part, i) => {
    tokens.push(i === 0 ? special.start : special.delimiter, ...part.subarray(0, lengths[i]));
  });
  tokens.push(special.extract);
  return Int32Array.from(tokens);
}

export interface TaskBatchShape {
  readonly batchSize: number;
  readonly seqLen: number;
  /** Of each example. */
  readonly sequences: number;
  readonly isScore: boolean;
  /** Weight of the auxiliary language-model loss: a mean over a sequence's predicted tokens, then over sequences. */
  readonly languageModelWeight: number;
  /** What fills a sequence up; default the padding piece of our vocabularies. */
  readonly padId?: number;
}

/** Feeds of up to B examples; missing ones have weight 0. Shapes as `fineTuneGraph` says. */
export function taskFeeds(examples: readonly EncodedExample[], shape: TaskBatchShape): Feeds {
  const { batchSize, seqLen, sequences, isScore, languageModelWeight, padId = specialIds.pad } =
    shape;
  const rows = batchSize * sequences;
  const tokens = new Int32Array(rows * seqLen).fill(padId);
  const targets = new Int32Array(rows * seqLen).fill(padId);
  const weights = new Float32Array(rows * seqLen);
  const select = new Float32Array(rows * rows * seqLen);
  const labelWeights = new Float32Array(batchSize);
  const labels = isScore ? new Float32Array(batchSize) : new Int32Array(batchSize);
  examples.forEach((example, b) => {
    labels[b] = example.label;
    labelWeights[b] = 1 / examples.length;
    example.sequences.forEach((sequence, s) => {
      const row = b * sequences + s;
      const at = row * seqLen;
      const predicted = sequence.length - 1;
      const weight = languageModelWeight / (examples.length * sequences * predicted);
      tokens.set(sequence, at);
      targets.set(sequence.subarray(1), at);
      weights.fill(weight, at, at + predicted);
      select[row * rows * seqLen + at + predicted] = 1; // the extract token
    });
  });
  return languageModelWeight > 0
    ? { tokens, targets, weights, select, labels, labelWeights }
    : { tokens, select, labels, labelWeights };
}
