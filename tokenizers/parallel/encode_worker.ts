/**
 * A worker that encodes: opens a tokenizer by its path, then answers one request after another (`encode_pool.ts`).
 */
import { openTokenizer } from "../open_tokenizer.ts";
import { answerRequests } from "../worker_thread.ts";
import type { PoolRequest } from "./encode_pool.ts";
import { answerRequest, transferred } from "./encode_request.ts";

let tokenizer: ReturnType<typeof openTokenizer>;

answerRequests(async (request: PoolRequest) => {
  if ("path" in request) tokenizer = openTokenizer(request.path, request);
  const opened = await tokenizer;
  if ("path" in request) return { answer: undefined, transfer: [] };
  const answer = answerRequest(opened, request);
  return { answer, transfer: transferred(answer) };
});
