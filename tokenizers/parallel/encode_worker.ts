/**
 * A worker that encodes: opens a tokenizer by its path, then answers one request after another (`encode_pool.ts`).
 */
/// <reference lib="deno.worker" />
import { openTokenizer } from "../open_tokenizer.ts";
import type { PoolMessage, PoolReply } from "./encode_pool.ts";
import { answerRequest, transferred } from "./encode_request.ts";

let tokenizer: ReturnType<typeof openTokenizer>;

self.onmessage = async ({ data }: MessageEvent<PoolMessage>) => {
  if (data.kind === "open") {
    tokenizer = openTokenizer(data.path, { exactTies: data.exactTies });
    tokenizer.catch(() => {}); // the first answer says it
    return;
  }
  const { number, request } = data;
  try {
    const answer = answerRequest(await tokenizer, request);
    self.postMessage({ number, answer } satisfies PoolReply, transferred(answer));
  } catch (error) {
    self.postMessage({ number, error } satisfies PoolReply);
  }
};
