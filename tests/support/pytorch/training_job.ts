/**
 * What a training benchmark is about, in files, so that every competitor starts from the same weights and reads the same
 * tokens: `job.json`, `weights.bin` (float32, in the order of `shapes`) and `tokens.bin` (int32).
 */
import { join } from "node:path";
import type { AdamWOptions, EngineOptions } from "../../../engine/mod.ts";
import {
  initialiseBody,
  initialiseTable,
  type ModelConfig,
  parameterShapes,
  sizeOf,
} from "../../../model/mod.ts";
import { Random, seedOf } from "../../../base/mod.ts";

export interface TrainingJob extends Pick<EngineOptions, "precision" | "products"> {
  readonly config: ModelConfig;
  readonly batchSize: number;
  readonly threads: number;
  readonly engine: string;
  readonly optimizer: AdamWOptions;
  readonly learningRate: number;
  readonly clipNorm: number;
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  /** Batches in `tokens`; step n takes batch n modulo this. */
  readonly batches: number;
  readonly weights: string;
  readonly tokens: string;
}

export type JobSettings =
  & Pick<TrainingJob, "config" | "batchSize" | "threads" | "engine" | "products">
  & Partial<Pick<TrainingJob, "precision">>;

/** Distinct batches; more steps begin again. */
const batches = 8;

/** Writes the files of a job into a folder and returns the path of `job.json`. */
export async function writeJob(folder: string, settings: JobSettings): Promise<string> {
  const { config, batchSize } = settings;
  const job: TrainingJob = {
    precision: "fp32",
    ...settings,
    optimizer: { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 },
    learningRate: 1e-3,
    clipNorm: 1,
    shapes: parameterShapes(config),
    batches,
    weights: join(folder, "weights.bin"),
    tokens: join(folder, "tokens.bin"),
  };
  const body = initialiseBody(config, seedOf(1, "init/body"));
  const table = (name: string, rows: number) =>
    initialiseTable(rows, config.dModel, seedOf(1, `init/embedding/${name}`));
  using file = await Deno.open(job.weights, { write: true, create: true, truncate: true });
  for (const [name, shape] of Object.entries(job.shapes)) {
    await writeAll(file, body[name] ?? table(name, shape[0]));
  }
  const random = new Random(seedOf(1, "order/bench/bench"));
  const count = batches * (batchSize * config.seqLen + 1);
  const ids = Int32Array.from(
    { length: count },
    () => Math.floor(config.vocabSize * random.float64() ** 3), // some words are frequent
  );
  await Deno.writeFile(job.tokens, new Uint8Array(ids.buffer));
  const path = join(folder, "job.json");
  await Deno.writeTextFile(path, JSON.stringify(job));
  return path;
}

export async function readJob(path: string): Promise<TrainingJob> {
  return JSON.parse(await Deno.readTextFile(path));
}

/** Parameters by name, read one after another. */
export async function readWeights(
  { weights, shapes }: Pick<TrainingJob, "weights" | "shapes">,
  take: (name: string, data: Float32Array) => Promise<void>,
): Promise<void> {
  using file = await Deno.open(weights);
  for (const [name, shape] of Object.entries(shapes)) {
    const data = new Float32Array(sizeOf(shape));
    const bytes = new Uint8Array(data.buffer);
    for (let at = 0; at < bytes.length;) {
      const read = await file.read(bytes.subarray(at));
      if (read === null) {
        throw new RangeError(
          `Cannot read "${weights}", ${name}: expected ${bytes.length} bytes, found ${at}`,
        );
      }
      at += read;
    }
    await take(name, data);
  }
}

/** Feeds of each batch; the loss is the mean over all B·T predictions. */
export async function readBatches(job: TrainingJob): Promise<
  readonly { tokens: Int32Array; targets: Int32Array; weights: Float32Array }[]
> {
  const ids = new Int32Array((await Deno.readFile(job.tokens)).buffer);
  const count = job.batchSize * job.config.seqLen;
  return Array.from({ length: job.batches }, (_, batch) => {
    const at = batch * (count + 1);
    return {
      tokens: ids.slice(at, at + count),
      targets: ids.slice(at + 1, at + count + 1),
      weights: new Float32Array(count).fill(1 / count),
    };
  });
}

async function writeAll(file: Deno.FsFile, data: Float32Array): Promise<void> {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
}
