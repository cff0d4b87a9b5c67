/**
 * The network as an ONNX model for other programs, and such a model read back.
 *
 * ```ts
 * import { initialiseBody, initialiseTable, parameterShapes } from "../../../model/mod.ts";
 * import { encodeModel, exportedGraph, ExportedSession } from "./mod.ts";
 *
 * const config = {
 *   nLayers: 1, dModel: 8, nHeads: 2, expansion: 4, seqLen: 16, vocabSize: 20, positions: "alibi", bias: true,
 * } as const;
 * const values = { ...initialiseBody(config, [1]), "embedding.token.weight": initialiseTable(20, 8, [2]) };
 * const weights = Object.fromEntries(
 *   Object.entries(parameterShapes(config)).map(([name, shape]) => [name, { shape, data: values[name] }]),
 * );
 * const session = await ExportedSession.open(encodeModel(exportedGraph(config, weights)), config, { threads: 1 });
 * console.log((await session.read([3, 1, 4])).length); // 60: three tokens, twenty pieces
 * await session.dispose();
 * ```
 */
export { encodeModel } from "../onnx_proto.ts";
export {
  exportedCacheNames,
  exportedGraph,
  type ExportedGraphOptions,
  type Weights,
} from "./exported_graph.ts";
export { ExportedSession } from "./exported_session.ts";
export { type ModelFile, storedModel, type StoredModelOptions } from "./stored_model.ts";
