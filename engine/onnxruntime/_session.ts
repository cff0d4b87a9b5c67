/**
 * One ONNX Runtime session on the CPU provider: made from model bytes, run with tensors of our own on both sides.
 *
 * A session reads the very typed arrays that it is fed and writes into those that it is given to fill, so nothing is
 * copied between a program and the runtime.
 */
import * as ort from "onnxruntime-node";
import { encodeModel, type OnnxGraph, type OnnxValue } from "./_onnx_proto.ts";

export type SessionData = Float32Array | Int32Array | Uint8Array;

export interface SessionOptions {
  /** Threads of one operator, the calling one included. */
  readonly threads: number;
  /** What the session is for, for errors: `training graph`. */
  readonly purpose: string;
}

export class Session {
  readonly #session: ort.InferenceSession;

  private constructor(session: ort.InferenceSession) {
    this.#session = session;
  }

  /** @throws Error naming operator and scope when the runtime refuses the graph. */
  static async open(graph: OnnxGraph, { threads, purpose }: SessionOptions): Promise<Session> {
    const bytes = encodeModel(graph);
    try {
      const session = await ort.InferenceSession.create(bytes, {
        executionProviders: ["cpu"],
        executionMode: "sequential",
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        graphOptimizationLevel: "all",
        enableCpuMemArena: true,
        enableMemPattern: true,
        logSeverityLevel: 4, // what goes wrong arrives as an exception; nothing is to be printed beside it
      });
      return new Session(session);
    } catch (cause) {
      throw runtimeError(`compile the ${purpose}`, graph, cause);
    }
  }

  /** Runs once: reads `feeds`, fills `fetches`. Both hold tensors made by `tensor`. */
  async run(
    feeds: Readonly<Record<string, ort.Tensor>>,
    fetches: Readonly<Record<string, ort.Tensor>>,
  ): Promise<void> {
    await this.#session.run(feeds, fetches);
  }

  async release(): Promise<void> {
    await this.#session.release();
  }
}

/** A tensor over an array, without a copy. */
export function tensor(value: OnnxValue, data: SessionData): ort.Tensor {
  const dims = value.shape as number[];
  switch (value.elementType) {
    case "float32":
      return new ort.Tensor("float32", data as Float32Array, dims);
    case "int32":
      return new ort.Tensor("int32", data as Int32Array, dims);
    case "bool":
      return new ort.Tensor("bool", data as Uint8Array, dims);
    default:
      throw new TypeError(`Cannot make a tensor of ${value.name}: found type ${value.elementType}`);
  }
}

/**
 * The runtime's error in our terms. Its text names nodes as `Node (body.block.0.attn/Softmax#12)` or `node. Name:'…'`:
 * the scope is what stands before the slash.
 */
function runtimeError(action: string, graph: OnnxGraph, cause: unknown): Error {
  const message = cause instanceof Error ? cause.message : String(cause);
  const node = graph.nodes.find((candidate) => message.includes(candidate.name));
  const place = node ? `, ${node.op} in ${node.name.slice(0, node.name.lastIndexOf("/"))}` : "";
  return new Error(`Cannot ${action}${place}: ONNX Runtime says: ${message}`, { cause });
}
