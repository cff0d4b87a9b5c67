/**
 * How far an evaluation is: the sums of the sources that are done, and of the one under way, kept in the checkpoint folder, so
 * that a stop loses nothing.
 *
 *   losses.json  by source the windows that are counted, and the sums of its documents
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
const sums = ["lossNats", "tokens", "bytes", "unigramNats"] as const;

export class EvaluationProgress {
  readonly #context: EvaluationContext;
  readonly #path: string;
  /** By source, in the order of the work. */
  readonly #found: Map<string, PartialLosses>;
  readonly #points: SavePoints;
  readonly #tokens: ReadonlyMap<string, number>;

  /** @param texts Folders of token shards by source. */
  constructor(context: EvaluationContext, texts: ReadonlyMap<string, string>) {
    this.#context = context;
    this.#path = join(context.checkpointFolder, "losses.json");
    this.#found = readLosses(this.#path);
    this.#points = new SavePoints({
      signal: context.signal,
      everyMs: checkpointEveryMs,
      save: () => writeLosses(this.#path, this.#found),
    });
    this.#tokens = new Map([...texts].map(([name, path]) => [name, readTokenCounts(path).tokens]));
  }

  /** The sums of a source, which go on from where they were. */
  sumsOf(source: EvaluatedSource): DocumentSums {
    const sums = new DocumentSums(source, this.#found.get(source.name));
    this.#found.set(source.name, sums);
    return sums;
  }

  /** What was found of a source that is done; undefined before that. */
  lossesOf(name: string, seqLen: number): DocumentLosses | undefined {
    const found = this.#found.get(name);
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
}

function writeLosses(path: string, found: ReadonlyMap<string, PartialLosses>): void {
  const sources = [...found].map(([name, { windows, losses }]) => [
    name,
    windows,
    ...sums.map((sum) => Array.from(losses[sum])),
  ]);
  writeFileAtomic(path, JSON.stringify({ format: 1, sources }));
}

/** None where there is no file, or a damaged one. */
function readLosses(path: string): Map<string, PartialLosses> {
  try {
    const { sources } = JSON.parse(readTextIfThere(path) ?? "");
    return new Map(
      sources.map(([name, windows, ...found]: [string, number, ...number[][]]) => {
        const [lossNats, tokens, bytes, unigramNats] = found.map((sum) => Float64Array.from(sum));
        return [name, { windows, losses: { lossNats, tokens, bytes, unigramNats } }];
      }),
    );
  } catch {
    return new Map();
  }
}
