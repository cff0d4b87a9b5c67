/**
 * Whether a round's memory grows with its sources: the peak resident memory of a fresh process that trains two rounds of so many
 * sources, one after the other, and averages them.
 *
 *     deno task instruments round-memory [--sources 4,16,64] [--variant glob] [--adam reset] [--engine cpu] [--collect] [--json]
 *
 * With --collect garbage is collected at every step, so that the peak tells what is held. The network has 4 blocks of width 256 and 8,192 pieces: 5.3 million parameters, 21 MB. A source takes one step a round.
 */
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { openTokenShards, type TokenShards, writeTokenShards } from "../../datasets/mod.ts";
import { type Engine, engineModule } from "../../engine/mod.ts";
import { countParameters } from "../../model/mod.ts";
import { formatBytes, Random } from "../../base/mod.ts";
import { pretrain, type PretrainSettings, type TrainingSource } from "../../training/mod.ts";
import { pretraining, seed } from "../training/support.ts";
import { peakBytes } from "../support/process_memory.ts";

const vocabSize = 8192;
const model = {
  nLayers: 4,
  dModel: 256,
  nHeads: 4,
  expansion: 4,
  seqLen: 16,
  positions: "alibi",
  bias: true,
} as const;

interface Round {
  readonly sources: number;
  readonly variant: string;
  readonly adamState: PretrainSettings["adamState"];
  readonly engine: string;
  readonly isCollected: boolean;
}

export async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      sources: { type: "string", default: "4,16,64" },
      variant: { type: "string", default: "glob" },
      adam: { type: "string", default: "reset" },
      engine: { type: "string", default: "cpu" },
      collect: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      here: { type: "boolean", default: false },
    },
  });
  const { variant, engine } = values;
  const adamState = values.adam as Round["adamState"];
  const modelBytes = 4 * countParameters({ ...model, vocabSize }).total;
  const rows: { readonly sources: number; readonly peakBytes: number }[] = [];
  for (const sources of values.sources.split(",").map(Number)) {
    const round = { sources, variant, adamState, engine, isCollected: values.collect };
    if (values.here) return console.log(String(await peakOf(round)));
    rows.push({ sources, peakBytes: await peakOfRound(round) });
    if (values.json) continue;
    const { peakBytes } = rows.at(-1)!;
    console.log(
      `${variant}, Adam's state ${adamState}, ${String(sources).padStart(3)} sources: peak ${
        formatBytes(peakBytes)
      }; ${((peakBytes - rows[0].peakBytes) / modelBytes).toFixed(1)} models of ${
        formatBytes(modelBytes)
      } more than with ${rows[0].sources}`,
    );
  }
  if (values.json) console.log(JSON.stringify({ modelBytes, rows }));
}

/** The most bytes that a fresh process has had which trains so. */
export async function peakOfRound(
  { sources, variant, adamState, engine, isCollected }: Round,
): Promise<number> {
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--quiet",
      "--no-check",
      ...(isCollected ? ["--v8-flags=--expose-gc"] : []),
      fileURLToPath(new URL("./main.ts", import.meta.url)),
      "round-memory",
      "--here",
      ...["--sources", String(sources), "--variant", variant],
      ...["--adam", adamState, "--engine", engine],
    ],
    stdin: "null",
    stderr: "inherit",
  }).output();
  if (code !== 0) throw new Error(`The process that trains ended with code ${code}`);
  return Number(new TextDecoder().decode(stdout).trim());
}

/** Trains in this process. @returns The most bytes that it has had. */
async function peakOf({ sources: count, variant, adamState, engine }: Round): Promise<number> {
  const folder = Deno.makeTempDirSync({ prefix: "dept-round-" });
  try {
    const sources: TrainingSource[] = [];
    for (let source = 0; source < count; source++) {
      const name = `source-${String(source).padStart(4, "0")}`;
      sources.push({
        name,
        train: await shards(`${folder}/${name}/train`, name),
        validation: await shards(`${folder}/${name}/validation`, name),
        localVocabulary: Int32Array.from({ length: vocabSize }, (_, id) => id),
      });
    }
    const options = pretraining(variant, sources, folder, {
      model,
      localSteps: 1,
      sourcesPerRound: count,
      batchSize: 1,
      microBatchSize: 1,
      validationWindows: 1,
      adamState,
      checkpointEverySteps: "auto",
    });
    const module: { readonly engine: Engine } = await import(engineModule(engine));
    const { gc } = globalThis as { gc?: () => void }; // by --expose-gc
    const log = { ...options.log, progress: () => gc?.() };
    await pretrain({ ...options, engine: module.engine, log });
    return peakBytes();
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** Forty windows of random pieces. */
async function shards(folder: string, name: string): Promise<TokenShards> {
  const random = new Random(seed(`text/${name}`));
  const ids = Array.from({ length: 40 * model.seqLen }, () => 4 + random.below(vocabSize - 4));
  Deno.mkdirSync(folder, { recursive: true });
  await writeTokenShards(folder, [{ ids, bytes: ids.length }], { vocabSize, endId: 2 });
  return openTokenShards(folder);
}
