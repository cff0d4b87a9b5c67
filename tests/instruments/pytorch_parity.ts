/**
 * Golden numbers of 20 AdamW steps in Debian's PyTorch, which tests/parity compares engines with.
 *
 *     deno task instruments pytorch-parity      writes tests/golden/pytorch_<name>.json, with the versions that made them
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { TrainingProgram } from "../../engine/mod.ts";
import { UsageError } from "../../base/mod.ts";
import { Competitor } from "../support/pytorch/competitor.ts";
import { findPyTorch, script } from "../support/pytorch/pytorch.ts";
import {
  type JobSettings,
  readBatches,
  readJob,
  readWeights,
  writeJob,
} from "../support/pytorch/training_job.ts";

const paritySteps = 20;

const common = { nLayers: 2, dModel: 24, expansion: 4, seqLen: 16, vocabSize: 64 } as const;

/** Three heads: slopes of a number that is no power of two. */
export const parityCases: Readonly<Record<string, JobSettings>> = {
  alibi: {
    config: { ...common, nHeads: 3, positions: "alibi", bias: true },
    batchSize: 4,
    threads: 1,
    engine: "cpu",
  },
  learned_no_bias: {
    config: { ...common, nHeads: 4, positions: "learned", bias: false },
    batchSize: 4,
    threads: 1,
    engine: "cpu",
  },
};

/** What a run of 20 steps left. */
interface Trajectory {
  readonly losses: readonly number[];
  readonly gradientNorms: readonly number[];
  readonly parameters: Readonly<Record<string, Float32Array>>;
}

/** A golden file: parameters as little-endian float32 in base64. */
export interface GoldenTrajectory {
  readonly madeBy: Readonly<Record<string, string>>;
  readonly losses: readonly number[];
  readonly gradientNorms: readonly number[];
  readonly parameters: Readonly<Record<string, string>>;
}

export async function main(_args: readonly string[]): Promise<void> {
  const peer = await findPyTorch();
  if (typeof peer === "string") throw new UsageError(`Cannot make golden numbers: ${peer}`);
  for (const [name, settings] of Object.entries(parityCases)) {
    const folder = await Deno.makeTempDir({ prefix: "dept-parity-" });
    try {
      const path = await writeJob(folder, settings);
      const job = { ...await readJob(path), parameters: join(folder, "parameters.bin") };
      await Deno.writeTextFile(path, JSON.stringify(job));
      const competitor = await Competitor.start("PyTorch", peer.python, [script, path]);
      const losses: number[] = [];
      const gradientNorms: number[] = [];
      for (let step = 0; step < paritySteps; step++) {
        const { lossNats, gradientNorm } = await competitor.step();
        losses.push(lossNats);
        gradientNorms.push(gradientNorm);
      }
      await competitor.stop();
      const parameters: Record<string, string> = {};
      // deno-lint-ignore require-await
      await readWeights({ weights: job.parameters, shapes: job.shapes }, async (name, data) => {
        parameters[name] = new Uint8Array(data.buffer).toBase64();
      });
      const golden: GoldenTrajectory = {
        madeBy: {
          script: "tests/support/pytorch/train.py",
          pytorch: `Debian's python3-torch ${peer.version}`,
          blas: peer.blas.split("/").slice(-2).join("/"),
        },
        losses,
        gradientNorms,
        parameters,
      };
      await Deno.writeTextFile(goldenPath(name), JSON.stringify(golden, null, 1) + "\n");
      console.log(`${name}: loss ${losses[0]} → ${losses[paritySteps - 1]}`);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  }
}

export function goldenPath(name: string): string {
  return fileURLToPath(new URL(`../golden/pytorch_${name}.json`, import.meta.url));
}

/** The same steps with a program of ours. */
export async function trainForParity(
  program: TrainingProgram,
  path: string,
): Promise<Trajectory> {
  const job = await readJob(path);
  await readWeights(job, (name, data) => program.write({ [name]: data }));
  const batches = await readBatches(job);
  const losses: number[] = [];
  const gradientNorms: number[] = [];
  for (let step = 0; step < paritySteps; step++) {
    losses.push((await program.accumulate(batches[step % batches.length])).loss[0]);
    gradientNorms.push((await program.update(job)).gradientNorm);
  }
  return { losses, gradientNorms, parameters: await program.read() };
}
