/**
 * A worker that encodes: opens a tokenizer by its path, then answers one request after another (`encode_pool.ts`).
 */
import { openTokenizer } from "../open_tokenizer.ts";
import type { PoolMessage, PoolReply } from "./encode_pool.ts";
import { answerRequest, transferred } from "./encode_request.ts";

// Only ever the main module of a worker.
{
  const scope = globalThis as unknown as {
    onmessage: (event: MessageEvent<PoolMessage>) => void;
    postMessage(reply: PoolReply, transfer: Transferable[]): void;
  };
  let tokenizer: ReturnType<typeof openTokenizer>;
  scope.onmessage = async ({ data }) => {
    if (data.kind === "open") {
      tokenizer = openTokenizer(data.path, { exactTies: data.exactTies });
      tokenizer.catch(() => {}); // said with the first answer
      return;
    }
    try {
      const answer = answerRequest(await tokenizer, data.request);
      scope.postMessage({ number: data.number, answer }, transferred(answer));
    } catch (error) {
      scope.postMessage({ number: data.number, error }, []);
    }
  };
}
