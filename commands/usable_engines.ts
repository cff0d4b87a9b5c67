/**
 * What engines can be used on this machine, asked of child processes.
 */
import { fileURLToPath } from "node:url";
import { fallbacksInLog, type GpuAdapter, type OpenedGraph } from "../engine/mod.ts";

export type EngineProbe =
  | { readonly isUsable: true; readonly operators: readonly string[] }
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

/** Where the engine `webgpu` runs each graph of the pipeline, as the runtime tells; or why it cannot tell. */
export async function placeGraphs(): Promise<readonly PlacedGraph[] | string> {
  const found = await ask<OpenedGraph[]>("placement");
  if (typeof found === "string") return found;
  const fallbacks = fallbacksInLog(found.log);
  if (fallbacks.length !== found.answer.length) {
    return `expected ONNX Runtime to say where ${found.answer.length} graphs run, found ${fallbacks.length} in its log`;
  }
  return found.answer.map((graph, i) => ({ ...graph, onProcessor: fallbacks[i] }));
}

/** The engine that `auto` stands for, and why: a real GPU where there is one and it works, else the processor. */
export async function resolveAuto(
  find: () => Promise<GpuAdapter | undefined> = adapterHere,
  probeGpu: () => Promise<EngineProbe> = () => probeEngine("webgpu"),
): Promise<{ readonly kind: string; readonly why: string }> {
  const adapter = await find();
  if (adapter === undefined) return { kind: "cpu", why: "no GPU was found" };
  if (adapter.isSoftware) {
    return { kind: "cpu", why: `the only GPU is played by the processor: ${adapter.name}` };
  }
  const probe = await probeGpu();
  return probe.isUsable
    ? { kind: "webgpu", why: adapter.name }
    : { kind: "cpu", why: `${adapter.name} does not work: ${probe.why}` };
}

/** What a child process answers, and its stderr; or why it did not. */
async function ask<Answer>(
  what: string,
): Promise<{ readonly answer: Answer; readonly log: string } | string> {
  const script = fileURLToPath(new URL("./engine_probe.ts", import.meta.url));
  const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", script, what],
    stdin: "null",
  }).output();
  const [answers, log] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes).trim());
  if (success) return { answer: JSON.parse(answers.split("\n").at(-1)!) as Answer, log };
  return log.split("\n").at(-1) || "its process ended without a word";
}
