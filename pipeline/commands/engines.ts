/**
 * `engines`: what a network can be run by on this machine.
 */
import { engineModules } from "../../engine/mod.ts";
import { adapterHere, type EngineProbe, probeEngine, resolveAuto } from "./_engines.ts";

export interface EnginesOptions {
  readonly json?: boolean;
}

/** Tries every engine with a training step, each in a process of its own, and says what each one needs. */
export async function engines(options: EnginesOptions): Promise<number> {
  const adapter = await adapterHere();
  const found: Record<string, EngineProbe> = {};
  for (const name of Object.keys(engineModules)) {
    if (!options.json) console.error(`trying ${name} …`);
    found[name] = await probeEngine(name);
  }
  const auto = await resolveAuto();
  if (options.json) {
    console.log(JSON.stringify({ auto, adapter: adapter ?? null, engines: found }, null, 2));
    return 0;
  }
  const width = Math.max(...Object.keys(found).map((name) => name.length));
  for (const [name, probe] of Object.entries(found)) {
    console.log(
      `${name.padEnd(width)}  ${probe.isUsable ? usable(name, probe.operators) : probe.why}`,
    );
  }
  const software = adapter?.isSoftware ? " (in software)" : "";
  console.log(`\nGPU: ${adapter === undefined ? "none" : adapter.name + software}`);
  console.log(`--engine auto takes ${auto.kind}: ${auto.why}`);
  return 0;
}

function usable(name: string, operators: readonly string[]): string {
  const count = `usable: a training step of ${operators.length} kinds of operators`;
  // Sessions on a device are opened so that a node without a kernel there is refused.
  return name === "webgpu" ? `${count}, none of which falls back to the processor` : count;
}
