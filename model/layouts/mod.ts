/**
 * How other programs name and shape the parameters of our networks, and what their `config.json` says of them.
 *
 * ```ts
 * import { layoutOf } from "./mod.ts";
 * const config = {
 *   nLayers: 2, dModel: 32, nHeads: 4, expansion: 4, seqLen: 16, vocabSize: 100, positions: "alibi", bias: true,
 * } as const;
 * console.log(layoutOf({ ...config, bias: false }).layout.architecture); // MptForCausalLM
 * console.log(layoutOf(config).misfit); // MPT drops biases: { bias: false } would make it fit
 * ```
 */
export type {
  ConfigJson,
  Layout,
  LayoutTensor,
  LayoutTensors,
  Misfit,
  TensorPlace,
} from "./layout.ts";
export { ConfigFields } from "./config_fields.ts";
export { type Fit, layoutOf, layouts } from "./layouts.ts";
export { fromLayout, toLayout } from "./tensors.ts";
