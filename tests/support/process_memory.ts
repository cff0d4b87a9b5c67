/** Memory of this process, for measurements. */

/** The most bytes that this process has held in memory; on systems that do not say, the bytes that it holds now. */
export function peakBytes(): number {
  try {
    const peak = /VmHWM:\s*(\d+) kB/.exec(Deno.readTextFileSync("/proc/self/status"));
    if (peak !== null) return 1024 * Number(peak[1]);
  } catch {
    // not Linux
  }
  return Deno.memoryUsage().rss;
}
