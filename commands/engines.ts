/**
 * `engines`: what a network can be run by on this machine.
 */
import type { PipelineCommand } from "./project.ts";
import { type EngineRow, engines as table, type GpuAdapter } from "../engine/mod.ts";
import {
  adapterHere,
  type EngineProbe,
  type PlacedGraph,
  placeGraphs,
  probeEngine,
  resolveAuto,
} from "./usable_engines.ts";
import { print, printError } from "./screen.ts";

interface EnginesOptions {
  readonly json?: boolean;
  /** Prints what each graph consists of. */
  readonly operators?: boolean;
}

export const command: PipelineCommand = {
  declare: (command) =>
    command
      .option("--operators", "list the operators of every graph, and how many of each")
      .option("--json", "print one JSON object")
      .addHelpText("after", examples),
  act: (_, options: EnginesOptions) => engines(options),
};

/**
 * Tries every engine with a training step, each in a process of its own, says what each one needs, and lists the operators of
 * the pipeline's graphs that a GPU's engine leaves to the processor, where its runtime tells.
 */
export async function engines(options: EnginesOptions): Promise<number> {
  const adapter = await adapterHere();
  const found: Record<string, EngineProbe> = {};
  for (const name of Object.keys(table).sort()) {
    if (!options.json) printError(`trying ${name} …`);
    found[name] = await probeEngine(name);
  }
  const telling = Object.keys(table).find((name) => table[name].placement !== undefined)!;
  const probed = found[telling];
  const graphs = probed.isUsable ? await placeGraphs(telling) : probed.why;
  const auto = await resolveAuto();
  if (options.json) {
    const report = { auto, adapter: adapter ?? null, engines: found, graphs };
    print(JSON.stringify(report, null, 2));
    return 0;
  }
  const width = Math.max(...Object.keys(found).map((name) => name.length));
  for (const [name, probe] of Object.entries(found)) {
    print(`${name.padEnd(width)}  ${probe.isUsable ? usableText(probe.device) : probe.why}`);
    if (Object.hasOwn(table, name)) print(`${"".padEnd(width)}  ${factsOf(table[name])}`);
  }
  if (probed.isUsable) printPlacement(telling, graphs, options.operators === true);
  print(`\nGPU: ${adapter === undefined ? "none" : described(adapter)}`);
  print(`--engine auto takes ${auto.kind}: ${auto.why}`);
  return 0;
}

function usableText(device: string | undefined): string {
  return `usable: it took a training step${device === undefined ? "" : ` on ${device}`}`;
}

function factsOf({ meaning, precisions }: EngineRow): string {
  return `${meaning}; ${precisions.join(", ")}`;
}

function printPlacement(
  engine: string,
  graphs: readonly PlacedGraph[] | string,
  hasOperators: boolean,
): void {
  print(`\nOn ${engine}, operators that fall back to the processor, by graph:`);
  if (typeof graphs === "string") return print(`  cannot tell: ${graphs}`);
  const width = Math.max(...graphs.map(({ name }) => name.length));
  for (const { name, operators, onProcessor } of graphs) {
    const nodes = Object.values(operators).reduce((sum, count) => sum + count, 0);
    const kinds = Object.keys(operators).length;
    const fallbacks = Object.keys(onProcessor).length === 0 ? "none" : counted(onProcessor);
    print(
      `  ${name.padEnd(width)}  ${fallbacks} (of ${nodes} nodes; kinds: ${kinds})`,
    );
    if (hasOperators) print(`  ${"".padEnd(width)}  ${counted(operators)}`);
  }
}

/** `Gemm ×22, Mul ×40`. */
function counted(operators: Readonly<Record<string, number>>): string {
  return Object.entries(operators).map(([op, count]) => `${op} ×${count}`).join(", ");
}

function described({ name, isSoftware, features }: GpuAdapter): string {
  const half = features.includes("shader-f16")
    ? "with shader-f16, which precision fp16 needs"
    : "without shader-f16: no precision fp16";
  return `${name}${isSoftware ? " (in software)" : ""}, ${half}`;
}

const examples = `
Examples:
  deno task pipeline engines              what works here, and what auto takes
  deno task pipeline engines --operators  which operators webgpu leaves to the processor`;
