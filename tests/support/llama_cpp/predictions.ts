/** What an exported model predicts, by ONNX Runtime: exactly, and with llama.cpp's GELU in its place. */
import type { AnyModel } from "../../../commands/exports/export_format.ts";
import {
  encodeModel,
  exportedGraph,
  ExportedSession,
} from "../../../engine/onnxruntime/exported/mod.ts";

/** The loss of each id but the first of each sequence, in nats, and 32 of the likeliest ids after a start. */
export async function predictions(
  { config, tensors }: Pick<AnyModel, "config" | "tensors">,
  sequences: readonly (readonly number[])[],
  start: readonly number[] | undefined,
  gelu: "own" | "llama.cpp",
  endId = 2,
) {
  const V = config.vocabSize;
  const bytes = encodeModel(exportedGraph(config, tensors, { gelu }));
  const session = await ExportedSession.open(bytes, config, { threads: 1 });
  const losses: number[] = [];
  for (const ids of sequences) {
    session.reset();
    const logits = await session.read(ids);
    for (let t = 1; t < ids.length; t++) {
      const row = logits.subarray((t - 1) * V, t * V);
      losses.push(Math.log(sum(row.map((logit) => Math.exp(logit)))) - row[ids[t]]);
    }
  }
  session.reset();
  const answer: number[] = [];
  let next = start ?? [];
  while (start !== undefined && answer.length < 32 && answer.at(-1) !== endId) {
    const row = (await session.read(next)).slice(-V);
    next = [row.indexOf(Math.max(...row))];
    answer.push(next[0]);
  }
  await session.dispose();
  return { losses, answer };
}

export function sum(values: ArrayLike<number>): number {
  return Array.from(values).reduce((a, b) => a + b, 0);
}

export function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}
