/**
 * The recipe that `init` writes.
 */
import { stringify } from "yaml";
import type { FoundSource } from "./init_folder.ts";
import { batchSize, localSteps, type Sizes } from "./init_sizes.ts";

/** Compared by default: no pre-training, a baseline of as many tokens, and the paper's variants for one vocabulary. */
export const variants = ["none", "std-t0-steps", "glob", "trim", "spec"];

/** A recipe with a reason for each choice, at most 25 lines beside one for each source. */
export function recipeText(name: string, sources: readonly FoundSource[], sizes: Sizes): string {
  const { vocabSize, nLayers, dModel, nHeads, seqLen, rounds, sourcesPerRound } = sizes;
  const rate = sizes.peakLearningRate.toExponential().replace("e", ".0e");
  const warmup = Math.max(1, Math.round(rounds * localSteps / 20));
  const textField = commonField(sources);
  return [
    `# Made by \`deno task pipeline init\`. Every key and its default: docs/recipes.md`,
    "extends: base",
    `name: ${name}`,
    `description: ${sources.length} source${sources.length === 1 ? "" : "s"} of ${name}`,
    "sources: # paths are relative to this file",
    ...sources.map(({ id, spec }) => `  ${id}: ${flow(withSplit(spec))}`),
    ...(textField === "text"
      ? []
      : [`documents: { textField: ${flow(textField)} } # the longest text of a row`]),
    `vocabulary: { global: { vocabSize: ${vocabSize} } }`,
    `model: { nLayers: ${nLayers}, dModel: ${dModel}, nHeads: ${nHeads}, seqLen: ${seqLen}, bias: false }`,
    "pretrain:",
    `  variants: [${variants.join(", ")}] # no pre-training, a baseline of as many tokens, DEPT`,
    `  rounds: ${rounds} # of ${localSteps} steps of ${
      batchSize * seqLen
    } tokens, for each of ${sourcesPerRound} sources`,
    `  localSteps: ${localSteps} # short rounds and averaged moments do best at small sizes (docs/training.md)`,
    "  adamState: average",
    `  sourcesPerRound: ${sourcesPerRound}`,
    "  sourceSampling: cycle # every source equally often",
    "  validationWindows: 4",
    `  inner: { peakLearningRate: ${rate}, warmupSteps: ${warmup} }`,
    `continue: { steps: ${sizes.continuationSteps}, inner: { peakLearningRate: ${rate}, warmupSteps: ${
      Math.ceil(sizes.continuationSteps / 20)
    } } }`,
    "tables: [budget, exposure, data, pretraining, bits-random, differences-random]",
    "",
  ].join("\n");
}

/** Without files of its own validation and test get documents by a hash. */
function withSplit(spec: FoundSource["spec"]) {
  return "files" in spec ? { ...spec, split: { validation: 0.05, test: 0.05 } } : spec;
}

/** The column that most sources have their text in. */
function commonField(sources: readonly FoundSource[]): string {
  const counts = new Map<string, number>();
  for (const { textColumn } of sources) {
    if (textColumn !== null) counts.set(textColumn, (counts.get(textColumn) ?? 0) + 1);
  }
  const [most] = [...counts].sort(([, a], [, b]) => b - a);
  return most?.[0] ?? "text";
}

/** A value on one line: `{ files: code.jsonl }`. */
function flow(value: unknown): string {
  return stringify(value, { collectionStyle: "flow", lineWidth: 0 }).trimEnd();
}
