import assert from "node:assert/strict";
import { StageError } from "../../base/mod.ts";
import { silentLog } from "../../pipeline/stage.ts";
import { continueTraining, type TrainingSource } from "../../training/mod.ts";
import { continuing, inner, plain, shardsOf, vocabSize, withSources } from "./support.ts";

const table = "embedding.token.weight";

Deno.test("continueTraining() stopped at every step, or killed, has the bytes of a plain run", () =>
  withSources(async (sources, folder) => {
    const undisturbed = await continueTraining(continuing("spec", sources, folder));
    const kinds = undisturbed.metrics.map(({ kind }) => kind);
    // Fewer steps than rows: one each; then one for each source.
    assert.deepEqual(kinds, [...Array(7).fill("steps"), ...Array(3).fill("exposure")]);
    for (const isKill of [false, true]) {
      for (let stop = 1; stop < 7; stop++) {
        const run = continuing("spec", sources, folder);
        const controller = new AbortController();
        let step = 0;
        const progress = () => {
          if (++step !== stop) return;
          if (isKill) throw new Error("stop");
          controller.abort(new Error("stop"));
        };
        const log = { ...silentLog, progress };
        await assert.rejects(continueTraining({ ...run, log, signal: controller.signal }), /stop/);
        const resumed = await continueTraining(run);
        assert.deepEqual(plain(resumed.model), plain(undisturbed.model));
        assert.deepEqual(resumed.metrics, undisturbed.metrics);
      }
    }
  }));

Deno.test("continueTraining() from a random start is blind to the embedding that pre-training left", () =>
  withSources(async (sources, folder) => {
    const glob = continuing("glob", sources, folder, { variant: "x" });
    const spec = continuing("spec", sources, folder, { variant: "x" });
    assert.ok(table in glob.from.groups.model && !(table in spec.from.groups.model));
    const [a, b] = [await continueTraining(glob), await continueTraining(spec)];
    assert.deepEqual(plain(a.model), plain(b.model));
    assert.deepEqual(a.model.groups.model[table].shape, [vocabSize, 8]);
  }));

Deno.test("continueTraining() from a pre-trained start takes the embedding and half the rate", () =>
  withSources(async (sources, folder) => {
    // One step at the peak: Adam's first step moves every weight that has a gradient by just the rate.
    const one = { steps: 1, inner: { ...inner, warmupSteps: 0 }, start: "pretrained" } as const;
    const run = continuing("glob", sources, folder, one);
    const before = run.from.groups.model[table].data;
    const after = (await continueTraining(run)).model.groups.model[table].data;
    const largest = Math.max(...after.map((value, i) => Math.abs(value - before[i])));
    // Up to ε against a small gradient, and float32 at weights near 1.
    assert.ok(Math.abs(largest - 0.005) < 1e-6, `expected 0.01 · 0.5, found ${largest}`);
  }));

Deno.test("continueTraining() refuses a pre-trained start where there is no embedding", () =>
  withSources(async (sources, folder) => {
    const run = continuing("spec", sources, folder, { start: "pretrained" });
    await assert.rejects(continueTraining(run), (error) => {
      assert.ok(error instanceof StageError);
      assert.match(
        error.message,
        /Cannot continue spec .*expected "embedding.token.weight" of 24 rows, found none/,
      );
      return true;
    });
  }));

Deno.test("continueTraining() on a single source notes its validation loss along the way, also when stopped", () =>
  withSources(async ([, beta], folder) => {
    const validation = { everySteps: 3, windows: 2 };
    const undisturbed = await continueTraining(
      continuing("spec", [beta], folder, { validation }),
    );
    const rows = (undisturbed.metrics as unknown as {
      kind: string;
      step: number;
      lossNats: Record<string, number>;
    }[]).filter(({ kind }) => kind === "validation");
    assert.deepEqual(rows.map(({ step }) => step), [0, 3, 6, 7]); // before, every third, at the end
    assert.ok(rows.every(({ lossNats }) => Object.keys(lossNats).join() === "beta"));
    assert.ok(rows[3].lossNats.beta < rows[0].lossNats.beta);
    // Looking changes nothing.
    const blind = await continueTraining(continuing("spec", [beta], folder));
    assert.deepEqual(plain(undisturbed.model), plain(blind.model));

    for (let stop = 1; stop < 7; stop++) {
      const run = continuing("spec", [beta], folder, { validation });
      const controller = new AbortController();
      let step = 0;
      const progress = () => {
        if (++step === stop) controller.abort(new Error("stop"));
      };
      const log = { ...silentLog, progress };
      await assert.rejects(continueTraining({ ...run, log, signal: controller.signal }), /stop/);
      const resumed = await continueTraining(run);
      assert.deepEqual(resumed.metrics, undisturbed.metrics, `stopped after step ${stop}`);
    }
  }));

Deno.test("continueTraining() samples sources alike or by their size, which are the same for one source", () =>
  withSources(async ([alpha, beta, gamma], folder) => {
    const long = { ...gamma, train: await shardsOf(`${folder}/long`, [14, 15, 16], 400) };
    const run = async (
      sampling: "uniform" | "proportional",
      sources: readonly TrainingSource[],
    ) => {
      const steps = 30;
      const { metrics, model } = await continueTraining(
        continuing("spec", sources, folder, { sampling, steps, batchSize: 2 }),
      );
      return { metrics, model: plain(model) };
    };
    try {
      const one = [await run("uniform", [beta]), await run("proportional", [beta])];
      assert.deepEqual(one[0], one[1]);
      const uniform = await run("uniform", [alpha, beta, long]);
      const proportional = await run("proportional", [alpha, beta, long]);
      // Of gamma's three ids most is seen where it has ten twelfths of the text: less is left to learn.
      const last = ({ metrics }: typeof uniform) =>
        metrics.findLast(({ kind }) => kind === "steps")!.lossNatsMean as number;
      assert.ok(last(proportional) < last(uniform));
    } finally {
      long.train.close();
    }
  }));
