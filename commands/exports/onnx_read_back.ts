/**
 * Runs a written ONNX graph as others would, and compares what it says with the model.
 */
import { engine } from "../../engine/onnxruntime/mod.ts";
import { ExportedSession } from "../../engine/onnxruntime/exported/mod.ts";
import type { ModelConfig } from "../../model/mod.ts";
import type { AnyModel } from "./export_format.ts";
import { checkIds, fail, logitsOf } from "./read_back.ts";

/** Logits in single precision, summed in another order. */
const tolerance = { absolute: 1e-4, ofLargest: 1e-5 };

/** Tokens that the model goes on with. */
const longestAnswer = 64;

/**
 * Compares ids, the logits of a text that is read at once and token by token, and the likeliest answer with and without kept keys
 * and values. Returns what was found, as a sentence.
 * @throws StageError where anything differs
 */
export async function readBackOnnx(
  model: AnyModel,
  folder: string,
  graph: string,
): Promise<string> {
  const { config } = model;
  const ids = [...await checkIds(model, folder)];
  const engineOptions = { threads: 1, precision: "fp32" } as const;
  const expected = await logitsOf({ ...model, engine, engineOptions }, model, Int32Array.from(ids));
  const largest = expected.reduce((most, logit) => Math.max(most, Math.abs(logit)), 0);
  const allowed = Math.max(tolerance.absolute, tolerance.ofLargest * largest);
  const session = await ExportedSession.open(graph, config, engineOptions);
  try {
    let furthest = 0;
    const compare = (found: Float32Array, from: number) => {
      const part = expected.subarray(from * config.vocabSize);
      found.forEach((logit, i) => {
        const difference = Math.abs(logit - part[i]);
        if (!(difference <= allowed)) {
          const place = `token ${from + Math.floor(i / config.vocabSize)}, piece ${
            i % config.vocabSize
          }`;
          fail(folder, `logit ${part[i]} for ${place}`, `${logit}`);
        }
        furthest = Math.max(furthest, difference);
      });
    };
    compare(await session.read(ids), 0);
    session.reset();
    for (const [at, id] of ids.entries()) compare(await session.read([id]), at);
    const answered = await checkAnswer(session, config, ids.slice(0, 8), allowed, folder);
    return `Read back after writing: ONNX Runtime gives the logits of ${ids.length} tokens, read at once and one by one, ` +
      `within ${furthest.toExponential(1)} of the model's (the largest is ${
        largest.toFixed(1)
      }), and the same ` +
      `${answered} likeliest tokens after them with kept keys and values as without.`;
  } finally {
    await session.dispose();
  }
}

/** Goes on with a text by the likeliest tokens, then reads all at once. Returns their number. */
async function checkAnswer(
  session: ExportedSession,
  { seqLen, vocabSize }: ModelConfig,
  start: readonly number[],
  allowed: number,
  folder: string,
): Promise<number> {
  session.reset();
  const answer: number[] = [];
  let next: readonly number[] = start;
  while (answer.length < longestAnswer && start.length + answer.length < seqLen) {
    const logits = await session.read(next);
    const best = likeliest(logits.subarray(logits.length - vocabSize));
    answer.push(best);
    next = [best];
  }
  session.reset();
  const all = await session.read([...start, ...answer.slice(0, -1)]);
  answer.forEach((id, i) => {
    const from = (start.length - 1 + i) * vocabSize;
    const logits = all.subarray(from, from + vocabSize);
    const best = likeliest(logits);
    if (logits[id] >= logits[best] - 2 * allowed) return; // the same, or one as likely
    fail(folder, `piece ${id} as token ${i} of an answer`, `${best} without kept keys and values`);
  });
  return answer.length;
}

function likeliest(logits: Float32Array): number {
  return logits.reduce((best, logit, id) => logit > logits[best] ? id : best, 0);
}
