/**
 * What engines can be used on this machine, asked of child processes.
 */
import { fileURLToPath } from "node:url";
import type { GpuAdapter } from "../../engine/mod.ts";

export type EngineProbe =
  | { readonly isUsable: true; readonly operators: readonly string[] }
  | { readonly isUsable: false; readonly why: string };

/** The GPU of this machine; undefined where there is none. */
export async function adapterHere(): Promise<GpuAdapter | undefined> {
  const found = await ask<GpuAdapter | null>("adapter");
  return typeof found === "string" ? undefined : found ?? undefined;
}

/** Takes a training step with an engine. */
export async function probeEngine(name: string): Promise<EngineProbe> {
  const found = await ask<EngineProbe>(name);
  return typeof found === "string" ? { isUsable: false, why: found } : found;
}

/** The engine that `auto` stands for, and why: a real GPU where there is one and it works, else the processor. */
export async function resolveAuto(): Promise<{ readonly kind: string; readonly why: string }> {
  const adapter = await adapterHere();
  if (adapter === undefined) return { kind: "cpu", why: "no GPU was found" };
  if (adapter.isSoftware) {
    return { kind: "cpu", why: `the only GPU is played by the processor: ${adapter.name}` };
  }
  const probe = await probeEngine("webgpu");
  return probe.isUsable
    ? { kind: "webgpu", why: adapter.name }
    : { kind: "cpu", why: `${adapter.name} does not work: ${probe.why}` };
}

/** What a child process answers, or why it did not. */
async function ask<Answer>(what: string): Promise<Answer | string> {
  const script = fileURLToPath(new URL("./_engine_probe.ts", import.meta.url));
  const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", script, what],
    stdin: "null",
  }).output();
  const lines = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim().split("\n");
  if (success) return JSON.parse(lines(stdout).at(-1)!) as Answer;
  return lines(stderr).at(-1) ?? "its process ended without a word";
}
