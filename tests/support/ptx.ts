/**
 * PTX text of the kernels of `engine/cuda`: how nvcc makes it of the sources, and what it says of them.
 */
import { join } from "node:path";
import { sha256 } from "../../base/mod.ts";
import { projectRoot } from "./paths.ts";

export const kernelFolder = join(projectRoot, "engine/cuda/kernels");

/** The release of nvcc whose text is kept. */
export const nvccRelease = "13.0, V13.0.88";
/** Cards whose assembler must take the text: compute capability without the point. */
export const cards = [80, 86, 89, 90, 100, 120] as const;
/** A driver of CUDA 12.0 reads this version, and no nvcc 13 writes it. */
const ptxVersion = "8.0";
const flags = ["-ptx", "-arch=compute_80", "-fmad=false"];

const files = [...Deno.readDirSync(kernelFolder)].map(({ name }) => name).sort();
/** Names of the sources without their ending, sorted. */
export const kernelFiles = files.flatMap((name) => name.endsWith(".cu") ? [name.slice(0, -3)] : []);
/** What they include. */
export const headerFiles = files.filter((name) => name.endsWith(".cuh"));

/** The release of the nvcc that is here; undefined where there is none. */
export function nvccHere(): string | undefined {
  return /release ([\d.]+, V[\d.]+)/.exec(outputOf("nvcc", ["--version"]) ?? "")?.[1];
}

/** Digest of what a kernel file is compiled from. */
export function sourcesDigest(name: string): string {
  const source = Deno.readTextFileSync(join(kernelFolder, `${name}.cu`));
  const headers = [...source.matchAll(/^#include "(\w+\.cuh)"$/gm)].map(([, file]) =>
    Deno.readTextFileSync(join(kernelFolder, file))
  );
  return sha256([source, ...headers].join("\n"));
}

/** The text that nvcc makes, under a header that names sources and compiler. */
export function compilePtx(name: string): string {
  const made = outputOf("nvcc", [...flags, "-o", "/dev/stdout", join(kernelFolder, `${name}.cu`)]);
  if (made === undefined) throw new Error(`Cannot compile ${name}.cu: nvcc failed`);
  const body = made.slice(made.indexOf(".version")).replace(
    /^\.version [\d.]+/,
    `.version ${ptxVersion}`,
  );
  return [
    `// ${name}.cu, by nvcc ${nvccRelease}: ${
      flags.join(" ")
    }; the version is set to ${ptxVersion}.`,
    `// Sources: ${sourcesDigest(name)}`,
    body.replaceAll(/[ \t]+$/gm, "").trimEnd() + "\n",
  ].join("\n");
}

/** What a kernel takes of a card. */
export interface KernelUse {
  readonly kernel: string;
  readonly registers: number;
  readonly spilledBytes: number;
  readonly sharedBytes: number;
}

/** Assembles a file for a card as its driver does. @throws Error with what the assembler says. */
export function assemble(name: string, card: number): KernelUse[] {
  const file = join(kernelFolder, `${name}.ptx`);
  const args = [`-arch=sm_${card}`, "-v", file, "-o", "/dev/null"];
  const { success, stderr } = new Deno.Command("ptxas", { args, stdin: "null" }).outputSync();
  const log = new TextDecoder().decode(stderr);
  if (!success) throw new Error(`Cannot assemble ${name}.ptx for sm_${card}: ${log}`);
  return log.split("Compiling entry function '").slice(1).map((text) => ({
    kernel: text.slice(0, text.indexOf("'")),
    registers: Number(/Used (\d+) registers/.exec(text)![1]),
    spilledBytes: Number(/(\d+) bytes spill stores/.exec(text)![1]),
    sharedBytes: Number(/(\d+) bytes smem/.exec(text)?.[1] ?? 0),
  }));
}

/** What a program prints; undefined where it is missing or fails. */
function outputOf(program: string, args: readonly string[]): string | undefined {
  try {
    const command = new Deno.Command(program, { args: [...args], stdin: "null" });
    const { success, stdout } = command.outputSync();
    return success ? new TextDecoder().decode(stdout) : undefined;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return undefined;
  }
}
