/**
 * A plan made ready for a card: handles in place of names, addresses in place of values, arguments packed once.
 */
import type { Argument, Place } from "./command.ts";
import type { Driver, Grid } from "./driver.ts";
import type { Kernel, ParameterType } from "./kernels.ts";
import type { PlannedCommand } from "./plan.ts";

type Step =
  | {
    readonly act: string;
    readonly kernel: bigint;
    readonly grid: Grid;
    /** Addresses of the arguments. */
    readonly values: BigUint64Array<ArrayBuffer>;
  }
  | { readonly clear: bigint; readonly words: number };

/** Where a value lies on the card. */
type AddressOf = (place: Place) => bigint;

export class Launches {
  readonly #driver: Driver;
  readonly #steps: readonly Step[];
  /** Holds all arguments; the driver reads it at each launch, so it lives as long as this. */
  readonly #memory: DataView<ArrayBuffer>;
  /** Whether each launch is waited for, so that an error names the one that failed. */
  readonly #isChecked = Deno.env.get("DEPT_CUDA_CHECK") === "1";

  /** @throws Error for a kernel that is not there, or whose parameters are others. */
  constructor(
    driver: Driver,
    kernels: ReadonlyMap<string, Kernel>,
    commands: readonly PlannedCommand[],
    addressOf: AddressOf,
  ) {
    this.#driver = driver;
    let bytes = 0;
    for (const { command } of commands) {
      if ("clear" in command) continue;
      for (const type of parametersOf(kernels, command.kernel)) bytes += bytesOf(type);
    }
    this.#memory = new DataView(new ArrayBuffer(bytes));
    const base = Deno.UnsafePointer.value(Deno.UnsafePointer.of(this.#memory));
    let at = 0;
    this.#steps = commands.map(({ command, purpose }): Step => {
      if ("clear" in command) {
        const { clear, words } = command;
        return { clear: addressOf({ value: clear, offset: 0 }), words };
      }
      const types = parametersOf(kernels, command.kernel);
      const act = `run ${command.kernel} for ${purpose}`;
      if (types.length !== command.arguments.length) {
        const found = command.arguments.length;
        throw new Error(`Cannot ${act}: expected ${types.length} arguments, found ${found}`);
      }
      const values = new BigUint64Array(types.length);
      types.forEach((type, i) => {
        values[i] = base + BigInt(at);
        this.#write(at, type, command.arguments[i], addressOf, act);
        at += bytesOf(type);
      });
      return { act, kernel: kernels.get(command.kernel)!.handle, grid: command.grid, values };
    });
  }

  /** Starts all of them, in order. */
  run(): void {
    for (const step of this.#steps) {
      if ("clear" in step) {
        this.#driver.fill(step.clear, 0, step.words);
        continue;
      }
      this.#driver.launch(step.act, step.kernel, step.grid, step.values);
      if (this.#isChecked) this.#driver.synchronize(step.act);
    }
  }

  #write(
    at: number,
    type: ParameterType,
    value: Argument,
    addressOf: AddressOf,
    act: string,
  ): void {
    const isNumber = typeof value === "number";
    if (typeof type === "object" && Array.isArray(value) && 4 * value.length === type.bytes) {
      value.forEach((word, i) => this.#memory.setUint32(at + 4 * i, word, true));
    } else if (type === "u32" && isNumber) this.#memory.setUint32(at, value, true);
    else if (type === "f32" && isNumber) this.#memory.setFloat32(at, value, true);
    else if (type === "u64" && !isNumber && !Array.isArray(value)) {
      this.#memory.setBigUint64(at, placed(value as string | Place, addressOf), true);
    } else {
      const found = JSON.stringify(value);
      throw new Error(`Cannot ${act}: expected ${JSON.stringify(type)}, found ${found}`);
    }
  }
}

function placed(value: string | Place, addressOf: AddressOf): bigint {
  if (value === "") return 0n;
  return addressOf(typeof value === "string" ? { value, offset: 0 } : value);
}

function parametersOf(
  kernels: ReadonlyMap<string, Kernel>,
  name: string,
): readonly ParameterType[] {
  const kernel = kernels.get(name);
  if (kernel === undefined) {
    throw new Error(`Cannot run kernel ${name}: expected one of the PTX text, found none`);
  }
  return kernel.parameters;
}

/** Of an argument, up to the next multiple of 8. */
function bytesOf(type: ParameterType): number {
  return typeof type === "object" ? 8 * Math.ceil(type.bytes / 8) : 8;
}
