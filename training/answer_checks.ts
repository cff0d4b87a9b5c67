/**
 * What an answer must be before it is summed: whoever gave it may run other code, or mean no good.
 *
 * What is wrong within these bounds is not found.
 */
import { StageError } from "../base/mod.ts";
import type { NamedTensor, StoredTensors, Tensors } from "./checkpoint.ts";
import { differenceNorm } from "./outer_step.ts";

type Shaped = Readonly<Record<string, Pick<NamedTensor, "shape">>>;

/**
 * Checks that a result has the tensors that were sent, of their shapes, and no others.
 * @param sent The parameters that the participant began with. @throws StageError which names the first that differs
 */
export function checkResult(sent: Shaped, { shapes }: StoredTensors): void {
  const textOf = (shape?: readonly number[]) => shape ? `shape [${shape.join(", ")}]` : "none";
  for (const name of [...new Set([...Object.keys(sent), ...Object.keys(shapes)])].sort()) {
    const expected = textOf(Object.hasOwn(sent, name) ? sent[name].shape : undefined);
    const found = textOf(Object.hasOwn(shapes, name) ? shapes[name] : undefined);
    if (expected === found) continue;
    throw new StageError(`expected ${expected} of "${name}", found ${found}`);
  }
}

/** Checks that every value is finite. @throws StageError which names the first that is not, by its tensor and its number in it */
export function checkFinite(result: StoredTensors): void {
  for (const name of Object.keys(result.shapes).sort()) finiteTensor(result, name);
}

/**
 * Length of the difference between what was sent and a result of the same tensors: L2 of all values except biases of keys, in float64.
 * @throws StageError as `checkFinite`
 */
export function sharedNorm(sent: Tensors, result: StoredTensors): number {
  return differenceNorm(sent, (name) => finiteTensor(result, name));
}

function finiteTensor(result: StoredTensors, name: string): Float32Array {
  const { data } = result.tensor(name);
  const bad = data.findIndex((value) => !Number.isFinite(value));
  if (bad < 0) return data;
  throw new StageError(`expected finite values in "${name}", found ${data[bad]} at ${bad}`);
}

/** Norms of the accepted answers of the last rounds, a list for each round. */
export type RecentNorms = readonly (readonly number[])[];

/**
 * An answer is left out whose norm is above `factor` × the median of those that were accepted in the last `rounds` rounds. With fewer than
 * `answers` of them, or of one round alone, there is no judgement: where the rate rises from 0 over several rounds, changes of the second are
 * two or three times as long as those of the first.
 *
 * Nobody can tell a long step that is honest from one that is not: a run in which this rule leaves out somebody has other bytes than
 * one machine gives. So it is for answers of others, and not for those of the user's own processes.
 */
export const normRule = { factor: 4, rounds: 5, answers: 4 } as const;

/** @throws StageError for a norm that the rule leaves out */
export function checkNorm(norm: number, recent: RecentNorms): void {
  const known = recent.flat().sort((a, b) => a - b);
  if (known.length < normRule.answers || recent.length < 2) return;
  const middle = known.length / 2;
  const median = (known[Math.ceil(middle) - 1] + known[Math.floor(middle)]) / 2;
  if (norm <= normRule.factor * median) return;
  throw new StageError(
    `expected a change of at most ${normRule.factor} times the median of the last rounds, ${
      shortNumber(median)
    }, found one of ${shortNumber(norm)}`,
  );
}

/** The norms of the last rounds, with those of one more. */
export function withRound(recent: RecentNorms, norms: readonly number[]): RecentNorms {
  return [...recent, norms].slice(-normRule.rounds);
}

function shortNumber(value: number): string {
  return String(Number(value.toPrecision(3)));
}
