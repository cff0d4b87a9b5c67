/**
 * Named float tensors in the memory of a card.
 */
import { sizeOf } from "../../model/mod.ts";
import type { Shapes, Store } from "../engine_program.ts";
import { aligned } from "./arena.ts";
import type { Driver } from "./driver.ts";

export class CardStore implements Store {
  readonly bytes: number;
  readonly #driver: Driver;
  readonly #shapes: Shapes;
  readonly #offsets: ReadonlyMap<string, number>;
  #base = 0n;

  constructor(driver: Driver, shapes: Shapes) {
    this.#driver = driver;
    this.#shapes = shapes;
    const offsets = new Map<string, number>();
    let bytes = 0;
    for (const [name, shape] of Object.entries(shapes)) {
      offsets.set(name, bytes);
      bytes += aligned(4 * sizeOf(shape));
    }
    this.#offsets = offsets;
    this.bytes = bytes;
  }

  /** Gives the store its memory; all values are zero then. */
  place(base: bigint): void {
    this.#base = base;
    this.clear();
  }

  has(name: string): boolean {
    return this.#offsets.has(name);
  }

  address(name: string): bigint {
    return this.#base + BigInt(this.#offsets.get(name)!);
  }

  write(values: Readonly<Record<string, Float32Array>>): void {
    for (const [name, data] of Object.entries(values)) this.#driver.put(this.address(name), data);
  }

  async read(names: readonly string[]): Promise<Record<string, Float32Array>> {
    await this.#driver.finish("read values");
    return Object.fromEntries(names.map((name) => {
      const data = new Float32Array(sizeOf(this.#shapes[name]));
      this.#driver.take(this.address(name), data);
      return [name, data];
    }));
  }

  clear(): void {
    if (this.bytes > 0) this.#driver.fill(this.#base, 0, this.bytes / 4);
  }
}
