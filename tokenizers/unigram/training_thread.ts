/**
 * A worker thread of training. What it runs is what one thread runs: `training_work.ts`.
 */
import { answerRequests } from "../worker_thread.ts";
import { TrainingWork, type WorkRequest } from "./training_work.ts";

const work = new TrainingWork();

answerRequests((data: WorkRequest) => ({ answer: work.answer(data), transfer: work.transfer }));
