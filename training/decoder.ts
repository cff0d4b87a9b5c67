/**
 * A trained network that reads a text once, token by token, and says after each what may come next.
 */
import type { Engine, EngineOptions, Program } from "../engine/mod.ts";
import {
  cacheNames,
  incrementalBias,
  incrementalGraph,
  type ModelConfig,
  rotaryAngles,
} from "../model/mod.ts";
import { formatBytes, StageError } from "../base/mod.ts";
import type { Tensors } from "./checkpoint.ts";
import { writeTensors } from "./programs.ts";

interface DecoderOptions {
  readonly engine: Engine;
  readonly engineOptions: EngineOptions;
  readonly config: ModelConfig;
  readonly tensors: Tensors;
  /** Longest text in tokens. */
  readonly capacity: number;
}

/** Tokens that a long prompt is read by. */
const chunkLength = 32;

export class Decoder {
  readonly #options: DecoderOptions;
  /** Keys and values of each layer, [H, P, S]. */
  readonly #past: Readonly<Record<string, Float32Array>>;
  #program: { readonly length: number; readonly program: Program } | undefined;
  #read = 0;

  /** @throws RangeError when learned positions do not reach as far as `capacity`; StageError when memory does not. */
  constructor(options: DecoderOptions) {
    const { config, capacity } = options;
    if (config.positions === "learned" && capacity > config.seqLen) {
      throw new RangeError(
        `Cannot read ${capacity} tokens: expected at most ${config.seqLen}, the context that positions were learned for`,
      );
    }
    this.#options = options;
    const size = capacity * config.dModel;
    try {
      this.#past = Object.fromEntries(
        Array.from({ length: config.nLayers }, (_, layer) => cacheNames(layer)).flatMap((
          { keys, values },
        ) => [keys, values].map(({ past }) => [past, new Float32Array(size)])),
      );
    } catch (cause) {
      const bytes = formatBytes(2 * config.nLayers * 4 * size);
      throw new StageError(
        `Cannot read ${capacity} tokens: expected their keys and values to fit into memory, found ${bytes} needed`,
        { cause },
      );
    }
  }

  /** Tokens that were read so far. */
  get length(): number {
    return this.#read;
  }

  /**
   * Reads tokens and returns the logits [V] of what follows the last of them.
   * @param onRead Called with the number of those that were read so far; may throw to stop.
   * @throws RangeError when there are none or they do not fit, or for an id outside the vocabulary.
   */
  async read(
    tokens: Int32Array,
    onRead?: (tokens: number) => Promise<void> | void,
  ): Promise<Float32Array> {
    const { capacity } = this.#options;
    if (tokens.length === 0 || this.#read + tokens.length > capacity) {
      throw new RangeError(
        `Cannot read ${tokens.length} tokens: expected 1 to ${capacity - this.#read}, ` +
          `the rest of a capacity of ${capacity}`,
      );
    }
    let logits: Float32Array = new Float32Array(0);
    let at = 0;
    while (at < tokens.length) {
      const length = tokens.length - at > chunkLength ? chunkLength : 1;
      logits = await this.#step(tokens.subarray(at, at + length));
      at += length;
      await onRead?.(at);
    }
    return logits;
  }

  async dispose(): Promise<void> {
    await this.#program?.program.dispose();
    this.#program = undefined;
  }

  async #step(tokens: Int32Array): Promise<Float32Array> {
    const { config, capacity } = this.#options;
    const { length } = tokens;
    const program = await this.#programFor(length);
    const feeds: Record<string, Float32Array | Int32Array> = {
      ...this.#past,
      tokens: tokens.slice(),
      bias: incrementalBias(config, { length, capacity }, this.#read),
    };
    if (config.positions === "learned") {
      feeds.positions = Int32Array.from(tokens, (_, i) => this.#read + i);
    }
    if (config.positions === "rotary") {
      const { cos, sin } = rotaryAngles(config, length, this.#read);
      Object.assign(feeds, { "rotation.cos": cos, "rotation.sin": sin });
    }
    const { logits, ...next } = await program.run(feeds);
    for (let layer = 0; layer < config.nLayers; layer++) {
      const { keys, values } = cacheNames(layer);
      for (const { past, next: made } of [keys, values]) this.#keep(past, next[made], length);
    }
    this.#read += length;
    return logits.subarray((length - 1) * config.vocabSize);
  }

  /** Adds rows [H, c, S] after those that are kept [H, P, S]. */
  #keep(past: string, rows: Float32Array, length: number): void {
    const { config: { nHeads, dModel }, capacity } = this.#options;
    const S = dModel / nHeads;
    for (let head = 0; head < nHeads; head++) {
      const from = rows.subarray(head * length * S, (head + 1) * length * S);
      this.#past[past].set(from, (head * capacity + this.#read) * S);
    }
  }

  /** Only one is held at a time: each has its own copy of the parameters. */
  async #programFor(length: number): Promise<Program> {
    if (this.#program?.length === length) return this.#program.program;
    await this.dispose();
    const { engine, engineOptions, config, tensors, capacity } = this.#options;
    const graph = incrementalGraph(config, { length, capacity });
    const program = await engine.compile(graph, engineOptions);
    this.#program = { length, program };
    await writeTensors(program, tensors);
    return program;
  }
}
