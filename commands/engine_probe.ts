/**
 * Tries an engine in a process of its own and prints what came of it as one JSON line: native code may end the process, and a
 * command must not load an engine.
 *
 *     deno run -A engine_probe.ts adapter           the GPU, without an engine
 *     deno run -A engine_probe.ts webgpu            one training step of a tiny network
 *     deno run -A engine_probe.ts placement webgpu  every graph of the pipeline opened there, the runtime's log on stderr
 */
import {
  type Engine,
  engineModule,
  engineRow,
  findAdapter,
  type GraphToPlace,
  type OpenedGraph,
  type PlacementModule,
} from "../engine/mod.ts";
import {
  differentiate,
  fineTuneGraph,
  type Graph,
  incrementalGraph,
  initialiseBody,
  languageModelGraph,
  type ModelConfig,
  withActivationNorms,
} from "../model/mod.ts";
import { messageOf, seedOf } from "../base/mod.ts";
import type { EngineProbe } from "./usable_engines.ts";

const config: ModelConfig = {
  nLayers: 1,
  dModel: 8,
  nHeads: 2,
  expansion: 2,
  seqLen: 8,
  vocabSize: 16,
  positions: "alibi",
  bias: true,
};

const [what, name] = Deno.args;
// Libraries print their own; the answer is the last line.
console.log(JSON.stringify(await answer()));

async function answer(): Promise<unknown> {
  if (what === "adapter") return await findAdapter() ?? null;
  return what === "placement" ? await openAll() : await probe(what);
}

/** Compiles the training step with no operator left to the processor where the engine is a GPU's, and takes one. */
async function probe(name: string): Promise<EngineProbe> {
  try {
    const { engine, describeDevice, deviceKind } = await import(engineModule(name)) as {
      engine: Engine;
      describeDevice?: () => string;
      deviceKind?: () => string;
    };
    const graph = differentiate(languageModelGraph(config, 1));
    const program = await engine.compileTraining(graph, {
      threads: 1,
      precision: "fp32",
      optimizer: { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0 },
    });
    await program.write(initialiseBody(config, seedOf(1, "init/body")));
    const ids = Int32Array.from({ length: config.seqLen }, (_, i) => i);
    const weights = new Float32Array(config.seqLen).fill(1 / config.seqLen);
    const { loss } = await program.accumulate({ tokens: ids, targets: ids, weights });
    const { applied } = await program.update({ learningRate: 1e-3, clipNorm: 1 });
    await program.dispose();
    if (!applied || !Number.isFinite(loss[0])) throw new Error(`found a loss of ${loss[0]}`);
    const operators = [...new Set(graph.nodes.map(({ operator }) => operator.name))].sort();
    return { isUsable: true, operators, device: describeDevice?.(), deviceKind: deviceKind?.() };
  } catch (error) {
    return { isUsable: false, why: messageOf(error).split("\n")[0] };
  }
}

/** Opens every graph that the pipeline runs, with the processor to fall back to. */
async function openAll(): Promise<readonly OpenedGraph[]> {
  const { logPlacements } = await import(engineRow(name).placement!) as PlacementModule;
  const network = languageModelGraph(config, 2);
  const single = (name: string, graph: Graph): GraphToPlace => ({ name, graph, precision: "fp32" });
  const step = single("training step", differentiate(network));
  const sequencesOf = { classification: 1, entailment: 1, choice: 3, similarity: 2 } as const;
  const kinds = Object.keys(sequencesOf) as (keyof typeof sequencesOf)[];
  const evaluation = single("evaluation", network);
  return await logPlacements([
    step,
    { ...step, name: "training step, fp16", precision: "fp16" },
    single("training step with monitors", differentiate(withActivationNorms(network))),
    evaluation,
    { ...evaluation, name: "evaluation, fp16", precision: "fp16" },
    ...kinds.map((kind) => {
      const shape = { batchSize: 2, seqLen: config.seqLen, sequences: sequencesOf[kind] };
      const graph = fineTuneGraph(config, { ...shape, kind, nClasses: 3, hasDropout: true });
      return single(`fine-tuning: ${kind}`, differentiate(graph));
    }),
    single("decoding", incrementalGraph(config, { length: 1, capacity: 8 })),
  ]);
}
