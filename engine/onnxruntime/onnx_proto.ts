/**
 * Writes an ONNX model as bytes: the protobuf fields that our graphs need, and no more.
 *
 * Source: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto (field numbers), IR version 8 for opset 18.
 */
import type { Attributes, DType } from "../../model/mod.ts";
import { ProtoWriter } from "../../base/mod.ts";

/** Element types as ONNX numbers them (TensorProto.DataType). */
export const elementTypes = { float32: 1, int32: 6, int64: 7, float16: 10, float64: 11 } as const;
/** Half precision is no type of inputs, outputs and constants. */
type ElementType = Exclude<keyof typeof elementTypes, "float16">;

export interface OnnxValue {
  readonly name: string;
  readonly elementType: ElementType;
  readonly shape: readonly number[];
}

/** An input or output of which some lengths have only a name: whoever runs the model chooses them. */
export interface OpenValue extends Omit<OnnxValue, "shape"> {
  readonly shape: readonly (number | string)[];
}

export interface OnnxTensor extends OnnxValue {
  /** Little-endian elements, row by row. */
  readonly bytes: Uint8Array;
  /** Where the bytes stand when not in the model: a file in the model's folder, and their place there. */
  readonly external?: { readonly file: string; readonly offset: number };
}

export interface OnnxNode {
  readonly name: string;
  readonly op: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Attributes;
}

export interface OnnxGraph<Value extends OpenValue = OnnxValue> {
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly initializers: readonly OnnxTensor[];
  readonly nodes: readonly OnnxNode[];
}

/** Attributes that ONNX declares as float; every other number is an int. A number alone does not say which it is. */
const floatAttributes: ReadonlySet<string> = new Set(["alpha", "beta", "epsilon"]);

export function encodeModel(graph: OnnxGraph<OpenValue>): Uint8Array<ArrayBuffer> {
  const model = new ProtoWriter();
  for (const part of modelParts(graph)) model.raw(part);
  return model.finish();
}

/**
 * The bytes of a model, part by part; those of initializers are uncopied.
 *
 * ModelProto: ir_version 1, producer_name 2, graph 7, opset_import 8 (domain 1, version 2).
 */
export function modelParts(graph: OnnxGraph<OpenValue>): readonly Uint8Array[] {
  const parts = graphParts(graph);
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const opsets = new ProtoWriter();
  for (const [domain, version] of [["", 18], ["com.microsoft", 1]] as const) {
    opsets.message(8, (opset) => {
      opset.string(1, domain);
      opset.int(2, version);
    });
  }
  const head = new ProtoWriter().int(1, 8).string(2, "dept").begin(7, length);
  return [head.finish(), ...parts, opsets.finish()];
}

/** GraphProto: node 1, name 2, initializer 5, input 11, output 12. */
function graphParts(graph: OnnxGraph<OpenValue>): readonly Uint8Array[] {
  const nodes = new ProtoWriter();
  for (const node of graph.nodes) nodes.message(1, (inner) => writeNode(inner, node));
  nodes.string(2, "graph");
  const values = new ProtoWriter();
  for (const value of graph.inputs) values.message(11, (inner) => writeValue(inner, value));
  for (const value of graph.outputs) values.message(12, (inner) => writeValue(inner, value));
  return [nodes.finish(), ...graph.initializers.flatMap(tensorParts), values.finish()];
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

/**
 * TensorProto: dims 1, data_type 2, name 8, raw_data 9; or external_data 13 (key 1, value 2) and data_location 14 (1: external).
 */
function tensorParts({ name, elementType, shape, bytes, external }: OnnxTensor): Uint8Array[] {
  const fields = new ProtoWriter();
  for (const size of shape) fields.int(1, size);
  fields.int(2, elementTypes[elementType]).string(8, name);
  if (external === undefined) fields.begin(9, bytes.length);
  else {
    const place = { location: external.file, offset: external.offset, length: bytes.length };
    for (const [key, value] of Object.entries(place)) {
      fields.message(13, (entry) => entry.string(1, key).string(2, `${value}`));
    }
    fields.int(14, 1);
  }
  const inside = fields.finish();
  const follows = external === undefined ? [bytes] : [];
  const length = follows.reduce((sum, part) => sum + part.length, inside.length);
  return [new ProtoWriter().begin(5, length).raw(inside).finish(), ...follows];
}

/**
 * ValueInfoProto: name 1, type 2; TypeProto: tensor_type 1 (elem_type 1, shape 2); shape: dim 1 (dim_value 1 or dim_param 2).
 */
function writeValue(writer: ProtoWriter, value: OpenValue): void {
  writer.string(1, value.name);
  writer.message(2, (type) => {
    type.message(1, (tensor) => {
      tensor.int(1, elementTypes[value.elementType]);
      tensor.message(2, (shape) => {
        for (const size of value.shape) {
          shape.message(1, (dimension) => {
            if (typeof size === "string") dimension.string(2, size);
            else dimension.int(1, size);
          });
        }
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
