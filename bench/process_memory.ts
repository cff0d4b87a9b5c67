/**
 * Memory of this process, for measurements.
 */

/** The most memory that this process has had, in MB; what it has now where the system does not say. */
export function peakMb(): number {
  try {
    const peak = /VmHWM:\s*(\d+) kB/.exec(Deno.readTextFileSync("/proc/self/status"));
    if (peak !== null) return Number(peak[1]) / 1000;
  } catch {
    // not Linux
  }
  return Deno.memoryUsage().rss / 1e6;
}
