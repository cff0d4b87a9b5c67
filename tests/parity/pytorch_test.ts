/**
 * Training beside Debian's PyTorch: the same weights, batches and optimizer give the same losses and parameters.
 *
 * The numbers are in tests/golden/pytorch_*.json with the versions that made them; `deno task instruments pytorch-parity` makes them again.
 */
import assert from "node:assert/strict";
import {
  goldenPath,
  type GoldenTrajectory,
  parityCases,
  trainForParity,
} from "../instruments/pytorch_parity.ts";
import { writeJob } from "../support/pytorch/training_job.ts";
import { type Engine, engineModule } from "../../engine/mod.ts";
import { differentiate, languageModelGraph, withoutKeyBias } from "../../model/mod.ts";

for (const [name, settings] of Object.entries(parityCases)) {
  for (const engineName of ["reference", "cpu"]) {
    Deno.test(`${engineName}: 20 AdamW steps of ${name} agree with PyTorch`, async () => {
      const golden: GoldenTrajectory = JSON.parse(await Deno.readTextFile(goldenPath(name)));
      const { engine } = await import(engineModule(engineName)) as { engine: Engine };
      const folder = await Deno.makeTempDir();
      try {
        const job = await writeJob(folder, settings);
        const { config, batchSize, threads } = settings;
        const { optimizer } = JSON.parse(await Deno.readTextFile(job));
        const program = await engine.compileTraining(
          differentiate(languageModelGraph(config, batchSize)),
          { threads, precision: "fp32", optimizer },
        );
        const ours = await trainForParity(program, job);
        await program.dispose();
        assert.ok(ours.losses[19] < ours.losses[0], "it learns");
        // Both sides work in single precision, in other orders of summation, through 20 steps.
        for (const [step, loss] of ours.losses.entries()) {
          near(loss, golden.losses[step], 1e-4, `loss of step ${step}`);
          near(
            ours.gradientNorms[step] / golden.gradientNorms[step],
            1,
            1e-4,
            `gradient norm of step ${step}, a share`,
          );
        }
        for (const [parameter, text] of Object.entries(golden.parameters)) {
          const theirs = new Float32Array(Uint8Array.fromBase64(text).buffer);
          const away = distance(
            withoutKeyBias(parameter, ours.parameters[parameter]),
            withoutKeyBias(parameter, theirs),
          );
          assert.ok(away <= 1e-3, `${parameter}: ‖p − q‖ is ${away}·‖q‖, allowed 1e-3`);
        }
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    });
  }
}

function distance(p: Float32Array, q: Float32Array): number {
  assert.equal(p.length, q.length);
  let apart = 0;
  let length = 0;
  for (let i = 0; i < p.length; i++) {
    apart += (p[i] - q[i]) ** 2;
    length += q[i] ** 2;
  }
  return Math.sqrt(apart / length);
}

function near(found: number, expected: number, allowed: number, what: string): void {
  assert.ok(
    Math.abs(found - expected) <= allowed,
    `${what} is ${found}, expected ${expected}, allowed ${allowed}`,
  );
}
