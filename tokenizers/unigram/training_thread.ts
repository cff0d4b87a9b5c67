/**
 * A worker thread of training. What it runs is what one thread runs: `training_work.ts`.
 */
/// <reference lib="deno.worker" />
import { messageOf } from "../../base/mod.ts";
import type { ThreadAnswer } from "./threads.ts";
import { TrainingWork, type WorkRequest } from "./training_work.ts";

const work = new TrainingWork();

self.onmessage = ({ data }: MessageEvent<WorkRequest>) => {
  try {
    const answer = work.answer(data);
    self.postMessage({ answer } satisfies ThreadAnswer, work.transfer);
  } catch (error) {
    self.postMessage({ error: messageOf(error) } satisfies ThreadAnswer);
  }
};
