/**
 * The vector instructions of this machine's processor: recorded with results, as numeric libraries choose their kernels,
 * and so their last digits, by them.
 */

/** In this order, oldest first. */
const known = ["sse4_1", "avx", "f16c", "fma", "avx2", "avx_vnni", "avx512f", "avx512_vnni"];
const knownArm = ["asimd", "asimddp", "i8mm", "bf16", "sve", "sve2", "sme"];

let found: string | undefined;

/** `sse4_1 avx f16c fma avx2`; empty where the system does not tell. */
export function instructionSet(): string {
  return found ??= instructionsIn(cpuInfo());
}

/** @param text Of Linux's `/proc/cpuinfo`. */
export function instructionsIn(text: string): string {
  const flags = new Set(/^(?:flags|Features)\s*:(.*)$/m.exec(text)?.[1].trim().split(/\s+/));
  return [...known, ...knownArm].filter((flag) => flags.has(flag)).join(" ");
}

function cpuInfo(): string {
  try {
    return Deno.readTextFileSync("/proc/cpuinfo");
  } catch {
    return ""; // not Linux
  }
}
