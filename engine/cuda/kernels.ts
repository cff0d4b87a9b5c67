/**
 * The kernels by name: PTX text, which stands beside the sources, and the types of each kernel's parameters, read from that text. So a
 * kernel whose signature has changed is refused when a program is made, not on the card.
 */
import type { Driver } from "./driver.ts";
import adamw from "./kernels/adamw.ptx" with { type: "text" };
import attention from "./kernels/attention.ptx" with { type: "text" };
import attentionBf16 from "./kernels/attention_bf16.ptx" with { type: "text" };
import elementwise from "./kernels/elementwise.ptx" with { type: "text" };
import head from "./kernels/head.ptx" with { type: "text" };
import layout from "./kernels/layout.ptx" with { type: "text" };
import products from "./kernels/products.ptx" with { type: "text" };
import rows from "./kernels/rows.ptx" with { type: "text" };

/** A parameter: an address, a number, or so many bytes of whole numbers. */
export type ParameterType = "u64" | "u32" | "f32" | { readonly bytes: number };

/** The kernels of PTX text and their parameters, in order. */
export function entriesOf(ptx: string): Map<string, readonly ParameterType[]> {
  const entries = ptx.matchAll(/^\.visible \.entry (\w+)\(([^)]*)\)/gm);
  return new Map([...entries].map(([, name, list]) => [name, parametersOf(name, list)]));
}

function parametersOf(kernel: string, list: string): ParameterType[] {
  return list.split(",").filter((line) => line.trim() !== "").map((line) => {
    const [, type, bytes] = /\.param (?:\.align \d+ )?\.(\w+) \w+(?:\[(\d+)\])?/.exec(line) ?? [];
    if (type === "b8" && bytes !== undefined) return { bytes: Number(bytes) };
    if (type === "u64" || type === "u32" || type === "f32") return type;
    throw new Error(
      `Cannot use kernel ${kernel}: expected parameters of type u64, u32, f32 or b8, found "${line.trim()}"`,
    );
  });
}

export interface Kernel {
  readonly handle: bigint;
  readonly parameters: readonly ParameterType[];
}

/** Loads all kernels. */
export function loadKernels(driver: Driver): ReadonlyMap<string, Kernel> {
  const kernels = new Map<string, Kernel>();
  for (const ptx of [adamw, attention, attentionBf16, elementwise, head, layout, products, rows]) {
    const module = driver.load(ptx);
    for (const [name, parameters] of entriesOf(ptx)) {
      kernels.set(name, { handle: driver.kernel(module, name), parameters });
    }
  }
  return kernels;
}
