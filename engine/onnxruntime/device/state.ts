/**
 * Named float tensors that live on a device. The host's side of them is touched only by `write` and `read`.
 */
import { sizeOf } from "../../../model/mod.ts";
import type { OnnxValue } from "../onnx_proto.ts";
import type { Shapes, Store } from "../../engine_program.ts";
import { copyGraph, copyOf } from "./graphs.ts";
import { type Tensor, tensor } from "../session.ts";
import type { DeviceSessions } from "./sessions.ts";

export class DeviceState implements Store {
  readonly #shapes: Shapes;
  readonly #sessions: DeviceSessions;
  /** Tensors on the device, or zeros that were never written: undefined. */
  readonly #tensors = new Map<string, Tensor>();

  constructor(shapes: Shapes, sessions: DeviceSessions) {
    this.#shapes = shapes;
    this.#sessions = sessions;
  }

  /** Copies values to the device. */
  async write(values: Readonly<Record<string, Float32Array>>): Promise<void> {
    const names = Object.keys(values);
    if (names.length === 0) return;
    const fed = names.map((name) => [name, tensor(this.#value(name), values[name])]);
    const moved = await this.#copy(names, Object.fromEntries(fed), false);
    for (const name of names) this.put(name, moved[copyOf(name)]);
  }

  /** Copies values to the host. */
  async read(names: readonly string[]): Promise<Record<string, Float32Array>> {
    if (names.length === 0) return {};
    const held = await this.tensors(names);
    const moved = await this.#copy(names, held, true);
    return Object.fromEntries(names.map((name) => {
      const data = moved[copyOf(name)].data as Float32Array;
      return [name, data.slice()];
    }));
  }

  /** The tensors as they are on the device; zeros where nothing was written. */
  async tensors(names: readonly string[]): Promise<Record<string, Tensor>> {
    const missing = names.filter((name) => !this.#tensors.has(name));
    await this.write(
      Object.fromEntries(
        missing.map((name) => [name, new Float32Array(sizeOf(this.#shapes[name]))]),
      ),
    );
    return Object.fromEntries(names.map((name) => [name, this.#tensors.get(name)!]));
  }

  /** Takes over a tensor on the device and frees the one before. */
  put(name: string, next: Tensor): void {
    this.#tensors.get(name)?.dispose();
    this.#tensors.set(name, next);
  }

  /** All values become zero. */
  clear(): void {
    for (const one of this.#tensors.values()) one.dispose();
    this.#tensors.clear();
  }

  async #copy(
    names: readonly string[],
    fed: Readonly<Record<string, Tensor>>,
    toHost: boolean,
  ): Promise<Record<string, Tensor>> {
    const shapes = Object.fromEntries(names.map((name) => [name, this.#shapes[name]]));
    const key = `copy ${toHost ? "to" : "from"} the host: ${names.join(" ")}`;
    const hostOutputs = toHost ? names.map(copyOf) : [];
    const session = await this.#sessions.get(key, "copy", () => copyGraph(shapes), hostOutputs);
    return await session.compute(fed);
  }

  #value(name: string): OnnxValue {
    return { name, elementType: "float32", shape: this.#shapes[name] };
  }
}
