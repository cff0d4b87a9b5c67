/** The networks whose speed and memory docs/speed.md prints: `deno task bench train --all`. */
import type { JobSettings } from "../tests/support/pytorch/training_job.ts";

export interface Shape {
  readonly config: JobSettings["config"];
  readonly batchSize: number;
  readonly steps: number;
  /** What has to be reached. Ratios are ours over the peer's in fp32, for speed in bf16 as well. */
  readonly goals?: { readonly fp32: number; readonly bf16: number; readonly memory: number };
  /** A network that only has to fit: it is measured without a peer and without the cost of checkpoints. */
  readonly maxBytes?: number;
}

const common = { expansion: 4, positions: "alibi", bias: false } as const;
const large = { ...common, nLayers: 12, dModel: 768, nHeads: 12, seqLen: 512 } as const;

export const shapes: readonly Shape[] = [
  {
    config: { ...common, nLayers: 4, dModel: 256, nHeads: 4, seqLen: 256, vocabSize: 8192 },
    batchSize: 8,
    steps: 20,
    goals: { fp32: 3.6, bf16: 1.05, memory: 1 },
  },
  {
    config: { ...large, vocabSize: 50_257 },
    batchSize: 2,
    steps: 8,
    goals: { fp32: 2, bf16: 1.15, memory: 1 },
  },
  { config: { ...large, vocabSize: 250_112 }, batchSize: 1, steps: 3, maxBytes: 8 * 2 ** 30 },
];
