/**
 * Memory that this machine has free now.
 */

/** Bytes that are free, within the control group's limit. @throws Deno.errors.NotCapable in a process that may not ask. */
export function freeMemoryBytes(): number {
  return Math.min(Deno.systemMemoryInfo().available, controlGroupLimit());
}

/** Bytes that a container may still use; infinite outside a container, or where the system has no control groups. */
function controlGroupLimit(): number {
  try {
    const limit = Number(Deno.readTextFileSync("/sys/fs/cgroup/memory.max"));
    const used = Number(Deno.readTextFileSync("/sys/fs/cgroup/memory.current"));
    return Number.isFinite(limit) ? Math.max(limit - used, 0) : Infinity;
  } catch {
    return Infinity;
  }
}
