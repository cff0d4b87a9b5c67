/**
 * The memory of another process, as Linux tells it; elsewhere nothing is known.
 *
 * A process cannot say itself how much its work took: what it counts as its most goes on from the process that started it, and from the
 * work before.
 */

/** What it holds now, in bytes. */
export function heldMemoryBytes(pid: number): number | undefined {
  return statusBytes(pid, "VmRSS");
}

/** The most that it has held since its start, or since `forgetPeakMemory`, in bytes. */
export function peakMemoryBytes(pid: number): number | undefined {
  return statusBytes(pid, "VmHWM");
}

/** Its peak is then what it holds now. */
export function forgetPeakMemory(pid: number): void {
  try {
    Deno.writeTextFileSync(`/proc/${pid}/clear_refs`, "5");
  } catch { /* its peak is that of all its work */ }
}

function statusBytes(pid: number, name: string): number | undefined {
  try {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    const found = new RegExp(`^${name}:\\s*(\\d+) kB$`, "m").exec(status);
    return found === null ? undefined : Number(found[1]) * 1024;
  } catch {
    return undefined;
  }
}
