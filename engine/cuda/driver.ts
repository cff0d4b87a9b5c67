/**
 * The driver of Nvidia's cards, through Deno's FFI: a card's memory, copies, modules and launches. The only file that knows
 * handles. Every call that needs a context is made from the thread that made it current.
 */
import { messageOf, StageError, UsageError } from "../../base/mod.ts";

const { i32, u32, u64, usize, buffer, pointer } = {
  i32: "i32",
  u32: "u32",
  u64: "u64",
  usize: "usize",
  buffer: "buffer",
  pointer: "pointer",
} as const;

function call<const Parameters extends readonly Deno.NativeType[]>(...parameters: Parameters) {
  return { parameters, result: i32 } as const;
}

/** As `cuda.h` maps its names to versions. */
const library = {
  cuInit: call(u32),
  cuDriverGetVersion: call(buffer),
  cuDeviceGet: call(buffer, i32),
  cuDeviceGetName: call(buffer, i32, i32),
  cuDeviceGetAttribute: call(buffer, i32, i32),
  cuDevicePrimaryCtxRetain: call(buffer, i32),
  cuCtxSetCurrent: call(u64),
  cuMemGetInfo_v2: call(buffer, buffer),
  cuModuleLoadDataEx: call(buffer, buffer, u32, pointer, pointer),
  cuModuleGetFunction: call(buffer, u64, buffer),
  cuMemAlloc_v2: call(buffer, usize),
  cuMemFree_v2: call(u64),
  cuMemcpyHtoDAsync_v2: call(u64, buffer, usize, u64),
  cuMemcpyDtoHAsync_v2: call(buffer, u64, usize, u64),
  cuMemsetD32Async: call(u64, u32, usize, u64),
  cuStreamCreate: call(buffer, u32),
  cuStreamQuery: call(u64),
  cuStreamSynchronize: call(u64),
  cuLaunchKernel: call(u64, u32, u32, u32, u32, u32, u32, u32, u64, buffer, pointer),
  cuGetErrorName: call(i32, buffer),
} as const;

type Calls = Deno.StaticForeignLibraryInterface<typeof library>;

/** CUDA 12.0, whose driver (525) is the first to take PTX 8.0. */
const leastVersion = 12_000;
/** Compute capability of the kernels' PTX text. */
const leastCapability = 80;
const codes = { outOfMemory: 2, noDevice: 100, notReady: 600 } as const;
/** Codes from here on leave a process without the card. */
const firstLost = 700;
const attributes = { multiprocessors: 16, capabilityMajor: 75, capabilityMinor: 76 } as const;

/** What the driver answered, where that was no success: its word says more than a stack. */
export class DriverError extends StageError {
  readonly code: number;
  /** Whether this process cannot use the card any more. */
  readonly isLost: boolean;

  /** @param act `load kernels`, `run layer_norm in body.block.3.norm_1` */
  constructor(act: string, code: number, codeName: string, cause?: unknown) {
    const isLost = code >= firstLost;
    const lost = isLost ? "; the card is lost to this process: run again to go on" : "";
    super(`Cannot ${act}: the driver says ${codeName} (${code})${lost}`, { cause });
    this.code = code;
    this.isLost = isLost;
  }
}

/** Extents of a launch: blocks in three directions, and threads of a block. */
export interface Grid {
  readonly blocks: readonly [number, number, number];
  readonly threads: number;
}

export type HostArray = Float32Array | Float64Array | Int32Array;

/** A card with one stream: what is asked of it is done in order, and asking does not wait, except for `take`. */
export class Driver {
  /** `NVIDIA H200`. */
  readonly cardName: string;
  /** Of the card: 90 is 9.0. */
  readonly capability: number;
  readonly multiprocessors: number;
  /** CUDA's version that the driver is for: `12.4`. */
  readonly version: string;
  readonly #calls: Calls;
  /** Its handle, for libraries that work on the card. */
  readonly stream: bigint;

  /**
   * @param path The driver's library; where it is undefined, the one of this system.
   * @throws UsageError where there is no driver or no card, or one that is too old.
   */
  constructor(path = driverPath()) {
    this.#calls = openLibrary(path);
    this.#expect("start the driver", this.#calls.cuInit(0));
    const [version] = this.#numbers(
      "read the driver's version",
      (to) => this.#calls.cuDriverGetVersion(to),
    );
    if (version < leastVersion) {
      throw unusable(
        `a driver for CUDA ${versionText(leastVersion)} or later (525)`,
        `one for CUDA ${versionText(version)}`,
      );
    }
    const [device] = this.#numbers("find a card", (to) => this.#calls.cuDeviceGet(to, 0));
    const label = new Uint8Array(256);
    this.#expect("read the card's name", this.#calls.cuDeviceGetName(label, label.length, device));
    this.cardName = new TextDecoder().decode(label.subarray(0, label.indexOf(0)));
    const attribute = (which: number) =>
      this.#numbers(
        "read the card's kind",
        (to) => this.#calls.cuDeviceGetAttribute(to, which, device),
      )[0];
    const capability = 10 * attribute(attributes.capabilityMajor) +
      attribute(attributes.capabilityMinor);
    if (capability < leastCapability) {
      throw unusable(
        `a card of compute capability ${pointed(leastCapability)} or more (A100, RTX 30)`,
        `${pointed(capability)} (${this.cardName})`,
      );
    }
    this.capability = capability;
    this.multiprocessors = attribute(attributes.multiprocessors);
    this.version = versionText(version);
    const context = this.#handle(
      "open the card",
      (to) => this.#calls.cuDevicePrimaryCtxRetain(to, device),
    );
    this.#expect("use the card", this.#calls.cuCtxSetCurrent(context));
    this.stream = this.#handle("make a stream", (to) => this.#calls.cuStreamCreate(to, 1));
  }

  /** Bytes of the card's memory: free, and all. */
  memory(): { readonly free: number; readonly total: number } {
    const [free, total] = [new BigUint64Array(1), new BigUint64Array(1)];
    this.#expect("read the card's memory", this.#calls.cuMemGetInfo_v2(free, total));
    return { free: Number(free[0]), total: Number(total[0]) };
  }

  /**
   * Address of new memory, whose bytes may be anything; undefined where so much is not free.
   */
  allocate(bytes: number): bigint | undefined {
    const to = new BigUint64Array(1);
    const code = this.#calls.cuMemAlloc_v2(to, BigInt(bytes));
    if (code === codes.outOfMemory) return undefined;
    this.#expect("take memory", code);
    return to[0];
  }

  free(address: bigint): void {
    this.#expect("free memory", this.#calls.cuMemFree_v2(address));
  }

  /** Copies an array to the card; it may change as soon as this returns. */
  put(address: bigint, data: HostArray): void {
    const bytes = BigInt(data.byteLength);
    this.#expect(
      "copy to the card",
      this.#calls.cuMemcpyHtoDAsync_v2(address, bytesOf(data), bytes, this.stream),
    );
  }

  /** Fills an array from the card after all work before. */
  take(address: bigint, data: HostArray): void {
    const bytes = BigInt(data.byteLength);
    const code = this.#calls.cuMemcpyDtoHAsync_v2(bytesOf(data), address, bytes, this.stream);
    this.#expect("copy from the card", code);
    this.synchronize("copy from the card");
  }

  /** Sets words of four bytes. */
  fill(address: bigint, word: number, count: number): void {
    const code = this.#calls.cuMemsetD32Async(address, word, BigInt(count), this.stream);
    this.#expect("fill memory", code);
  }

  /** Loads kernels from PTX text, which the driver compiles for the card. */
  load(ptx: string): bigint {
    const text = new TextEncoder().encode(`${ptx}\0`);
    return this.#handle(
      "load kernels",
      (to) => this.#calls.cuModuleLoadDataEx(to, text, 0, null, null),
    );
  }

  kernel(module: bigint, name: string): bigint {
    const text = new TextEncoder().encode(`${name}\0`);
    return this.#handle(
      `find kernel ${name}`,
      (to) => this.#calls.cuModuleGetFunction(to, module, text),
    );
  }

  /** @param values Addresses of the arguments, which the call copies. */
  launch(
    act: string,
    kernel: bigint,
    { blocks: [x, y, z], threads }: Grid,
    values: BigUint64Array<ArrayBuffer>,
  ): void {
    const code = this.#calls.cuLaunchKernel(
      kernel,
      x,
      y,
      z,
      threads,
      1,
      1,
      0,
      this.stream,
      values,
      null,
    );
    if (code !== 0) this.#expect(act, code);
  }

  /** Ends when all that was asked for is done; other work of this thread goes on meanwhile. */
  async finish(act: string): Promise<void> {
    for (;;) {
      const code = this.#calls.cuStreamQuery(this.stream);
      if (code !== codes.notReady) return this.#expect(act, code);
      await nextTurn();
    }
  }

  /** Waits, with this thread, until all that was asked for is done. */
  synchronize(act: string): void {
    this.#expect(act, this.#calls.cuStreamSynchronize(this.stream));
  }

  #handle(act: string, make: (to: BigUint64Array<ArrayBuffer>) => number): bigint {
    const to = new BigUint64Array(1);
    this.#expect(act, make(to));
    return to[0];
  }

  #numbers(act: string, read: (to: Int32Array<ArrayBuffer>) => number): Int32Array {
    const to = new Int32Array(1);
    this.#expect(act, read(to));
    return to;
  }

  /** @throws Error naming the code, unless it is 0. */
  #expect(act: string, code: number): void {
    if (code === 0) return;
    if (code === codes.noDevice) throw unusable("an Nvidia card", "none");
    const to = new BigUint64Array(1);
    this.#calls.cuGetErrorName(code, to);
    const at = Deno.UnsafePointer.create(to[0]);
    const name = at === null ? "an unknown error" : Deno.UnsafePointerView.getCString(at);
    throw new DriverError(act, code, name);
  }
}

function driverPath(): string {
  const named = Deno.env.get("DEPT_CUDA_DRIVER");
  if (named !== undefined) return named;
  return Deno.build.os === "windows" ? "nvcuda.dll" : "libcuda.so.1";
}

function openLibrary(path: string): Calls {
  try {
    return Deno.dlopen(path, library).symbols;
  } catch (cause) {
    const message = messageOf(cause);
    if (cause instanceof Deno.errors.NotCapable) throw unusable("--allow-ffi", "none", cause);
    if (message.includes("Failed to register symbol")) {
      const [name = "a call"] = /cu[A-Z]\w+/.exec(message) ?? [];
      const expected = `a driver for CUDA ${versionText(leastVersion)} or later (525)`;
      throw unusable(expected, `one without ${name}`, cause);
    }
    throw unusable(`the Nvidia driver's library (${path})`, "none", cause);
  }
}

function unusable(expected: string, found: string, cause?: unknown): UsageError {
  return new UsageError(`Cannot use engine "cuda-native": expected ${expected}, found ${found}`, {
    cause,
  });
}

/** `9.0` for 90. */
function pointed(capability: number): string {
  return (capability / 10).toFixed(1);
}

/** `12.4` for 12040. */
function versionText(version: number): string {
  return `${Math.floor(version / 1000)}.${Math.floor(version % 1000 / 10)}`;
}

function bytesOf(data: HostArray): Uint8Array<ArrayBuffer> {
  return new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
}

/** A turn of the event loop, without a timer's delay. */
function nextTurn(): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(0);
  });
}
