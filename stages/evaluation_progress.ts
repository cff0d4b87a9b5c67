/**
 * How far an evaluation is: the sums of each source, kept in the checkpoint folder, so that a stop loses nothing.
 *
 *   losses-<source>.json  the windows that are counted, and the sums of the documents
 */
import { join } from "node:path";
import { readTextIfThere, SavePoints, writeFileAtomic } from "../base/mod.ts";
import { readTokenCounts } from "../datasets/mod.ts";
import type { StageContext } from "../pipeline/stage.ts";
import {
  type DocumentLosses,
  DocumentSums,
  nextTick,
  type PartialLosses,
} from "../training/mod.ts";

type EvaluationContext = Pick<StageContext, "checkpointFolder" | "signal" | "log">;
type EvaluatedSource = ConstructorParameters<typeof DocumentSums>[0];

const checkpointEveryMs = 5000;
/** The sums that a checkpoint has of each document, in its order. */
export const lossSums = ["lossNats", "tokens", "bytes", "unigramNats"] as const;

/** Losses of their sums, in the order of `lossSums`. */
export function lossesOf(
  [lossNats, tokens, bytes, unigramNats]: readonly Float64Array[],
): DocumentLosses {
  return { lossNats, tokens, bytes, unigramNats };
}

export class EvaluationProgress {
  readonly #context: EvaluationContext;
  readonly #points: SavePoints;
  readonly #tokens: ReadonlyMap<string, number>;
  /** The source under way. */
  #current: { readonly name: string; readonly sums: DocumentSums } | undefined;

  /** @param texts Folders of token shards by source. */
  constructor(context: EvaluationContext, texts: ReadonlyMap<string, string>) {
    this.#context = context;
    this.#points = new SavePoints({
      signal: context.signal,
      everyMs: checkpointEveryMs,
      save: () => this.#keep(),
    });
    this.#tokens = new Map([...texts].map(([name, path]) => [name, readTokenCounts(path).tokens]));
  }

  /** The sums of a source, which go on from where they were; the source before it is done. */
  sumsOf(source: EvaluatedSource): DocumentSums {
    this.#keep();
    const { name } = source;
    const sums = new DocumentSums(source, readLosses(this.#pathOf(name)));
    this.#current = { name, sums };
    return sums;
  }

  /** What was found of a source that is done; undefined before that. */
  lossesOf(name: string, seqLen: number): DocumentLosses | undefined {
    const found = readLosses(this.#pathOf(name));
    const isDone = found !== undefined && found.windows * seqLen >= this.#tokens.get(name)!;
    return isDone ? found.losses : undefined;
  }

  /** To be called when windows of a source were counted. @throws signal.reason when aborted, after a checkpoint. */
  async passed(name: string, tokens: number): Promise<void> {
    await nextTick();
    let [done, total] = [tokens, 0];
    for (const [other, all] of this.#tokens) {
      if (other < name) done += all;
      total += all;
    }
    this.#context.log.progress({ done, total, unit: "tokens", note: name });
    this.#points.pass();
  }

  #keep(): void {
    if (this.#current === undefined) return;
    const { name, sums: { windows, losses } } = this.#current;
    const counted = lossSums.map((sum) => Array.from(losses[sum]));
    const record = { format: 1, windows, sums: counted };
    writeFileAtomic(this.#pathOf(name), JSON.stringify(record));
  }

  #pathOf(name: string): string {
    return join(this.#context.checkpointFolder, `losses-${name}.json`);
  }
}

/** Undefined where there is no file, or a damaged one. */
function readLosses(path: string): PartialLosses | undefined {
  try {
    const { windows, sums } = JSON.parse(readTextIfThere(path) ?? "");
    const losses = lossesOf((sums as number[][]).map((sum) => Float64Array.from(sum)));
    return { windows, losses };
  } catch {
    return undefined;
  }
}
