/**
 * A driver of Nvidia's cards that runs the kernels of `engine/cuda` on the processor, and cuBLASLt's calls beside it: a shared
 * library, built by g++ from `cuda_shim/` and the kernels' sources. Kept by the digest of what it is made of, as several processes of tests need it.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { entriesOf } from "../../engine/cuda/kernels.ts";
import { sha256 } from "../../base/mod.ts";
import { projectRoot } from "./paths.ts";
import { headerFiles, kernelFiles, kernelFolder } from "./ptx.ts";

const shimFolder = join(projectRoot, "tests/support/cuda_shim");
const cacheFolder = join(projectRoot, ".cache/cuda_shim");
const flags = [
  ...["-std=c++17", "-shared", "-fPIC", "-O2", "-ffp-contract=off"],
  "-fno-gnu-unique", // else two of these libraries in a process would share their variables
  ...["-Wall", "-Werror", "-Wno-unknown-pragmas"],
];

export interface ShimKernels {
  /** Sources, by path. */
  readonly files: readonly string[];
  readonly names: readonly string[];
}

/** Makes the engine `cuda-native` use the shim, in this process and its children; or says why it cannot. */
export function useCudaShim(): string | undefined {
  if (Deno.env.get("DEPT_CUDA_DRIVER") !== undefined) return undefined;
  const built = buildShim();
  if ("missing" in built) return `${built.missing}; apt-get install -y g++`;
  const names = ["DEPT_CUDA_DRIVER", "DEPT_CUBLASLT"];
  for (const name of names) Deno.env.set(name, built.path);
  globalThis.addEventListener("unload", () => {
    for (const name of names) Deno.env.delete(name);
  });
  return undefined;
}

const testsCards = Deno.env.get("DEPT_TEST_DEVICES") !== undefined;

/** A test that needs the shim, skipped with the reason where it cannot be built, or where cards are tested. */
export function shimTest(name: string, fn: () => Promise<void> | void): void {
  testUnless(testsCards ? "this machine's card is tested" : useCudaShim(), name, fn);
}

/** A test on the shim, or with DEPT_TEST_DEVICES on this machine's card. */
export function cardTest(name: string, fn: () => Promise<void> | void): void {
  testUnless(testsCards ? undefined : useCudaShim(), name, fn);
}

function testUnless(
  missing: string | undefined,
  name: string,
  fn: () => Promise<void> | void,
): void {
  const why = missing === undefined ? "" : `: skipped: ${missing}`;
  Deno.test({ name: `${name}${why}`, ignore: missing !== undefined, fn });
}

/** Runs with a variable of the environment, which the shim reads. */
export async function withVariable<T>(
  name: string,
  value: string,
  run: () => Promise<T> | T,
): Promise<T> {
  const before = Deno.env.get(name);
  Deno.env.set(name, value);
  try {
    return await run();
  } finally {
    if (before === undefined) Deno.env.delete(name);
    else Deno.env.set(name, before);
  }
}

/** The library, or what is missing to build it. */
export function buildShim(
  { files, names }: ShimKernels = ownKernels(),
): { readonly path: string } | { readonly missing: string } {
  const source = sourceText(files, names);
  const headers = [...files, ...headerFiles.map((name) => join(kernelFolder, name))];
  const own = [...Deno.readDirSync(shimFolder)].map(({ name }) => join(shimFolder, name)).sort();
  const args = [...flags, ...fusedFlags(), "-I", shimFolder, "-I", kernelFolder];
  const texts = [...own, ...headers].map((path) => Deno.readTextFileSync(path));
  const digest = sha256([source, ...args, ...texts].join("\n")).slice(0, 16);
  const path = join(cacheFolder, `${digest}.so`);
  if (existsSync(path)) return { path };
  Deno.mkdirSync(cacheFolder, { recursive: true });
  const folder = Deno.makeTempDirSync({ dir: cacheFolder });
  try {
    const [main, made] = [join(folder, "shim.cpp"), join(folder, "shim.so")];
    Deno.writeTextFileSync(main, source);
    const { success, stderr } = new Deno.Command("g++", {
      args: [...args, "-o", made, main],
      env: { LC_ALL: "C" },
      stdin: "null",
    }).outputSync();
    if (!success) throw new Error(`Cannot build the shim: ${new TextDecoder().decode(stderr)}`);
    Deno.renameSync(made, path); // whole under its name, whoever else builds it
    return { path };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return { missing: "g++ was not found" };
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** All kernels of the engine, by the names in their PTX text: text and sources cannot have different ones. */
function ownKernels(): ShimKernels {
  const pathOf = (name: string, end: string) => join(kernelFolder, `${name}.${end}`);
  return {
    files: kernelFiles.map((name) => pathOf(name, "cu")),
    names: kernelFiles.flatMap((name) => [
      ...entriesOf(Deno.readTextFileSync(pathOf(name, "ptx"))).keys(),
    ]),
  };
}

/** The kernels, a table of their names, and the libraries' calls. */
function sourceText(files: readonly string[], names: readonly string[]): string {
  return [
    '#include "device.h"',
    ...files.map((file) => `#include "${file}"`),
    "const ShimKernel shim_kernels[] = {",
    ...names.map((name) => `  {"${name}", [](void** list) { shim_call(${name}, list); }},`),
    "};",
    "const size_t shim_kernel_count = sizeof shim_kernels / sizeof *shim_kernels;",
    '#include "driver.cpp"',
    '#include "cublaslt.cpp"\n',
  ].join("\n");
}

/** Instructions for `fmaf`, where the processor has them: the same bytes in less time. */
function fusedFlags(): string[] {
  try {
    return /\bfma\b/.test(Deno.readTextFileSync("/proc/cpuinfo")) ? ["-mfma"] : [];
  } catch {
    return [];
  }
}
