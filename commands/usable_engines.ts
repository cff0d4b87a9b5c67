/**
 * What engines can be used on this machine, asked of child processes.
 */
import { fileURLToPath } from "node:url";
import { UsageError } from "../base/mod.ts";
import {
  type EngineRow,
  engines,
  fallbacksInLog,
  type GpuAdapter,
  type OpenedGraph,
} from "../engine/mod.ts";

export type EngineProbe =
  | {
    readonly isUsable: true;
    readonly operators: readonly string[];
    /** What computes, where the engine's module tells. */
    readonly device?: string;
    /** As rows of \`engine/engines.ts\` name it in \`provenOn\`. */
    readonly deviceKind?: string;
  }
  | { readonly isUsable: false; readonly why: string };

export interface PlacedGraph extends OpenedGraph {
  /** Of these, nodes that the processor runs, by operator. */
  readonly onProcessor: Readonly<Record<string, number>>;
}

/** The GPU of this machine; undefined where there is none. */
export async function adapterHere(): Promise<GpuAdapter | undefined> {
  const found = await ask<GpuAdapter | null>("adapter");
  return typeof found === "string" ? undefined : found.answer ?? undefined;
}

/** Takes a training step with an engine. */
export async function probeEngine(name: string): Promise<EngineProbe> {
  const found = await ask<EngineProbe>(name);
  return typeof found === "string" ? { isUsable: false, why: found } : found.answer;
}

/** Where an engine runs each graph of the pipeline, as its runtime tells; or why it cannot tell. */
export async function placeGraphs(name: string): Promise<readonly PlacedGraph[] | string> {
  const found = await ask<OpenedGraph[]>("placement", name);
  if (typeof found === "string") return found;
  const fallbacks = fallbacksInLog(found.log);
  if (fallbacks.length !== found.answer.length) {
    return `expected ONNX Runtime to say where ${found.answer.length} graphs run, found ${fallbacks.length} in its log`;
  }
  return found.answer.map((graph, i) => ({ ...graph, onProcessor: fallbacks[i] }));
}

/**
 * The engine that `auto` stands for, and why: the first candidate that can be used. One that needs a GPU can be, where there is a
 * real one and a training step works on it; one that has to be proven, where its card is of a kind on which it was.
 */
export async function resolveAuto(
  find: () => Promise<GpuAdapter | undefined> = adapterHere,
  probe: (name: string) => Promise<EngineProbe> = probeEngine,
  table: Readonly<Record<string, EngineRow>> = engines,
): Promise<{ readonly kind: string; readonly why: string }> {
  const candidates = Object.entries(table)
    .filter(([, { autoRank, provenOn }]) => autoRank !== undefined && provenOn?.length !== 0)
    .sort(([, a], [, b]) => a.autoRank! - b.autoRank!);
  const adapter = await find();
  let why = whyNoGpu(adapter);
  for (const [kind, { needsGpu, provenOn }] of candidates) {
    if (!needsGpu) return { kind, why: why ?? adapter!.name };
    if (provenOn !== undefined) {
      const probed = await probe(kind);
      if (!probed.isUsable || !provenOn.includes(probed.deviceKind ?? "")) continue;
      return { kind, why: probed.device ?? probed.deviceKind! };
    }
    if (adapter === undefined || adapter.isSoftware) continue;
    const probed = await probe(kind);
    if (probed.isUsable) return { kind, why: adapter.name };
    why = `${adapter.name} does not work: ${probed.why}`;
  }
  throw new UsageError(`Cannot choose an engine: expected one that works here, found ${why}`);
}

function whyNoGpu(adapter: GpuAdapter | undefined): string | undefined {
  if (adapter === undefined) return "no GPU was found";
  return adapter.isSoftware
    ? `the only GPU is played by the processor: ${adapter.name}`
    : undefined;
}

/** What a child process answers, and its stderr; or why it did not. */
async function ask<Answer>(
  ...questions: readonly string[]
): Promise<{ readonly answer: Answer; readonly log: string } | string> {
  const script = fileURLToPath(new URL("./engine_probe.ts", import.meta.url));
  const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", script, ...questions],
    stdin: "null",
  }).output();
  const [answers, log] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes).trim());
  if (success) return { answer: JSON.parse(answers.split("\n").at(-1)!) as Answer, log };
  return log.split("\n").at(-1) || "its process ended without a word";
}
