/**
 * Whether sources have enough text, as their tokens tell it: asked before the first training starts.
 */
import { readTokenCounts } from "../datasets/mod.ts";
import { UsageError } from "../base/mod.ts";
import { group } from "../pipeline/stage.ts";

type Inputs = Readonly<Record<string, string>>;

/** The split that tables are made from: no choice is made by it. */
export const evaluatedSplit = "test";

/**
 * Training must have a window of `seqLen` tokens in each source, and another one where a share is kept for continuation; and a
 * token to predict in the validation text of each.
 * @throws UsageError naming all sources that have not
 */
export function checkTrainingText(inputs: Inputs, seqLen: number, share: number): void {
  const [least, what] = share === 0 ? [seqLen, "one window"] : [2 * seqLen, "two windows"];
  refuse([
    ...complaints(
      inputs,
      "train",
      (source, { tokens }) =>
        tokens >= least
          ? undefined
          : `Cannot train on source "${source}": expected at least ${least} tokens (${what} of model.seqLen), ` +
            `found ${tokens}; add training text to the source or set a shorter model.seqLen`,
    ),
    ...complaints(
      inputs,
      "validation",
      (source, counts) =>
        ofText(counts) > 1
          ? undefined
          : `Cannot validate source "${source}": expected text of at least 2 tokens, found ${
            ofText(counts)
          }; add validation text`,
    ),
  ]);
}

/** Evaluation must have text to predict in each source. @throws UsageError naming all sources that have none */
export function checkEvaluationText(inputs: Inputs): void {
  refuse(
    complaints(
      inputs,
      evaluatedSplit,
      (source, counts) =>
        ofText(counts) > 1
          ? undefined
          : `Cannot evaluate source "${source}": expected test text of at least 2 tokens, found ${
            ofText(counts)
          }; add test files, or raise documents.testShare`,
    ),
  );
}

interface Counts {
  readonly tokens: number;
  readonly documents: number;
}

/** How many tokens are of text: the end of a document has no bytes, so bits per byte are not counted by it. */
function ofText({ tokens, documents }: Counts): number {
  return tokens - documents;
}

/** What is wrong with the tokens of sources, where something is. */
function complaints(
  inputs: Inputs,
  split: "train" | "validation" | "test",
  complaint: (source: string, counts: Counts) => string | undefined,
): string[] {
  return [...group(inputs, split)].flatMap(([source, folder]) =>
    complaint(source, readTokenCounts(folder)) ?? []
  );
}

function refuse(complaints: readonly string[]): void {
  if (complaints.length > 0) throw new UsageError(complaints.join("\n"));
}
