/**
 * The files of an ONNX model: one, or one with the graph and others with its parameters.
 *
 * A protobuf message holds less than 2 GiB. Larger models keep their tensors in files beside it, as ONNX's external data;
 * transformers.js looks for them under the names `model.onnx_data`, `model.onnx_data_1`, …
 */
import { modelParts, type OnnxGraph, type OnnxTensor, type OpenValue } from "../onnx_proto.ts";

export interface ModelFile {
  readonly name: string;
  /** The content, part by part. */
  readonly parts: readonly Uint8Array[];
}

export interface StoredModelOptions {
  /** Bytes of tensors above which they stand in files of their own. */
  readonly inlineBytes?: number;
  /** Most bytes of such a file, but for a tensor that is larger by itself. */
  readonly fileBytes?: number;
}

/** 2 GiB less room for the graph itself. */
const largestMessage = 2 ** 31 - 2 ** 26;
/** Offsets that a reader can map into memory on every system. */
const alignment = 4096;
/** Tensors of fewer bytes stay in the graph: runtimes need some constants before they open other files. */
const leastExternal = 1024;

/** The files of a model by name, the graph first. */
export function storedModel(
  graph: OnnxGraph<OpenValue>,
  name: string,
  { inlineBytes = largestMessage, fileBytes = largestMessage }: StoredModelOptions = {},
): readonly ModelFile[] {
  const total = graph.initializers.reduce((sum, { bytes }) => sum + bytes.length, 0);
  if (total <= inlineBytes) return [{ name, parts: modelParts(graph) }];
  const files: { name: string; parts: Uint8Array[]; length: number }[] = [];
  const place = (tensor: OnnxTensor): OnnxTensor => {
    const { bytes } = tensor;
    if (bytes.length < leastExternal) return tensor;
    let file = files.at(-1);
    if (
      file === undefined || (file.length > 0 && aligned(file.length) + bytes.length > fileBytes)
    ) {
      const suffix = files.length === 0 ? "" : `_${files.length}`;
      file = { name: `${name}_data${suffix}`, parts: [], length: 0 };
      files.push(file);
    }
    const offset = aligned(file.length);
    if (offset > file.length) file.parts.push(new Uint8Array(offset - file.length));
    file.parts.push(bytes);
    file.length = offset + bytes.length;
    return { ...tensor, external: { file: file.name, offset } };
  };
  const initializers = graph.initializers.map(place);
  return [{ name, parts: modelParts({ ...graph, initializers }) }, ...files];
}

function aligned(length: number): number {
  return Math.ceil(length / alignment) * alignment;
}
