/**
 * A plan made ready for a card: handles in place of names, addresses in place of values, arguments packed once.
 */
import type { Card } from "./card.ts";
import type { Argument, Launch, Place } from "./command.ts";
import type { Driver } from "./driver.ts";
import type { Kernel, ParameterType } from "./kernels.ts";
import type { AddressOf } from "./multiplier.ts";
import { ownProduct } from "./ops/products.ts";
import type { PlannedCommand } from "./plan.ts";

interface Step {
  /** For messages: `run layer_norm for LayerNormalization in body.block.3.norm_1`. */
  readonly act: string;
  start(): void;
}

export class Launches {
  readonly #driver: Driver;
  readonly #steps: readonly Step[];
  /** Holds all arguments; the driver reads it at each launch, so it lives as long as this. */
  readonly #memory: DataView<ArrayBuffer>;
  /** Whether each launch is waited for, so that an error names the one that failed. */
  readonly #isChecked = Deno.env.get("DEPT_CUDA_CHECK") === "1";

  /** @throws Error for a kernel that is not there, or whose parameters are others. */
  constructor(
    { driver, kernels, precision, multiplier }: Card,
    commands: readonly PlannedCommand[],
    addressOf: AddressOf,
  ) {
    this.#driver = driver;
    const prepared = commands.map(({ command, purpose }): Step | (Launch & { act: string }) => {
      if ("clear" in command) {
        const { clear, words } = command;
        const address = addressOf({ value: clear, offset: 0 });
        return { act: `clear for ${purpose}`, start: () => driver.fill(address, 0, words) };
      }
      if ("kernel" in command) return { ...command, act: `run ${command.kernel} for ${purpose}` };
      const act = `multiply for ${purpose}`;
      const start = multiplier?.prepare(command.product, addressOf, act);
      const own = () => ({ ...ownProduct(command.product, precision), act });
      return start === undefined ? own() : { act, start };
    });
    let bytes = 0;
    for (const step of prepared) {
      if ("start" in step) continue;
      for (const type of parametersOf(kernels, step.kernel)) bytes += bytesOf(type);
    }
    this.#memory = new DataView(new ArrayBuffer(bytes));
    const base = Deno.UnsafePointer.value(Deno.UnsafePointer.of(this.#memory));
    let at = 0;
    this.#steps = prepared.map((step): Step => {
      if ("start" in step) return step;
      const { kernel, grid, act } = step;
      const types = parametersOf(kernels, kernel);
      if (types.length !== step.arguments.length) {
        const found = step.arguments.length;
        throw new Error(`Cannot ${act}: expected ${types.length} arguments, found ${found}`);
      }
      const values = new BigUint64Array(types.length);
      types.forEach((type, i) => {
        values[i] = base + BigInt(at);
        this.#write(at, type, step.arguments[i], addressOf, act);
        at += bytesOf(type);
      });
      const { handle } = kernels.get(kernel)!;
      return { act, start: () => driver.launch(act, handle, grid, values) };
    });
  }

  /** Starts all of them, in order. */
  run(): void {
    for (const step of this.#steps) {
      step.start();
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
