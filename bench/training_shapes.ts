/**
 * The networks whose speed and memory are promised, in one table: `deno task bench train --all`.
 */
import { formatBytes, formatDuration } from "../base/mod.ts";
import { measure, type Report } from "./train.ts";
import type { JobSettings } from "./training_job.ts";
import { profile, type TrainingProfile } from "./training_profile.ts";

const common = { expansion: 4, positions: "alibi", bias: false } as const;

interface Shape {
  readonly title: string;
  readonly config: JobSettings["config"];
  readonly batchSize: number;
  readonly steps: number;
  /** What has to be reached; ratios are ours over the peer's. */
  readonly fp32?: number;
  readonly bf16?: number;
  readonly memory?: number;
  readonly maxBytes?: number;
}

const shapes: readonly Shape[] = [
  {
    title: "4 × 256, V 8,192, 8 × 256 tokens",
    config: { ...common, nLayers: 4, dModel: 256, nHeads: 4, seqLen: 256, vocabSize: 8192 },
    batchSize: 8,
    steps: 20,
    fp32: 3.6,
    bf16: 1.05,
    memory: 1,
  },
  {
    title: "12 × 768, V 50,257, 2 × 512 tokens",
    config: { ...common, nLayers: 12, dModel: 768, nHeads: 12, seqLen: 512, vocabSize: 50_257 },
    batchSize: 2,
    steps: 8,
    fp32: 2,
    bf16: 1.15,
    memory: 1,
  },
  {
    title: "12 × 768, V 250,112, 1 × 512 tokens",
    config: { ...common, nLayers: 12, dModel: 768, nHeads: 12, seqLen: 512, vocabSize: 250_112 },
    batchSize: 1,
    steps: 3,
    maxBytes: 8 * 2 ** 30,
  },
];

export interface ShapeReport {
  readonly title: string;
  readonly report: Report;
  readonly phases: TrainingProfile | undefined;
}

/** Measures one shape after the other; the last, which only has to fit, without a peer. */
export async function measureAll(
  { threads, engine }: Pick<JobSettings, "threads" | "engine">,
  withPeer: boolean,
): Promise<readonly ShapeReport[]> {
  const reports: ShapeReport[] = [];
  for (const { title, config, batchSize, steps, maxBytes } of shapes) {
    console.error(`measuring ${title} …`);
    const settings = { config, batchSize, threads, engine };
    const isMemoryOnly = maxBytes !== undefined;
    reports.push({
      title,
      report: await measure(settings, steps, withPeer && !isMemoryOnly),
      phases: isMemoryOnly ? undefined : await profile(settings, Math.min(steps, 8)),
    });
  }
  return reports;
}

export function textOfAll(reports: readonly ShapeReport[]): string {
  const rows = [
    ["", "tokens/s", "GFLOP/s", "of peak", "fp32", "bf16", "memory", "checkpoints"],
    ...reports.map(({ title, report, phases }, i) => {
      const { fp32, bf16, memory, maxBytes } = shapes[i];
      const peer = report.peers.pytorch;
      const ratio = (found: number | undefined, goal: number | undefined) =>
        found === undefined ? "" : `${found.toFixed(2)} ×${goal ? ` (≥ ${goal})` : ""}`;
      return [
        title,
        report.tokensPerSecond.toFixed(0),
        report.gflopPerSecond.toFixed(0),
        `${(100 * report.shareOfMatrixPeak).toFixed(0)} %`,
        ratio(peer?.fp32.ratios.speed, fp32),
        ratio(peer?.bf16Autocast.ratios.speed, bf16),
        formatBytes(report.peakBytes) +
        (peer && memory ? `, ${peer.fp32.ratios.memory.toFixed(2)} × (≤ ${memory})` : "") +
        (maxBytes ? ` (≤ ${formatBytes(maxBytes)})` : ""),
        phases === undefined
          ? ""
          : `${(100 * phases.checkpointShare).toFixed(2)} % (< 2), ${
            formatDuration(phases.checkpointMs)
          } each`,
      ];
    }),
  ];
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const [{ report: { processor, peers, threads } }] = reports;
  return [
    `${processor.name}: ${processor.flags.join(" ")}; ${threads} threads`,
    peers.pytorch === undefined
      ? `peer: ${peers.none}`
      : `peer: ${peers.pytorch.name} ${peers.pytorch.version}, BLAS ${peers.pytorch.blas}`,
    "",
    ...rows.map((row) =>
      row.map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column])
      ).join("  ").trimEnd()
    ),
    "",
    "fp32, bf16: our speed over the peer's, by the median step; memory: our peak, and over the peer's in fp32.",
  ].join("\n");
}
