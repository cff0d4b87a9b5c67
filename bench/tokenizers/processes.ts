/** Work in this process, and whole commands measured from outside: wall time, time on processors and peak memory. */
import { cpuUsage } from "node:process";
import type { Times } from "./cell.ts";

/** Times work of this process. */
export async function timed(work: () => unknown): Promise<Times> {
  const [start, cpuStart] = [performance.now(), cpuUsage()];
  await work();
  const { user, system } = cpuUsage(cpuStart);
  return { seconds: (performance.now() - start) / 1000, cpuSeconds: (user + system) / 1e6 };
}

export interface Run extends Times {
  readonly peakBytes: number;
}

/** Runs a command to its end. Peak memory is read from the kernel while it runs. @throws what the command says when it fails */
export async function measure(command: string, args: readonly string[]): Promise<Run> {
  const start = performance.now();
  const cpuBefore = childrenSeconds();
  const process = new Deno.Command(command, { args: [...args], stdout: "null", stderr: "piped" })
    .spawn();
  let peakBytes = 0;
  const timer = setInterval(() => {
    try {
      const status = Deno.readTextFileSync(`/proc/${process.pid}/status`);
      peakBytes = Math.max(peakBytes, Number(status.match(/VmHWM:\s*(\d+)/)?.[1] ?? 0) * 1024);
    } catch { /* it has ended */ }
  }, 20);
  const errors = new Response(process.stderr).text();
  const { success } = await process.status;
  const seconds = (performance.now() - start) / 1000;
  clearInterval(timer);
  if (!success) throw new Error(`${command} ${args.join(" ")} has failed: ${await errors}`);
  return { seconds, cpuSeconds: childrenSeconds() - cpuBefore, peakBytes };
}

/** Processor time of all commands so far that have ended. */
export function childrenSeconds(): number {
  const [, fields] = Deno.readTextFileSync("/proc/self/stat").split(") ");
  const [user, system] = fields.split(" ").slice(13, 15).map(Number); // cutime and cstime of proc(5)
  return (user + system) / 100;
}
