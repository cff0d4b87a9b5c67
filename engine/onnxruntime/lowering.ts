/**
 * Lowers a graph of ours to an ONNX graph that computes chosen values and nothing else.
 *
 * Rows of a parameter and pieces of a value are inputs and outputs of their own: a session reads and writes them in place, in
 * the whole array, so nothing is cut or joined.
 */
import { type Graph, idSources, sizeOf } from "../../model/mod.ts";
import { liveNodes } from "../live_nodes.ts";
import { OnnxBuilder } from "./builder.ts";
import type { OnnxGraph, OnnxValue } from "./onnx_proto.ts";
import type { IdTable, Piece, RewriteContext, Target } from "./rewrite.ts";
import { emitNode } from "./rewrites.ts";

/** A session's input or output, and where its elements lie in the array of a value of ours. */
export interface Binding {
  readonly onnx: OnnxValue;
  /** The value of ours. */
  readonly of: string;
  readonly offset: number;
}

export interface Lowered {
  readonly onnx: OnnxGraph;
  /** Inputs and parameters that the values depend on: what the session has to be fed. */
  readonly inputs: readonly OnnxValue[];
  readonly parameters: readonly Binding[];
  readonly outputs: readonly Binding[];
  /** Inputs that are derived from inputs of ids. */
  readonly idTables: readonly IdTable[];
}

/** The processor: rows of parameters are read where they lie in memory. */
export const processor: Target = {
  rewrites: {},
  readsRowsInPlace: true,
  headPieceSize: 4 * 2 ** 20, // 16 MB, which stay in the cache between operators
};

/** `expandHeads` has gone over the graph. */
export function lower(
  graph: Graph,
  values: readonly string[],
  target: Target = processor,
): Lowered {
  const used = new Set(values);
  const nodes = liveNodes(graph, used);
  const builder = new OnnxBuilder();
  const isUsed = (value: string) => used.has(value);
  for (const [name, { type, data }] of Object.entries(graph.constants)) {
    if (isUsed(name)) builder.initializer(name, type, data);
  }
  const readWhole = new Set(nodes.flatMap(({ inputs }) => inputs));
  const parts = new Parts(graph, builder, readWhole, target);
  const context = parts.context(isUsed);
  for (const node of nodes) emitNode(node, context);

  const computed = new Set(nodes.flatMap((node) => node.outputs));
  builder.enter("outputs");
  const outputs = [...new Set(values)].flatMap((value): readonly Binding[] => {
    const pieces = parts.piecesOf(value);
    if (pieces !== undefined) return pieces;
    // The runtime does not hand out its inputs and constants as outputs, so these pass through a node.
    const name = computed.has(value) ? value : builder.emit("Identity", [value]);
    return [whole(graph, value, name)];
  });
  const inputs = Object.keys(graph.inputs).filter(isUsed).map((name) => whole(graph, name).onnx);
  const read = new Set(builder.nodes.flatMap((node) => node.inputs));
  const parameters = [
    ...Object.keys(graph.parameters).filter((name) => read.has(name)).map((name) =>
      whole(graph, name)
    ),
    ...parts.parameterRows,
  ];
  const { initializers } = builder;
  return {
    onnx: {
      inputs: [...inputs, ...parts.idInputs, ...parameters.map(({ onnx }) => onnx)],
      outputs: outputs.map(({ onnx }) => onnx),
      initializers,
      // A target may emit a value in two forms when only one is read.
      nodes: liveNodes(builder, new Set(outputs.map(({ onnx }) => onnx.name))),
    },
    inputs,
    parameters,
    outputs,
    idTables: parts.idTables,
  };
}

function whole(graph: Graph, value: string, name = value): Binding {
  const { dtype, shape } = graph.types[value];
  return { onnx: { name, elementType: dtype, shape }, of: value, offset: 0 };
}

/** Rows of parameters that nodes ask for, and values that nodes make in pieces. */
class Parts {
  readonly #graph: Graph;
  readonly #builder: OnnxBuilder;
  readonly #readWhole: ReadonlySet<string>;
  readonly #target: Target;
  readonly #sources: ReadonlyMap<string, string>;
  readonly #rows = new Map<string, Binding>();
  readonly #idTables = new Map<string, IdTable>();
  readonly #pieces = new Map<string, readonly Binding[]>();

  constructor(
    graph: Graph,
    builder: OnnxBuilder,
    readWhole: ReadonlySet<string>,
    target: Target,
  ) {
    this.#target = target;
    this.#sources = idSources(graph);
    this.#graph = graph;
    this.#builder = builder;
    this.#readWhole = readWhole;
  }

  get idTables(): readonly IdTable[] {
    return [...this.#idTables.values()];
  }

  get idInputs(): readonly OnnxValue[] {
    return this.idTables.flatMap(({ slots, rows, size, of }) => [
      { name: slots, elementType: "int32", shape: [sizeOf(this.#graph.inputs[of].shape)] },
      { name: rows, elementType: "int64", shape: [size, 1] },
    ]);
  }

  get parameterRows(): readonly Binding[] {
    return [...this.#rows.values()];
  }

  piecesOf(value: string): readonly Binding[] | undefined {
    return this.#pieces.get(value);
  }

  context(isUsed: (value: string) => boolean): RewriteContext {
    return {
      graph: this.#graph,
      target: this.#target,
      builder: this.#builder,
      heads: new Map(),
      halves: new Map(),
      isUsed,
      distinctIds: (value, rows) => this.#distinctIds(value, rows),
      rowsOf: (value, piece) => this.#rowsOf(value, piece),
      definePieces: (value, pieces, names) => this.#definePieces(value, pieces, names),
    };
  }

  #rowsOf(value: string, { from, to }: Piece): string {
    const { shape } = this.#graph.types[value];
    if (from === 0 && to === shape[0]) return value;
    const liesThere = Object.hasOwn(this.#graph.parameters, value);
    if (!(liesThere && this.#target.readsRowsInPlace)) {
      const bounds = [[from], [to], [0]].map((bound) => this.#builder.integers(bound));
      return this.#builder.emit("Slice", [value, ...bounds]);
    }
    const name = `${value}~${from}:${to}`;
    this.#rows.set(name, this.#piece(value, { from, to }, name));
    return name;
  }

  #distinctIds(value: string, limit: number): IdTable | undefined {
    const of = this.#sources.get(value);
    if (of === undefined) return undefined;
    const key = `${of}~${limit}`;
    let table = this.#idTables.get(key);
    if (table === undefined) {
      const size = Math.min(limit, sizeOf(this.#graph.inputs[of].shape));
      table = { slots: `${key}~slots`, rows: `${key}~rows`, size, of, limit };
      this.#idTables.set(key, table);
    }
    return table;
  }

  #definePieces(value: string, pieces: readonly Piece[], names: readonly string[]): void {
    this.#pieces.set(value, pieces.map((piece, i) => this.#piece(value, piece, names[i])));
    if (!this.#readWhole.has(value)) return;
    this.#builder.emit("Concat", names, { attributes: { axis: 0 }, outputs: [value] });
  }

  #piece(of: string, { from, to }: Piece, name: string): Binding {
    const { dtype, shape } = this.#graph.types[of];
    const width = sizeOf(shape.slice(1));
    const onnx = { name, elementType: dtype, shape: [to - from, ...shape.slice(1)] };
    return { onnx, of, offset: from * width };
  }
}
