/** What a model goes on with, by the likeliest token each time. */
import { Random, seedOf } from "../../base/mod.ts";
import type { AnyModel } from "../../commands/exports/export_format.ts";
import { Decoder, generateTokens } from "../../training/mod.ts";

/** Tokens after a start, the one that ends a text with them; at most so many. */
export async function likeliest(
  model: Pick<AnyModel, "config" | "tensors" | "engine" | "engineOptions">,
  start: readonly number[],
  most: number,
  endId: number,
): Promise<number[]> {
  const decoder = new Decoder({ ...model, capacity: start.length + most });
  const answer: number[] = [];
  const random = new Random(seedOf(0, "unused"));
  const options = { tokens: most, temperature: 0, endId, random };
  for await (const id of generateTokens(decoder, Int32Array.from(start), options)) answer.push(id);
  await decoder.dispose();
  return answer.length < most ? [...answer, endId] : answer;
}
