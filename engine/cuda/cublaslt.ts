/**
 * Products of matrices by cuBLASLt, Nvidia's library, where it is installed: on tensor cores, factors rounded to TF32 (10 bits after
 * the point) or given in bf16 (7 bits), sums and results in single precision.
 *
 * The library's matrices are column-major: y = op(a)·op(b), row-major, is yᵀ = op(b)ᵀ·op(a)ᵀ there, on the same memory. For each distinct
 * product one algorithm is asked for and kept, and none is timed, as noise would choose. Sums of parts go through the workspace in a
 * fixed order. Nvidia promises the same bytes for one version, architecture and number of multiprocessors, on one stream.
 */
import { join } from "node:path";
import { messageOf, StageError, UsageError } from "../../base/mod.ts";
import { sizeOf } from "../../model/mod.ts";
import type { Choices } from "./choices.ts";
import type { MatrixProduct, Place } from "./command.ts";
import type { Driver } from "./driver.ts";
import type { AddressOf, Multiplier } from "./multiplier.ts";
import { fewAxes } from "./ops/axes.ts";

const { i32, i64, u64, usize, buffer } = {
  i32: "i32",
  i64: "i64",
  u64: "u64",
  usize: "usize",
  buffer: "buffer",
} as const;

function call<const Parameters extends readonly Deno.NativeType[]>(...parameters: Parameters) {
  return { parameters, result: i32 } as const;
}

const library = {
  cublasLtGetVersion: { parameters: [], result: usize },
  cublasLtCreate: call(buffer),
  cublasLtMatmulDescCreate: call(buffer, i32, i32),
  cublasLtMatmulDescSetAttribute: call(u64, i32, buffer, usize),
  cublasLtMatrixLayoutCreate: call(buffer, i32, u64, u64, i64),
  cublasLtMatrixLayoutSetAttribute: call(u64, i32, buffer, usize),
  cublasLtMatmulPreferenceCreate: call(buffer),
  cublasLtMatmulPreferenceSetAttribute: call(u64, i32, buffer, usize),
  cublasLtMatmulAlgoGetHeuristic: call(u64, u64, u64, u64, u64, u64, u64, i32, buffer, buffer),
  cublasLtMatmul: call(
    ...[u64, u64, buffer, u64, u64, u64, u64, buffer] as const,
    ...[u64, u64, u64, u64, buffer, u64, usize, u64] as const,
  ),
} as const;

type Calls = Deno.StaticForeignLibraryInterface<typeof library>;

/** Enumerations of `cublasLt.h` and `library_types.h`. */
const typeFloat = 0;
const typeBf16 = 14;
/** What computes, and the type of both factors. */
const kinds = {
  tf32: { compute: 77, factor: typeFloat },
  bf16: { compute: 68, factor: typeBf16 },
} as const;
const descriptor = { transA: 3, transB: 4, epilogue: 7, biasPointer: 8 } as const;
const layout = { batchCount: 5, batchStep: 6 } as const;
const preference = { mostWorkspace: 1, reductionMask: 3, alignments: [5, 6, 7, 8] } as const;
const epilogueBias = 4;
/** Parts of sums are added in a step of their own, and not in place. */
const reductionInWorkspace = 2;
const workspaceBytes = 32 * 2 ** 20;
/** What addresses are multiples of, at the most that matters: an algorithm may load so many bytes at once. */
const mostAlignment = 256;
/** Bytes of a `cublasLtMatmulHeuristicResult_t`, which begins with the 64 bytes of the algorithm. */
const resultBytes = 96;

/** What all products of the same shapes share. */
interface Chosen {
  readonly descriptor: bigint;
  readonly a: bigint;
  readonly b: bigint;
  readonly y: bigint;
  readonly algorithm: Uint8Array<ArrayBuffer>;
}

export class CublasLt implements Multiplier {
  readonly version: string;
  #choices: Choices | undefined;
  readonly #kind: keyof typeof kinds;
  readonly #calls: Calls;
  readonly #driver: Driver;
  readonly #handle: bigint;
  readonly #preference: bigint;
  readonly #workspace: bigint;
  /** By shape; undefined where the library has no algorithm. */
  readonly #chosen = new Map<string, Chosen | undefined>();

  /** @throws UsageError where the library is not found. */
  constructor(driver: Driver, kind: keyof typeof kinds) {
    this.#driver = driver;
    this.#kind = kind;
    this.#calls = openLibrary(kind);
    this.version = `cuBLASLt ${versionText(Number(this.#calls.cublasLtGetVersion()))}`;
    this.#handle = this.#made("open cuBLASLt", (to) => this.#calls.cublasLtCreate(to));
    this.#preference = this.#made(
      "ask cuBLASLt",
      (to) => this.#calls.cublasLtMatmulPreferenceCreate(to),
    );
    this.#prefer(preference.mostWorkspace, BigUint64Array.of(BigInt(workspaceBytes)));
    this.#prefer(preference.reductionMask, Int32Array.of(reductionInWorkspace));
    const workspace = driver.allocate(workspaceBytes);
    if (workspace === undefined) {
      throw new StageError("Cannot use cuBLASLt: expected 32 MiB of free memory, found less");
    }
    this.#workspace = workspace;
  }

  keepIn(choices: Choices): void {
    this.#choices = choices;
  }

  get takesHalves(): boolean {
    return kinds[this.#kind].factor === typeBf16;
  }

  prepare(of: MatrixProduct, addressOf: AddressOf, act: string): (() => void) | undefined {
    const { stack = { shape: [], steps: [[], []] as const }, addend } = of;
    const hasBias = addend !== undefined;
    if (hasBias && (addend.row !== 0 || addend.column !== 1)) return undefined;
    if (addend !== undefined && sizeOf(stack.shape) > 1) return undefined;
    const walk = evenWalk(stack.shape, stack.steps);
    if (walk === undefined) return undefined;
    const address = (value: string | Place) =>
      addressOf(typeof value === "string" ? { value, offset: 0 } : value);
    const { a: left, b: right } = this.takesHalves ? of.halves! : of;
    const [a, b, y] = [left, right, of.y].map(address);
    const chosen = this.#choose(of, walk, hasBias, [b, a, y, y].map(alignmentOf));
    if (chosen === undefined) return undefined;
    const [alpha, beta] = [of.alpha ?? 1, of.beta ?? 0].map((factor) => Float32Array.of(factor));
    const bias = hasBias ? BigUint64Array.of(address(addend.c)) : undefined;
    return () => {
      if (bias !== undefined) {
        this.#describe(chosen.descriptor, descriptor.biasPointer, bias, act);
      }
      const code = this.#calls.cublasLtMatmul(
        ...[this.#handle, chosen.descriptor, alpha, b, chosen.a, a, chosen.b, beta] as const,
        ...[y, chosen.y, y, chosen.y, chosen.algorithm, this.#workspace] as const,
        ...[BigInt(workspaceBytes), this.#driver.stream] as const,
      );
      this.#expect(act, code);
    };
  }

  /** Descriptors and the algorithm, made once for each kind of product. */
  #choose(
    { rows, columns, inner, transA = false, transB = false }: MatrixProduct,
    { count, steps }: EvenWalk,
    hasBias: boolean,
    alignments: readonly number[],
  ): Chosen | undefined {
    const sizes = [rows, columns, inner, transA, transB, count, steps];
    const key = JSON.stringify([sizes, hasBias, alignments]);
    if (this.#chosen.has(key)) return this.#chosen.get(key);
    const act = "describe a product to cuBLASLt";
    const { compute, factor } = kinds[this.#kind];
    const made = this.#made(
      act,
      (to) => this.#calls.cublasLtMatmulDescCreate(to, compute, typeFloat),
    );
    this.#describe(made, descriptor.transA, Int32Array.of(Number(transB)), act);
    this.#describe(made, descriptor.transB, Int32Array.of(Number(transA)), act);
    if (hasBias) {
      this.#describe(made, descriptor.epilogue, Int32Array.of(epilogueBias), act);
      this.#describe(made, descriptor.biasPointer, BigUint64Array.of(this.#workspace), act);
    }
    // Row-major (r, c) is column-major (c, r) on the same memory.
    const matrix = (ofRows: number, ofColumns: number, step: number, type: number = factor) =>
      this.#layout(type, ofColumns, ofRows, count, step);
    const a = transB ? matrix(columns, inner, steps[1]) : matrix(inner, columns, steps[1]);
    const b = transA ? matrix(inner, rows, steps[0]) : matrix(rows, inner, steps[0]);
    const y = matrix(rows, columns, rows * columns, typeFloat);
    preference.alignments.forEach((which, i) => this.#prefer(which, Int32Array.of(alignments[i])));
    const product = `${this.#kind} ${key}`;
    let algorithm = this.#choices?.algorithm(product);
    if (algorithm === undefined) {
      const results = new Uint8Array(resultBytes);
      const found = new Int32Array(1);
      const code = this.#calls.cublasLtMatmulAlgoGetHeuristic(
        ...[this.#handle, made, a, b, y, y, this.#preference, 1, results, found] as const,
      );
      if (code === 0 && found[0] > 0) {
        algorithm = results.slice(0, 64);
        this.#choices?.keep(product, algorithm);
      }
    }
    const chosen = algorithm && { descriptor: made, a, b, y, algorithm };
    this.#chosen.set(key, chosen);
    return chosen;
  }

  #layout(type: number, rows: number, columns: number, count: number, step: number): bigint {
    const act = "describe a matrix to cuBLASLt";
    const sizes = [BigInt(rows), BigInt(columns), BigInt(rows)] as const;
    const made = this.#made(
      act,
      (to) => this.#calls.cublasLtMatrixLayoutCreate(to, type, ...sizes),
    );
    const set = (which: number, value: Int32Array<ArrayBuffer> | BigInt64Array<ArrayBuffer>) => {
      const bytes = BigInt(value.byteLength);
      this.#expect(act, this.#calls.cublasLtMatrixLayoutSetAttribute(made, which, value, bytes));
    };
    set(layout.batchCount, Int32Array.of(count));
    set(layout.batchStep, BigInt64Array.of(BigInt(step)));
    return made;
  }

  #prefer(which: number, value: BigUint64Array<ArrayBuffer> | Int32Array<ArrayBuffer>): void {
    const bytes = BigInt(value.byteLength);
    this.#expect(
      "ask cuBLASLt",
      this.#calls.cublasLtMatmulPreferenceSetAttribute(this.#preference, which, value, bytes),
    );
  }

  #describe(
    made: bigint,
    which: number,
    value: Int32Array<ArrayBuffer> | BigUint64Array<ArrayBuffer>,
    act: string,
  ): void {
    const bytes = BigInt(value.byteLength);
    this.#expect(act, this.#calls.cublasLtMatmulDescSetAttribute(made, which, value, bytes));
  }

  #made(act: string, make: (to: BigUint64Array<ArrayBuffer>) => number): bigint {
    const to = new BigUint64Array(1);
    this.#expect(act, make(to));
    return to[0];
  }

  #expect(act: string, status: number): void {
    if (status !== 0) throw new Error(`Cannot ${act}: cuBLASLt says status ${status}`);
  }
}

/** `cuBLASLt 13.1.1`; undefined where it is not found. */
export function libraryHere(): string | undefined {
  try {
    return `cuBLASLt ${versionText(Number(openLibrary("bf16").cublasLtGetVersion()))}`;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return undefined;
  }
}

/** `13.1.1` for 130101. */
function versionText(version: number): string {
  return [version / 10_000, version % 10_000 / 100, version % 100].map(Math.floor).join(".");
}

/** The largest power of two that an address is a multiple of, up to what matters. */
function alignmentOf(address: bigint): number {
  const lowest = Number(address & -address & 0xffffn);
  return lowest === 0 ? mostAlignment : Math.min(mostAlignment, lowest);
}

/** A stack with one step for each factor. */
interface EvenWalk {
  readonly count: number;
  readonly steps: readonly number[];
}

/** Undefined where a factor steps unevenly over a stack. */
function evenWalk(
  shape: readonly number[],
  steps: readonly (readonly number[])[],
): EvenWalk | undefined {
  try {
    const walk = fewAxes(shape, steps, 1);
    return { count: walk.extents[0], steps: walk.steps.map(([step]) => step) };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return undefined;
  }
}

/** Names of the library, the newest first, and folders besides the loader's own. */
function libraryPaths(): string[] {
  const named = Deno.env.get("DEPT_CUBLASLT");
  if (named !== undefined) return [named];
  const isWindows = Deno.build.os === "windows";
  const names = isWindows
    ? ["cublasLt64_13.dll", "cublasLt64_12.dll"]
    : ["libcublasLt.so.13", "libcublasLt.so.12"];
  const home = Deno.env.get("CUDA_HOME");
  const folder = isWindows ? "bin" : "lib64";
  return [...names, ...(home === undefined ? [] : names.map((name) => join(home, folder, name)))];
}

function openLibrary(precision: string): Calls {
  const paths = libraryPaths();
  const causes: string[] = [];
  for (const path of paths) {
    try {
      return Deno.dlopen(path, library).symbols;
    } catch (cause) {
      causes.push(messageOf(cause));
    }
  }
  throw new UsageError(
    `Cannot use engine "cuda-native" with precision "${precision}": expected Nvidia's library cuBLASLt (${
      paths.join(" or ")
    }; DEPT_CUBLASLT names it), found none (set engine.products=own, or engine.precision=fp32)`,
    { cause: causes.join("; ") },
  );
}
