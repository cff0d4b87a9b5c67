/**
 * Writes an ONNX model as bytes: the two dozen protobuf fields that a static graph needs, and no more.
 *
 * Source: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto (field numbers), IR version 8 for opset 18.
 */
import type { Attributes, DType } from "../../model/mod.ts";
import { ProtoWriter } from "../../base/mod.ts";

/** Element types as ONNX numbers them (TensorProto.DataType). */
export const elementTypes = { float32: 1, int32: 6, int64: 7, float16: 10 } as const;
/** Half precision is no type of inputs, outputs and constants. */
type ElementType = Exclude<keyof typeof elementTypes, "float16">;

export interface OnnxValue {
  readonly name: string;
  readonly elementType: ElementType;
  readonly shape: readonly number[];
}

export interface OnnxTensor extends OnnxValue {
  /** Little-endian elements, row by row. */
  readonly bytes: Uint8Array;
}

export interface OnnxNode {
  readonly name: string;
  readonly op: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Attributes;
}

export interface OnnxGraph {
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly initializers: readonly OnnxTensor[];
  readonly nodes: readonly OnnxNode[];
}

/** Attributes that ONNX declares as float; every other number is an int. A number alone does not say which it is. */
const floatAttributes: ReadonlySet<string> = new Set(["alpha", "beta", "epsilon"]);

/** ModelProto: ir_version 1, producer_name 2, graph 7, opset_import 8 (domain 1, version 2). */
export function encodeModel(graph: OnnxGraph): Uint8Array<ArrayBuffer> {
  const model = new ProtoWriter();
  model.int(1, 8);
  model.string(2, "dept");
  model.message(7, (writer) => writeGraph(writer, graph));
  for (const [domain, version] of [["", 18], ["com.microsoft", 1]] as const) {
    model.message(8, (opset) => {
      opset.string(1, domain);
      opset.int(2, version);
    });
  }
  return model.finish();
}

/** GraphProto: node 1, name 2, initializer 5, input 11, output 12. */
function writeGraph(writer: ProtoWriter, graph: OnnxGraph): void {
  for (const node of graph.nodes) writer.message(1, (inner) => writeNode(inner, node));
  writer.string(2, "graph");
  for (const tensor of graph.initializers) writer.message(5, (inner) => writeTensor(inner, tensor));
  for (const value of graph.inputs) writer.message(11, (inner) => writeValue(inner, value));
  for (const value of graph.outputs) writer.message(12, (inner) => writeValue(inner, value));
}

/** NodeProto: input 1, output 2, name 3, op_type 4, attribute 5, domain 7. */
function writeNode(writer: ProtoWriter, node: OnnxNode): void {
  for (const input of node.inputs) writer.string(1, input);
  for (const output of node.outputs) writer.string(2, output);
  writer.string(3, node.name);
  writer.string(4, node.op);
  for (const [name, value] of Object.entries(node.attributes)) {
    writer.message(5, (inner) => writeAttribute(inner, name, value));
  }
  writer.string(7, node.domain);
}

/** AttributeProto: name 1, f 2, i 3, s 4, ints 8, type 20 (1 float, 2 int, 3 string, 7 ints). */
function writeAttribute(
  writer: ProtoWriter,
  name: string,
  value: Attributes[string],
): void {
  writer.string(1, name);
  if (typeof value === "string") {
    writer.string(4, value);
    writer.int(20, 3);
  } else if (typeof value === "number") {
    const isFloat = floatAttributes.has(name);
    if (isFloat) writer.float(2, value);
    else writer.int(3, value);
    writer.int(20, isFloat ? 1 : 2);
  } else {
    for (const item of value) writer.int(8, item);
    writer.int(20, 7);
  }
}

/** TensorProto: dims 1, data_type 2, name 8, raw_data 9. */
function writeTensor(writer: ProtoWriter, tensor: OnnxTensor): void {
  for (const size of tensor.shape) writer.int(1, size);
  writer.int(2, elementTypes[tensor.elementType]);
  writer.string(8, tensor.name);
  writer.bytes(9, tensor.bytes);
}

/** ValueInfoProto: name 1, type 2; TypeProto: tensor_type 1 (elem_type 1, shape 2); shape: dim 1 (dim_value 1). */
function writeValue(writer: ProtoWriter, value: OnnxValue): void {
  writer.string(1, value.name);
  writer.message(2, (type) => {
    type.message(1, (tensor) => {
      tensor.int(1, elementTypes[value.elementType]);
      tensor.message(2, (shape) => {
        for (const size of value.shape) shape.message(1, (dimension) => dimension.int(1, size));
      });
    });
  });
}

/** Elements of a constant as the bytes that ONNX wants (int64 where an operator asks for it). */
export function rawBytes(data: ArrayLike<number>, type: DType | "int64"): Uint8Array {
  switch (type) {
    case "float32":
      return new Uint8Array(Float32Array.from(data).buffer);
    case "int32":
      return new Uint8Array(Int32Array.from(data).buffer);
    case "int64":
      return new Uint8Array(BigInt64Array.from(Array.from(data, BigInt)).buffer);
    default:
      return type satisfies never;
  }
}
