/**
 * An exported model opened by ONNX Runtime as others would open it, to see that it says what ours says.
 */
import * as ort from "onnxruntime-node";
import type { ModelConfig } from "../../../model/mod.ts";
import { silenceRuntime } from "../session.ts";
import { exportedCacheNames } from "./exported_graph.ts";

/** Reads one sequence of tokens, in as many steps as the caller likes. */
export class ExportedSession {
  readonly #session: ort.InferenceSession;
  readonly #config: ModelConfig;
  #past: Record<string, ort.Tensor>;
  #read = 0;

  private constructor(session: ort.InferenceSession, config: ModelConfig) {
    this.#session = session;
    this.#config = config;
    this.#past = emptyCache(config);
  }

  /**
   * @param model The path of a file, beside which files with its tensors may stand, or the bytes of a whole model.
   * @throws Error of the runtime for a file that it refuses
   */
  static async open(
    model: string | Uint8Array,
    config: ModelConfig,
    { threads }: { readonly threads: number },
  ): Promise<ExportedSession> {
    silenceRuntime();
    const options = {
      executionProviders: ["cpu"],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      logSeverityLevel: 4 as const,
    };
    const session = typeof model === "string"
      ? await ort.InferenceSession.create(model, options)
      : await ort.InferenceSession.create(model, options);
    return new ExportedSession(session, config);
  }

  /** Logits [T, V] after each of T tokens, which follow those of earlier calls. */
  async read(tokens: ArrayLike<number>): Promise<Float32Array> {
    const length = tokens.length;
    const feeds: Record<string, ort.Tensor> = {
      ...this.#past,
      input_ids: integers(tokens),
      attention_mask: integers(new Array<number>(this.#read + length).fill(1)),
    };
    if (this.#config.positions === "learned") {
      feeds.position_ids = integers(Array.from({ length }, (_, i) => this.#read + i));
    }
    const results = await this.#session.run(feeds);
    this.#read += length;
    this.#past = Object.fromEntries(
      cacheEntries(this.#config).map(({ past, present }) => [past, results[present]]),
    );
    return results.logits.data as Float32Array;
  }

  /** Forgets what was read. */
  reset(): void {
    this.#read = 0;
    this.#past = emptyCache(this.#config);
  }

  async dispose(): Promise<void> {
    await this.#session.release();
  }
}

function cacheEntries({ nLayers }: ModelConfig) {
  return Array.from({ length: nLayers }, (_, layer) => exportedCacheNames(layer))
    .flatMap(({ key, value }) => [key, value]);
}

function emptyCache(config: ModelConfig): Record<string, ort.Tensor> {
  const { nHeads, dModel } = config;
  const shape = [1, nHeads, 0, dModel / nHeads];
  return Object.fromEntries(
    cacheEntries(config).map(({ past }) => [
      past,
      new ort.Tensor("float32", new Float32Array(0), shape),
    ]),
  );
}

/** int64 [1, T] */
function integers(values: ArrayLike<number>): ort.Tensor {
  return new ort.Tensor("int64", BigInt64Array.from(Array.from(values, BigInt)), [
    1,
    values.length,
  ]);
}
